"""Goes through the nodes of a graph: which become layers, and which are left out for what reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...documents.imported_network import SkippedNodes
from ...documents.spec import LayerList
from ...faults import InputError, shortened
from ...layers import Layer
from ..validation import validated
from .contributed.output_shapes import DOMAIN as CONTRIBUTED
from .contributed.output_shapes import NO_PRODUCTS
from .graphs.beyond_standard import STANDARD_DOMAINS, UNREGISTERED
from .graphs.element_bits import weight_bits
from .graphs.model_limits import inner_graphs
from .operators import NOT_COUNTED, OPERATORS
from .reading import operator_name
from .shapes import Shapes
from .work import Work, attributes_of

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

LONGEST_TEXT = 300


@dataclass(frozen=True)
class Survey:
    """The layers of a graph, one for each product in it, in its order, and what is left out.

    ``element_bits`` are the sizes of those operands that are quantised.
    """

    layers: tuple[Layer, ...]
    mapped_macs: int
    skipped: tuple[SkippedNodes, ...]
    element_bits: tuple[int, ...]


def survey(graph: GraphProto, shapes: Shapes) -> Survey:
    """What the nodes of a graph are: layers, or skipped."""
    layers: list[Layer] = []
    mapped_macs = 0
    skipped: dict[tuple[str, str | None, bool], tuple[int, int]] = {}
    bits: set[int] = set()
    for node in graph.node:
        found, work = _layers(node, _work(node, shapes))
        layers += found
        bits |= _element_bits(node, shapes) if found else set()
        mapped_macs += work.macs or 0 if found else 0
        left_out = [(operator_name(node), work)] if not found else []
        for operator, missing in (*left_out, *_inner_work(node, shapes)):
            key = (operator, missing.reason, missing.macs is None)
            count, macs = skipped.get(key, (0, 0))
            skipped[key] = (count + 1, macs + (missing.macs or 0))
    return Survey(tuple(layers), mapped_macs, tuple(_listed(skipped)), tuple(sorted(bits)))


def _element_bits(node: NodeProto, shapes: Shapes) -> set[int]:
    """The sizes of a node's quantised operands."""
    positions = OPERATORS[operator_name(node)].operands or range(len(node.input))
    names = [_input(node, position) for position in positions]
    packed = weight_bits(node)
    return {shapes.bits[name] for name in names if name in shapes.bits} | ({packed} if packed else set())


def _work(node: NodeProto, shapes: Shapes) -> Work:
    """What a node computes, as far as that is known."""
    name = operator_name(node)
    if name not in OPERATORS or node.domain == UNREGISTERED:
        return _work_of_others(node, name)
    operator = OPERATORS[name]
    needed = [_input(node, position) for position in operator.operands or range(len(node.input))]
    optional = [_input(node, position) for position in operator.optional]
    unknown = next((operand for operand in needed if operand not in shapes.known), None)
    unknown = unknown or next((operand for operand in optional if operand and operand not in shapes.known), None)
    if unknown is not None:
        cause = (
            f"from {shapes.lost_at[unknown]} on" if unknown in shapes.lost_at else f"of {unknown or 'a missing input'}"
        )
        return Work(None, reason=f"shape not known {cause}")
    try:
        work = operator.work([shapes.known.get(operand, ()) for operand in (*needed, *optional)], attributes_of(node))
    except ValueError as error:
        return Work(None, reason=str(error))
    return Work(0, reason="one of its sizes is 0") if work.layers and work.macs == 0 else work


def _work_of_others(node: NodeProto, name: str) -> Work:
    """What operators compute that are not followed, which is nothing for most of the standard."""
    if node.domain == UNREGISTERED:
        return Work(None, reason="the library onnx does not know it")
    if node.domain == CONTRIBUTED and node.op_type in NO_PRODUCTS:
        return Work(0)
    if node.domain not in STANDARD_DOMAINS:
        return Work(None, reason="operators of this domain are not followed")
    return Work(None, reason="not followed") if name in NOT_COUNTED else Work(0)


def _input(node: NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


def _layers(node: NodeProto, work: Work) -> tuple[list[Layer], Work]:
    """The layers that a node's work is; where they are beyond what can be mapped, none and the work with the reason."""
    name = shortened(node.name or f"{node.op_type}_{next(iter(node.output), '')}", LONGEST_TEXT)
    documents = [{**fields, "name": name + suffix} for suffix, fields in work.layers.items()]
    if not documents:
        return [], work
    try:
        return list(validated(LayerList, {"layers": documents}, None).layers), work
    except InputError as error:
        return [], replace(work, layers={}, reason=error.faults[0].message)


def _inner_work(node: NodeProto, shapes: Shapes) -> Iterator[tuple[str, Work]]:
    """What multiply-accumulates in the graphs inside a node, at any depth."""
    inputs = shapes.deciding.get(node.input[0], ()) if node.op_type == "If" and node.input else ()
    hint = f"; say what runs with {' '.join(f'--input {name}=VALUE' for name in inputs)}" if inputs else ""
    pending = [(node.op_type, graph) for graph in inner_graphs(node)]
    while pending:
        owner, graph = pending.pop()
        for inner in graph.node:
            pending += [(inner.op_type, graph) for graph in inner_graphs(inner)]
            name = operator_name(inner)
            if name in OPERATORS or _work_of_others(inner, name).macs is None:
                yield name, Work(None, reason=f"inside {owner}: how often it runs is not known{hint}")


def _listed(skipped: Mapping[tuple[str, str | None, bool], tuple[int, int]]) -> Iterator[SkippedNodes]:
    """Those with a reason first, then the most frequent."""
    ordered = sorted(skipped.items(), key=lambda item: (item[0][1] is None, -item[1][0], item[0][0]))
    for (operator, reason, is_unknown), (count, macs) in ordered:
        yield SkippedNodes(
            operator=shortened(operator, LONGEST_TEXT),
            count=count,
            macs=None if is_unknown else macs,
            reason=None if reason is None else shortened(reason, LONGEST_TEXT),
        )
