"""The exact model on given mappings, as public documents (``docs/contract.md`` section 3, verb ``evaluate``)."""

from __future__ import annotations

from pathlib import Path

from .cost_models import model_for
from .dmazerunner.evaluated_cost import EvaluatedCost
from .documents.evaluation import EvaluateRequest, EvaluateResult
from .faults import Fault, InputError
from .reading.json_files import read_json
from .reading.loading import resolve_architecture
from .reading.validation import validated


def evaluate(request: EvaluateRequest, *, detail: bool = False) -> EvaluateResult:
    """The exact costs of the mappings of a request. What does not fit is costed all the same, and flagged.

    An architecture given by name or path is looked up against the current folder. ``detail`` adds footprints, DMA
    bursts and cycles, and, where orders are given, reuse factors and the cycles of one SPM pass.

    Raises:
        InputError: one fault per unknown dimension, product of factors that is not the bound, or impossible order.
    """
    architecture = resolve_architecture(request.architecture, Path.cwd())
    model = model_for(request.cost_model)
    nest = request.layer.loop_nest()
    try:
        nest = nest.padded(request.padded_bounds)
    except ValueError as error:
        raise InputError(_fault("padded_bounds", line) for line in str(error).splitlines()) from error
    costs: list[EvaluatedCost] = []
    faults: list[Fault] = []
    for position, document in enumerate(request.mappings):
        try:
            costs.append(model.evaluated(nest, architecture, document, detail=detail))
        except ValueError as error:
            faults += [_fault(f"mappings[{position}]", line) for line in str(error).splitlines()]
    if faults:
        raise InputError(faults)
    return EvaluateResult(costs=tuple(costs))


def load_request(path: Path) -> EvaluateRequest:
    """The request in a file, with its architecture in place of a name or a path (relative to the file).

    Raises:
        InputError: with everything that is wrong with the file, or else with the architecture that it refers to.
    """
    request = validated(EvaluateRequest, read_json(path), str(path))
    architecture = resolve_architecture(request.architecture, path.parent, str(path))
    return request.model_copy(update={"architecture": architecture})


def _fault(place: str, line: str) -> Fault:
    """A fault of the form ``field: what is wrong`` below a place."""
    field, _, message = line.partition(": ")
    return Fault(None, f"{place}.{field}", message)
