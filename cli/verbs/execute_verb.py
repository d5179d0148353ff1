"""The verb ``execute``: given mappings run with real words, held against their cost model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.execution.agreement.requested_execution import executed_request
from ...model.execution.agreement.shrinking import MOST_MACS
from ...model.faults import InputError
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.operands import RequestPath
from ..arguments.options import CostModelName, SetValues, Shrink, ShrinkTo
from ..arguments.overrides import Overrides, load_request_with_values, overrides_from_options
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported
from ..reports.execution_report import print_executions


@with_groups
def execute_verb(
    request: RequestPath,
    *,
    delivery: Delivery,
    cost_model: CostModelName = None,
    set_values: SetValues = None,
    shrink: Shrink = False,
    shrink_to: ShrinkTo = None,
) -> Action:
    """Run given mappings with real words, and hold every count against the model.

    The exit code is 1 where an execution and the model disagree, or an output is not numpy's.
    """
    macs = MOST_MACS if shrink and shrink_to is None else shrink_to
    overrides = overrides_from_options({"cost_model": cost_model}, {"settings": set_values or []})
    return partial(run_execute, request, overrides, macs, delivery)


def run_execute(path: Path, overrides: Overrides, shrink_to: int | None, delivery: Delivery) -> int:
    """Executions of a request's mappings, of layers scaled down to so many operations where asked for."""
    check_destination(delivery.out)
    with warnings_reported():
        request = load_request_with_values(path, overrides)
    try:
        result = executed_request(request, shrink_to=shrink_to)
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or str(path)) for fault in error.faults) from error
    text = document_text(result)
    delivery.deliver(text, lambda: rendered(lambda console: print_executions(console, result)))
    return Exit.SOLVED if result.agrees else Exit.UNSOLVED
