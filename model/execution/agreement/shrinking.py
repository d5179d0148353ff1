"""A layer and its mapping scaled down until an execution is quick, their structure kept.

What iterates keeps iterating, so that tiles stay, move and are shared as before: a factor above 1 stays above 1 as
long as any larger one is left. Temporal factors shrink first, spatial ones where that is not enough.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ...hierarchy.level_mapping import LevelMapping
from ...hierarchy.resolved_machine import ResolvedMachine
from ...loop_nest import LoopNest, Tensor

MOST_MACS = 200_000
"""Multiply-accumulates that a layer is shrunk to, unless another number is given."""

Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ChangedFactor:
    """A factor that became smaller."""

    dim: str
    node: str
    was: int
    now: int


@dataclass(frozen=True)
class Shrunk:
    """A smaller nest with its mapping; ``kept`` says in sentences what is as before, ``lost`` what is not."""

    nest: LoopNest
    mapping: LevelMapping
    changed: tuple[ChangedFactor, ...]
    kept: tuple[str, ...]
    lost: tuple[str, ...]


def shrunk(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping, most_macs: int = MOST_MACS) -> Shrunk:
    """The nest and the mapping scaled down to ``most_macs`` multiply-accumulates; as they are where they are small."""
    rows = smaller_factors(mapping.factors, machine.network_at, most_macs)
    smaller = replace(mapping, factors=rows)
    small_nest = _with_bounds(nest, [math.prod(column) for column in zip(*rows, strict=True)])
    changed = tuple(
        ChangedFactor(nest.dims[dim], machine.nodes[node], was, now)
        for node, (before, after) in enumerate(zip(mapping.factors, rows, strict=True))
        for dim, (was, now) in enumerate(zip(before, after, strict=True))
        if was != now
    )
    claims = list(_claims(nest, machine, mapping, smaller))
    kept = tuple(claim for claim, holds in claims if holds)
    return Shrunk(small_nest, smaller, changed, kept, tuple(claim for claim, holds in claims if not holds))


def smaller_factors(rows: Rows, fanouts: Collection[int], most_macs: int) -> Rows:
    """Factors, a row for each node, with a product of at most ``most_macs``: the largest are cut down first.

    Example:
        >>> smaller_factors(((64, 1), (4, 4), (8, 2)), fanouts={1}, most_macs=1000)
        ((7, 1), (4, 4), (4, 2))
    """
    found = [list(row) for row in rows]
    for least in (2, 1):
        for spatial in (False, True):
            while (macs := math.prod(map(math.prod, found))) > most_macs:
                places = [
                    (factor, -node, -dim)
                    for node, row in enumerate(found)
                    for dim, factor in enumerate(row)
                    if factor > least and (node in fanouts) == spatial
                ]
                if not places:
                    break
                factor, node, dim = max(places)
                found[-node][-dim] = max(least, -(-factor // 2), factor * most_macs // macs)
    return tuple(map(tuple, found))


def _with_bounds(nest: LoopNest, bounds: Sequence[int]) -> LoopNest:
    """The nest with other bounds, every tensor stored with as much margin as before."""
    tensors = tuple(replace(tensor, shape=_shape(tensor, nest.bounds, bounds)) for tensor in nest.tensors)
    return replace(nest, bounds=tuple(bounds), tensors=tensors)


def _shape(tensor: Tensor, before: Sequence[int], after: Sequence[int]) -> tuple[int, ...]:
    sizes = zip(tensor.shape, tensor.index, strict=True)
    return tuple(size - index.extent(before) + index.extent(after) for size, index in sizes)


def _claims(
    nest: LoopNest, machine: ResolvedMachine, before: LevelMapping, after: LevelMapping
) -> Iterator[tuple[str, bool]]:
    """What may or may not be as before, in a sentence each."""
    yield "loop orders and what every level keeps", (before.orders, before.kept) == (after.orders, after.kept)
    loops, left = (sorted(_loops(machine, mapping)) for mapping in (before, after))
    yield f"which loops iterate: {len(loops)} loops", loops == left
    stays = [list(_stays(nest, machine, mapping)) for mapping in (before, after)]
    yield "which tensors stay at which level while which loops run", stays[0] == stays[1]
    spread = [[before.factors[network.node], after.factors[network.node]] for network in machine.networks]
    names = ", ".join(f"{network.name} {math.prod(before.factors[network.node])}" for network in machine.networks)
    if names:
        yield f"instances in use: {names}", all(was == now for was, now in spread)
        unrolled = [[[factor > 1 for factor in row] for row in rows] for rows in spread]
        yield "which dimensions are unrolled at which fanout", all(was == now for was, now in unrolled)


def _loops(machine: ResolvedMachine, mapping: LevelMapping) -> Iterator[tuple[int, int]]:
    """Temporal loops that iterate, as node and dimension, outermost first."""
    for level in machine.levels:
        yield from ((level.node, dim) for dim in mapping.orders[level.node] if mapping.factors[level.node][dim] > 1)


def _stays(
    nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping
) -> Iterator[tuple[int, int, tuple[tuple[int, int], ...]]]:
    """For every level and tensor kept there the innermost loops outside the level that do not index the tensor."""
    for level in machine.levels:
        for t, tensor in enumerate(nest.tensors):
            if mapping.kept[level.node][t]:
                free: list[tuple[int, int]] = []
                for loop in reversed([loop for loop in _loops(machine, mapping) if loop[0] < level.node]):
                    if loop[1] in tensor.dims:
                        break
                    free.append(loop)
                yield level.node, t, tuple(free)
