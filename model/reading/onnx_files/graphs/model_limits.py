"""Limits on what a model's functions and graphs expand to, checked before anything is expanded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

MAX_NODES = 50_000
"""Most nodes of a model with its functions in place; large language models have some thousands."""

MAX_SIZES = 100_000
"""Most sizes that Concat may join; a shape has a handful."""

_FEW_SIZES = 64
"""What is taken for the number of sizes of a tensor: more than dimensions of any."""

_MAX_CALL_DEPTH = 50

_FunctionName = tuple[str, str]


def check_nodes(model: ModelProto) -> None:
    """Count the nodes of a model with its functions in place.

    Raises:
        ValueError: for too many nodes, and functions that call each other too deeply, or in a circle.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    sizes: dict[_FunctionName, int] = {}
    for function in model.functions:
        _measure(function, functions, sizes, 0)
    total = _expanded(nodes_within(model.graph.node), sizes)
    if total > MAX_NODES:
        raise ValueError(f"expected at most {MAX_NODES} nodes with functions in place, got {total}")


def check_joined_sizes(graph: GraphProto) -> None:
    """Bound what the library's shape inference keeps of lists of sizes, which double where one is joined to itself.

    Raises:
        ValueError: for more sizes than a shape can have.
    """
    num_sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer if len(tensor.dims) <= 1}
    pending = [graph]
    while pending:
        for node in pending.pop().node:
            pending += inner_graphs(node)
            known = [num_sizes[name] for name in node.input if name in num_sizes]
            if node.op_type in ("Shape", "Size", "Constant"):
                given = (max(math.prod(each.t.dims), len(each.ints)) for each in node.attribute)
                num_sizes |= dict.fromkeys(node.output, max(_FEW_SIZES, *given, 0))
            elif known and len(known) == sum(map(bool, node.input)):
                total = sum(known) if node.op_type == "Concat" else max(known)
                if node.op_type == "Concat" and total > MAX_SIZES:
                    raise ValueError(f"expected at most {MAX_SIZES} sizes to be joined by Concat, got {total}")
                num_sizes |= dict.fromkeys(node.output, total)


def nodes_within(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes and those of the graphs inside them, at any depth."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        yield node
        for graph in inner_graphs(node):
            pending += graph.node


def inner_graphs(node: NodeProto) -> list[GraphProto]:
    """The graphs that a node has as attributes: branches and bodies."""
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return graphs + [graph for attribute in node.attribute for graph in attribute.graphs]


def _measure(
    function: FunctionProto,
    functions: Mapping[_FunctionName, FunctionProto],
    sizes: dict[_FunctionName, int],
    depth: int,
) -> None:
    """Note how many nodes a function is with all that it calls in place."""
    key = (function.domain, function.name)
    if key in sizes:
        return
    if depth > _MAX_CALL_DEPTH:
        raise ValueError(f"expected functions that call each other at most {_MAX_CALL_DEPTH} deep, and in no circle")
    for node in nodes_within(function.node):
        called = functions.get((node.domain, node.op_type))
        if called is not None:
            _measure(called, functions, sizes, depth + 1)
    sizes[key] = _expanded(nodes_within(function.node), sizes)


def _expanded(nodes: Iterable[NodeProto], sizes: Mapping[_FunctionName, int]) -> int:
    return sum(sizes.get((node.domain, node.op_type), 1) for node in nodes)
