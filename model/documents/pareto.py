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
from .shown.shown_document import ShownDocument


class StepCheck(Model):
    """One of the successive constrained solves that check a front: is there a mapping within both limits?

    A front of n points leaves n + 1 steps, each just better than a point in one metric and than its neighbour in the
    other. CP-SAT refutes them, on hierarchies shortest paths do. Energies on hierarchies are no integers: there
    ``most_energy_pj`` lies 1e-11 (relative) below the point's, which is what rounding may come to.
    """

    most_energy_pj: Number | None
    """Most energy in pJ of the mapping looked for; null for no limit."""
    most_cycles: int | None
    """Most cycles of the mapping looked for; null for no limit."""
    refuted: bool
    """Whether it was proved that there is no such mapping."""
    examined: str
    """What was looked at for that."""


class LayerFront(ShownDocument):
    """One layer's front.

    On hierarchies it is ``complete`` but for energies that differ by less than 1e-11. There ``steps`` are the only
    proof, elsewhere a second one with CP-SAT where it was asked for.
    """

    name: str
    """Name of the layer."""
    count: int
    """How often the layer occurs; totals count it as often."""
    layer: Layer
    """The layer as it was given."""
    same_as: str | None = None
    """The earlier layer with the same loop nest, of which this entry is a copy; null for others."""
    complete: bool
    """Whether it is proved that every mapping allowed costs at least the energy and the cycles of some point."""
    infeasible: bool = False
    """Whether it is proved that there is no mapping."""
    points: tuple[Solution, ...] = ()
    """The front by rising energy and falling cycles, one mapping for each point."""
    tilings_costed: int = 0
    """Tilings costed exactly with all their loop orders; bounds excluded the others."""
    steps: tuple[StepCheck, ...] = ()
    """The steps of a proof by successive constrained solves; empty without one."""
    wall_s: float = 0.0
    """Wall time in seconds spent on the layer."""
    thresholds: MinUtilization | None = None
    """Least utilisations that a preset ended with; null without a preset."""
    termination: Termination | None = None
    """Why the search ended; `optimal` stands for a complete front."""
    note: str | None = None
    """Why the layer got no time or not all of it; null when there is nothing to say."""


class ParetoFronts(AccountedDocument):
    """The document that ``--pareto --json`` prints: a front for every layer."""

    schema_: Literal["dmaze-solve/pareto/1"] = Field(default="dmaze-solve/pareto/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None = None
    """The spec's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    accounting: AccountingName | None = None
    """How words were counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    architecture: ResolvedArchitectureField
    """The machine as an object, whatever the spec named it by."""
    constraints: ConstraintsField
    """Every constraint as it was asked for, defaults included."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Versions of Python, of dmaze-solve and of what it computed with, by name."""
    interrupted: bool = False
    """Whether Ctrl-C ended the run; what was found until then is here."""
    layers: tuple[LayerFront, ...]
    """The front of each layer, in the order of the workload."""
