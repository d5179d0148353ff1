"""What the steps of a sweep do to labels: loops, unrolling, tiles that are brought, edges that end.

Every step is non-decreasing in each sum of a label, so that of two labels with the same tile vector, one that is
nowhere above the other suffices (``docs/shortest_path.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..space.boundaries import Boundaries, Pending, members
from ..space.edge_prices import EdgePrices
from ..space.tile_vectors import Axis, Floats, Ints, Mask
from .fanout_moves import FanoutMoves
from .labels import Columns, Labels
from .ledger import Ledger
from .sliding import SETTLED
from .store_moves import StoreMoves
from .whole_loops import BEGUN, FREE, WholeLoops


@dataclass(frozen=True)
class Moves:
    """The steps from one place to the next."""

    ledger: Ledger
    _known_pending: dict[tuple[int, Pending], tuple[Mask, list[tuple[int, int]]]] = field(
        default_factory=dict[tuple[int, Pending], tuple[Mask, list[tuple[int, int]]]], repr=False, compare=False
    )

    @classmethod
    def of(cls, boundaries: Boundaries) -> Moves:
        """The steps with nothing met so far."""
        return cls(Ledger.of(boundaries))

    def at(self, prices: EdgePrices) -> Moves:
        """The steps where words cost something else."""
        return Moves(replace(self.ledger, prices=prices))

    @property
    def columns(self) -> Columns:
        """Where the sums of labels stand."""
        return self.ledger.columns

    @cached_property
    def fanouts(self) -> FanoutMoves:
        """The steps at fanouts."""
        return FanoutMoves(self.ledger)

    @cached_property
    def stores(self) -> StoreMoves:
        """The steps at storage levels."""
        return StoreMoves(self.ledger)

    def first_labels(self) -> Labels:
        """The label before any loop: every MAC's operands come from outside."""
        space, columns = self.ledger.space, self.ledger.columns
        sums = np.zeros((1, columns.count))
        sums[0, : space.num_tensors] = space.nest.num_macs
        sums[0, columns.first] = -space.vectors.first_visits[0]
        sums[0, columns.compute] = space.nest.num_macs
        sums[0, columns.settled.start] = space.nest.num_macs * space.machine.mac_pj
        one, none = np.ones(1, dtype=np.int64), np.full(1, -1, dtype=np.int32)
        num_windows, num_boundaries = len(space.windows), len(self.ledger.boundaries.listed)
        shapes = np.ones((1, self.ledger.loops + 2), dtype=np.int64)
        shapes[:, num_windows : num_windows + num_boundaries] = SETTLED
        shapes[:, self.ledger.loops] = FREE
        return Labels(np.zeros(1, dtype=np.int64), one, sums, shapes, none, np.zeros(1))

    @cached_property
    def whole_loops(self) -> WholeLoops:
        """The numbers of the dimensions that a level has looped over."""
        return WholeLoops(len(self.ledger.space.nest.dims))

    def begin_level(self, labels: Labels, node: int, pending: Pending) -> Labels:
        """Labels that will loop over no dimension twice at a level, where that can matter. Changes the labels."""
        labels.shapes[:, self.ledger.loops] = BEGUN if self.order_matters(pending, node) else FREE
        return labels

    def forget_loops(self, labels: Labels) -> Labels:
        """Labels that may loop over anything. Changes the labels."""
        labels.shapes[:, self.ledger.loops] = FREE
        return labels

    def may_loop(self, labels: Labels, dim: int, *, again: bool) -> Mask:
        """Which labels may loop over a dimension; ``again``: right after another loop over it, too."""
        return self.whole_loops.may_follow(labels.shapes[:, self.ledger.loops], dim, again=again)

    def loop(self, labels: Labels, axis: Axis, node: int, pending: Pending) -> Labels:
        """One prime of a temporal loop: over it, pending tiles stay where they are, or slide. Changes the labels."""
        stays, sliding = self._pending_at(node, pending)
        if stays.any():
            np.divide(labels.sums, np.where(stays, axis.prime, 1), out=labels.sums)
        for place, bit in sliding:
            self._slide(labels, axis, node, place, bit)
        self.ledger.multiply_factor(labels, axis)
        return labels.moved(axis.step)

    def loop_each(self, labels: Labels, axis: Axis, powers: Ints, node: int, pending: Pending) -> Labels:
        """Loops of some power of a prime for each label, over which all pending tiles stay. Changes the labels."""
        stays, _ = self._pending_at(node, pending)
        iterations = axis.prime**powers
        if stays.any():
            np.divide(labels.sums, np.where(stays, iterations[:, np.newaxis], 1), out=labels.sums)
        self.ledger.multiply_factor(labels, axis, iterations)
        return labels.moved(powers * axis.step)

    def _pending_at(self, node: int, pending: Pending) -> tuple[Mask, list[tuple[int, int]]]:
        """The columns of what is pending at a level and stays where it is; the boundaries and bits of what slides."""
        if (node, pending) not in self._known_pending:
            columns, sliding = self.columns, list[tuple[int, int]]()
            stays = np.zeros(columns.count, dtype=np.bool_)
            for bit in members(pending):
                place = self.ledger.place(bit, node)
                if place in self.ledger.sliding:
                    sliding.append((place, bit))
                    continue
                stays[columns.pending(bit)] = True
                if bit < columns.num_tensors:
                    stays[bit] = True
            self._known_pending[node, pending] = stays, sliding
        return self._known_pending[node, pending]

    def noted(self, labels: Labels, dim: int, *, latest: bool) -> Labels:
        """Labels that remember a loop over a dimension; with ``latest``, that it was the latest. Changes the labels."""
        loops = labels.shapes[:, self.ledger.loops]
        labels.shapes[:, self.ledger.loops] = self.whole_loops.followed(loops, dim, latest=latest)
        return labels

    def replaced(self, labels: Labels, tiles: Pending, node: int) -> Labels:
        """Labels some of whose pending tiles are replaced, or settle: what was pending of them is so no more."""
        labels = replace(labels, sums=labels.sums.copy(), shapes=labels.shapes.copy())
        sums, shapes = labels.sums, labels.shapes
        for bit in members(tiles):
            sums[:, self.ledger.columns.settled] += sums[:, self.ledger.columns.pending(bit)]
            sums[:, self.ledger.columns.pending(bit)] = 0.0
            place = self.ledger.place(bit, node)
            if place in self.ledger.sliding:
                sums[:, self.ledger.columns.at_fanouts(place)] = 0.0
                sums[:, self.ledger.columns.whole(place)] = 0.0
                sums[:, self.ledger.columns.whole_of_one(place)] = 0.0
                shapes[:, self.ledger.tile(place)] = SETTLED
        return labels

    def settled(self, labels: Labels, node: int, pending: Pending) -> tuple[Pending, Mask]:
        """The pending tiles with halo that slide no more, where any does, and the labels of which they do not."""
        for bit in members(pending) if self.ledger.sliding else ():
            place = self.ledger.place(bit, node)
            if place in self.ledger.sliding:
                done = labels.shapes[:, self.ledger.tile(place)] == SETTLED
                if done.any():
                    return 1 << bit, done
        return 0, np.zeros(len(labels), dtype=np.bool_)

    def order_matters(self, pending: Pending, node: int) -> bool:
        """Whether tiles with halo are pending, so that loops in another order cost something else."""
        sliding = self.ledger.sliding
        return bool(sliding) and any(self.ledger.place(bit, node) in sliding for bit in members(pending))

    def _slide(self, labels: Labels, axis: Axis, node: int, place: int, bit: int) -> None:
        """A loop over a tile with halo: words that it has in common with the one before are not moved again."""
        columns, boundary = self.ledger.columns, self.ledger.boundaries.listed[place]
        vectors = self.ledger.space.vectors
        sizes: Ints = vectors.tiles[axis.dim][labels.points]
        left: Ints = vectors.unfinished[labels.points + axis.step]
        tiles, shares = self.ledger.sliding[place].slid(
            labels.shapes[:, self.ledger.tile(place)], axis.dim, sizes, axis.prime, len(boundary.fanouts), left
        )
        labels.shapes[:, self.ledger.tile(place)] = tiles
        words, whole, of_one = columns.at_fanouts(place), columns.whole(place), columns.whole_of_one(place)
        stay = labels.sums[:, whole] * shares.T * (1 - 1 / axis.prime)
        stay_of_one = labels.sums[:, of_one] * shares.T * (1 - 1 / axis.prime)
        labels.sums[:, whole.start : of_one.stop] /= axis.prime
        passed = [fanout for fanout in boundary.fanouts if fanout > node]
        for number in range(len(boundary.fanouts) + 1):
            labels.sums[:, words.start + number] += stay[:, number]
            price = self._price_at(place, number, node)
            stays = np.where(self._divides, stay_of_one[:, number, None], stay[:, number, None])
            labels.sums[:, columns.pending(bit)] += stays * price
        if bit < columns.num_tensors:
            labels.sums[:, bit] = labels.sums[:, words.start + len(passed)]

    @cached_property
    def _divides(self) -> Mask:
        """Which quantities are those of one instance."""
        return np.array([wanted.divides for wanted in self.ledger.prices.sums.listed])

    def _price_at(self, place: int, number: int, node: int) -> Floats:
        """What a word after the first ``number`` fanouts of a boundary's edge has cost, by a level outside them."""
        boundary, prices = self.ledger.boundaries.listed[place], self.ledger.prices
        tensor, price = boundary.tensor, np.zeros(len(prices.sums))
        if number == 0:
            price += prices.entering[tensor, boundary.node].price
        if number > 0 and boundary.fanouts[number - 1] > node:
            price += prices.at_root[tensor, boundary.fanouts[number - 1]].price
        if number < len(boundary.fanouts) and boundary.fanouts[number] > node:
            price += prices.at_instances[tensor, boundary.fanouts[number]]
        if number == len(boundary.fanouts) and node < prices.parent(tensor, boundary.node):
            price += prices.leaving[tensor, boundary.node].price
        return price

    def finished(self, labels: Labels) -> tuple[Floats, Floats]:
        """Energy in pJ and cycles of labels that are whole mappings, both infinite where a limit is broken."""
        columns = self.ledger.columns
        sums = labels.sums[:, columns.settled] + labels.sums[:, columns.credit]
        for bit in range(columns.num_tensors + len(columns.halos)):
            sums = sums + labels.sums[:, columns.pending(bit)]
        listed = self.ledger.prices.sums.listed
        times = [position for position, wanted in enumerate(listed) if wanted.divides]
        cycles = np.max(np.column_stack([labels.sums[:, columns.compute], sums[:, times]]), axis=1)
        broken = (sums > np.array([wanted.limit for wanted in listed]) * (1 + ROUNDING)).any(axis=1)
        energy_pj, cycles = sums[:, 0], np.ceil(cycles * (1 - ROUNDING))
        return np.where(broken, np.inf, energy_pj), np.where(broken, np.inf, cycles)

    # Factors that must lie within limits

    def within(self, labels: Labels, node: int) -> Labels:
        """The labels whose factors at a node are not too large."""
        kept = np.ones(len(labels), dtype=np.bool_)
        for rule in self.ledger.space.factor_rules(node):
            kept &= labels.shapes[:, self.ledger.factor(rule.dim)] <= rule.upper
        return labels if kept.all() else labels.take(kept)

    def completed(self, labels: Labels, node: int) -> Labels:
        """The labels whose factors at a node are not too small either; the next node's begin at 1."""
        kept = np.ones(len(labels), dtype=np.bool_)
        for rule in self.ledger.space.factor_rules(node):
            kept &= labels.shapes[:, self.ledger.factor(rule.dim)] >= rule.lower
        labels = labels.take(kept)
        for dim in self.ledger.space.narrowed:
            labels.shapes[:, self.ledger.factor(dim)] = 1
        labels.shapes[:, self.ledger.loops] = FREE
        return labels


ROUNDING = 1e-9
"""Relative part of cycles and words that sums in binary64 may be off by, before they are rounded up or compared."""
