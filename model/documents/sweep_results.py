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
    determined_by: dict[str, str]


class SweepRecord(Model, Generic[AnswerT]):
    """Every further line: a layer on a design (by its varied values), found within ``time_limit_s``.

    ``checksum`` is of the header and of all else in the line.
    """

    design: dict[str, Setting]
    time_limit_s: float
    layer: AnswerT
    checksum: str | None = None


class SweptDesign(Model):
    """One design: ``values`` are those that the sweep varies.

    ``area_proxy_bytes`` is a weighted number of bytes of register files and SPM (both buffers), a stand-in for chip
    area; of a hierarchy they are those of all levels inside the outermost one, and null where one has no stated size.
    ``status``: ``optimal`` when every layer is proved (its optimum, or that its front is complete), ``feasible``
    when each has a mapping, ``infeasible`` when some layer has provably none, else ``unknown``. ``objective_value`` is
    the sum over layers times their counts (of EDPs for ``edp``), ``bound`` a lower bound on it. ``result`` is the
    result of all layers for one objective, ``fronts`` are their fronts where these were asked for. ``note`` says why a
    design is not ``optimal``: which layer, and what clashes or what went wrong.
    """

    values: dict[str, Setting]
    area_proxy_bytes: float | None
    status: Status
    objective_value: Number | None = None
    bound: float | None = None
    note: str | None = None
    result: Result | None = None
    fronts: ParetoFronts | None = None


class FrontPoint(Model):
    """A point of the front: a design, and for every layer (by name) which point of its own front is taken.

    Totals are sums over layers times their counts; ``edp`` is total energy times total cycles.
    """

    values: dict[str, Setting]
    area_proxy_bytes: float
    energy_pj: Number
    cycles: int
    edp: float
    layer_points: dict[str, int]


class SweepFront(Model):
    """What no combination of design and mappings beats in total energy, total cycles and the area proxy at once.

    A combination takes one mapping for each layer. Each is matched by a point that has no more area, and exceeds
    neither its energy nor its cycles by more than the relative ``tolerance``; least energy and least cycles of every
    design are exact. ``complete``: that is proved; false while the front of some layer is not complete.
    """

    complete: bool
    tolerance: float
    points: tuple[FrontPoint, ...]


class BestDesign(Model):
    """The design with the least objective value found; ``proved``: every other one has a bound that is no less."""

    values: dict[str, Setting]
    objective_value: Number
    proved: bool


class SweepCounts(Model):
    """How much there was to do: ``layers`` counts layers on designs, ``problems`` those that are different.

    Of the problems, ``resumed`` were answered by the results file, ``searched`` in this run; ``left`` are open.
    """

    designs: int
    layers: int
    problems: int
    resumed: int
    searched: int
    left: int


class SweepFault(Model):
    """A layer on a design whose search failed, and why."""

    values: dict[str, Setting]
    layer: str
    message: str


class SweepResult(AccountedDocument):
    """The document of ``dmaze-solve sweep``; ``objective`` is null where a front was asked for.

    ``architecture`` is the base that the axes of ``sweep`` vary. ``fault`` says why the whole sweep ended early,
    ``faults`` what went wrong with single layers.
    """

    schema_: Literal["dmaze-solve/sweep/1"] = Field(default="dmaze-solve/sweep/1", alias="schema")
    name: str | None = None
    cost_model: Text = DEFAULT_COST_MODEL
    accounting: AccountingName | None = None
    objective: Objective | None
    backend: str
    architecture: ResolvedArchitectureField
    sweep: Sweep
    constraints: ConstraintsField
    solver: SolverOptions
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    interrupted: Flag = False
    fault: str | None = None
    faults: tuple[SweepFault, ...] = ()
    counts: SweepCounts
    designs: tuple[SweptDesign, ...]
    best: BestDesign | None = None
    front: SweepFront | None = None
