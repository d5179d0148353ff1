"""The public document of energy-latency fronts (``dmaze-solve SPEC --pareto``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..dmazerunner.constraints import MinUtilization
from ..hierarchy.accountings import AccountingName
from ..layers import Layer
from .architectures import ResolvedArchitectureField
from .kinds.accounted import AccountedDocument
from .kinds.any_constraints import ConstraintsField
from .result import Number, Solution, Termination


class StepCheck(Model):
    """One of the successive constrained solves that check a front: is there a mapping within both limits?

    A front of n points leaves n + 1 steps, each just better than a point in one metric and than its neighbour in the
    other; null is no limit. ``refuted``: it was proved that there is no such mapping, by CP-SAT, on hierarchies by
    shortest paths; ``examined`` says what was looked at for that. Energies on hierarchies are no integers: there
    ``most_energy_pj`` lies 1e-11 (relative) below the point's, which is what rounding may come to.
    """

    most_energy_pj: Number | None
    most_cycles: int | None
    refuted: bool
    examined: str


class LayerFront(Model):
    """One layer's front: ``points`` by rising energy and falling cycles, one mapping for each.

    ``complete``: proved that every mapping that the constraints allow costs at least as much energy and at least as
    many cycles as some point, on hierarchies but for energies that differ by less than 1e-11. ``infeasible``: proved
    that there is no mapping. ``tilings_costed`` were costed exactly with all their loop orders; bounds excluded the
    others. ``steps``: a proof by successive constrained solves; on hierarchies the one that there is, else a second
    one with CP-SAT where it was asked for. ``thresholds``: those that a preset ended with.
    ``termination``: why the search ended; ``optimal`` stands for a complete front.
    """

    name: str
    count: int
    layer: Layer
    same_as: str | None = None
    complete: bool
    infeasible: bool = False
    points: tuple[Solution, ...] = ()
    tilings_costed: int = 0
    steps: tuple[StepCheck, ...] = ()
    wall_s: float = 0.0
    thresholds: MinUtilization | None = None
    termination: Termination | None = None
    note: str | None = None


class ParetoFronts(AccountedDocument):
    """The document that ``--pareto --json`` prints: a front for every layer."""

    schema_: Literal["dmaze-solve/pareto/1"] = Field(default="dmaze-solve/pareto/1", alias="schema")
    name: str | None = None
    cost_model: Text = DEFAULT_COST_MODEL
    accounting: AccountingName | None = None
    architecture: ResolvedArchitectureField
    constraints: ConstraintsField
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    interrupted: bool = False
    layers: tuple[LayerFront, ...]
