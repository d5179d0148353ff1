"""The best orders of every tiling of a batch, without trying all pairs of reuse classes.

For nests in which several tensors can be reused at once the classes are many: tens for an MTTKRP, thousands for nests
of ten dimensions. Here every tiling has the classes of the dimensions that iterate in it alone, and every order of one
level has lower bounds on energy and cycles, whatever the order of the other level is: only the pairs that these leave
are costed (``docs/reuse_classes.md`` section 8). Entries are flat arrays, one entry for each tiling and class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...loop_nest import LoopNest
from ..architecture import Architecture
from ..reuse import ReuseClass
from .batch import DRAM, SPM, Array, Indices, Mask, TilingBatch
from .level_terms import DramTerms, SharedTerms, SpmTerms
from .order_choices import Entries, OrderChoices, level_reuse, pieces, repeated
from .order_query import Best, OrderQuery, Permit, Rules


class BestOrders:
    """Searches the pairs of reuse classes: the :class:`.order_query.OrderSearch` for nests that have many."""

    def __init__(self, nest: LoopNest, architecture: Architecture) -> None:
        self._nest, self._architecture, self._choices = nest, architecture, OrderChoices(nest)

    def best(self, batch: TilingBatch, query: OrderQuery) -> Best:
        """The best orders' objective of every tiling of a batch, as far as it is asked for."""
        shared = SharedTerms(batch, self._architecture, query.costing.run)
        values, ties = self._whatever_the_orders(batch, shared, query)
        open_ones = np.flatnonzero(_within((values, ties), *query.limit))
        values[open_ones] = ties[open_ones] = np.inf
        part, left = shared.taken(open_ones), TilingBatch(batch.nest, batch.levels[:, :, open_ones])
        spm, dram = self._choices.of_tilings(left)
        for columns in pieces(spm.count + dram.count):
            rows = _Search(part.taken(columns), spm.entries(columns), dram.entries(columns), query).run()
            places, good = open_ones[columns[rows.column]], _within((rows.value, rows.tie), *query.limit)
            values[places] = np.where(good, rows.value, query.limit[0])
            ties[places] = np.where(good, rows.tie, np.inf)
        return Best(values, ties)

    def _whatever_the_orders(self, batch: TilingBatch, shared: SharedTerms, query: OrderQuery) -> tuple[Array, Array]:
        """What tilings come to at least if every tensor could be reused over all that it misses, at both levels."""
        missing = [self._nest.missing_dims(t) for t in shared.tensors]
        spm, dram = ([batch.product(level, dims) for dims in missing] for level in (SPM, DRAM))
        dram_terms = DramTerms(shared, level_reuse(dram, shared.spm_passes))
        spm_terms = SpmTerms(shared, level_reuse(spm, shared.rf_passes))
        energy, cycles = spm_lower_bounds(spm_terms, dram, query.costing.rules, any_order=True)
        return query.objective.of_arrays(
            np.rint(energy + dram_terms.dram_energy_pj), np.maximum(cycles, transfers(shared, dram_terms))
        )

    def permitted(self, batch: TilingBatch, permit: Permit) -> Mask:
        """Which tilings of a batch have a DRAM order that is permitted."""
        shared, (_, dram) = SharedTerms(batch, self._architecture), self._choices.of_tilings(batch)
        mask: Mask = np.zeros(batch.size, dtype=np.bool_)
        for columns in pieces(dram.count):
            entries = dram.entries(columns)
            part = shared.taken(columns[entries.column])
            kept = permit(part, DramTerms(part, entries.reuse(part.spm_passes)))
            mask[columns] = np.logical_or.reduceat(kept, entries.starts)
        return mask

    def orders(self, batch: TilingBatch, query: OrderQuery) -> tuple[ReuseClass, ReuseClass] | None:
        """Classes (SPM, DRAM) of the best orders of a batch of one tiling; ``None`` where no orders are permitted."""
        shared = SharedTerms(batch, self._architecture)
        spm, dram = self._choices.of_tilings(batch)
        only = np.zeros(1, dtype=np.int64)
        rows = _Search(shared, spm.entries(only), dram.entries(only), query).run()
        if not len(rows.column):
            return None
        return spm.classes[0][int(rows.spm[0])], dram.classes[0][int(rows.dram[0])]


