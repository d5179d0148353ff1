"""What a result holds as input: its mappings as requests for ``evaluate``, and the spec that it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...base import Model, Text
from ...documents.architectures import ResolvedArchitectureField
from ...documents.evaluation import EvaluateRequest
from ...documents.result import Result
from ...faults import InputError
from ...hierarchy.accountings import AccountingName
from ..json_files import JsonObject, read_json
from ..results import RESULT_SCHEMA
from ..validation import validated
from .substitutes import Changes


class _WayToCost(Model):
    """What the requests of a result have in common."""

    architecture: ResolvedArchitectureField
    """The machine, perhaps another one than the result's."""
    cost_model: Text
    """The cost model."""
    accounting: AccountingName | None = None
    """How a hierarchy counts."""


def is_result(path: Path) -> bool:
    """Whether a file says of itself that it is a result; what cannot be read is none."""
    try:
        return read_json(path).get("schema") == RESULT_SCHEMA
    except InputError:
        return False


def spec_of_result(result: Result) -> JsonObject:
    """The fields of the spec that a result answers, with everything that it named in their places."""
    given = result.model_dump(mode="json", by_alias=True, include={"name", "cost_model", "accounting", "objective"})
    parts = {"architecture": result.architecture, "constraints": result.constraints, "solver": result.solver}
    layers = [layer.layer.model_dump(mode="json", by_alias=True) for layer in result.layers]
    own = {name: part.model_dump(mode="json", by_alias=True) for name, part in parts.items()}
    return {**given, **own, "workload": {"layers": layers}}


def requests_of_result(
    result: Result, given: Mapping[str, object], changes: Changes | None
) -> Iterator[tuple[str, EvaluateRequest[Any]]]:
    """Every layer that has mappings: its name, and these by rank as a request; copies of layers are there as well.

    ``given`` and ``changes`` are as :func:`dmaze.model.evaluating.load_request` takes them: another cost model or
    accounting, other values of single fields.

    Raises:
        InputError: for fields that there are not, and for values that they cannot have.
    """
    machine = result.architecture.model_dump(mode="json")
    own = {"architecture": machine, "cost_model": result.cost_model, "accounting": result.accounting, **given}
    way = validated(_WayToCost, own if changes is None else changes(own, _WayToCost), None)
    for layer in result.layers:
        if layer.solutions:
            yield (
                layer.name,
                EvaluateRequest[Any](
                    architecture=way.architecture,
                    cost_model=way.cost_model,
                    accounting=way.accounting,
                    layer=layer.layer,
                    padded_bounds={name: bound.to for name, bound in (layer.padding or {}).items()},
                    mappings=tuple(solution.mapping for solution in layer.solutions),
                ),
            )
