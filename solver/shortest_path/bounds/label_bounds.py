"""Lower bounds on what labels become: what they have, what lies on open edges, and what is to come by the tables."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from ....model.objectives import OBJECTIVES, Objective
from ..space.boundaries import Pending
from ..space.tile_vectors import Floats, Ints
from ..sweeping.labels import Columns, Labels
from .cost_to_go import CostToGo, most_unrolled
from .stages import Kind, Stage


class LabelBounds:
    """Bounds on the energy, the cycles and the objective of labels, by stage."""

    def __init__(self, ahead: CostToGo, columns: Columns, objective: Objective) -> None:
        self._ahead, self._space, self._prices = ahead, ahead.space, ahead.prices
        self._columns, self._rule = columns, OBJECTIVES[objective]

    def objective(self, place: int, pending: Pending, labels: Labels, later: int = 0) -> Floats:
        """Lower bounds on the objective; at a fanout, where axes from the ``later``-th on are still unrolled."""
        energy_pj, cycles = self.bounds(place, pending, labels, later)
        return self.value(energy_pj, cycles)

    def value(self, energy_pj: Floats, cycles: Floats) -> Floats:
        """The objective of energies and cycles."""
        return self._rule.of_arrays(energy_pj, cycles)[0]

    def bounds(self, place: int, pending: Pending, labels: Labels, later: int = 0) -> tuple[Floats, Floats]:
        """Lower bounds on energy in pJ and on cycles, both infinite where a limit is broken."""
        stage = self._ahead.stages[place]
        left = self._left(stage, labels)
        outside = self._space.instances_outside(stage.node)
        divided = outside * left if stage.kind is Kind.FANOUT else np.full(len(labels), float(outside))
        cycles = labels.sums[:, self._columns.compute] / divided
        energy_pj, broken = cycles, np.zeros(len(labels), dtype=np.bool_)
        for quantity, wanted in enumerate(self._prices.sums.listed):
            have = labels.sums[:, self._columns.settled.start + quantity]
            have = have + self._credit(stage, pending, labels, quantity, left)
            least = have / divided if wanted.divides else have
            least = least + self._open_edges(place, pending, labels, quantity, left)
            least = least + self._table(place, pending, labels, quantity, later)
            energy_pj = least if quantity == 0 else energy_pj
            cycles = np.maximum(cycles, least) if wanted.divides else cycles
            if math.isfinite(wanted.limit):
                broken |= least > wanted.limit * (1 + TOLERANCE)
        energy_pj[broken], cycles[broken] = np.inf, np.inf
        return energy_pj, cycles

    def _left(self, stage: Stage, labels: Labels) -> Ints:
        """The most instances of a fanout by which labels can still be unrolled."""
        if stage.kind is not Kind.FANOUT:
            return np.ones(len(labels), dtype=np.int64)
        size = self._space.machine.network_at[stage.node].size
        return self._most[stage.node][size // labels.used]

    @cached_property
    def _most(self) -> dict[int, Ints]:
        return {
            stage.node: most_unrolled(self._space.machine.network_at[stage.node].size, self._ahead.unrolled_axes(stage))
            for stage in self._ahead.stages
            if stage.kind is Kind.FANOUT
        }

    def _open_edges(self, place: int, pending: Pending, labels: Labels, quantity: int, left: Ints) -> Floats:
        """What the words of tensors that are not pending still cost."""
        stage, rest = self._ahead.stages[place], self._ahead.tails[place]
        total = np.zeros(len(labels))
        for tensor in range(self._space.num_tensors):
            if pending >> tensor & 1:
                continue
            words = labels.sums[:, tensor]
            network = self._space.machine.network_at.get(stage.node)
            if network is not None and self._space.shares(tensor, network):
                words = words / left
            plain, credit = rest.plain[tensor, quantity] * words, rest.credit[tensor, quantity]
            if credit:
                saved = credit * -labels.sums[:, self._columns.first]
                plain = np.maximum(plain, rest.full[tensor, quantity] * words - saved)
            total += plain
        return total

    def _table(self, place: int, pending: Pending, labels: Labels, quantity: int, later: int) -> Floats:
        """What is to come by the tables."""
        stage = self._ahead.stages[place]
        if stage.kind is not Kind.FANOUT:
            return self._ahead.of_loops(place, quantity, pending)[labels.points]
        tables = self._ahead.of_unrolling(place, quantity, pending, later)
        left = self._space.machine.network_at[stage.node].size // labels.used
        found = np.empty(len(labels))
        for instances in np.unique(left):
            rows = left == instances
            found[rows] = tables[int(instances)][labels.points[rows]]
        return found

    def _credit(self, stage: Stage, pending: Pending, labels: Labels, quantity: int, left: Ints) -> Floats:
        """What first visits take off at the most, negative: fanouts still to come multiply it by what they reduce.

        Where a fanout adds at a price, every such step costs as many additions as it saves first visits.
        """
        space, columns = self._space, self._columns
        open_energy = quantity == 0 and pending >> space.nest.output & 1
        own_apart = open_energy and space.counted.reads_back_to_all
        credit = labels.sums[:, columns.base if own_apart else columns.credit.start + quantity]
        outside = space.most_reduction(stage.node)
        network = space.machine.network_at.get(stage.node)
        reduces = network is not None and space.reduces(network)
        if outside == 1 and not reduces:
            return credit
        if open_energy and not own_apart:
            return self._credit_with_additions(stage, labels)
        more = outside * left if reduces else np.full(len(labels), outside)
        return credit * np.minimum(more, space.vectors.reductions[labels.points])

    def _credit_with_additions(self, stage: Stage, labels: Labels) -> Floats:
        """The same for the energy while the output is pending, so that its additions are in no other part of the bound.

        The k-fold reduction of the output since its edge began multiplies the credit that it had then, and costs at
        least (k - 1) times the first visits in additions.
        """
        space, base = self._space, labels.sums[:, self._columns.base]
        output = space.nest.output
        child = self._prices.child(output, stage.node + 1)
        reducing = [
            network for network in space.machine.networks if network.node < child and space.shares(output, network)
        ]
        paid = min(network.add_pj for network in reducing) * -labels.sums[:, self._columns.first]
        return base - (space.most_reduction(child) - 1) * np.maximum(0.0, -base - paid)


TOLERANCE = 1e-9
"""Relative rounding of sums in binary64 that a comparison with a limit or a target allows."""
