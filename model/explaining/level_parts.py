"""A hierarchy as explanations see it: every fanout an array, every level with a limit a memory.

Source: hierarchy model, sections 2, 3 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..dmazerunner.factorisations import divisors
from ..hierarchy.constraints.level_constraints import LevelConstraints
from ..hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ..hierarchy.level_mapping import LevelMapping
from ..hierarchy.machine import DmaEngine, Fanout, Machine, Node
from ..hierarchy.resolved_machine import ResolvedMachine
from .explainable import ArrayInUse, Enlarged, FieldChange, Number, row_of, splits, with_factor

PerTensorNumber = Number | dict[str, Number]
"""A number, or one for each selector of tensors."""

LIMITS = ("capacity_bytes", "partitions")
"""What limits what a level holds."""

PORTS = ("read_bandwidth", "write_bandwidth", "bandwidth")
"""The rates of a level; a fanout has the last one only."""

TERMS_OF_PORTS = frozenset({"reads", "writes", "both", "ports", "up", "down"})
"""Terms of the roofline, by their last word, that depend on the rates of a node."""


def fanouts_in_use(asked: ResolvedConstraints, mapping: LevelMapping) -> Iterator[ArrayInUse]:
    """Every fanout, and which factors of every dimension its bound, the other fanouts and the constraints allow."""
    for network in asked.machine.networks:
        own = mapping.factors[network.node]
        others = [mapping.factors[other.node] for other in asked.machine.networks if other is not network]
        left = tuple(
            bound // math.prod(factors[dim] for factors in others) for dim, bound in enumerate(asked.nest.bounds)
        )
        limits = zip(left, asked.lower[network.node], asked.upper[network.node], strict=True)
        choices = tuple(tuple(f for f in divisors(bound) if low <= f <= high) for bound, low, high in limits)
        rules = f"nodes.{network.name}.size", f"min_utilization.{network.name}"
        yield ArrayInUse(network.name, network.size, own, left, choices, *rules)


def level_spreads(
    machine: ResolvedMachine, mapping: LevelMapping, array: str, dim: int, factor: int
) -> Iterator[LevelMapping]:
    """The mapping with another factor of a dimension at a fanout, which the levels' factors make up for.

    What a multiple of the old factor needs is taken from the levels' factors in every way: all ways to spread what is
    left of the bound over the levels would be thousands. A factor that is no multiple gets all of them.
    """
    node, levels = machine.nodes.index(array), [level.node for level in machine.levels]
    own, old = [mapping.factors[level][dim] for level in levels], mapping.factors[node][dim]
    is_multiple, product = factor % old == 0, math.prod(own)
    ways = _divided(own, factor // old) if is_multiple else splits(product * old // factor, len(levels))
    for others in ways:
        chosen = {node: factor, **dict(zip(levels, others, strict=True))}
        rows = (with_factor(row, dim, chosen.get(at, row[dim])) for at, row in enumerate(mapping.factors))
        yield replace(mapping, factors=tuple(rows))


def _divided(factors: Sequence[int], ratio: int) -> Iterator[tuple[int, ...]]:
    """Factors whose product is so many times as small, in every way that divides each of them."""
    for shares in splits(ratio, len(factors)):
        pairs = list(zip(factors, shares, strict=True))
        if all(factor % share == 0 for factor, share in pairs):
            yield tuple(factor // share for factor, share in pairs)


def with_least_instances(constraints: LevelConstraints, fanout: str, share: float) -> LevelConstraints:
    """The constraints with a least share of a fanout's instances in use."""
    return constraints.model_copy(update={"min_utilization": {**constraints.min_utilization, fanout: share}})


def enlarged_machines(machine: Machine, bound_by: str | None) -> Iterator[Enlarged[Machine]]:
    """More instances of a fanout, twice the size of a level, twice the rates of what decides; each by itself."""
    nodes = list(enumerate(machine.nodes))
    name, _, term = (bound_by or "").partition(".")
    for position, node in nodes:
        if isinstance(node, Fanout):
            more = _more_instances(machine, position, node)
            yield _with(machine, position, f"{node.name} larger by {more}", {"size": node.size + more})
    for position, _ in nodes:
        yield from _with_twice(machine, position, LIMITS, "size")
    for position, node in nodes:
        if node.name == name:
            yield from _faster(machine, position, term.rpartition(".")[2])


def _more_instances(machine: Machine, position: int, fanout: Fanout) -> int:
    """A fanout beside another one is a side of an array, and gets one more; one by itself another row."""
    around = machine.nodes[max(position - 1, 0) : position + 2]
    return 1 if sum(isinstance(node, Fanout) for node in around) > 1 else row_of(fanout.size)


def _faster(machine: Machine, position: int, kind: str) -> Iterator[Enlarged[Machine]]:
    """The machine with twice the rates on which terms of this kind depend at a node; nothing where there are none."""
    if kind in TERMS_OF_PORTS:
        yield from _with_twice(machine, position, PORTS, "bandwidth")
    if kind == "dma":
        yield from _with_faster_engine(machine, position, machine.nodes[position])


def _with_twice(machine: Machine, position: int, fields: Sequence[str], what: str) -> Iterator[Enlarged[Machine]]:
    """The machine with twice what a node has of these fields; nothing where it has none of them."""
    node = machine.nodes[position]
    given = {field: getattr(node, field, None) for field in fields}
    larger = {field: _twice(value) for field, value in given.items() if value is not None}
    if larger:
        yield _with(machine, position, f"twice the {what} of {node.name}", larger)


def _twice(value: PerTensorNumber) -> PerTensorNumber:
    """Twice a number, or every number by selector."""
    return {name: 2 * one for name, one in value.items()} if isinstance(value, dict) else 2 * value


def _with_faster_engine(machine: Machine, position: int, node: Node) -> Iterator[Enlarged[Machine]]:
    """A level whose DMA engine takes half as long for a byte."""
    engine: DmaEngine | None = getattr(node, "dma", None)
    if engine is not None:
        halved = engine.cycles_per_byte / 2
        larger = _with_node(machine, position, {"dma": engine.model_copy(update={"cycles_per_byte": halved})})
        change = FieldChange(f"nodes.{node.name}.dma.cycles_per_byte", engine.cycles_per_byte, halved)
        yield Enlarged(f"twice the DMA bandwidth of {node.name}", (change,), larger)


def _with(machine: Machine, position: int, what: str, values: Mapping[str, PerTensorNumber]) -> Enlarged[Machine]:
    """The machine with other values of a node's fields."""
    node = machine.nodes[position]
    changes: list[FieldChange] = []
    for field, new in values.items():
        old, place = getattr(node, field), f"nodes.{node.name}.{field}"
        if isinstance(new, dict):
            changes += [FieldChange(f"{place}.{name}", old[name], one) for name, one in new.items()]
        else:
            changes.append(FieldChange(place, old, new))
    return Enlarged(what, tuple(changes), _with_node(machine, position, values))


def _with_node(machine: Machine, position: int, values: Mapping[str, object]) -> Machine:
    nodes = [node.model_copy(update=dict(values)) if at == position else node for at, node in enumerate(machine.nodes)]
    return machine.model_copy(update={"nodes": tuple(nodes)})
