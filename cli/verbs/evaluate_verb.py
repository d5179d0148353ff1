"""The verb ``evaluate``: the exact model on given mappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...model.evaluating import AnyRequest, ResolvedRequest, evaluate, resolved_request
from ...model.faults import InputError
from ...model.hierarchy.machine import Machine
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.job_files import load_request_of, names_of
from ..arguments.operands import RequestPaths
from ..arguments.option_groups import RequestValues
from ..arguments.options import Detail, MappingLoops, ReportPath
from ..arguments.overrides import Overrides, overrides_from_options
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported, write_file
from ..pictures.files import REPORT, require_matplotlib
from ..reports.evaluation_report import listings_of, print_evaluation


@dataclass(frozen=True)
class EvaluationParts:
    """What is told of mappings besides their costs."""

    detail: Detail = False
    loops: MappingLoops = False
    report: ReportPath = None

    def check(self) -> None:
        """Find out before any work is done whether the report can be drawn and written.

        Raises:
            InputError: when it cannot.
        """
        check_destination(self.report, REPORT)
        if self.report is not None:
            require_matplotlib(REPORT)


@with_groups
def evaluate_verb(
    request: RequestPaths, *, delivery: Delivery, values: RequestValues, parts: EvaluationParts
) -> Action:
    """Cost given mappings with the exact model; what does not fit is flagged and costed all the same."""
    overrides = overrides_from_options(values.given, values.named)
    return partial(run_evaluate, request, overrides, delivery, parts)


def run_evaluate(paths: Sequence[Path], overrides: Overrides, delivery: Delivery, parts: EvaluationParts) -> int:
    """The exact model on given mappings."""
    check_destination(delivery.out)
    parts.check()
    with warnings_reported():
        request = load_request_of(paths, overrides)
    try:
        result, known = evaluate(request, detail=parts.detail), resolved_request(request)
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or names_of(paths)) for fault in error.faults) from error
    listings = listings_of(known) if parts.loops else []
    text = document_text(result, leave_out_absent=True)
    delivery.deliver(text, lambda: rendered(lambda console: print_evaluation(console, result, listings)))
    if parts.report is not None:
        _write_page(parts.report, request, known)
    return Exit.SOLVED


def _write_page(path: Path, request: AnyRequest, known: ResolvedRequest) -> None:
    """Write the report with all details, whatever was printed."""
    from ..pages.evaluation_page import evaluation_page

    machine = known.machine if isinstance(known.machine, Machine) else None
    page = evaluation_page(request, machine, evaluate(request, detail=True), listings_of(known))
    write_file(path, page.encode(), REPORT)
