"""Reuse classes: which tensors stay put while the innermost loops of a level run.

Source: ``docs/model.md`` section 3. Walking a level's loops from the innermost outwards, a tensor is reused over
every loop until the first one (with more than one iteration) that indexes it. Orders therefore fall into few classes.

A class is described by the *groups* of dimensions placed from the innermost outwards. Before any loop, all tensors are
live; a loop kills the live tensors that it indexes. A group is a set of dimensions that leave the same tensors live.
Dimensions with a bound of 1 never iterate and occur in no class.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice

from ..loop_nest import LoopNest
from ..mapping import Tiling


@dataclass(frozen=True)
class Guard:
    """When a class describes a real order: a loop of ``entered`` iterates, or all iterating loops lie in ``before``."""

    entered: frozenset[int]
    before: frozenset[int]


@dataclass(frozen=True)
class ReuseClass:
    """A set of loop orders of one level with the same reuse.

    ``reused[t]`` are the dimensions over which tensor ``t`` is reused. The class is *attained* for given trip counts
    when all its ``guards`` hold; otherwise some other class describes the orders that it stands for. ``groups`` lists
    the dimensions of an order of this class from the innermost group outwards.
    """

    reused: tuple[frozenset[int], ...]
    guards: tuple[Guard, ...]
    groups: tuple[frozenset[int], ...]

    def attained(self, trips: Sequence[int]) -> bool:
        """Whether some loop order with these trip counts has exactly this class's reuse."""
        iterations = math.prod(trips)
        return all(
            any(trips[dim] > 1 for dim in guard.entered) or math.prod(trips[dim] for dim in guard.before) == iterations
            for guard in self.guards
        )

    def factors(self, trips: Sequence[int]) -> tuple[int, ...]:
        """Reuse factor of every tensor for the level's trip counts."""
        return tuple(math.prod(trips[dim] for dim in dims) for dims in self.reused)

    def order(self, trips: Sequence[int]) -> tuple[int, ...]:
        """A loop order of this class, as positions from the outermost loop to the innermost."""
        entered = frozenset[int]().union(*(guard.entered for guard in self.guards))
        inner: list[int] = []
        for group in self.groups:
            inner += sorted(group - set(inner), key=lambda dim: (trips[dim] == 1, dim not in entered, dim))
        inner += sorted(set(range(len(trips))) - set(inner))
        return tuple(reversed(inner))


