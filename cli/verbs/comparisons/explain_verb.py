"""The verb ``explain``: why a layer of a result costs what it costs, and what else it could cost."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ....model.documents.explaining.explanation import Explanation
from ....model.faults import InputError
from ....model.reading.results import load_result
from ....solver.explaining.explain import DEFAULT_LIMIT_S, explain
from ....solver.pipeline.cache import Cache
from ...answer import Action, Delivery, Exit
from ...arguments.caching import CacheOptions
from ...arguments.grouping import with_groups
from ...arguments.operands import LayerOfResult, ResultPath
from ...arguments.options import SharedTime, Workers
from ...arguments.overrides import Overrides, overrides_from_options
from ...drawing import rendered
from ...output import check_destination, document_text, kept_for_the_answer
from ...progress_line import shown_checking
from ...reports.comparisons.explanation_report import print_explanation


@with_groups
def explain_verb(
    result: ResultPath,
    layer: LayerOfResult,
    *,
    delivery: Delivery,
    time_limit: SharedTime = None,
    workers: Workers = None,
    caching: CacheOptions,
) -> Action:
    """What bounds a layer of a result, why no more of the machine is in use, and what more of it would bring.

    Exit codes: 0 every question is answered; 1 some are not, for want of time; 2 not a result, or no such layer; 130
    interrupted, after printing what was found.
    """
    given = overrides_from_options({"time_limit_s": time_limit, "workers": workers})
    return partial(run_explain, result, layer, given, delivery, caching.chosen(recorded=False))


def run_explain(path: Path, layer: str, options: Overrides, delivery: Delivery, cache: Cache | None) -> int:
    """Explain a layer of the result in a file."""
    check_destination(delivery.out)
    result = load_result(path)
    seconds = options.time_limit_s if "time_limit_s" in options.model_fields_set else DEFAULT_LIMIT_S
    try:
        with shown_checking() as observer, kept_for_the_answer():
            explanation = explain(
                result, layer, time_limit_s=seconds, workers=options.workers, observer=observer, cache=cache
            )
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or str(path)) for fault in error.faults) from error
    delivery.deliver(
        document_text(explanation), lambda: rendered(lambda console: print_explanation(console, explanation))
    )
    return exit_code(explanation)


def exit_code(explanation: Explanation) -> Exit:
    """What an explanation means for the caller."""
    if explanation.interrupted:
        return Exit.INTERRUPTED
    answers = [*explanation.what_if, *(array.forced for array in explanation.arrays if array.forced is not None)]
    return Exit.UNSOLVED if any(answer.status == "unknown" for answer in answers) else Exit.SOLVED
