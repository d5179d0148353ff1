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
from .operators import NOT_COUNTED, OPERATORS
from .reading import STANDARD_DOMAINS, operator_name
from .shapes import Shapes
from .work import Attributes, Work

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

LONGEST_TEXT = 300


@dataclass(frozen=True)
class Survey:
    """The layers of a graph, one for each product in it, in its order, and what is left out."""

    layers: tuple[Layer, ...]
    mapped_macs: int
    skipped: tuple[SkippedNodes, ...]


def survey(graph: GraphProto, shapes: Shapes) -> Survey:
    """What the nodes of a graph are: layers, or skipped."""
    layers: list[Layer] = []
    mapped_macs = 0
    skipped: dict[tuple[str, str | None, bool], tuple[int, int]] = {}
    for node in graph.node:
        found, work = _layers(node, _work(node, shapes))
        layers += found
        mapped_macs += work.macs or 0 if found else 0
        left_out = [(operator_name(node), work)] if not found else []
        for operator, missing in (*left_out, *_inner_work(node)):
            key = (operator, missing.reason, missing.macs is None)
            count, macs = skipped.get(key, (0, 0))
            skipped[key] = (count + 1, macs + (missing.macs or 0))
    return Survey(tuple(layers), mapped_macs, tuple(_listed(skipped)))


def _work(node: NodeProto, shapes: Shapes) -> Work:
    """What a node computes, as far as that is known."""
    name = operator_name(node)
    if name not in OPERATORS:
        if node.domain not in STANDARD_DOMAINS:
            return Work(None, reason="operators of this domain are not followed")
        return Work(None, reason="not followed") if name in NOT_COUNTED else Work(0)
    operator = OPERATORS[name]
    needed = operator.operands or range(len(node.input))
    present = [position for position in operator.optional if node.input[position : position + 1] not in ([], [""])]
    names = [node.input[position] if position < len(node.input) else "" for position in (*needed, *present)]
    unknown = next((operand for operand in names if operand not in shapes.known), None)
    if unknown is not None:
        cause = (
            f"from {shapes.lost_at[unknown]} on" if unknown in shapes.lost_at else f"of {unknown or 'a missing input'}"
        )
        return Work(None, reason=f"shape not known {cause}")
    try:
        work = operator.work([shapes.known[operand] for operand in names], _attributes(node))
    except ValueError as error:
        return Work(None, reason=str(error))
    return Work(0, reason="one of its sizes is 0") if work.layers and work.macs == 0 else work


def _attributes(node: NodeProto) -> Attributes:
    """The attributes that operators here ask for: integers, text and lists of integers."""
    from onnx import AttributeProto

    attributes: dict[str, int | str | tuple[int, ...]] = {}
    for attribute in node.attribute:
        if attribute.type == AttributeProto.INT:
            attributes[attribute.name] = attribute.i
        elif attribute.type == AttributeProto.STRING:
            attributes[attribute.name] = attribute.s.decode(errors="replace")
        elif attribute.type == AttributeProto.INTS:
            attributes[attribute.name] = tuple(attribute.ints)
    return attributes


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


def _inner_work(node: NodeProto) -> Iterator[tuple[str, Work]]:
    """What multiply-accumulates in the graphs inside a node, at any depth."""
    pending = [(node.op_type, graph) for graph in _inner_graphs(node)]
    while pending:
        owner, graph = pending.pop()
        for inner in graph.node:
            pending += [(inner.op_type, graph) for graph in _inner_graphs(inner)]
            name = operator_name(inner)
            if name in OPERATORS or name in NOT_COUNTED or inner.domain not in STANDARD_DOMAINS:
                yield name, Work(None, reason=f"inside {owner}: how often it runs is not known")


def _inner_graphs(node: NodeProto) -> list[GraphProto]:
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return graphs + [graph for attribute in node.attribute for graph in attribute.graphs]


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
