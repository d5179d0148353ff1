"""Reuse classes: which tensors stay put while the innermost loops of a level run.

Source: ``execution_model.md`` section 3. Walking a level's loops from the innermost outwards, a tensor is reused over
every loop until the first one (with more than one iteration) that indexes it. Orders therefore fall into few classes.

A class is described by the *groups* of dimensions placed from the innermost outwards. Before any loop, all tensors are
live; a loop kills the live tensors that it indexes. A group is a set of dimensions that leave the same tensors live.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from .loop_nest import LoopNest


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


def reuse_classes(nest: LoopNest) -> tuple[ReuseClass, ...]:
    """The classes among which every tiling finds its cheapest orders.

    Where every dimension is missing from at most one tensor (convolutions, depthwise and grouped ones, matrix
    products), a class with a part of a tensor's missing dimensions innermost is never better than the class with all
    of them (``docs/reuse_classes.md`` has the proof), so that one class per tensor is enough, and one more for the
    dimensions that index every tensor. Other nests get :func:`all_reuse_classes`.
    """
    num_tensors = len(nest.tensors)
    missing: list[frozenset[int]] = [nest.missing_dims(t) for t in range(num_tensors)]
    if sum(len(dims) for dims in missing) > len(frozenset[int]().union(*missing)):
        return all_reuse_classes(nest)
    classes = [_class_of_one(nest, t, missing[t]) for t in range(num_tensors) if missing[t]]
    everywhere = frozenset(range(len(nest.dims))).difference(*missing)
    if everywhere or not classes:
        nothing = frozenset[int]()
        classes.append(ReuseClass((nothing,) * num_tensors, (Guard(everywhere, nothing),), (everywhere,)))
    return tuple(classes)


def _class_of_one(nest: LoopNest, tensor: int, dims: frozenset[int]) -> ReuseClass:
    """The class in which one tensor alone is reused, over all the dimensions that do not index it."""
    reused = tuple(dims if t == tensor else frozenset[int]() for t in range(len(nest.tensors)))
    return ReuseClass(reused, (Guard(dims, frozenset()),), (dims, nest.tensors[tensor].dims))


def all_reuse_classes(nest: LoopNest) -> tuple[ReuseClass, ...]:
    """Every class of loop orders, those with parts of the reusable dimensions innermost included.

    For every tiling the reuse vectors of the attained classes are exactly those of all orders.
    """
    everything = frozenset(range(len(nest.tensors)))
    common = frozenset(range(len(nest.dims))).difference(*(t.dims for t in nest.tensors))
    found: dict[tuple[object, ...], ReuseClass] = {}
    for innermost in _subsets(common):
        start = (frozenset[int](),) * len(nest.tensors)
        guards = (Guard(innermost, frozenset()),) if innermost else ()
        for reuse_class in _extend(nest, everything, innermost, start, guards, (innermost,)):
            found.setdefault((reuse_class.reused, reuse_class.guards), reuse_class)
    return tuple(found.values())


def _extend(
    nest: LoopNest,
    live: frozenset[int],
    placed: frozenset[int],
    reused: tuple[frozenset[int], ...],
    guards: tuple[Guard, ...],
    groups: tuple[frozenset[int], ...],
) -> Iterator[ReuseClass]:
    """All classes that continue the loops placed so far, with the tensors that are still live."""
    survivors = {dim: frozenset(t for t in live if dim not in nest.tensors[t].dims) for dim in range(len(nest.dims))}
    free = [dim for dim in survivors if dim not in placed]
    for left in sorted({survivors[dim] for dim in free if survivors[dim] != live}, key=sorted):
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
                yield from _extend(nest, left, now, dead, (*guards, guard), (*groups, first, rest))
    if len(placed) == len(nest.dims) or all(survivors[dim] == live for dim in free):
        done = tuple(placed | frozenset(free) if t in live else dims for t, dims in enumerate(reused))
        yield ReuseClass(done, guards, (*groups, frozenset(free)))


def _subsets(dims: frozenset[int]) -> Iterator[frozenset[int]]:
    ordered = sorted(dims)
    return (frozenset(part) for part in chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1)))
