"""Mappings onto a hierarchy: the public document, the compact form, and what makes one illegal.

Source: hierarchy model, section 3.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from ..base import Factor, Model
from ..faults import escaped, suggestion
from ..loop_nest import LoopNest
from .resolved_machine import Level, Network, ResolvedMachine


class LevelMappingDocument(Model):
    """The public form of a mapping onto a hierarchy.

    A factor left out is 1; of an order left out, or of the dimensions that it leaves out, the nest's own order holds,
    inside those given; a level left out of ``keep`` keeps all that it may.
    """

    tiling: dict[str, dict[str, Factor]]
    """Factors by dimension and node; over all nodes they multiply to the dimension's bound."""
    orders: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Dimensions of the loops of each storage level, the outermost first."""
    keep: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Tensors that each storage level keeps."""


@dataclass(frozen=True)
class LevelMapping:
    """The compact form of a mapping: one entry for every node of the machine, the outermost first."""

    factors: tuple[tuple[int, ...], ...]
    """`factors[node][dim]`: the factor of a dimension at a node."""
    orders: tuple[tuple[int, ...], ...]
    """`orders[node]`: all dimensions, the outermost first; empty at a fanout."""
    kept: tuple[tuple[bool, ...], ...]
    """`kept[node][tensor]`: whether a level keeps a tensor; false for all at a fanout."""


def level_mapping(nest: LoopNest, machine: ResolvedMachine, document: LevelMappingDocument) -> LevelMapping:
    """The compact form of a public mapping.

    Raises:
        ValueError: one line per fault, each beginning with its place in the mapping.
    """
    misnamed = [*_tiling_faults(nest, machine, document), *_order_faults(nest, machine, document)]
    misnamed += _keep_name_faults(nest, machine, document)
    mapping = _compact(nest, machine, document)
    doubtful = _doubtful_places(nest, document, misnamed)
    illegal = (line for line in illegalities(nest, machine, mapping) if _place(line) not in doubtful)
    if faults := [*misnamed, *illegal]:
        raise ValueError("\n".join(map(escaped, faults)))
    return mapping


