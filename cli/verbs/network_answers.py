"""``dmaze-solve SPEC --network edp``: the best choice of one mapping for every layer, for the network as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ...model.documents.networks.network_result import NetworkGoal
from ...model.faults import InputError
from ...solver.network.network_optimum import network_optimum_resolved
from ..answer import Delivery, Exit
from ..arguments.front_goals import NETWORK
from ..arguments.job_files import load_job
from ..arguments.overrides import FLAGS, Overrides, placed
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported
from ..progress_line import shown_checking
from ..reports.network_report import print_network


def run_network(
    paths: Sequence[Path], overrides: Overrides, delivery: Delivery, goal: NetworkGoal, *, check: bool
) -> int:
    """Find the front of every layer, and what is best for all of them together."""
    if overrides.objective is not None:
        raise InputError.single(None, FLAGS["objective"], f"expected none: {NETWORK} says what is minimised")
    check_destination(delivery.out)
    with warnings_reported():
        spec = load_job(paths, overrides)
    try:
        with shown_checking() as observer:
            result = network_optimum_resolved(spec, goal, observer, check=check, at_once=True)
    except InputError as error:
        raise InputError(placed(fault, paths[0], overrides) for fault in error.faults) from error
    delivery.deliver(document_text(result), lambda: rendered(partial(print_network, result)))
    if result.interrupted:
        return Exit.INTERRUPTED
    return Exit.SOLVED if result.total is not None else Exit.UNSOLVED
