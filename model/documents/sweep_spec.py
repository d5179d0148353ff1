"""The spec of a design sweep: a spec of one architecture, and which of its values to vary (``docs/sweeps.md``)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from ..base import Flag, Model, PositiveInt, Price, Rate, Ratio, Text
from .result import Number
from .spec import Spec

MAX_VALUES = 10_000
"""Most values of one field: more are a slip of the pen, a step of 0.001 instead of 1."""

StrictInt = Annotated[int, Field(strict=True)]
StrictFloat = Annotated[float, Field(strict=True)]


class Range(Model):
    """The values from ``from`` in equal steps, ``to`` included where a step ends there.

    Steps are taken in decimal, so that 0.1 to 0.3 by 0.1 is 0.1, 0.2, 0.3.
    """

    from_: StrictInt | StrictFloat = Field(alias="from")
    """The first value."""
    to: StrictInt | StrictFloat
    """The largest value that may be reached."""
    step: StrictInt | StrictFloat
    """What each value adds to the one before; above 0."""

    @model_validator(mode="after")
    def _rises(self) -> Range:
        if self.step <= 0:
            raise ValueError(f"step: expected a number above 0, got {self.step}")
        if self.to < self.from_:
            raise ValueError(f"to: expected at least from, which is {self.from_}, got {self.to}")
        if self._num_steps() >= MAX_VALUES:
            raise ValueError(f"step: expected at most {MAX_VALUES} values in all, got {self._num_steps() + 1}")
        return self

    def values(self) -> tuple[Number, ...]:
        """The values, rising; integers if all three numbers are."""
        start, _, step = self._decimal()
        exact = [start + number * step for number in range(self._num_steps() + 1)]
        whole = all(isinstance(given, int) for given in (self.from_, self.to, self.step))
        return tuple(int(value) if whole else float(value) for value in exact)

    def _decimal(self) -> tuple[Fraction, Fraction, Fraction]:
        start, end, step = (Fraction(repr(given)) for given in (self.from_, self.to, self.step))
        return start, end, step

    def _num_steps(self) -> int:
        start, end, step = self._decimal()
        return math.floor((end - start) / step)


class PowersOfTwo(Model):
    """All powers of two from the first to the second one."""

    powers_of_two: tuple[PositiveInt, PositiveInt]
    """The first and the last value, powers of two both."""

    @model_validator(mode="after")
    def _rises(self) -> PowersOfTwo:
        low, high = self.powers_of_two
        for position, limit in enumerate(self.powers_of_two):
            if limit & (limit - 1):
                raise ValueError(f"powers_of_two.{position}: expected a power of two, got {limit}")
        if high < low:
            raise ValueError(f"powers_of_two.1: expected at least {low}, got {high}")
        return self

    def values(self) -> tuple[Number, ...]:
        """The values, rising."""
        low, high = (limit.bit_length() for limit in self.powers_of_two)
        return tuple(1 << power for power in range(low - 1, high))


def _form_of_values(value: Any) -> str:
    if isinstance(value, Range) or (isinstance(value, dict) and any(key in value for key in ("from", "to", "step"))):
        return "range"
    return "powers" if isinstance(value, PowersOfTwo | dict) else "list"


Setting = StrictInt | StrictFloat | Flag | Text
"""A value of a field: a number, and on hierarchies also true or false, or a word such as `must`."""

ValueList = Annotated[tuple[Setting, ...], Field(min_length=1, max_length=MAX_VALUES)]
AxisValues = Annotated[
    Annotated[ValueList, Tag("list")] | Annotated[Range, Tag("range")] | Annotated[PowersOfTwo, Tag("powers")],
    Discriminator(_form_of_values),
]
Axis = Annotated[dict[Text, AxisValues], Field(min_length=1)]
"""What varies together: fields of the architecture by their dotted path, all with as many values."""


def values_of(given: tuple[Setting, ...] | Range | PowersOfTwo) -> tuple[Setting, ...]:
    """The values of a field, however they are given."""
    return given if isinstance(given, tuple) else given.values()


class PriceTable(Model):
    """Energy per access as a table over a capacity (or a count)."""

    by: Text
    """Path of the capacity or count that the energy follows."""
    table: Annotated[dict[Text, Price], Field(min_length=1)]
    """Energy in pJ per access by the capacity's value."""

    @model_validator(mode="after")
    def _keys_are_numbers(self) -> PriceTable:
        for key in self.table:
            if _number(key) is None:
                raise ValueError(f"table: expected capacities as keys, got '{key}'")
        return self

    def price_pj(self, capacity: Number) -> float | None:
        """The energy at a capacity; ``None`` when the table has no such entry."""
        return next((price for key, price in self.table.items() if _number(key) == capacity), None)

    def capacities(self) -> tuple[str, ...]:
        """The capacities that there is an energy for."""
        return tuple(self.table)


