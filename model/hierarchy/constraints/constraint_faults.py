"""What is wrong with constraints on one nest and machine whatever the mapping, each with its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from ...faults import Place, suggestion
from ...loop_nest import LoopNest
from ..level_mapping import why_not_unrolled
from ..machine import Machine, StorageLevel
from ..per_tensor import RESERVED_NAMES
from ..resolved_machine import Level, ResolvedMachine
from .level_constraints import LevelConstraints

FACTOR_FIELDS = ("fixed", "min_factor", "max_factor")

Misplaced = tuple[Place, str]
"""A place below ``constraints``, and what is wrong there."""


def unknown_names(nests: Iterable[LoopNest], machine: Machine, constraints: LevelConstraints) -> Iterator[Misplaced]:
    """Names that no nest has, or the machine has not."""
    known = list(nests)
    dims = list(dict.fromkeys(dim for nest in known for dim in nest.dims))
    tensors = list(dict.fromkeys(tensor.name for nest in known for tensor in nest.tensors))
    nodes = [node.name for node in machine.nodes]
    levels = [node.name for node in machine.nodes if isinstance(node, StorageLevel)]
    fanouts = [name for name in nodes if name not in levels]
    for field in FACTOR_FIELDS:
        by_dim: dict[str, dict[str, int]] = getattr(constraints, field)
        yield from _unknown((field,), "dimension", by_dim, dims)
        for dim, by_node in by_dim.items():
            yield from _unknown((field, dim), "node", by_node, nodes)
    yield from _unknown(("dims",), "fanout", constraints.dims, fanouts)
    yield from _unknown(("min_utilization",), "node", constraints.min_utilization, nodes)
    innermost = {level: (dim,) for level, dim in constraints.innermost.items()}
    for field, lists in {"dims": constraints.dims, "orders": constraints.orders, "innermost": innermost}.items():
        for node, names in lists.items():
            yield from (((field, node), text) for _, text in _unknown((), "dimension", names, dims))
    by_level: Mapping[str, Iterable[str]] = {
        "orders": constraints.orders,
        "innermost": constraints.innermost,
        "keep": constraints.keep,
        "max_words": constraints.max_words,
    }
    for field, names in by_level.items():
        yield from _unknown((field,), "storage level", names, levels)
    for level, by_tensor in constraints.keep.items():
        names = [name for name in by_tensor if not RESERVED_NAMES.fullmatch(name)]
        yield from _unknown(("keep", level), "tensor", names, tensors)


def contradictions(nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[Misplaced]:
    """What no mapping of a nest onto a machine can keep."""
    bounds = dict(zip(nest.dims, nest.bounds, strict=True))
    for dim, by_node in constraints.fixed.items():
        if dim in bounds:
            yield from _indivisible(dim, bounds[dim], by_node, machine)
            yield from _not_between(dim, by_node, constraints)
            yield from _not_unrolled(nest, machine, dim, by_node)
    for dim, by_node in constraints.min_factor.items():
        yield from _crossed(dim, by_node, constraints)
    yield from _too_many_instances(nest, machine, constraints)
    for level in machine.levels:
        yield from _keep_contradictions(nest, level, constraints)
        if level.name in constraints.min_utilization and not _has_limit(level):
            yield ("min_utilization", level.name), "expected a node with a limit, which this level has not"


def _indivisible(dim: str, bound: int, by_node: Mapping[str, int], machine: ResolvedMachine) -> Iterator[Misplaced]:
    wrong = {node: factor for node, factor in by_node.items() if bound % factor}
    for node, factor in wrong.items():
        yield ("fixed", dim, node), f"expected a divisor of the bound {bound}, got {factor}"
    product = math.prod(by_node.values())
    if not wrong and by_node.keys() >= set(machine.nodes) and product != bound:
        yield ("fixed", dim), f"expected factors that multiply to the bound {bound}, got {product}"
    elif not wrong and bound % product:
        yield ("fixed", dim), f"expected factors whose product divides the bound {bound}, got {product}"


def _not_between(dim: str, by_node: Mapping[str, int], constraints: LevelConstraints) -> Iterator[Misplaced]:
    for node, factor in by_node.items():
        least = constraints.min_factor.get(dim, {}).get(node, 1)
        most = constraints.max_factor.get(dim, {}).get(node, factor)
        if not least <= factor <= most:
            rule, limit = ("min_factor", least) if factor < least else ("max_factor", most)
            yield ("fixed", dim, node), f"expected what {rule}.{dim}.{node} allows, which is {limit}, got {factor}"


def _not_unrolled(
    nest: LoopNest, machine: ResolvedMachine, dim: str, by_node: Mapping[str, int]
) -> Iterator[Misplaced]:
    for network in machine.networks:
        if by_node.get(network.name, 1) > 1 and (reason := why_not_unrolled(nest, network, nest.dims.index(dim))):
            yield ("fixed", dim, network.name), f"expected 1, for {reason}"


def _crossed(dim: str, by_node: Mapping[str, int], constraints: LevelConstraints) -> Iterator[Misplaced]:
    for node, least in by_node.items():
        most = constraints.max_factor.get(dim, {}).get(node, least)
        if least > most:
            yield ("min_factor", dim, node), f"expected at most max_factor.{dim}.{node}, which is {most}, got {least}"


def _too_many_instances(nest: LoopNest, machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[Misplaced]:
    for network in machine.networks:
        used = math.prod(constraints.fixed.get(dim, {}).get(network.name, 1) for dim in nest.dims)
        if used > network.size:
            message = f"expected factors of {network.name} that need at most its {network.size} instances, got {used}"
            yield ("fixed",), message


def _keep_contradictions(nest: LoopNest, level: Level, constraints: LevelConstraints) -> Iterator[Misplaced]:
    for tensor, rule in zip(nest.tensors, level.keep, strict=True):
        asked = constraints.keep.get(level.name, {}).get(tensor.name, "may")
        if {asked, rule} == {"must", "never"}:
            yield ("keep", level.name, tensor.name), f"expected '{rule}', as the machine has it, got '{asked}'"


def _has_limit(level: Level) -> bool:
    return level.capacity_bytes is not None or any(limit is not None for limit in level.partitions)


def _unknown(place: Place, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Misplaced]:
    expected = list(known)
    for name in names:
        if name not in expected:
            yield (*place, name), f"unknown {kind} '{name}'; {suggestion(name, expected)}"
