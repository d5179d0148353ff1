"""What ``explain`` says of a layer of a result, as a public document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...base import Flag, Model, Text
from ...cost_model import DEFAULT_COST_MODEL
from ...hierarchy.accountings import AccountingName
from ...objectives import Objective
from ..kinds.accounted import AccountedDocument
from ..result import NetworkShare, Number, Solution, Status


class FieldChangeDocument(Model):
    """A value of the machine or of the constraints, as it is and as it was asked about."""

    field: Text
    """Which one: a path such as `spm.banks`, `nodes.GLB.capacity_bytes` or `constraints.min_utilization.pe`."""
    old: Number
    """Its value in the result, in the field's own unit."""
    new: Number
    """The value that was asked about, in the field's own unit."""


class CostFactors(Model):
    """A cost over that of the result's best mapping: below 1 it is better."""

    objective: float | None
    """The objective's value over the present one; null where that is 0."""
    energy: float | None
    """Energy over the present one (both in pJ); null where that is 0."""
    cycles: float
    """Cycles over the present ones."""


class WhatIf(Model):
    """What the layer would cost with one thing changed, from a search of its own; prices stay as they are."""

    what: Text
    """The change in words."""
    changes: tuple[FieldChangeDocument, ...]
    """The changed fields."""
    status: Status
    """As in a result; `unknown` where time was up before anything was found."""
    proved: Flag
    """Whether this is the last word: the result's own mapping is proved, and so is this one, or that there is none."""
    factors: CostFactors | None = None
    """The best mapping's cost over the present one; null without a mapping."""
    least_factor: float | None = None
    """No mapping has an objective below this one over the present one; null where no bound is known."""
    solution: Solution | None = None
    """The best mapping found with its cost; null without one."""
    conflicts: tuple[str, ...] = ()
    """Where no mapping exists: the constraints and capacities that clash."""
    note: str | None = None
    """Why there is no answer, where there is none."""
    cached: Flag = False
    """Whether no search was run, since the answer is from the cache; it was checked again."""
    wall_s: float
    """What the search took, in seconds."""


class LargerFactor(Model):
    """The next larger factor of a dimension on an array, with the other dimensions as they are."""

    dimension: Text
    """The dimension."""
    old: int
    """Its factor on the array."""
    new: int
    """The next larger one that divides what the other arrays leave of its bound."""
    used: int
    """Instances that would be in use."""
    stopped_by: tuple[str, ...]
    """Capacities and constraints that the best way to do that breaks; empty where there is a legal one."""
    factors: CostFactors | None = None
    """The cheapest legal way's cost over the present one; null where there is none."""


class ArrayUse(Model):
    """How much of an array is in use, and why not more."""

    name: Text
    """`PE`, or the fanout's name."""
    size: int
    """PEs of the machine, or instances of the fanout."""
    used: int
    """Those in use."""
    utilization: float
    """Share in use, 0..1."""
    unrolled: dict[str, int]
    """Factors above 1 on the array, by dimension."""
    next_used: int | None
    """The next larger number of instances that allowed factors multiply to; null where there is none up to the size."""
    most_used: int
    """The largest number of instances that allowed factors multiply to."""
    larger_factors: tuple[LargerFactor, ...]
    """For every dimension that can be unrolled further: what its next larger factor would need."""
    forced: WhatIf | None = None
    """The best mapping that uses more of the array than now; null where no factors multiply to more."""


class FactorDifference(Model):
    """A factor that differs between two mappings."""

    dimension: Text
    """The dimension."""
    level: Text
    """Level or node of the factor."""
    best: int
    """The factor in the mapping of rank 1."""
    other: int
    """The factor in this mapping."""


class OtherRank(Model):
    """A solution of the result beside the one of rank 1."""

    rank: int
    """Its rank."""
    proved: Flag
    """As in the result: that nothing else belongs there."""
    factors: CostFactors
    """Its cost over that of rank 1."""
    tiling: tuple[FactorDifference, ...]
    """The factors that differ."""
    differs_in: tuple[str, ...]
    """What else of the mapping differs: orders, what is kept."""


class BottleneckDocument(Model):
    """What a layer's time consists of."""

    cycles: int
    """Cycles of the best mapping."""
    ideal_cycles: int | None
    """Cycles if everything that multiplies were busy in each, rounded up."""
    bound_by: str | None
    """The term that decides."""
    roofline: dict[str, int]
    """Cycles that each part would take by itself, by term."""
    share: NetworkShare | None
    """What part of the network's energy and time the layer is, its count included."""


class Explanation(AccountedDocument):
    """The document that ``explain`` prints with ``--json``: why a layer of a result costs what it costs."""

    schema_: Literal["dmaze-solve/explain/1"] = Field(default="dmaze-solve/explain/1", alias="schema")
    """Name and version of the document's form."""
    name: str | None
    """The name of the result."""
    layer: Text
    """The layer."""
    cost_model: Text = DEFAULT_COST_MODEL
    """The cost model of the result."""
    accounting: AccountingName | None = None
    """How a hierarchy counts."""
    objective: Objective
    """What was minimised."""
    backend: str
    """The back end of the result, which answered the questions here as well."""
    architecture: str
    """The name of the machine."""
    status: Status
    """What is known of the layer in the result; what follows compares with its best mapping."""
    objective_value: Number
    """The objective of the best mapping, in its own unit: pJ * cycles, pJ or cycles."""
    bottleneck: BottleneckDocument
    """What bounds the layer's time."""
    arrays: tuple[ArrayUse, ...]
    """The arrays of the machine, the outermost first."""
    what_if: tuple[WhatIf, ...]
    """What more of one thing each would bring."""
    ranks: tuple[OtherRank, ...]
    """The result's other solutions of the layer, beside the one of rank 1."""
    time_limit_s: float
    """Seconds that all searches had together."""
    interrupted: Flag = False
    """Whether Ctrl-C ended the searches."""
