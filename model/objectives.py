"""What is minimised: every objective is one entry of :data:`OBJECTIVES`, and nothing else knows one from another.

An objective is a product of powers of energy (pJ) and cycles. Values of single metrics are integers; products are
binary64, as the exact model has them (``docs/model.md``, EDP).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Objective = Literal["edp", "energy", "latency"]
Metric = Literal["energy_pj", "cycles"]

SAFE = 1 - 1e-12
"""Takes a lower bound below what rounding of its sums and products could have added."""


@dataclass(frozen=True)
class ObjectiveRule:
    """``energy_pj ** energy_power * cycles ** cycles_power``, ties decided by the metric ``tie``.

    ``title`` is what reports and pictures call its values, which are in ``unit``.
    """

    name: Objective
    title: str
    energy_power: int
    cycles_power: int
    tie: Metric
    unit: str

    @property
    def is_integer(self) -> bool:
        """Whether its values are integers: those of a single metric are."""
        return self.energy_power + self.cycles_power == 1

    @property
    def title_of_sum(self) -> str:
        """What a sum over layers is called: that of a single metric is the metric of the whole."""
        return self.title if self.is_integer else f"sum of {self.title}s"

    def value_text(self, value: int | float) -> str:
        """A value as reports show it: counts in full, products to seven digits.

        Example:
            >>> OBJECTIVES["energy"].value_text(1234567), OBJECTIVES["edp"].value_text(1234567)
            ('1,234,567', '1.234567e+06')
        """
        return f"{value:,}" if self.is_integer else f"{value:.6e}"

    def bound_text(self, bound: float) -> str:
        """A lower bound as reports show it, rounded down where values are counts."""
        return self.value_text(math.floor(bound) if self.is_integer else bound)

    def of_arrays(self, energy_pj: Array, cycles: Array) -> tuple[Array, Array]:
        """Values and the metric that breaks ties, element by element; neither falls as energy and cycles rise."""
        value, *others = [energy_pj] * self.energy_power + [cycles] * self.cycles_power
        for factor in others:
            value = value * factor
        return value, energy_pj if self.tie == "energy_pj" else cycles

    def of_cost(self, energy_pj: int | float, cycles: int) -> int | float:
        """The value of one exact cost: an integer for a single metric, else a binary64 product."""
        factors = [energy_pj] * self.energy_power + [cycles] * self.cycles_power
        return factors[0] if self.is_integer else math.prod(map(float, factors))

    def rank_key(self, energy_pj: int | float, cycles: int) -> tuple[int | float, int | float]:
        """What exact costs are sorted by: the value, then the metric that breaks ties."""
        return self.of_cost(energy_pj, cycles), energy_pj if self.tie == "energy_pj" else cycles

    def lower_bound(self, energy_pj: float, cycles: float) -> float:
        """A lower bound on the value, from lower bounds on energy and cycles."""
        factors = [float(energy_pj)] * self.energy_power + [float(cycles)] * self.cycles_power
        return factors[0] if self.is_integer else math.prod(factors) * SAFE

    def sum_of_bounds(self, counted: Sequence[tuple[int, float]]) -> float:
        """A lower bound on a sum of values times counts, from lower bounds on the values.

        Products are summed in binary64 in the order given, values and bounds alike: as rounding is monotonic, the sum
        of the bounds is no more than the sum of the values.
        """
        if self.is_integer:
            return float_below(sum((count * Fraction(bound) for count, bound in counted), Fraction(0)))
        return float(sum(count * bound for count, bound in counted))

    def largest_below(self, limit: float) -> float:
        """The largest value below a limit that the objective can have; infinity where there is no limit."""
        if limit == math.inf:
            return limit
        return math.ceil(limit) - 1 if self.is_integer else math.nextafter(limit, 0.0)

    def largest_improving(self, value: float, relative_gap: float | None) -> float:
        """The largest value that improves on another one by a relative gap; without a gap, by as little as can be."""
        if value == math.inf or relative_gap is None:
            return self.largest_below(value)
        return value * (1 - relative_gap)


OBJECTIVES: Mapping[Objective, ObjectiveRule] = {
    rule.name: rule
    for rule in (
        ObjectiveRule("edp", "EDP", 1, 1, tie="cycles", unit="pJ*cycles"),
        ObjectiveRule("energy", "energy", 1, 0, tie="cycles", unit="pJ"),
        ObjectiveRule("latency", "cycles", 0, 1, tie="energy_pj", unit="cycles"),
    )
}
"""All objectives by name."""


def float_below(number: float | Fraction) -> float:
    """The largest binary64 number that is not above the given one."""
    nearest = float(number)
    return nearest if nearest <= number else math.nextafter(nearest, -math.inf)
