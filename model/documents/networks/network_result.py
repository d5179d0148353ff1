"""The public document of a network's own optimum (``dmaze-solve SPEC --network edp``; ``docs/network_optimum.md``)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...base import Model, Text
from ...cost_model import DEFAULT_COST_MODEL
from ...hierarchy.accountings import AccountingName
from ...objectives import Objective
from ..architectures import ResolvedArchitectureField
from ..kinds.accounted import AccountedDocument
from ..kinds.any_constraints import ConstraintsField
from ..kinds.any_mappings import CostField, MappingField
from ..pareto import LayerFront
from ..result import Number, Status


class NetworkGoal(Model):
    """What is minimised of a network as a whole, and within what.

    `edp` is total energy times total cycles. A limit goes with the objective that is the other metric.
    """

    objective: Objective
    """What is minimised of the whole network: `edp`, `energy` or `latency`."""
    max_cycles: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Most cycles of the whole network; null for no limit."""
    max_energy_pj: Annotated[Number, Field(ge=0)] | None = None
    """Most energy in pJ of the whole network; null for no limit."""

    @model_validator(mode="after")
    def _limits_are_of_the_other_metric(self) -> NetworkGoal:
        for field, objective in (("max_cycles", "energy"), ("max_energy_pj", "latency")):
            if getattr(self, field) is not None and self.objective != objective:
                raise ValueError(f"{field}: expected only with the objective '{objective}', got '{self.objective}'")
        return self


class NetworkTotals(Model):
    """What one mapping for each layer sums up to, layers times their counts."""

    energy_pj: Number
    """Energy of the network in pJ."""
    cycles: int
    """Cycles of the network, layer after layer."""
    edp: float
    """Total energy times total cycles in pJ*cycles."""


class ChosenMapping(Model):
    """A mapping that some or all occurrences of a layer take."""

    occurrences: int
    """How many occurrences of the layer take it; those of all choices add up to the layer's count."""
    point: int
    """Rank of the point in the layer's front."""
    mapping: MappingField
    """The mapping."""
    cost: CostField
    """Its exact cost, of one occurrence."""


class NetworkLayer(Model):
    """What the network's optimum takes for one layer."""

    name: str
    """Name of the layer."""
    count: int
    """How often the layer occurs."""
    same_as: str | None = None
    """The earlier layer with the same loop nest, whose front this one shares; null for others."""
    choices: tuple[ChosenMapping, ...]
    """Mappings that are taken, by rising energy: one, unless a limit is best met by a mixture."""


class LayerByLayer(NetworkTotals):
    """The network with the best mapping of every layer by itself, for one objective."""

    objective: Objective
    """What every layer is optimal for."""
    within_limits: bool
    """Whether the totals keep the limit that was asked for; true without one."""


class NetworkResult(AccountedDocument):
    """The best choice of one mapping for each occurrence of each layer, and how good it provably is.

    It is made from the layers' fronts, which are part of the document: its proof is no better than theirs.
    """

    schema_: Literal["dmaze-solve/network/1"] = Field(default="dmaze-solve/network/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None = None
    """The spec's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    accounting: AccountingName | None = None
    """How words were counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    goal: NetworkGoal
    """What was asked for."""
    architecture: ResolvedArchitectureField
    """The machine as an object, whatever the spec named it by."""
    constraints: ConstraintsField
    """Every constraint of single layers as it was asked for, defaults included."""
    relative_gap: float
    """Relative gap up to which the result counts as optimal, in 0..1."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Versions of Python, of dmaze-solve and of what it computed with, by name."""
    interrupted: bool = False
    """Whether Ctrl-C ended the run; what was found until then is here."""
    status: Status
    """`optimal`: proved up to the gap; `feasible`: the gap is certified; `infeasible`: proved that nothing keeps the
    limit, or that a layer has no mapping; `unknown`: nothing was found."""
    objective_value: Number | None
    """Value of the objective for the whole network (pJ*cycles, pJ or cycles); null without a choice."""
    bound: float | None
    """What no choice of mappings is below, in the objective's unit; null when nothing is known."""
    gap: float | None
    """(objective_value - bound) / objective_value, in 0..1; null without a choice or a bound."""
    pj_per_cycle: float | None
    """Exchange rate that the bound is made of, in pJ per cycle: what a cycle is worth to every layer alike."""
    note: str | None = None
    """Why there is no choice or no proof; null when there is nothing to say."""
    wall_s: float
    """Wall time in seconds, fronts included."""
    total: NetworkTotals | None
    """Sums of what was chosen; null without a choice."""
    layer_by_layer: tuple[LayerByLayer, ...] = ()
    """The same network with every layer optimal by itself, to compare with: for EDP, energy and latency."""
    layers: tuple[NetworkLayer, ...]
    """The choice for each layer, in the order of the workload; none where nothing is chosen."""
    fronts: tuple[LayerFront, ...]
    """The front of each layer, in the order of the workload."""
