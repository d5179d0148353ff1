"""Puts the branch of an ``If`` in its place where it is known which one runs: exactly one does, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .model_limits import inner_graphs
from .weights import take_weights_out

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def put_branches_in_place(graph: GraphProto, conditions: Mapping[str, bool]) -> bool:
    """Replace every ``If`` whose condition is known by the nodes of its branch; gives whether there was one.

    Raises:
        ValueError: for a branch that does not give as many outputs as the ``If`` has.
    """
    nodes: list[NodeProto] = []
    taken = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    taken |= {tensor.name for tensor in graph.initializer}
    changed = False
    for node in graph.node:
        if node.op_type != "If" or not node.input or node.input[0] not in conditions:
            nodes.append(node)
            continue
        changed = True
        wanted = "then_branch" if conditions[node.input[0]] else "else_branch"
        branch = next(attribute.g for attribute in node.attribute if attribute.name == wanted)
        _rename(branch, node.output, taken)
        nodes += _branch_nodes(node, branch, graph)
        taken |= {name for inner in branch.node for name in inner.output}
    if changed:
        del graph.node[:]
        graph.node.extend(nodes)
    return changed


def deciding_inputs(graph: GraphProto, name: str, fed: Iterable[str]) -> tuple[str, ...]:
    """Which of the inputs that the network is fed with a tensor depends on."""
    producers = {output: node for node in graph.node for output in node.output}
    pending, seen = [name], {name}
    while pending:
        node = producers.get(pending.pop())
        for each in node.input if node is not None else ():
            if each not in seen:
                seen.add(each)
                pending.append(each)
    return tuple(each for each in fed if each in seen)


def _branch_nodes(node: NodeProto, branch: GraphProto, graph: GraphProto) -> list[NodeProto]:
    """The nodes of a branch, and what names its outputs as those of the ``If``; its weights go into the graph."""
    from onnx import helper

    if len(branch.output) != len(node.output):
        raise ValueError(f"If {node.name or node.output[0]} has {len(node.output)} outputs, its branch another number")
    take_weights_out(branch)
    graph.initializer.extend(branch.initializer)
    graph.input.extend(branch.input)
    names = zip(branch.output, node.output, strict=True)
    passed_on = [(inner.name, outer) for inner, outer in names if outer and inner.name != outer]
    return [*branch.node, *(helper.make_node("Identity", [inner], [outer]) for inner, outer in passed_on)]


def _rename(branch: GraphProto, outputs: Sequence[str], taken: set[str]) -> None:
    """Give the outputs of a branch the names that they have outside, and all else one that nothing there has."""
    tensors = [*branch.initializer, *(sparse.values for sparse in branch.sparse_initializer)]
    produced = [name for node in branch.node for name in node.output if name]
    renamed: dict[str, str] = {}
    for inner, outer in zip(branch.output, outputs, strict=False):
        if outer and inner.name in produced:
            renamed.setdefault(inner.name, outer)
    for name in (*(tensor.name for tensor in tensors), *produced):
        if name in renamed:
            continue
        number = 2
        new = name
        while new in taken:
            new, number = f"{name}#{number}", number + 1
        taken.add(new)
        if new != name:
            renamed[name] = new
    for tensor in tensors:
        tensor.name = renamed.get(tensor.name, tensor.name)
    _rename_uses(branch, renamed)


def _rename_uses(graph: GraphProto, renamed: Mapping[str, str]) -> None:
    for value in graph.output:
        value.name = renamed.get(value.name, value.name)
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                names[position] = renamed.get(name, name)
        for inner in inner_graphs(node):
            _rename_uses(inner, renamed)
