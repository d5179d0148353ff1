"""The verb ``evaluate``: the exact model on given mappings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from ...model.documents.evaluation import EvaluateResult
from ...model.documents.result import Result
from ...model.evaluating import AnyRequest, ResolvedRequest, costs_of_layers, evaluate, resolved_request
from ...model.faults import InputError
from ...model.hierarchy.machine import Machine
from ...model.reading.results import load_result
from ...model.reading.sources.result_requests import is_result, requests_of_result
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.job_files import load_request_of, names_of
from ..arguments.operands import RequestPaths
from ..arguments.option_groups import RequestValues
from ..arguments.options import Detail, MappingLoops, ReportPath
from ..arguments.overrides import Overrides, changes_of, options_placed, overrides_from_options, ways_to_cost
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported, write_file
from ..pictures.files import REPORT, require_matplotlib
from ..reports.comparisons.costed_result_report import compared_best, print_compared_best
from ..reports.evaluation_report import listings_of, print_evaluation
from ..tables import name_text, print_line


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
    """Cost given mappings with the exact model; what does not fit is flagged and costed all the same.

    Of a result, the mappings of every layer are costed.
    """
    overrides = overrides_from_options(values.given, values.named)
    return partial(run_evaluate, request, overrides, delivery, parts)


def run_evaluate(paths: Sequence[Path], overrides: Overrides, delivery: Delivery, parts: EvaluationParts) -> int:
    """The exact model on given mappings."""
    check_destination(delivery.out)
    parts.check()
    if len(paths) == 1 and is_result(paths[0]):
        return run_evaluate_result(paths[0], overrides, delivery, parts)
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


@dataclass(frozen=True)
class CostedLayer:
    """The mappings of one layer of a result, costed."""

    name: str
    costed: EvaluateResult
    listings: Sequence[Sequence[str]]


def run_evaluate_result(path: Path, overrides: Overrides, delivery: Delivery, parts: EvaluationParts) -> int:
    """The exact model on the mappings of a result, perhaps on another machine than the result's."""
    if parts.report is not None:
        raise InputError.single(None, REPORT, "expected none beside a result, of which solve writes the page")
    result = load_result(path)
    with warnings_reported(), options_placed(overrides):
        requests = requests_of_result(result, ways_to_cost(overrides), changes_of(overrides))
        layers = [_costed(name, request, parts) for name, request in requests]
    together = costs_of_layers([(layer.name, layer.costed) for layer in layers])
    text = document_text(together, leave_out_absent=True)
    delivery.deliver(text, lambda: rendered(lambda console: _print_layers(console, layers, result)))
    return Exit.SOLVED


def _costed(name: str, request: AnyRequest, parts: EvaluationParts) -> CostedLayer:
    listings = listings_of(resolved_request(request)) if parts.loops else []
    return CostedLayer(name, evaluate(request, detail=parts.detail), listings)


def _print_layers(console: Console, layers: Sequence[CostedLayer], result: Result) -> None:
    """Print the costs layer by layer, then those of the best mappings beside what the result states."""
    for number, layer in enumerate(layers):
        print_line(
            console, ("\n" if number else "") + f"{name_text(layer.name)}, {_numbers(len(layer.costed.costs))}:\n"
        )
        print_evaluation(console, layer.costed, layer.listings)
    best = {layer.name: layer.costed.costs[0] for layer in layers}
    print_compared_best(console, compared_best(result, best), len(result.layers))


def _numbers(num_mappings: int) -> str:
    """The ranks in a result and what numbers the mappings have among the costs."""
    return (
        f"ranks 1 to {num_mappings} as mappings 0 to {num_mappings - 1}" if num_mappings > 1 else "rank 1 as mapping 0"
    )


def _write_page(path: Path, request: AnyRequest, known: ResolvedRequest) -> None:
    """Write the report with all details, whatever was printed."""
    from ..pages.evaluation_page import evaluation_page

    machine = known.machine if isinstance(known.machine, Machine) else None
    page = evaluation_page(request, machine, evaluate(request, detail=True), listings_of(known))
    write_file(path, page.encode(), REPORT)
