"""The least cost still to come from every tile vector at every stage: tables that tell a sweep what to leave out.

Every table is a lower bound. Paths of the sweep are paths here, too, at no larger cost, since three things are
neglected: a word that a level is brought counts once for each word that its parent serves for it; a tensor that is
still pending when a level outside brings it again forgets its inner edge; and quantities are bounded one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...deadline import NEVER, Deadline
from ..space.boundaries import Boundaries, Pending
from ..space.dma_times import tile_cycles
from ..space.edge_prices import EdgePrices
from ..space.quantities import DMA
from ..space.tile_vectors import Axis, Floats, Ints
from .stages import Kind, Stage, members, stages
from .tails import closing_cost, fewest_instances_share, tail

Table = Floats
Tables = dict[Pending, Table]


class CostToGo:
    """The tables of one choice of what is kept where, for the quantities in ``wanted`` (all, if left out)."""

    def __init__(self, prices: EdgePrices, deadline: Deadline = NEVER, *, quick: bool = False) -> None:
        """Builds all tables.

        ``quick`` ones do not tell which axes are still to be unrolled at a fanout, and that as much of a level is used
        as must be.

        Raises:
            TimeoutError: when the deadline passes before they are there.
        """
        self.prices, self.space, self._deadline, self._quick = prices, prices.space, deadline, quick
        self.boundaries = Boundaries(prices)
        self.stages = stages(self.boundaries)
        self.tails = [tail(prices, stage) for stage in self.stages]
        self._tables: dict[tuple[int, int], Tables] = {}
        self._unrolling: dict[tuple[int, int, Pending, int], dict[int, Table]] = {}
        self._start: dict[int, float] = {}
        self._closing: dict[tuple[int, int, int], Floats] = {}
        for quantity in range(len(prices.sums)):
            self._build(quantity)

    def of_loops(self, stage: int, quantity: int, pending: Pending) -> Table:
        """The table of a stage of loops."""
        return self._tables[stage, quantity][self.boundaries.tensors(pending)]

    def of_unrolling(self, stage: int, quantity: int, pending: Pending, later: int) -> dict[int, Table]:
        """The tables of a fanout by the instances left, where only axes from the ``later``-th on are still unrolled.

        Only those of the energy distinguish that; for other quantities, all axes may be.
        """
        pending = self.boundaries.tensors(pending)
        return self._unrolling[stage, quantity, pending, 0 if self._quick or quantity else later]

    def at_start(self, quantity: int) -> float:
        """The least that is to come of a quantity from the MAC outwards, besides what words at the MAC cost."""
        return self._start[quantity]

    def unrolled_axes(self, stage: Stage) -> list[Axis]:
        """The axes that may be unrolled at a fanout, in the order in which a sweep unrolls them."""
        return [axis for axis in self.space.vectors.axes if axis.dim in self.space.unrolled[stage.node]]

    def free_axes(self, node: int, pending: Pending) -> list[Axis]:
        """The axes whose loops at a level replace no pending tile."""
        return [axis for axis in self.space.vectors.axes if not self.boundaries.replaced(node, axis.dim) & pending]

    def _sets(self, stage: Stage) -> set[Pending]:
        """The sets of open edges that can be pending."""
        return {self.boundaries.tensors(pending) for pending in stage.pending}

    def _build(self, quantity: int) -> None:
        """Goes from DRAM inwards."""
        after: Tables = {}
        for place in reversed(range(len(self.stages))):
            self._deadline.check()
            stage = self.stages[place]
            if stage.kind is Kind.STORE:
                after = self._stored(stage, after)
            elif stage.kind is Kind.LOOPS:
                after = self._looped(place, quantity, after)
                self._tables[place, quantity] = after
            else:
                after = self._unrolled(place, quantity, after)
        self._start[quantity] = float(after[0][0])

    def _stored(self, stage: Stage, after: Tables) -> Tables:
        size = self.space.vectors.size
        if stage.node == 0:
            end = np.full(size, np.inf)
            end[-1] = 0.0
            return {0: end}
        level, kept = self.space.machine.level_at[stage.node], self.prices.kept[stage.node]
        fits, found = self.space.fitting(level, kept, used=not self._quick), Tables()
        for pending in self._sets(stage):
            brought = self.boundaries.tensors(self.boundaries.brought(stage.node, pending))
            found[pending] = np.where(fits, after[brought], np.inf)
        return found

    def _looped(self, place: int, quantity: int, after: Tables) -> Tables:
        """Loops, and tiles that are replaced; sets on the way between two that occur get tables, too."""
        found: Tables = {}
        node = self.stages[place].node
        sets = {subset for pending in self._sets(self.stages[place]) for subset in _subsets(pending)}
        for pending in sorted(sets, key=lambda held: held.bit_count()):
            least = after[pending].copy() if pending in after else np.full(self.space.vectors.size, np.inf)
            for tensor in members(pending):
                np.minimum(
                    least, found[pending & ~(1 << tensor)] + self._closing_cost(place, quantity, tensor), out=least
                )
            grid = least.reshape(self.space.vectors.shape)
            for position, axis in enumerate(self.space.vectors.axes):
                if not self.boundaries.replaced(node, axis.dim) & pending:
                    backwards = np.flip(grid, position)
                    np.minimum.accumulate(backwards, axis=position, out=backwards)
            found[pending] = least
        return found

    def _unrolled(self, place: int, quantity: int, after: Tables) -> Tables:
        stage = self.stages[place]
        axes = self.unrolled_axes(stage)
        size = self.space.machine.network_at[stage.node].size
        classes = sorted(instances_left(size, {axis.prime for axis in axes}))
        found: Tables = {}
        for pending in self._sets(stage):
            tables = dict.fromkeys(classes, after[pending])
            self._unrolling[place, quantity, pending, len(axes)] = tables
            for later in reversed(range(len(axes))):
                self._deadline.check()
                tables = self._along(axes[later], tables, classes)
                if not self._quick and quantity == 0:
                    self._unrolling[place, quantity, pending, later] = tables
            self._unrolling[place, quantity, pending, 0] = tables
            found[pending] = tables[size]
        return found

    def _along(self, axis: Axis, before: dict[int, Table], classes: Sequence[int]) -> dict[int, Table]:
        """The tables by the instances left, when one more axis may be unrolled."""
        position = self.space.vectors.axes.index(axis)
        inner = (*[slice(None)] * position, slice(0, -1))
        outer = (*[slice(None)] * position, slice(1, None))
        found: dict[int, Table] = {}
        for left in classes:
            fewer = left // axis.prime
            if fewer < 1:
                found[left] = before[left]
                continue
            least = before[left].copy()
            grid, beyond = least.reshape(self.space.vectors.shape), found[fewer].reshape(self.space.vectors.shape)
            np.minimum(grid[inner], beyond[outer], out=grid[inner])
            found[left] = least
        return found

    def _closing_cost(self, place: int, quantity: int, tensor: int) -> Floats:
        key = place, quantity, tensor
        if key not in self._closing:
            stage = self.stages[place]
            cost = closing_cost(self.prices, stage, self.tails[place], tensor, quantity)
            self._closing[key] = cost + self._engine(stage, quantity, tensor)
        return self._closing[key]

    def _engine(self, stage: Stage, quantity: int, tensor: int) -> Floats | float:
        """What a pending tile costs a DMA engine, where no fanout lies between: tiles are those of the engine's level.

        Of the output, first visits read nothing: half of both ways at the least.
        """
        space, wanted = self.space, self.prices.sums.listed[quantity]
        child = self.prices.child(tensor, stage.node + 1)
        if wanted.kind != DMA or wanted.node != child:
            return 0.0
        if any(stage.node < network.node < child for network in space.machine.networks):
            return 0.0
        cycles = tile_cycles(space, space.machine.level_at[child], tensor)
        visits = cycles * space.vectors.repeats
        if tensor == space.nest.output:
            saved = cycles * space.vectors.first_visits / space.vectors.boxes[tensor] * space.most_reduction(child)
            visits = 2 * visits if space.overlaps else np.maximum(visits, 2 * visits - saved)
        return visits * fewest_instances_share(self.prices)[quantity]


def _subsets(pending: Pending) -> list[Pending]:
    found, subset = [pending], pending
    while subset:
        subset = (subset - 1) & pending
        found.append(subset)
    return found


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
