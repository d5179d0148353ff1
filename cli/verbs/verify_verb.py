"""The verb ``verify``: a result, re-checked independently of the search that made it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...model.reading.results import is_network_result, load_network_result, load_result
from ...solver.verification.network_recheck import verify_network
from ...solver.verification.recheck import VerificationLimits, verify
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.operands import ResultPath
from ..arguments.options import ProofTime, Workers
from ..arguments.overrides import Overrides, overrides_from_options
from ..drawing import rendered
from ..output import check_destination, complain, document_text
from ..progress_line import shown_checking
from ..reports.comparisons.network_verification_report import network_fault_lines, print_network_verification
from ..reports.verification_report import fault_lines, print_verification


@with_groups
def verify_verb(
    result: ResultPath, *, delivery: Delivery, time_limit: ProofTime = None, workers: Workers = None
) -> Action:
    """Re-check a result, of layers or a network: legality, costs, totals, and every bound by its own route.

    Exit codes: 0 everything that was checked holds; 1 something is wrong; 2 not a result; 130 interrupted.
    """
    given = {"time_limit_s": time_limit, "workers": workers}
    return partial(run_verify, result, overrides_from_options(given), delivery)


def run_verify(path: Path, options: Overrides, delivery: Delivery) -> int:
    """Check a result; what is wrong is reported on standard error as well when the report goes elsewhere."""
    check_destination(delivery.out)
    if is_network_result(path):
        return _run_on_network(path, options, delivery)
    result = load_result(path)
    with shown_checking() as observer:
        verification = verify(result, VerificationLimits(options.time_limit_s, options.workers), observer)
    report = partial(print_verification, verification=verification)
    delivery.deliver(document_text(verification), lambda: rendered(report))
    return _exit(path, fault_lines(verification), delivery, holds=verification.holds, ended=verification.interrupted)


def _run_on_network(path: Path, options: Overrides, delivery: Delivery) -> int:
    """The same for the optimum of a network."""
    result = load_network_result(path)
    with shown_checking() as observer:
        verification = verify_network(result, VerificationLimits(options.time_limit_s, options.workers), observer)
    report = partial(print_network_verification, verification=verification)
    delivery.deliver(document_text(verification), lambda: rendered(report))
    wrong = network_fault_lines(verification)
    return _exit(path, wrong, delivery, holds=verification.holds, ended=verification.interrupted)


def _exit(path: Path, wrong: Sequence[str], delivery: Delivery, *, holds: bool, ended: bool) -> Exit:
    """What a verification means for the caller; what is wrong is reported beside a document."""
    if delivery.as_json:
        for line in wrong:
            complain(f"{path}: {line}")
    if ended:
        return Exit.INTERRUPTED
    return Exit.SOLVED if holds else Exit.UNSOLVED
