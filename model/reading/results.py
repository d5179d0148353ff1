"""Reads results back, of layers and of networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..base import Model
from ..documents.networks.network_result import NetworkResult
from ..documents.pareto import LayerFront
from ..documents.result import LayerResult, Result
from ..faults import Fault, InputError, place_text, shown
from ..loop_nest import LoopNest
from .consistency import Nests, consistency_faults
from .sources.given_document import DocumentSource, given_document
from .validation import validated

RESULT_SCHEMA = "dmaze-solve/result/1"
NETWORK_SCHEMA = "dmaze-solve/network/1"

D = TypeVar("D", bound=Model)
L = TypeVar("L", LayerResult, LayerFront)


def load_result(source: Result | DocumentSource) -> Result:
    """A result by the path of its file, as text, or as a dict; one that is a ``Result`` already as it is.

    Raises:
        InputError: when it is no result, with everything that is wrong with its form.

    Example:
        >>> load_result("result.json").layers[0].status  # doctest: +SKIP
        'optimal'
    """
    if isinstance(source, Result):
        return source
    result, file = _document(Result, RESULT_SCHEMA, source)
    _expect_consistency(result, "layers", result.layers, _nest_of_padded, file)
    return result


def load_network_result(source: NetworkResult | DocumentSource) -> NetworkResult:
    """The optimum of a network by the path of its file, as text, or as a dict; one that is read already as it is.

    Raises:
        InputError: when it is none, with everything that is wrong with its form.
    """
    if isinstance(source, NetworkResult):
        return source
    result, file = _document(NetworkResult, NETWORK_SCHEMA, source)
    _expect_consistency(result, "fronts", result.fronts, lambda front: front.layer.loop_nest(), file)
    return result


def is_network_result(source: DocumentSource) -> bool:
    """Whether a document says that it is the optimum of a network.

    Raises:
        InputError: when it cannot be read.
    """
    return given_document(source, "result").fields.get("schema") == NETWORK_SCHEMA


def _nest_of_padded(layer: LayerResult) -> LoopNest:
    """The nest of a result's layer, with nothing wrong with its padding."""
    nest = layer.layer.loop_nest()
    layer.loop_nest()
    return nest


def _expect_consistency(
    result: Result | NetworkResult, field: str, layers: Sequence[L], nest_of: Callable[[L], LoopNest], file: str
) -> None:
    """Refuse layers that are no loop nests, or do not go with the machine and the constraints.

    Raises:
        InputError: with all faults of a kind.
    """
    nests: Nests = {}
    faults: list[Fault] = []
    for position, layer in enumerate(layers):
        try:
            nests[f"{position}: {layer.name}"] = nest_of(layer)
        except ValueError as error:
            faults.append(Fault(file, place_text((field, position, "layer")), str(error)))
    faults = faults or list(consistency_faults(nests, result.constraints, result.architecture, file))
    if faults:
        raise InputError(faults)


def _document(kind: type[D], schema: str, source: DocumentSource) -> tuple[D, str]:
    """A document of a kind, and what its file is called."""
    given = given_document(source, "result")
    fields, file = given.fields, str(given.path)
    if fields.get("schema") != schema:
        stated = f"got {shown(fields['schema'])}" if "schema" in fields else "but missing"
        raise InputError.single(file, "schema", f"expected '{schema}', {stated}")
    return validated(kind, fields, file), file
