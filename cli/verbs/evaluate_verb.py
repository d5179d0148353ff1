"""The verb ``evaluate``: the exact model on given mappings."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.evaluating import evaluate
from ...model.faults import InputError
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.option_groups import RequestValues
from ..arguments.options import Detail, RequestPath
from ..arguments.overrides import load_request_with_values
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported
from ..reports.evaluation_report import print_evaluation


@with_groups
def evaluate_verb(request: RequestPath, *, delivery: Delivery, values: RequestValues, detail: Detail = False) -> Action:
    """Cost given mappings with the exact model; what does not fit is flagged and costed all the same."""
    return partial(run_evaluate, request, values, delivery, detail=detail)


def run_evaluate(path: Path, values: RequestValues, delivery: Delivery, *, detail: bool) -> int:
    """The exact model on given mappings."""
    check_destination(delivery.out)
    with warnings_reported():
        request = load_request_with_values(path, values.given)
    try:
        result = evaluate(request, detail=detail)
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or str(path)) for fault in error.faults) from error
    text = document_text(result, leave_out_absent=True)
    delivery.deliver(text, lambda: rendered(lambda console: print_evaluation(console, result)))
    return Exit.SOLVED
