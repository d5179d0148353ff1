"""Lower bounds over a whole case without any search: every monomial at its least value."""

from __future__ import annotations

from collections.abc import Sequence

from ...loop_nest import LoopNest
from ...objectives import SAFE
from ..architecture import Architecture
from .monomials import Posynomial
from .relaxed_model import CYCLES, ENERGY, ROUNDING_PJ, Relaxation, Row
from .value_ranges import ValueRanges


def least_of(total: Posynomial, ranges: ValueRanges) -> float:
    """A lower bound on a sum of monomials."""
    return total.constant + sum(c * ranges(monomial).least for monomial, c in total.terms.items())


def analytic_bounds(
    nest: LoopNest, architecture: Architecture, relaxation: Relaxation, ranges: ValueRanges
) -> dict[str, float]:
    """Lower bounds on the exact energy (pJ, rounded as the model rounds) and cycles of every mapping of a case."""
    energy = _least_quantities(relaxation.energy, ranges)[ENERGY]
    cycles = _least_quantities(relaxation.cycles, ranges)[CYCLES]
    busy = nest.num_macs / architecture.pes
    return {ENERGY: max(0.0, energy * SAFE - ROUNDING_PJ), CYCLES: max(1.0, busy * SAFE, cycles * SAFE)}


def _least_quantities(rows: Sequence[Row], ranges: ValueRanges) -> dict[str, float]:
    values: dict[str, float] = {}
    for row in rows:
        if row.only_with is not None and ranges(row.only_with).least <= 1:
            values.setdefault(row.target, 0.0)
            continue
        divisor = max(1.0, ranges(row.divisor).least) if row.divisor is not None else 1.0
        weights = [1 - share / divisor if row.divisor is not None else 1.0 for _, share in row.quantities]
        if all(weight >= 0 for weight in weights):
            parts = (w * values[name] for w, (name, _) in zip(weights, row.quantities, strict=True))
            values[row.target] = max(values.get(row.target, 0.0), least_of(row.terms, ranges) + sum(parts))
    return values
