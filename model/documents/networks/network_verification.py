"""What ``verify`` says of a network's optimum, as a public document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...base import Model, Text
from ...cost_model import DEFAULT_COST_MODEL
from ..kinds.any_mappings import CostField, MappingField
from ..shown.shown_document import ShownDocument
from .network_result import NetworkGoal


class MissingPoint(Model):
    """A legal mapping that a front says does not exist: no point of it costs as little in both metrics."""

    mapping: MappingField
    """The mapping."""
    cost: CostField
    """Its exact cost."""


class FrontVerification(Model):
    """What was found of one layer's front."""

    name: str
    """Name of the layer."""
    same_as: str | None
    """The earlier layer with the same loop nest, with which this one's front is compared; null for others."""
    points_checked: int
    """Points whose mapping is legal and costs exactly what is stated, unless a fault says otherwise."""
    steps_refuted: int
    """Steps between points in which it was proved anew that there is no mapping."""
    steps: int
    """Steps that the front leaves; only those are looked at on which the network's bound depends."""
    faults: tuple[str, ...]
    """One line for each thing that is wrong."""
    missing: MissingPoint | None = None
    """A mapping that the front lacks; null when none was found."""
    text: str
    """What was looked at, in words."""
    seconds: float = 0.0
    """Time in seconds that the front's checks took."""


class BoundVerification(Model):
    """What became of the network's bound, or of the claim that nothing keeps a limit."""

    outcome: Literal["checked", "disproved", "not checked", "nothing claimed"]
    """Whether the bound holds, by what was checked of the fronts."""
    route: Literal["enumeration", "parametric"] | None = None
    """How: by all sums of points that no other sum beats, or by exchange rates; null where nothing was looked at."""
    proved: float | None = None
    """What was shown that no choice is below, in the objective's unit; null where nothing was."""
    text: str
    """The same in words."""


class NetworkVerification(ShownDocument):
    """The document that ``verify`` prints with ``--json`` for a network's optimum."""

    schema_: Literal["dmaze-solve/network-verification/1"] = Field(
        default="dmaze-solve/network-verification/1", alias="schema"
    )
    """Name and version of the document's format."""
    name: str | None
    """The result's name; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    goal: NetworkGoal
    """What was asked for."""
    holds: bool
    """Whether nothing that was checked is wrong."""
    complete: bool
    """Whether every claim was checked."""
    interrupted: bool
    """Whether Ctrl-C ended the checking."""
    faults: tuple[str, ...]
    """One line for each thing that is wrong with the result as a whole."""
    not_checked: tuple[str, ...]
    """What nobody looked at."""
    bound: BoundVerification
    """What became of the bound."""
    layers: tuple[FrontVerification, ...]
    """What was found of every front, in the order of the network."""
