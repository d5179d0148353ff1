"""The least cost still to come from every tile vector at every stage: tables that tell a sweep what to leave out.

Every table is a lower bound. Paths of the sweep are paths here, too, at no larger cost, since two things are neglected:
a word that a level is brought counts once for each word that its parent serves for it, and quantities are bounded one
at a time. What tracked tensors have pending further in is forgotten, too, when a level outside brings them again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ...deadline import NEVER, Deadline
from ..space.boundaries import members
from ..space.dma_times import tile_cycles
from ..space.edge_prices import EdgePrices
from ..space.keeping import Edge, Keeping, Row, State
from ..space.quantities import DMA
from ..space.tile_vectors import Axis, Floats, Ints, Mask
from .stages import Kind, Stage, stages
from .tails import Tail, closing_cost, edge_cost, fewest_instances_share, tail

MOST_ENTRIES = 16_000_000
"""Entries of the tables of a fanout up to which every number of instances has tables of its own."""

MOST_AT_ONCE = 100_000
"""Entries of one table up to which several quantities are built together: more of them would not stay in caches."""

Table = Floats
"""``[quantity, tile vector]``, of the quantities that are built together."""
Tables = dict[State, Table]


class CostToGo:
    """The tables of a search, for all of its quantities."""

    def __init__(self, keeping: Keeping, deadline: Deadline = NEVER, *, quick: bool = False) -> None:
        """Builds all tables.

        ``quick`` ones do not tell that as much of a level is used as must be.

        Raises:
            TimeoutError: when the deadline passes before they are there.
        """
        self.keeping, self.space, self._deadline, self._quick = keeping, keeping.space, deadline, quick
        self.boundaries = keeping.boundaries
        self.stages = stages(keeping)
        self._for_loops: dict[tuple[int, State], Floats] = {}
        self._for_unrolling: dict[tuple[int, State], Floats] = {}
        self._start: dict[int, float] = {}
        self._closing: dict[tuple[int, int, int, Edge], Floats] = {}
        self._tails: dict[tuple[int, int, Edge], Tail] = {}
        self._fitting: dict[tuple[int, Row], Mask] = {}
        width = max(1, MOST_AT_ONCE // self.space.vectors.size)
        for first in range(0, len(keeping.sums), width):
            self._build(slice(first, min(first + width, len(keeping.sums))))

    def of_loops(self, place: int, state: State) -> Floats:
        """The tables of a stage of loops: `[tile vector, quantity]`."""
        return self._for_loops[place, self._of_tensors(state)]

    def of_unrolling(self, place: int, state: State) -> Floats:
        """The tables of a fanout: `[class of the instances left, tile vector, quantity]`."""
        return self._for_unrolling[place, self._of_tensors(state)]

    def class_of(self, stage: Stage, left: Ints) -> Ints:
        """The positions of the classes of instances left at a fanout that numbers of them belong to."""
        found: Ints = np.searchsorted(self._classes[stage.node], left)
        return found

    def tail(self, place: int, tensor: int, edge: Edge) -> Tail:
        """What is still to come of the edge of a tensor at a stage."""
        key = place, tensor, edge
        if key not in self._tails:
            self._tails[key] = tail(self.keeping.prices_of(tensor, edge), self.stages[place], tensor)
        return self._tails[key]

    def at_start(self, quantity: int) -> float:
        """The least that is to come of a quantity from the MAC outwards, besides what words at the MAC cost."""
        return self._start[quantity]

    def unrolled_axes(self, stage: Stage) -> list[Axis]:
        """The axes that may be unrolled at a fanout, in the order in which a sweep unrolls them."""
        return [axis for axis in self.space.vectors.axes if axis.dim in self.space.unrolled[stage.node]]

    def free_axes(self, node: int, state: State) -> list[Axis]:
        """The axes whose loops at a level replace no pending tile."""
        replaced = self.boundaries.replaced
        return [axis for axis in self.space.vectors.axes if not replaced(node, axis.dim) & state.pending]

    def _of_tensors(self, state: State) -> State:
        """A state without the boundaries that are held apart."""
        if not self.boundaries.listed:
            return state
        return State(state.edges, self.boundaries.tensors(state.pending))

    def _states(self, stage: Stage) -> set[State]:
        """The states of open edges that can occur."""
        return set(map(self._of_tensors, stage.states))

    def _build(self, quantities: slice) -> None:
        """Goes from DRAM inwards."""
        after: Tables = {}
        for place in reversed(range(len(self.stages))):
            self._deadline.check()
            stage = self.stages[place]
            if stage.kind is Kind.STORE:
                after = self._stored(stage, quantities, after)
            elif stage.kind is Kind.LOOPS:
                after = self._looped(place, quantities, after)
                for state, table in after.items():
                    self._room_for(self._for_loops, place, state)[:, quantities] = table.T
            else:
                after = self._unrolled(place, quantities, after)
        starts = np.min([after[state][:, 0] for state in self.keeping.first], axis=0)
        self._start.update(zip(range(quantities.start, quantities.stop), starts.tolist(), strict=True))

    def _endless(self, quantities: slice) -> Table:
        return np.full((quantities.stop - quantities.start, self.space.vectors.size), np.inf)

    def _stored(self, stage: Stage, quantities: slice, after: Tables) -> Tables:
        found = Tables()
        for state in self._states(stage) if stage.node > 0 else ():
            found[state] = least = self._endless(quantities)
            for row, then in self.keeping.stored(state, stage.node):
                np.minimum(least, after[self._of_tensors(then)], out=least, where=self.fits(stage.node, row))
        return found

    def _room_for(self, tables: dict[tuple[int, State], Floats], place: int, state: State, *classes: int) -> Floats:
        """Tables of all quantities, made when the first of them is there."""
        if (place, state) not in tables:
            tables[place, state] = np.empty((*classes, self.space.vectors.size, len(self.keeping.sums)))
        return tables[place, state]

    def fits(self, node: int, row: Row) -> Mask:
        """The tile vectors whose tiles of the tensors in a row fit a level."""
        if (node, row) not in self._fitting:
            level = self.space.machine.level_at[node]
            self._fitting[node, row] = self.space.fitting(level, row, used=not self._quick)
        return self._fitting[node, row]

    def _looped(self, place: int, quantities: slice, after: Tables) -> Tables:
        """Loops, and tiles that are replaced; states on the way between two that occur get tables, too."""
        found: Tables = {}
        node = self.stages[place].node
        for state in sorted(self._on_the_way(self.stages[place]), key=lambda state: state.pending.bit_count()):
            least = after[state].copy() if state in after else self._endless(quantities)
            if node == 0 and not state.pending:
                least[:, -1] = 0.0
            for tensor in members(state.pending):
                for then in self.keeping.settled(state, 1 << tensor, node):
                    edge = state.edges[tensor]._replace(outer=then.edges[tensor].outer)
                    cost = self._closing_cost(place, quantities, tensor, edge)
                    np.minimum(least, found[then] + cost, out=least)
            grid = least.reshape(-1, *self.space.vectors.shape)
            for position, axis in enumerate(self.space.vectors.axes, start=1):
                if not self.boundaries.closed(node, axis.dim) & state.pending:
                    along = np.moveaxis(grid, position, 0)
                    for smaller, larger in zip(along[-2::-1], along[:0:-1], strict=True):
                        np.minimum(smaller, larger, out=smaller)
            found[state] = least
        return found

    def _on_the_way(self, stage: Stage) -> set[State]:
        """The states of a stage of loops, and all that follow if tiles are replaced one at a time."""
        found = self._states(stage)
        new = list(found)
        while new:
            state = new.pop()
            for tensor in members(state.pending):
                after = set(self.keeping.settled(state, 1 << tensor, stage.node)) - found
                found |= after
                new += after
        return found

    def _unrolled(self, place: int, quantities: slice, after: Tables) -> Tables:
        stage = self.stages[place]
        axes = self.unrolled_axes(stage)
        size = self.space.machine.network_at[stage.node].size
        classes = self._classes[stage.node]
        found: Tables = {}
        for state in self._states(stage):
            tables = dict.fromkeys(classes, after[state])
            for axis in reversed(axes):
                self._deadline.check()
                tables = self._along(axis, tables, classes)
            kept = self._room_for(self._for_unrolling, place, state, len(classes))
            for number, left in enumerate(classes):
                kept[number, :, quantities] = tables[left].T
            found[state] = tables[size]
        return found

    @cached_property
    def _classes(self) -> dict[int, list[int]]:
        """For every fanout the numbers of instances left that have tables; others have that of the next larger one."""
        return {stage.node: self._classes_at(stage) for stage in self.stages if stage.kind is Kind.FANOUT}

    def _classes_at(self, stage: Stage) -> list[int]:
        """The same for one fanout.

        All have one if there is room for so many, else powers of two.
        """
        size = self.space.machine.network_at[stage.node].size
        exact = sorted(instances_left(size, {axis.prime for axis in self.unrolled_axes(stage)}))
        entries = len(stage.states) * len(self.keeping.sums) * self.space.vectors.size
        if len(exact) * entries <= MOST_ENTRIES:
            return exact
        return [*(2**power for power in range((size - 1).bit_length())), size]

    def _along(self, axis: Axis, before: dict[int, Table], classes: Sequence[int]) -> dict[int, Table]:
        """The tables by the instances left, when one more axis may be unrolled."""
        position, shape = 1 + self.space.vectors.axes.index(axis), (-1, *self.space.vectors.shape)
        inner = (*[slice(None)] * position, slice(0, -1))
        outer = (*[slice(None)] * position, slice(1, None))
        found: dict[int, Table] = {}
        for left in classes:
            if left < axis.prime:
                found[left] = before[left]
                continue
            fewer = classes[bisect_left(classes, left // axis.prime)]
            least = before[left].copy()
            grid, beyond = least.reshape(shape), found[fewer].reshape(shape)
            np.minimum(grid[inner], beyond[outer], out=grid[inner])
            found[left] = least
        return found

    def _closing_cost(self, place: int, quantities: slice, tensor: int, edge: Edge) -> Floats:
        key = place, quantities.start, tensor, edge
        if key not in self._closing:
            listed = range(quantities.start, quantities.stop)
            self._closing[key] = np.array([self._closing_cost_of(place, one, tensor, edge) for one in listed])
        return self._closing[key]

    def _closing_cost_of(self, place: int, quantity: int, tensor: int, edge: Edge) -> Floats:
        stage, prices = self.stages[place], self.keeping.prices_of(tensor, edge)
        cost = closing_cost(prices, stage, self.tail(place, tensor, edge), tensor, quantity)
        cost = cost + self._engine(prices, stage, quantity, tensor)
        for child in edge.inside:
            cost = cost + edge_cost(prices, tensor, child, quantity)
        return cost

    def _engine(self, prices: EdgePrices, stage: Stage, quantity: int, tensor: int) -> Floats | float:
        """What a pending tile costs a DMA engine, where no fanout lies between: tiles are those of the engine's level.

        Of the output, first visits read nothing: half of both ways at the least.
        """
        space, wanted = self.space, prices.sums.listed[quantity]
        child = prices.child(tensor, stage.node + 1)
        if wanted.kind != DMA or wanted.node != child:
            return 0.0
        if any(stage.node < network.node < child for network in space.machine.networks):
            return 0.0
        cycles = tile_cycles(space, space.machine.level_at[child], tensor)
        visits = cycles * space.vectors.repeats
        if tensor == space.nest.output:
            saved = cycles * space.vectors.first_visits / space.vectors.boxes[tensor] * space.most_reduction(child)
            visits = 2 * visits if space.overlaps else np.maximum(visits, 2 * visits - saved)
        return visits * fewest_instances_share(prices)[quantity]


def instances_left(size: int, primes: set[int]) -> set[int]:
    """The numbers of instances that can be left of a fanout, each after some unrolling by primes, rounded down.

    Example:
        >>> sorted(instances_left(14, {2, 7}))
        [1, 2, 3, 7, 14]
    """
    found, new = {size}, [size]
    while new:
        left = new.pop()
        for fewer in (left // prime for prime in primes):
            if fewer >= 1 and fewer not in found:
                found.add(fewer)
                new.append(fewer)
    return found


def most_unrolled(size: int, axes: Sequence[Axis]) -> Ints:
    """For every number of instances up to ``size`` the most of them that the axes' primes can fill."""
    products = {1}
    for axis in axes:
        powers = [axis.prime**power for power in range(axis.multiplicity + 1)]
        products = {one * other for one in products for other in powers if one * other <= size}
    most = np.ones(size + 1, dtype=np.int64)
    most[sorted(products)] = sorted(products)
    return np.maximum.accumulate(most)