def level_mapping_document(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> LevelMappingDocument:
    """The public form of a mapping, without factors of 1; orders name the loops that iterate."""
    named = list(zip(machine.nodes, mapping.factors, strict=True))
    return LevelMappingDocument(
        tiling={
            dim: {node: factors[d] for node, factors in named if factors[d] > 1} for d, dim in enumerate(nest.dims)
        },
        orders={
            level.name: tuple(nest.dims[d] for d in mapping.orders[level.node] if mapping.factors[level.node][d] > 1)
            for level in machine.levels
        },
        keep={
            level.name: tuple(t.name for t, kept in zip(nest.tensors, mapping.kept[level.node], strict=True) if kept)
            for level in machine.levels
        },
    )


def illegalities(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> Iterator[str]:
    """What makes a well-formed mapping illegal, one line for each fault, beginning with its place (section 3)."""
    for d, (dim, bound) in enumerate(zip(nest.dims, nest.bounds, strict=True)):
        product = math.prod(factors[d] for factors in mapping.factors)
        if product != bound:
            yield f"tiling.{dim}: factors multiply to {product}; expected the bound {bound}"
    for level in machine.levels:
        yield from _keep_faults(nest, level, mapping.kept[level.node])
    for network in machine.networks:
        for d, factor in enumerate(mapping.factors[network.node]):
            if factor > 1 and (reason := why_not_unrolled(nest, network, d)):
                yield f"tiling.{nest.dims[d]}.{network.name}: expected 1, for {reason}"


def why_not_unrolled(nest: LoopNest, network: Network, dim: int) -> str | None:
    """Why a dimension may not be unrolled over a fanout; ``None`` if it may."""
    output = nest.tensors[nest.output]
    if dim not in network.dims:
        allowed = ", ".join(nest.dims[d] for d in sorted(network.dims)) or "nothing"
        return f"only {allowed} may be unrolled there"
    if not network.reduce and dim not in output.dims:
        return f"the fanout does not reduce and {nest.dims[dim]} does not index {output.name}"
    for tensor in nest.tensors:
        if sum(dim in dict(axis.terms) for axis in tensor.index) > 1:
            return f"{nest.dims[dim]} occurs in two axes of {tensor.name}"
    if any(dim in axis for axis in overlapping_axes(nest)):
        return f"{nest.dims[dim]} shares an axis of {output.name} with another dimension, so that tiles overlap"
    return None


def overlapping_axes(nest: LoopNest) -> list[frozenset[int]]:
    """The dimensions of each axis of the output in which two or more dimensions with bound > 1 occur (section 1)."""
    axes = [frozenset(dim for dim, _ in axis.terms) for axis in nest.tensors[nest.output].index]
    return [axis for axis in axes if sum(nest.bounds[dim] > 1 for dim in axis) > 1]


def _doubtful_places(nest: LoopNest, document: LevelMappingDocument, misnamed: Iterable[str]) -> set[str]:
    """Where a fault may only follow from a misspelt name: factors that are missing, tensors that are not kept."""
    places = {".".join(_place(line).split(".")[:2]) for line in misnamed}
    if any(dim not in nest.dims for dim in document.tiling):
        places |= {f"tiling.{dim}" for dim in nest.dims if dim not in document.tiling}
    return places


def _place(line: str) -> str:
    return line.partition(": ")[0]


def _compact(nest: LoopNest, machine: ResolvedMachine, document: LevelMappingDocument) -> LevelMapping:
    factors = tuple(tuple(document.tiling.get(dim, {}).get(node, 1) for dim in nest.dims) for node in machine.nodes)
    orders: list[tuple[int, ...]] = [()] * machine.num_nodes
    kept: list[tuple[bool, ...]] = [(False,) * len(nest.tensors)] * machine.num_nodes
    for level in machine.levels:
        ordered = dict.fromkeys(document.orders.get(level.name, ()))
        given = [nest.dims.index(dim) for dim in ordered if dim in nest.dims]
        orders[level.node] = (*given, *(d for d in range(len(nest.dims)) if d not in given))
        names = document.keep.get(level.name)
        kept[level.node] = tuple(
            rule != "never" if names is None else tensor.name in names
            for tensor, rule in zip(nest.tensors, level.keep, strict=True)
        )
    return LevelMapping(factors, tuple(orders), tuple(kept))


def _tiling_faults(nest: LoopNest, machine: ResolvedMachine, document: LevelMappingDocument) -> Iterator[str]:
    yield from _unknown("tiling", "dimension", document.tiling, nest.dims)
    for dim, factors in document.tiling.items():
        yield from _unknown(f"tiling.{dim}", "node", factors, machine.nodes)


def _order_faults(nest: LoopNest, machine: ResolvedMachine, document: LevelMappingDocument) -> Iterator[str]:
    yield from _not_levels("orders", document.orders, machine)
    for level, order in document.orders.items():
        yield from _bad_list(f"orders.{level}", "dimension", order, nest.dims)


def _keep_name_faults(nest: LoopNest, machine: ResolvedMachine, document: LevelMappingDocument) -> Iterator[str]:
    yield from _not_levels("keep", document.keep, machine)
    for level, names in document.keep.items():
        yield from _bad_list(f"keep.{level}", "tensor", names, [tensor.name for tensor in nest.tensors])


def _keep_faults(nest: LoopNest, level: Level, kept: tuple[bool, ...]) -> Iterator[str]:
    for tensor, rule, held in zip(nest.tensors, level.keep, kept, strict=True):
        if rule == "must" and not held:
            why = "the outermost level keeps everything" if level.node == 0 else "the level must keep it"
            yield f"keep.{level.name}: expected {tensor.name} in it, for {why}"
        if rule == "never" and held:
            yield f"keep.{level.name}: expected it without {tensor.name}, which the level never keeps"


def _not_levels(field: str, names: Iterable[str], machine: ResolvedMachine) -> Iterator[str]:
    """Names in ``orders`` or ``keep`` that are no storage levels."""
    levels = [level.name for level in machine.levels]
    for name in names:
        if name in machine.nodes and name not in levels:
            yield f"{field}.{name}: expected a storage level, got a fanout"
        elif name not in levels:
            yield f"{field}.{name}: unknown storage level; {suggestion(name, levels)}"


def _unknown(place: str, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    expected = list(known)
    for name in names:
        if name not in expected:
            yield f"{place}.{name}: unknown {kind}; {suggestion(name, expected)}"


def _bad_list(place: str, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Names in a list that are unknown or repeated."""
    expected, counted = list(known), Counter(names)
    for name, times in counted.items():
        if name not in expected:
            yield f"{place}: unknown {kind} '{name}'; {suggestion(name, expected)}"
        elif times > 1:
            yield f"{place}: expected '{name}' once, got it {times} times"
