"""What a sweep says, as public documents: the result, and the lines of the file that it is resumed from."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from ..base import Flag, Model, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..hierarchy.accountings import AccountingName
from ..objectives import Objective
from .architectures import ResolvedArchitectureField
from .kinds.accounted import AccountedDocument
from .kinds.any_constraints import ConstraintsField
from .pareto import LayerFront, ParetoFronts
from .result import LayerResult, Number, Result, Status
from .spec import SolverOptions
from .sweep_spec import Setting, Sweep

AnswerT = TypeVar("AnswerT", LayerResult, LayerFront)
"""What is found of one layer on one design: its best mapping, or its energy-latency front."""


class SweepHeader(Model):
    """The first line of a results file: what determines its answers, each part as a hash."""

    schema_: Literal["dmaze-solve/sweep-results/1"] = Field(default="dmaze-solve/sweep-results/1", alias="schema")
    """Name and version of the document's format."""
    determined_by: dict[str, str]
    """What determines the answers of the file: a hash (SHA-256) of each part, by its name."""


class SweepRecord(Model, Generic[AnswerT]):
    """Every further line: a layer on a design."""

    design: dict[str, Setting]
    """Values that the sweep varies, by the path of the field."""
    time_limit_s: float
    """Seconds that the search of the layer was given."""
    layer: AnswerT
    """What was found of the layer."""
    checksum: str | None = None
    """Hash of the header and of all else in the line."""


class Exclusion(Model):
    """Why a design cannot be the best of a sweep although it was not solved: its layers' bounds sum to too much."""

    bound: float | None
    """Sum of the bounds of all layers, each as often as it occurs, in the objective's unit (pJ * cycles, pJ or cycles);
    null where a layer has no mapping, as proved on this design or on one that can do whatever this one can."""
    solved: int
    """Distinct layers whose search is finished."""
    refuted: int
    """Distinct layers with no mapping good enough for the design to be the best; what it took is their bound."""
    bounded: int
    """Distinct layers that were not looked into: bounds told from the layer and the machine, or from larger designs."""


class SweptDesign(Model):
    """One design of the sweep, and what was found of the layers on it."""

    values: dict[str, Setting]
    """Values that the sweep varies, by the path of the field."""
    area_proxy_bytes: float | None
    """Weighted bytes of register files and SPM (both buffers), a stand-in for chip area; on hierarchies of all inner
    levels; null where a level has no stated size."""
    status: Status
    """`optimal`: every layer is proved. `feasible`: each has a mapping. `infeasible`: some layer provably has none.
    Else `unknown`."""
    objective_value: Number | None = None
    """Sum of the layers' objective values (pJ * cycles, pJ or cycles, by the objective), each as often as it occurs;
    null unless each has a mapping."""
    bound: float | None = None
    """Lower bound on the sum; null unless each layer has a bound."""
    note: str | None = None
    """Why the design is not `optimal`: which layer, and what clashes or what went wrong; null when it is."""
    excluded: Exclusion | None = None
    """What excluded the design where only the best one was asked for (`--prove-best`); null for designs that were
    solved, or are still open."""
    result: Result | None = None
    """The result of all layers; null where fronts were asked for."""
    fronts: ParetoFronts | None = None
    """The layers' energy-latency fronts where these were asked for; else null."""


class FrontPoint(Model):
    """A point of the front: a design, and for every layer (by name) which point of its own front is taken.

    Totals are sums over layers times their counts; ``edp`` is total energy times total cycles.
    """

    values: dict[str, Setting]
    """Values that the sweep varies, by the path of the field."""
    area_proxy_bytes: float
    """Weighted bytes of register files and SPM (both buffers), a stand-in for chip area; on hierarchies of all inner
    levels."""
    energy_pj: Number
    """Total energy in pJ, each layer as often as it occurs."""
    cycles: int
    """Total time in cycles, each layer as often as it occurs."""
    edp: float
    """Total energy times total cycles, in pJ * cycles."""
    layer_points: dict[str, int]
    """Rank in its own front of the point that each layer takes, by the layer's name."""
    proved: Flag = False
    """Whether the fronts of all layers on this design are proved complete; absent from older results."""


class SweepFront(Model):
    """What no combination of design and mappings beats in total energy, total cycles and the area proxy at once.

    A combination takes one mapping for each layer. Each is matched by a point that has no more area, and exceeds
    neither its energy nor its cycles by more than the relative ``tolerance``; least energy and least cycles of every
    design are exact. ``complete``: that is proved; false while the front of some layer is not complete.
    """

    complete: bool
    """Whether that is proved; false while the front of some layer is not complete."""
    tolerance: float
    """Relative difference in energy and cycles below which two combinations count as one."""
    points: tuple[FrontPoint, ...]
    """The points of the front."""


class BestDesign(Model):
    """The design with the least objective value found."""

    values: dict[str, Setting]
    """Values that the sweep varies, by the path of the field."""
    objective_value: Number
    """Sum of the layers' objective values (pJ * cycles, pJ or cycles, by the objective), each as often as it occurs."""
    proved: bool
    """Whether every other design has a bound that is no less."""


class SweepCounts(Model):
    """How much there was to do, and how much of it was done."""

    designs: int
    """Designs of the sweep."""
    layers: int
    """Layers on designs."""
    problems: int
    """Those of them that are different problems."""
    resumed: int
    """Problems answered by the results file."""
    searched: int
    """Problems answered in this run, by a search or by the cache."""
    cached: int = 0
    """Those of them that the cache answered."""
    excluded: int = 0
    """Problems that need no answer, as their designs cannot be the best (`--prove-best`)."""
    refuted: int = 0
    """Those of them that a search has shown to have no mapping good enough for that."""
    left: int
    """Problems that are open."""


class SweepFault(Model):
    """A layer on a design whose search failed, and why."""

    values: dict[str, Setting]
    """Values that the sweep varies, by the path of the field."""
    layer: str
    """Name of the layer."""
    message: str
    """What went wrong."""


class SweepResult(AccountedDocument):
    """The document of ``dmaze-solve sweep``."""

    schema_: Literal["dmaze-solve/sweep/1"] = Field(default="dmaze-solve/sweep/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None = None
    """The spec's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    accounting: AccountingName | None = None
    """How words were counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    objective: Objective | None
    """What was minimised on each design; null where a front was asked for."""
    backend: str
    """Name of the back end that searched."""
    architecture: ResolvedArchitectureField
    """The base design, whose fields the axes of `sweep` vary."""
    sweep: Sweep
    """The axes and rules of the sweep, as in its spec."""
    constraints: ConstraintsField
    """Every constraint as it was asked for, defaults included."""
    solver: SolverOptions
    """The options of the search as they were used, defaults included."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Versions of Python, of dmaze-solve and of what it computed with, by name."""
    interrupted: Flag = False
    """Whether Ctrl-C ended the run; what was found until then is here."""
    fault: str | None = None
    """Why the whole sweep ended early; null when it did not."""
    faults: tuple[SweepFault, ...] = ()
    """What went wrong with single layers."""
    counts: SweepCounts
    """How much there was to do."""
    designs: tuple[SweptDesign, ...]
    """What was found of each design, in the order of the axes."""
    best: BestDesign | None = None
    """The design with the least objective value found; null without one, or where a front was asked for."""
    front: SweepFront | None = None
    """The front of energy, cycles and area over all designs, where it was asked for; else null."""