class PowerLaw(Model):
    """Energy per access in pJ as a power of a capacity (or a count): ``base_pj * (capacity / at) ** exponent``."""

    by: Text
    """Path of the capacity or count that the energy follows."""
    base_pj: Price
    """Energy in pJ per access at the capacity `at`."""
    at: Rate
    """Capacity (or count) at which the energy is `base_pj`."""
    exponent: Annotated[float, Field(strict=True, ge=-10, le=10)] = 1.0
    """Power of the capacity's ratio to `at`."""

    def price_pj(self, capacity: Number) -> float | None:
        """The energy at a capacity; ``None`` where it is beyond all numbers."""
        try:
            return self.base_pj * (capacity / self.at) ** self.exponent
        except (OverflowError, ZeroDivisionError):
            return None

    def capacities(self) -> tuple[str, ...]:
        """None that would stand out: all have an energy."""
        return ()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _form_of_price(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    return "table" if isinstance(value, PriceTable) or (isinstance(value, dict) and "table" in value) else "power law"


def _form_of_rule(value: Any) -> str:
    return "table" if _form_of_price(value) == "table" else "power law"


PriceRule = Annotated[
    Annotated[Text, Tag("name")] | Annotated[PriceTable, Tag("table")] | Annotated[PowerLaw, Tag("power law")],
    Discriminator(_form_of_price),
]


FollowedRule = Annotated[
    Annotated[PriceTable, Tag("table")] | Annotated[PowerLaw, Tag("power law")],
    Discriminator(_form_of_rule),
]
"""How a price of a hierarchy follows a capacity."""


class EnergyRules(Model):
    """How energies per access follow from capacities; the name of an energy table stands for its entry."""

    rf: PriceRule | None = None
    """Energy in pJ of an access to a register file: how it follows a capacity; the base architecture's if null."""
    noc: PriceRule | None = None
    """Energy in pJ of an element on the NoC: how it follows a capacity; the base architecture's if null."""
    spm: PriceRule | None = None
    """Energy in pJ of an access to the SPM: how it follows a capacity; the base architecture's if null."""
    dram: PriceRule | None = None
    """Energy in pJ of an access to DRAM: how it follows a capacity; the base architecture's if null."""
    mac: PriceRule | None = None
    """Energy in pJ of a multiply-accumulate: how it follows a capacity; the base architecture's if null."""

    def given(self) -> Iterator[tuple[str, str | PriceTable | PowerLaw]]:
        """The rules that are given, by the access that they are for."""
        for part in type(self).model_fields:
            rule: str | PriceTable | PowerLaw | None = getattr(self, part)
            if rule is not None:
                yield part, rule


class EnergyTable(Model):
    """A file of energies per access, such as the built-in ``dmazerunner-2019``."""

    name: Text
    """What the table is called."""
    source: Text
    """Where the energies are from."""
    access_energy_pj: EnergyRules
    """How each energy per access, in pJ, follows a capacity."""


class AreaWeights(Model):
    """What a byte of register file and a byte of SPM count in the area proxy of a published architecture."""

    rf: Price = 1.0
    """What a byte of a register file counts."""
    spm: Price = 1.0
    """What a byte of the SPM counts."""


AnyAreaWeights: TypeAlias = AreaWeights | dict[str, float]

AreaWeightsField = Annotated[AreaWeights | dict[Text, Price], Field(union_mode="left_to_right")]
"""Weights of the area proxy: of a published architecture's two memories, or of a hierarchy's levels by their names."""


def _form_of_rules(value: Any) -> str:
    return "name" if isinstance(value, str) else "object"


class Sweep(Model):
    """Which architectures to try: the product of the axes, each of which varies one field or several together."""

    axes: Annotated[tuple[Axis, ...], Field(min_length=1)]
    """What varies: every combination of a value from each axis is a design. Fields of one axis vary together."""
    access_energy_pj: Annotated[
        Annotated[Text, Tag("name")] | Annotated[EnergyRules, Tag("object")], Discriminator(_form_of_rules)
    ] = EnergyRules()
    """How energies per access in pJ follow capacities, or the name of a table; those not given are the base
    architecture's."""
    prices: dict[Text, FollowedRule] = Field(default_factory=dict[str, PriceTable | PowerLaw])
    """On hierarchies: how prices in pJ follow capacities, by the path of each price."""
    pareto: Flag = False
    """Whether to ask for the front of total energy, total cycles and area proxy instead of one objective."""
    prove_best: Flag = False
    """Whether only the best design is asked for: bounds exclude others without solving all of their layers."""
    front_tolerance: Ratio = 1e-3
    """Relative difference below which combinations of mappings count as one in the front; 0 for none."""
    area_weights: AreaWeightsField = AreaWeights()
    """Weights of a byte in the area proxy, by memory or level."""

    @model_validator(mode="after")
    def _one_question(self) -> Sweep:
        if self.prove_best and self.pareto:
            raise ValueError("prove_best: expected false beside pareto, which asks for a front")
        return self


class SweepSpec(Spec):
    """A spec whose architecture is the base of a design sweep. ``solver.workers`` counts processes."""

    sweep: Sweep
    """Which architectures to try."""
