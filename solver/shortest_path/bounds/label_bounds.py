"""Lower bounds on what labels become: what they have, what lies on open edges, and what is to come by the tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from ....model.objectives import OBJECTIVES, Objective
from ..space.keeping import State
from ..space.tile_vectors import Axis, Floats, Ints
from ..sweeping.labels import Columns, Labels
from .cost_to_go import CostToGo, most_unrolled
from .sharing import Sharing, sharing_of
from .stages import Kind, Stage
from .tails import Tail


@dataclass(frozen=True)
class _OpenEdge:
    """What a word of a tensor that is not pending costs at the least at a stage, by quantity (:class:`.tails.Tail`).

    ``before`` and ``last``: inside the outer end of its edge and there; ``last_of_all`` and ``all_words``: there, and
    on the whole way, of all words that the tensor has. ``full`` and ``credit``: with read-backs, `None` without any.
    ``shares``: whether the fanout of the stage can have fewer words outside.
    """

    tensor: int
    before: Floats
    last: Floats
    last_of_all: Floats
    all_words: Floats
    full: Floats | None
    credit: Floats
    shares: bool

    @classmethod
    def of(cls, tensor: int, rest: Tail, compulsory: float, *, shares: bool) -> _OpenEdge:
        """The edge of a tensor of which so many words are touched."""
        last = rest.last / rest.fewer
        full = rest.full if rest.credit.any() else None
        return cls(
            tensor,
            rest.plain - last,
            last,
            rest.last * compulsory,
            rest.whole * compulsory,
            full,
            rest.credit,
            shares,
        )

    @property
    def costs(self) -> bool:
        """Whether words add to any quantity."""
        return self.full is not None or bool(self.before.any() or self.last.any() or self.all_words.any())


class LabelBounds:
    """Bounds on the energy, the cycles and the objective of labels, by stage."""

    def __init__(self, ahead: CostToGo, columns: Columns, objective: Objective) -> None:
        self._ahead, self._space, self._listed = ahead, ahead.space, ahead.keeping.sums.listed
        self._columns, self._rule = columns, OBJECTIVES[objective]
        settled, credit, count = columns.settled.start, columns.credit.start, len(self._listed)
        self._settled, self._credits = slice(settled, settled + count), slice(credit, credit + count)
        self._only_time = ahead.space.only_time
        self._divided = next((place for place, wanted in enumerate(self._listed) if wanted.divides), len(self._listed))
        self._limited = [place for place, wanted in enumerate(self._listed) if math.isfinite(wanted.limit)]
        self._limits = np.array([self._listed[place].limit for place in self._limited])
        self._known: dict[tuple[int, tuple[tuple[int, int], ...]], list[Sharing]] = {}
        self._edges: dict[tuple[int, State], tuple[list[_OpenEdge], list[Sharing]]] = {}

    def objective(self, place: int, state: State, labels: Labels) -> Floats:
        """Lower bounds on the objective."""
        return self.value(*self.bounds(place, state, labels))

    def value(self, energy_pj: Floats, cycles: Floats) -> Floats:
        """The objective of energies and cycles."""
        return self._rule.of_arrays(energy_pj, cycles)[0]

    def bounds(self, place: int, state: State, labels: Labels, later: int = 0) -> tuple[Floats, Floats]:
        """Lower bounds on energy in pJ and on cycles, both infinite where a limit is broken.

        At a fanout, axes from the ``later``-th on are still unrolled. Where only time counts, the sum of all cycles
        stands in for the energy: it tells which of many mappings that take equally long is likely to be good.
        """
        stage, sums = self._ahead.stages[place], labels.sums
        left = self._left(stage, labels, later)
        least: Floats = sums[:, self._settled] + self._credit(stage, state, labels, left)
        times, cycles = least[:, self._divided :], sums[:, self._columns.compute]
        if self._space.instances_outside(stage.node + 1) > 1:
            divided = self._instances(stage, labels, left)
            times /= divided[:, np.newaxis]
            cycles = cycles / divided
        self._add_open_edges(least, place, state, labels, left)
        least += self._table(place, state, labels, left)
        if times.size:
            cycles = np.maximum(cycles, times.max(axis=1))
        cycles = np.ceil(cycles * (1 - TOLERANCE))
        energy_pj = least.sum(axis=1) if self._only_time else least[:, 0]
        if self._limited:
            broken = (least[:, self._limited] > self._limits * (1 + TOLERANCE)).any(axis=1)
            energy_pj[broken], cycles[broken] = np.inf, np.inf
        return energy_pj, cycles

    def _instances(self, stage: Stage, labels: Labels, left: Ints) -> Ints:
        """The most instances that labels can still be unrolled over, at the fanout of a stage and outside it."""
        outside = self._space.instances_left(stage.node)[labels.points] * left
        return np.minimum(outside, self._space.instances_left(stage.node + 1)[labels.points])

    def _left(self, stage: Stage, labels: Labels, later: int) -> Ints:
        """The most instances of a fanout by which labels can still be unrolled."""
        if stage.kind is not Kind.FANOUT:
            return np.ones(len(labels), dtype=np.int64)
        size = self._space.machine.network_at[stage.node].size
        most = self._most[stage.node][later][size // labels.used]
        return np.minimum(most, self._space.filled[stage.node][labels.points])

    @cached_property
    def _most(self) -> dict[int, list[Ints]]:
        return {
            stage.node: self._most_of(self._space.machine.network_at[stage.node].size, self._ahead.unrolled_axes(stage))
            for stage in self._ahead.stages
            if stage.kind is Kind.FANOUT
        }

    def _most_of(self, size: int, axes: list[Axis]) -> list[Ints]:
        return [most_unrolled(size, axes[later:]) for later in range(len(axes) + 1)]

    def _add_open_edges(self, least: Floats, place: int, state: State, labels: Labels, left: Ints) -> None:
        """Adds what the words of tensors that are not pending still cost: ``least[label, quantity]``."""
        edges, sharing = self._at(place, state)
        if not edges:
            return
        total, apart = np.zeros_like(least), np.zeros_like(least)
        lasts, ends = dict[int, Floats](), dict[int, Floats]()
        for edge in edges:
            words = labels.sums[:, edge.tensor, np.newaxis]
            if edge.shares:
                words = words / left[:, np.newaxis]
            last, before = words * edge.last, words * edge.before
            end = np.maximum(last, edge.last_of_all)
            cost = np.maximum(before + end, edge.all_words)
            if edge.full is not None:
                saved = labels.sums[:, self._columns.first, np.newaxis] * edge.credit
                np.maximum(cost, words * edge.full + saved, out=cost)
            total += cost
            if sharing:
                apart += before
                lasts[edge.tensor], ends[edge.tensor] = last, end
        for together in sharing:
            others = sum((end for tensor, end in ends.items() if tensor not in together.tensors), start=apart)
            columns = together.quantities
            total[:, columns] = np.maximum(total[:, columns], others[:, columns] + together.least(lasts, left))
        least += total

    def _at(self, place: int, state: State) -> tuple[list[_OpenEdge], list[Sharing]]:
        """The edges of tensors that are not pending, those that cost anything, and what they share."""
        if (place, state) not in self._edges:
            space, ahead = self._space, self._ahead
            network = space.machine.network_at.get(ahead.stages[place].node)
            tensors = tuple(tensor for tensor in range(space.num_tensors) if not state.pending >> tensor & 1)
            edges = [
                _OpenEdge.of(
                    tensor,
                    ahead.tail(place, tensor, state.edges[tensor]),
                    space.compulsory_words[tensor],
                    shares=network is not None and space.shares(tensor, network),
                )
                for tensor in tensors
            ]
            self._edges[place, state] = [edge for edge in edges if edge.costs], self._sharing(place, state, tensors)
        return self._edges[place, state]

    def _sharing(self, place: int, state: State, tensors: tuple[int, ...]) -> list[Sharing]:
        """What several tensors have in common at the fanouts to come, for all sets of them that pay for anything."""
        key = place, tuple((tensor, state.edges[tensor].outer) for tensor in tensors)
        if key not in self._known:
            tails = {tensor: self._ahead.tail(place, tensor, state.edges[tensor]) for tensor in tensors}
            sets = (chosen for size in range(2, len(tensors) + 1) for chosen in combinations(tensors, size))
            found = [sharing_of(self._space, self._ahead.stages[place], state, chosen, tails) for chosen in sets]
            self._known[key] = [sharing for sharing in found if sharing.matters]
        return self._known[key]

    def _table(self, place: int, state: State, labels: Labels, left: Ints) -> Floats:
        """What is to come by the tables: `[label, quantity]`."""
        stage = self._ahead.stages[place]
        if stage.kind is not Kind.FANOUT:
            return self._ahead.of_loops(place, state)[labels.points]
        return self._ahead.of_unrolling(place, state)[self._ahead.class_of(stage, left), labels.points]

    def _credit(self, stage: Stage, state: State, labels: Labels, left: Ints) -> Floats:
        """What first visits take off at the most, negative: fanouts still to come multiply it by what they reduce.

        Where a fanout adds at a price, every such step costs as many additions as it saves first visits.
        """
        space, columns = self._space, self._columns
        credit = labels.sums[:, self._credits]
        is_open = bool(state.pending >> space.nest.output & 1)
        if is_open and space.counted.reads_back_to_all:
            credit = credit.copy()
            credit[:, 0] = labels.sums[:, columns.base]
        outside = space.most_reduction(stage.node)
        network = space.machine.network_at.get(stage.node)
        reduces = network is not None and space.reduces(network)
        if outside == 1 and not reduces:
            return credit
        more = np.minimum(outside * left if reduces else outside, space.vectors.reductions[labels.points])
        credit = credit * more[:, np.newaxis]
        if is_open and not space.counted.reads_back_to_all:
            credit[:, 0] = self._credit_with_additions(state, labels, more)
        return credit

    def _credit_with_additions(self, state: State, labels: Labels, more: Floats) -> Floats:
        """The same for the energy while the output is pending, so that its additions are in no other part of the bound.

        The k-fold reduction of the output since its edge began multiplies the credit that it had then, and costs at
        least (k - 1) times the first visits in additions. ``more``: the most that is still to come of it.
        """
        space, columns, output = self._space, self._columns, self._space.nest.output
        base, credit = labels.sums[:, columns.base], labels.sums[:, columns.credit.start]
        inner = state.edges[output].inner
        reducing = [
            network for network in space.machine.networks if network.node < inner and space.shares(output, network)
        ]
        paid = min(network.add_pj for network in reducing) * -labels.sums[:, columns.first]
        begun = np.divide(credit, base, out=np.ones(len(labels)), where=base < 0)
        return base - (begun * more - 1) * np.maximum(0.0, -base - paid)


TOLERANCE = 1e-9
"""Relative rounding of sums in binary64 that a comparison with a limit or a target allows."""