@dataclass(frozen=True)
class _Rows:
    """Costed pairs of entries: tiling, objective, other metric, and the entries' numbers among the tiling's."""

    column: Indices
    value: Array
    tie: Array
    spm: Indices
    dram: Indices

    def best(self) -> _Rows:
        """The best row of every tiling, the first pair of equal ones."""
        order = np.lexsort((self.dram, self.spm, self.tie, self.value, self.column))
        order = order[self.value[order] < np.inf]
        first = order[np.flatnonzero(np.diff(self.column[order], prepend=-1))]
        return _Rows(self.column[first], self.value[first], self.tie[first], self.spm[first], self.dram[first])

    def with_rows(self, other: _Rows) -> _Rows:
        """These rows and others."""
        names = ("column", "value", "tie", "spm", "dram")
        return _Rows(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


class _Search:
    """The search for the best pair of entries of every one of some tilings."""

    def __init__(self, shared: SharedTerms, spm: Entries, dram: Entries, query: OrderQuery) -> None:
        self._shared, self._spm, self._dram, self._query = shared, spm, dram, query
        self._dram_energy, self._dram_cycles = self._dram_lower_bounds(query.costing.permit)
        self._spm_energy, self._spm_cycles = self._spm_lower_bounds()

    def run(self) -> _Rows:
        """The best pairs, one for every tiling that has any."""
        rows = self._costed(*self._guess()).best()
        values, ties = (np.full(self._shared.size, limit) for limit in self._query.limit)
        _lower(values, ties, rows)
        for spm, dram in self._pairs_within(values, ties):
            rows = rows.with_rows(self._costed(spm, dram)).best()
            _lower(values, ties, rows)
        return rows

    def _dram_lower_bounds(self, permit: Permit | None) -> tuple[Array, Array]:
        """Energy of DRAM, and the cycles that all transfers take one after the other, for every DRAM entry."""
        shared = self._shared.taken(self._dram.column)
        terms = DramTerms(shared, self._dram.reuse(shared.spm_passes))
        energy = (
            terms.dram_energy_pj if permit is None else np.where(permit(shared, terms), terms.dram_energy_pj, np.inf)
        )
        return energy, transfers(shared, terms)

    def _spm_lower_bounds(self) -> tuple[Array, Array]:
        """The rest of the energy, and the cycles of all SPM passes, for every SPM entry with the best of DRAM reuse."""
        shared = self._shared.taken(self._spm.column)
        most = [np.maximum.reduceat(factor, self._dram.starts)[self._spm.column] for factor in self._dram.factors]
        return spm_lower_bounds(SpmTerms(shared, self._spm.reuse(shared.rf_passes)), most, self._query.costing.rules)

    def _least_of_pairs(self, spm: Indices | Mask, dram: Indices | Mask) -> tuple[Array, Array]:
        """What pairs of entries come to at least."""
        energy = np.rint(self._spm_energy[spm] + self._dram_energy[dram])
        return self._query.objective.of_arrays(energy, np.maximum(self._spm_cycles[spm], self._dram_cycles[dram]))

    def _least_of_entries(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """What entries of either level come to at least, whatever they are paired with."""
        spm_energy, spm_cycles, dram_energy, dram_cycles = (
            np.minimum.reduceat(values, entries.starts)
            for values, entries in (
                (self._spm_energy, self._spm),
                (self._spm_cycles, self._spm),
                (self._dram_energy, self._dram),
                (self._dram_cycles, self._dram),
            )
        )
        of_spm, of_dram = self._spm.column, self._dram.column
        with_dram = np.rint(self._spm_energy + dram_energy[of_spm]), np.maximum(self._spm_cycles, dram_cycles[of_spm])
        with_spm = np.rint(spm_energy[of_dram] + self._dram_energy), np.maximum(self._dram_cycles, spm_cycles[of_dram])
        return self._query.objective.of_arrays(*with_dram), self._query.objective.of_arrays(*with_spm)

    def _guess(self) -> tuple[Indices, Indices]:
        """The entries that look best, one of either level for every tiling."""
        firsts: list[Indices] = []
        for entries, (values, ties) in zip((self._spm, self._dram), self._least_of_entries(), strict=True):
            order = np.lexsort((ties, values, entries.column))
            firsts.append(order[np.flatnonzero(np.diff(entries.column[order], prepend=-1))])
        return firsts[0], firsts[1]

    def _pairs_within(self, values: Array, ties: Array) -> Iterator[tuple[Indices, Indices]]:
        """Pairs of entries that may be as good as what is known; the latter may improve meanwhile."""
        kept: list[Indices] = []
        for entries, least in zip((self._spm, self._dram), self._least_of_entries(), strict=True):
            kept.append(np.flatnonzero(_within(least, values[entries.column], ties[entries.column])))
        spm, dram = kept
        counts = np.bincount(self._dram.column[dram], minlength=self._shared.size)
        starts = np.cumsum(counts) - counts
        for part in pieces(counts[self._spm.column[spm]]):
            own = self._spm.column[spm[part]]
            rows, numbers = repeated(counts[own])
            first, second, column = spm[part][rows], dram[starts[own][rows] + numbers], own[rows]
            open_ones = _within(self._least_of_pairs(first, second), values[column], ties[column])
            if open_ones.any():
                yield first[open_ones], second[open_ones]

    def _costed(self, spm: Indices, dram: Indices) -> _Rows:
        column = self._spm.column[spm]
        shared = self._shared.taken(column)
        spm_terms = SpmTerms(shared, self._spm.reuse(shared.rf_passes, spm))
        dram_terms = DramTerms(shared, self._dram.reuse(shared.spm_passes, dram))
        values, ties = self._query.objective.of_arrays(*self._query.costing.rules.costs(spm_terms, dram_terms))
        permitted = self._dram_energy[dram] < np.inf
        values, ties = np.where(permitted, values, np.inf), np.where(permitted, ties, np.inf)
        return _Rows(column, values, ties, self._spm.number(spm), self._dram.number(dram))


def transfers(shared: SharedTerms, terms: DramTerms) -> Array:
    """Cycles of all DMA transfers one after the other, which a layer takes at least."""
    moved = (ways * cycles * n for ways, cycles, n in zip(shared.ways, shared.dma_cycles, terms.visits, strict=True))
    return sum(moved, start=np.zeros(shared.size))


def spm_lower_bounds(
    terms: SpmTerms, dram_reuse: Sequence[Array], rules: Rules, *, any_order: bool = False
) -> tuple[Array, Array]:
    """Energy but for DRAM's, and cycles of all SPM passes, with DRAM reuse of at most the given factors.

    With ``any_order`` the reuse of the terms is the most that any order has. An order that reuses the output less may
    take fewer cycles (``docs/reuse_classes.md`` section 6), so that then neither its deliveries nor its stalls are
    counted.
    """
    shared = terms.shared
    skipped = {t: terms.whole[t] & (reuse > 1) for t, reuse in enumerate(dram_reuse)}
    skipped = {t: mask for t, mask in skipped.items() if mask.any()}
    energy = terms.energy_pj(skipped, [shared.spm_passes / reuse for reuse in dram_reuse])
    of_output = terms.reuse[shared.output]
    if any_order and of_output is not None:
        skipped = {**skipped, shared.output: skipped.get(shared.output, False) | (of_output > 1)}
    return energy, rules.pass_cycles(terms, skipped) * shared.spm_passes


def _lower(values: Array, ties: Array, rows: _Rows) -> None:
    """Take over what the rows have that is better, in place."""
    better = _within((rows.value, rows.tie), values[rows.column], ties[rows.column])
    places = rows.column[better]
    values[places], ties[places] = rows.value[better], rows.tie[better]


def _within(found: tuple[Array, Array], values: Array | float, ties: Array | float) -> Mask:
    """Where something is as good as known values, and finite."""
    value, tie = found
    return (value < values) | ((value == values) & (tie <= ties) & (value < np.inf))
