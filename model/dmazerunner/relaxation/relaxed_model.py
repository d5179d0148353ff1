"""The execution model relaxed, case by case: energy and cycles as sums of monomials and rows over named quantities.

Every row is a lower bound: ``target >= terms + sum of (1 - share / v) * quantity``, where ``v`` is the value of the
row's *divisor* monomial (or any smaller number). The exact cost never lies below what the rows give
(``docs/cpsat_formulation.md`` derives them from ``docs/model.md`` sections 4 and 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...loop_nest import LoopNest
from ..architecture import Architecture
from ..vectorised.batch import DRAM, RF, SPATIAL, SPM, Array, TilingBatch
from .cases import Case
from .monomials import Monomial, Posynomial, factors, footprint, invocations, is_single_variable

ENERGY, CYCLES = "energy", "cycles"
"""The quantities that a relaxation bounds from below: pJ and accelerator cycles of the layer."""

ROUNDING_PJ = 0.5
"""The exact energy is rounded to the nearest integer: the relaxed one may lie above it by this much."""


@dataclass(frozen=True)
class Row:
    """``target >= terms + sum over (name, share) of (1 - share / divisor) * name``; share 0 needs no divisor.

    With ``only_with`` the row holds, or matters, only where that monomial is above 1; its target is then less than
    twice what the row's metric may reach.
    """

    target: str
    terms: Posynomial
    quantities: tuple[tuple[str, int], ...] = ()
    divisor: Monomial | None = None
    only_with: Monomial | None = None


@dataclass(frozen=True)
class Relaxation:
    """Rows of one case, each quantity's rows before the rows that use it; and sums that the traffic limits bound."""

    energy: tuple[Row, ...]
    cycles: tuple[Row, ...]
    dram_elements: Posynomial
    dma_invocations: Posynomial

    def bounds(self, batch: TilingBatch) -> dict[str, Array]:
        """The lower bounds on every quantity for an array of tilings, with every divisor at its exact value."""
        values: dict[str, Array] = {}
        for row in (*self.energy, *self.cycles):
            total = row.terms.value(batch)
            for name, share in row.quantities:
                divisor = np.ones(batch.size) if row.divisor is None else row.divisor.value(batch)
                total = total + (1 - share / divisor) * values[name]
            if row.only_with is not None:
                total = np.where(row.only_with.value(batch) > 1, total, 0.0)
            values[row.target] = np.maximum(values[row.target], total) if row.target in values else np.maximum(total, 0)
        return values


