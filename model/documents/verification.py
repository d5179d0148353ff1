"""What ``verify`` says of a result, as a public document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..objectives import Objective
from .kinds.any_mappings import CostField, MappingField
from .result import Number, Status
from .shown.shown_document import ShownDocument


class Counterexample(Model):
    """A legal mapping that a claim says does not exist."""

    objective_value: Number
    """Its objective value (pJ * cycles, pJ or cycles, by the objective)."""
    mapping: MappingField
    """The mapping."""
    cost: CostField
    """Its exact cost."""


class ProofCheck(Model):
    """What became of a layer's bound, or of the claim that it has no mapping."""

    outcome: Literal["checked", "disproved", "not checked", "nothing claimed"]
    """Whether the claim holds; `nothing claimed` where there is no bound."""
    text: str
    """What was looked at, or why nothing was."""
    route: Literal["enumeration", "cp-sat", "shortest-path"] | None = None
    """The way by which it was checked; null where it was not."""
    counterexample: Counterexample | None = None
    """The mapping that disproves the claim; null unless `outcome` is `disproved`."""
    seconds: float = 0.0
    """Wall time in seconds of the check."""


class LayerVerification(Model):
    """What was found of one layer."""

    name: str
    """Name of the layer."""
    status: Status
    """Status that the result states."""
    same_as: str | None
    """The layer of which the result says that this one is a copy; the two are compared. Null for others."""
    solutions_checked: int
    """Mappings that are legal and cost exactly what is stated, unless a fault says otherwise."""
    faults: tuple[str, ...]
    """What is wrong with the layer, a line each."""
    not_checked: tuple[str, ...]
    """What could not be looked at, a line each."""
    proof: ProofCheck
    """What became of the layer's bound, or of the claim that it has no mapping."""


class Verification(ShownDocument):
    """The document that ``verify`` prints with ``--json``."""

    schema_: Literal["dmaze-solve/verification/1"] = Field(default="dmaze-solve/verification/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None
    """The result's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    objective: Objective
    """What the result minimised."""
    backend: str
    """Name of the back end that searched."""
    holds: bool
    """Whether nothing that was checked is wrong."""
    complete: bool
    """Whether every claim was checked."""
    interrupted: bool
    """Whether Ctrl-C ended the checks."""
    faults: tuple[str, ...]
    """What is wrong with the result as a whole, a line each."""
    not_checked: tuple[str, ...] = ()
    """What a result says that is no claim about mappings, or that nobody could check."""
    layers: tuple[LayerVerification, ...]
    """What was found of each layer, in the order of the result."""