def reuse_factors(nest: LoopNest, trips: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Reuse factor of every tensor for one level's trip counts and loop order (outermost first): the walk itself."""
    factors: list[int] = []
    for tensor in nest.tensors:
        factor = 1
        for dim in reversed(order):
            if trips[dim] == 1:
                continue
            if dim in tensor.dims:
                break
            factor *= trips[dim]
        factors.append(factor)
    return tuple(factors)


def is_single(nest: LoopNest, dims: frozenset[int]) -> bool:
    """Whether every one of some dimensions is missing from at most one tensor, so that no order reuses two at once."""
    missing = [nest.missing_dims(t) & dims for t in range(len(nest.tensors))]
    return sum(map(len, missing)) == len(frozenset[int]().union(*missing))


def reuse_classes(nest: LoopNest, dims: frozenset[int] | None = None) -> tuple[ReuseClass, ...]:
    """The classes among which every tiling finds its cheapest orders.

    Where every dimension that iterates is missing from at most one tensor (convolutions, depthwise and grouped ones,
    matrix products), a class with a part of a tensor's missing dimensions innermost is never better than the class with
    all of them (``docs/reuse_classes.md`` has the proof), so that one class per tensor is enough, and one more for the
    dimensions that index every tensor. Otherwise there are those of :func:`all_reuse_classes`. ``dims`` are the
    dimensions that iterate; all with a bound above 1 if not given.
    """
    iterating = iterating_dims(nest.bounds) if dims is None else dims
    if not is_single(nest, iterating):
        return all_reuse_classes(nest, iterating)
    missing = [nest.missing_dims(t) & iterating for t in range(len(nest.tensors))]
    classes = [_class_of_one(nest, t, reusable) for t, reusable in enumerate(missing) if reusable]
    everywhere = iterating.difference(*missing)
    if everywhere or not classes:
        nothing = frozenset[int]()
        classes.append(ReuseClass((nothing,) * len(missing), (Guard(everywhere, nothing),), (everywhere,)))
    return tuple(classes)


def classes_of_tiling(nest: LoopNest, tiling: Tiling) -> tuple[tuple[ReuseClass, ...], tuple[ReuseClass, ...]]:
    """The classes (of the SPM and of the DRAM level) among which a tiling has its cheapest orders; all are attained.

    Where the nest has no few classes, those that make a difference to this tiling: what can be reused together depends
    on the dimensions that iterate at a level (``docs/reuse_classes.md`` section 7).
    """
    if is_single(nest, iterating_dims(nest.bounds)):
        classes = reuse_classes(nest)
        spm, dram = (tuple(c for c in classes if c.attained(trips)) for trips in (tiling.spm, tiling.dram))
        return spm, dram
    spm_dims, dram_dims = iterating_dims(tiling.spm), iterating_dims(tiling.dram)
    few = is_single(nest, dram_dims)
    spm = reuse_classes(nest, spm_dims) if few else all_reuse_classes(nest, spm_dims)
    return distinct(spm), distinct(reuse_classes(nest, dram_dims))


def distinct(classes: Iterable[ReuseClass]) -> tuple[ReuseClass, ...]:
    """The first class of those with the same reuse."""
    found: dict[tuple[frozenset[int], ...], ReuseClass] = {}
    for reuse_class in classes:
        found.setdefault(reuse_class.reused, reuse_class)
    return tuple(found.values())


def _class_of_one(nest: LoopNest, tensor: int, dims: frozenset[int]) -> ReuseClass:
    """The class in which one tensor alone is reused, over all the dimensions that do not index it."""
    reused = tuple(dims if t == tensor else frozenset[int]() for t in range(len(nest.tensors)))
    return ReuseClass(reused, (Guard(dims, frozenset()),), (dims, nest.tensors[tensor].dims))


def all_reuse_classes(nest: LoopNest, dims: frozenset[int] | None = None) -> tuple[ReuseClass, ...]:
    """Every class of loop orders, those with parts of the reusable dimensions innermost included.

    For every tiling the reuse vectors of the attained classes are exactly those of all orders. ``dims`` are the
    dimensions that iterate; all with a bound above 1 if not given.
    """
    return tuple(_every_class(nest, iterating_dims(nest.bounds) if dims is None else dims))


def has_more_classes(nest: LoopNest, number: int) -> bool:
    """Whether :func:`reuse_classes` has more than a number of classes, of which there may be very many."""
    iterating = iterating_dims(nest.bounds)
    if is_single(nest, iterating):
        return len(reuse_classes(nest)) > number
    return len(tuple(islice(_every_class(nest, iterating), number + 1))) > number


def _every_class(nest: LoopNest, iterating: frozenset[int]) -> Iterator[ReuseClass]:
    """The classes of :func:`all_reuse_classes`, made as they are asked for."""
    everything = frozenset(range(len(nest.tensors)))
    keeps_live = {dim: frozenset(t for t in everything if dim not in nest.tensors[t].dims) for dim in sorted(iterating)}
    common = frozenset(dim for dim in iterating if keeps_live[dim] == everything)
    found: set[tuple[object, ...]] = set()
    for innermost in _subsets(common):
        start = (frozenset[int](),) * len(nest.tensors)
        guards = (Guard(innermost, frozenset()),) if innermost else ()
        for reuse_class in _extend(keeps_live, everything, innermost, start, guards, (innermost,)):
            key = (reuse_class.reused, reuse_class.guards)
            if key not in found:
                found.add(key)
                yield reuse_class


def _extend(
    keeps_live: Mapping[int, frozenset[int]],
    live: frozenset[int],
    placed: frozenset[int],
    reused: tuple[frozenset[int], ...],
    guards: tuple[Guard, ...],
    groups: tuple[frozenset[int], ...],
) -> Iterator[ReuseClass]:
    """All classes that continue the loops placed so far, with the tensors that are still live.

    ``keeps_live`` has for every dimension that iterates the tensors that it does not index.
    """
    free = [dim for dim in keeps_live if dim not in placed]
    survivors = {dim: keeps_live[dim] & live for dim in free}
    for left in sorted({kept for kept in survivors.values() if kept != live}, key=sorted):
        entered = frozenset(dim for dim in free if survivors[dim] == left)
        dead = tuple(placed if t in live and t not in left else dims for t, dims in enumerate(reused))
        if not left:
            yield ReuseClass(dead, (*guards, Guard(entered, placed)), (*groups, entered))
            continue
        others = frozenset(dim for dim in free if survivors[dim] >= left) - entered
        for first in _subsets(entered):
            for rest in _subsets(others) if first else ():
                guard = Guard(first, placed)
                now = placed | first | rest
                yield from _extend(keeps_live, left, now, dead, (*guards, guard), (*groups, first, rest))
    if all(survivors[dim] == live for dim in free):
        done = tuple(placed | frozenset(free) if t in live else dims for t, dims in enumerate(reused))
        yield ReuseClass(done, guards, (*groups, frozenset(free)))


def iterating_dims(trips: Sequence[int]) -> frozenset[int]:
    """The dimensions with more than one iteration."""
    return frozenset(dim for dim, count in enumerate(trips) if count > 1)


def _subsets(dims: frozenset[int]) -> Iterator[frozenset[int]]:
    ordered = sorted(dims)
    return (frozenset(part) for part in chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1)))
