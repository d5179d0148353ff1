"""What a user may ask of a mapping onto a hierarchy, as public JSON (``docs/contract.md`` section 5)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from ...base import Factor, Flag, Model, Ratio, Text
from ..machine import Keep

Words = Annotated[int, Field(strict=True, ge=0, le=2**62)]
FactorsByNode = dict[Text, dict[Text, Factor]]


class LevelConstraints(Model):
    """Everything that narrows the space of mappings of a layer onto a hierarchy; each holds for every layer."""

    preset: ClassVar[None] = None
    """There are no presets for hierarchies."""

    fixed: FactorsByNode = Field(default_factory=dict[str, dict[str, int]])
    """Factors by dimension and node that are given; what is left out is free."""
    min_factor: FactorsByNode = Field(default_factory=dict[str, dict[str, int]])
    """Least factors by dimension and node."""
    max_factor: FactorsByNode = Field(default_factory=dict[str, dict[str, int]])
    """Largest factors by dimension and node."""
    dims: dict[Text, tuple[Text, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """For each fanout the only dimensions that may be unrolled there."""
    orders: dict[Text, tuple[Text, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """For each level dimensions, the outermost first: its loops over them stand in this order, inside all others."""
    innermost: dict[Text, Text] = Field(default_factory=dict[str, str])
    """For each level the dimension whose loop, if there is one, is its innermost."""
    keep: dict[Text, dict[Text, Keep]] = Field(default_factory=dict[str, dict[str, Keep]])
    """For each level and tensor (or selector) whether it must, may or must not be kept there."""
    min_utilization: dict[Text, Ratio] = Field(default_factory=dict[str, float])
    """Least share by node: of the instances of a fanout, of the bytes of a storage level."""
    max_words: dict[Text, Words] = Field(default_factory=dict[str, int])
    """For each level the most words that it reads and writes, all instances and tensors together."""
    no_spatial_reduction: Flag = False
    """Whether only dimensions that index the output may be unrolled."""

    @model_validator(mode="after")
    def _not_contradictory(self) -> LevelConstraints:
        faults = [
            f"innermost.{level}: expected {order[-1]!r}, with which orders.{level} ends, got {self.innermost[level]!r}"
            for level, order in self.orders.items()
            if order and level in self.innermost and self.innermost[level] != order[-1]
        ]
        faults += [
            f"orders.{level}: expected every dimension once"
            for level, order in self.orders.items()
            if len(set(order)) < len(order)
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self