class Formulas:
    """Builds the rows of one case. Letters as in ``docs/model.md``; monomials stand for products of factors."""

    def __init__(self, nest: LoopNest, architecture: Architecture, case: Case) -> None:
        self.nest, self.architecture, self.case = nest, architecture, case
        everywhere = frozenset(range(len(nest.dims)))
        self.output = nest.output
        self.tensors = range(len(nest.tensors))
        self.passes = factors(DRAM, everywhere)  # P
        self.rf_passes = factors(SPM, everywhere)  # R
        self.comp = factors(RF, everywhere)
        self.pes = factors(SPATIAL, everywhere)
        self.groups = factors(SPATIAL, nest.tensors[self.output].dims)
        self.width = factors(SPATIAL, nest.missing_dims(self.output))
        self.rounds = [factors(SPM, everywhere - case.spm_reused(t)) for t in self.tensors]  # R / r_spm
        self.visits = [factors(DRAM, everywhere - case.dram_reused(t)) for t in self.tensors]  # P / r_dram
        self.spm_reuse = [factors(SPM, case.spm_reused(t)) for t in self.tensors]
        self.dram_reuse = [factors(DRAM, case.dram_reused(t)) for t in self.tensors]
        self.rf = [footprint(nest, t, RF) for t in self.tensors]
        self.delivery = [footprint(nest, t, SPATIAL) for t in self.tensors]
        self.tile = [footprint(nest, t, SPM) for t in self.tensors]

    def relaxation(self) -> Relaxation:
        """All rows of the case."""
        cycles = (*self._spm_pass(), *self._layer())
        return Relaxation(tuple(self._energy()), cycles, self._dram_elements(), self._dma_invocations())

    def _sum(self) -> Posynomial:
        return Posynomial(self.nest)

    # Energy (section 4)

    def _energy(self) -> list[Row]:
        """Exact but for a negative coefficient, and for outputs whose indices are not single variables."""
        nest, price = self.nest, self.architecture.access_energy_pj
        terms = self._sum()
        terms.constant = nest.num_macs * (price.mac + nest.rf_accesses_per_mac * price.rf)
        for t in self.tensors:
            if t != self.output:
                deliveries = self._deliveries(t)
                terms.add(price.noc, self.rf[t], self.pes, *deliveries)
                terms.add(price.spm, self.delivery[t], *deliveries)
        for monomials, words in self._dram_terms():
            terms.add(words * price.dram, *monomials)
        return self._output_energy(terms)

    def _deliveries(self, t: int) -> tuple[Monomial, ...]:
        return (self.visits[t],) if t in self.case.skipped else (self.rounds[t], self.passes)

    def _output_energy(self, terms: Posynomial) -> list[Row]:
        """Deliveries of the output and the reduction.

        ``red = rf * groups * (width - 1)``. Its negative part meets the NoC term; should the sum of both be negative,
        it is bounded through ``1 - 1 / width``.
        """
        price, t = self.architecture.access_energy_pj, self.output
        ways = 1 if t in self.case.skipped else 2  # a skipped output is counted once (as published)
        deliveries = self._deliveries(t)
        reduction = 3 * price.rf + price.noc + price.mac
        once = ways * price.noc - reduction
        if is_single_variable(self.nest, t):
            once += ways * price.spm  # then one delivery is rf * groups elements
        else:
            terms.add(ways * price.spm, self.delivery[t], *deliveries)
        terms.add(reduction + min(once, 0.0), self.rf[t], self.pes, *deliveries)
        if once >= 0:
            terms.add(once, self.rf[t], self.groups, *deliveries)
            return [Row(ENERGY, terms)]
        saved = self._sum().add(-once, self.rf[t], self.pes, *deliveries)
        saving = Row("reduction_energy", saved, only_with=self.width)
        return [saving, Row(ENERGY, terms, (("reduction_energy", 1),), self.width)]

    def _dram_terms(self) -> list[tuple[tuple[Monomial, ...], float]]:
        """Elements moved between DRAM and SPM as (monomials, coefficient), the output both ways."""
        nest, out = self.nest, self.output
        terms = [((self.tile[t], self.visits[t]), 1.0) for t in self.tensors if t != out]
        moved = (self.tile[out], self.visits[out])
        first = factors(DRAM, nest.tensors[out].dims)
        if not is_single_variable(nest, out) or self.visits[out] == first:
            return [*terms, (moved, 1.0)]  # 2 * visits - first visits >= visits
        return [*terms, (moved, 2.0), ((self.tile[out], first), -1.0)]  # the second is the whole output: constant

    def _dram_elements(self) -> Posynomial:
        total = self._sum()
        for monomials, coefficient in self._dram_terms():
            total.add(coefficient, *monomials)
        return total

    def _dma_invocations(self) -> Posynomial:
        total = self._sum()
        for t in self.tensors:
            total.add(1.0, invocations(self.nest, t), self.visits[t])
        return total

    # Cycles of the SPM passes (section 5); every quantity is summed over all P passes

    def _spm_pass(self) -> list[Row]:
        """``delivered``: what every RF pass takes without stalls; ``stall``: where the output is delivered."""
        case, passes, rounds = self.case, self.passes, self.rf_passes
        moved = [t for t in self.tensors if t not in case.skipped]
        always = [t for t in moved if not case.spm_reused(t)]
        stalls, stalled = self.output in moved, self.output in always
        rows = self._stall() if stalls else []
        if not stalled:
            rows.append(Row("delivered", self._sum().add(1.0, self.comp, rounds, passes)))
        rows += [Row("delivered", self._sum().add(1.0, self.delivery[t], rounds, passes)) for t in always]
        base = (("delivered", 0),) if always or not stalled else ()
        stall = (("stall", 0),) if stalls else ()
        rows.append(Row("spm", self._sum(), (*base, *stall)))
        for t in (t for t in moved if case.spm_reused(t)):
            terms = self._sum().add(1.0, self.delivery[t], self.rounds[t], passes)
            divided = (("delivered", 1),) if base else ()
            rows.append(Row("spm", terms, (*divided, *stall), self.spm_reuse[t]))
        if stalled and is_single_variable(self.nest, self.output):
            terms = (
                self._sum().add(1.0, self.comp, rounds, passes).add(1.0, self.rf[self.output], self.pes, rounds, passes)
            )
            rows.append(Row("spm", terms))  # its delivery and the reduction: rf * groups + rf * groups * (width - 1)
        return rows

    def _stall(self) -> list[Row]:
        """``comp + red`` at every delivery of the output; ``red = rf * pes * (1 - 1 / width)``."""
        deliveries = (self.rounds[self.output], self.passes)
        whole = self._sum().add(1.0, self.rf[self.output], self.pes, *deliveries)
        terms = self._sum().add(1.0, self.comp, *deliveries)
        return [Row("reduction", whole, only_with=self.width), Row("stall", terms, (("reduction", 1),), self.width)]

    # Cycles of the layer (section 5)

    def _layer(self) -> list[Row]:
        """``first``: what every SPM pass takes; then what moves every r-th pass only, and what skipping costs."""
        every = self._sum()
        for t in self.tensors:
            if not self.case.dram_reused(t):
                self._add_dma(every, t, self.passes, 2.0 if t == self.output else 1.0)
        rows = [
            Row("first", self._sum(), (("spm", 0),)),
            Row("first", every),
            Row(CYCLES, self._sum(), (("first", 0),)),
        ]
        for t in (t for t in self.tensors if self.case.dram_reused(t)):
            rows += self._reused_at_dram(t)
        return rows

    def _reused_at_dram(self, t: int) -> list[Row]:
        nest, visits, reuse = self.nest, self.visits[t], self.dram_reuse[t]
        dma = self._sum()
        self._add_dma(dma, t, visits, 1.0)
        for other in self.tensors:
            if not self.case.dram_reused(other):
                self._add_dma(dma, other, visits, 2.0 if other == self.output else 1.0)
        rows = [Row(CYCLES, dma, (("first", 1),), reuse)]
        if t == self.output:
            twice = Posynomial(nest, {m: 2 * c for m, c in dma.terms.items()}, 2 * dma.constant)
            rows.append(Row(CYCLES, twice, (("first", 2),), reuse, only_with=reuse))
        if t not in self.case.skipped:
            return rows
        passes_between = reuse * self.rf_passes
        late = self._sum().add(1.0, self.delivery[t], visits)
        if t != self.output:
            return [*rows, Row(CYCLES, late, (("spm", 1),), passes_between)]
        rows.append(Row("late_reduction", self._sum().add(1.0, self.rf[t], self.pes, visits), only_with=self.width))
        stalled = self._sum().add(1.0, self.comp, visits)
        rows.append(Row("late_stall", stalled, (("late_reduction", 1),), self.width))
        rows.append(Row(CYCLES, self._sum(), (("spm", 0), ("late_stall", 0))))
        if is_single_variable(nest, t):  # its delivery and the reduction together
            late = self._sum().add(1.0, self.rf[t], self.pes, visits)
        return [*rows, Row(CYCLES, late.add(1.0, self.comp, visits), (("spm", 1),), passes_between)]

    def _add_dma(self, total: Posynomial, t: int, times: Monomial, ways: float) -> None:
        """DMA cycles of a tensor's SPM tile, so many times; the ceiling per invocation is dropped."""
        dma = self.architecture.dma
        clock = self.architecture.clock_mhz / dma.clock_mhz
        per_element = dma.cycles_per_byte * self.architecture.bytes_per_element * clock
        total.add(ways * dma.init_cycles * clock, invocations(self.nest, t), times)
        total.add(ways * per_element, self.tile[t], times)


def relax(nest: LoopNest, architecture: Architecture, case: Case) -> Relaxation:
    """The relaxed execution model of one case."""
    return Formulas(nest, architecture, case).relaxation()
