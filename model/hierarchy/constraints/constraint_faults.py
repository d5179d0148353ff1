"""What is wrong with constraints on one nest and machine whatever the mapping, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...faults import Place, suggestion
from ...loop_nest import LoopNest
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


def shares_of_nothing(machine: ResolvedMachine, constraints: LevelConstraints) -> Iterator[Misplaced]:
    """Least utilisations of levels without a limit, of which there is no share.

    What no mapping can keep is no fault: the search finds that the layer is infeasible, and why.
    """
    for level in machine.levels:
        if level.name in constraints.min_utilization and not _has_limit(level):
            yield ("min_utilization", level.name), "expected a node with a limit, which this level has not"


def _has_limit(level: Level) -> bool:
    return level.capacity_bytes is not None or any(limit is not None for limit in level.partitions)


def _unknown(place: Place, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Misplaced]:
    expected = list(known)
    for name in names:
        if name not in expected:
            yield (*place, name), f"unknown {kind} '{name}'; {suggestion(name, expected)}"
