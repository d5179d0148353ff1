"""What studies say, as public documents: the optimality gap of a pruned search, the price of fixed dataflows.

A study compares several searches of the same layers on the same exact model. Objective values are in the unit of the
objective: pJ * cycles for ``edp``, pJ for ``energy``, cycles for ``latency``. Absent figures are null.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..base import Model, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..dmazerunner.constraints import MinUtilization
from ..hierarchy.accountings import AccountingName
from ..hierarchy.level_mapping import LevelMappingDocument
from ..mapping import MappingDocument
from ..objectives import Objective
from .architectures import ResolvedArchitectureField
from .kinds.accounted import AccountedDocument
from .kinds.any_constraints import ConstraintsField
from .kinds.any_mappings import CostField, MappingField
from .result import Number, Solution, Status
from .spec import SolverOptions

EnumerationOutcome = Literal["finished", "abandoned", "no answer", "not asked for"]


class StudySearch(Model):
    """One search of one layer; status, values and bound as in a result (``docs/contract.md`` section 2).

    ``seconds`` is wall time. ``tilings_costed`` were scored with the exact model, where the back end counts them.
    ``best`` is the mapping of rank 1 with its cost; null without one. ``note`` and ``fault`` say why there is none, or
    no proof; ``conflicts`` what clashes where the layer is infeasible.
    """

    backend: str
    status: Status
    objective_value: Number | None
    bound: float | None
    gap: float | None
    seconds: float
    tilings_costed: int | None = None
    best: Solution | None = None
    conflicts: tuple[str, ...] = ()
    note: str | None = None
    fault: str | None = None


class PrunedSearch(Model):
    """dMazeRunner's auto-pruned search of a layer (preset ``dmazerunner-auto``), every method costed.

    ``search.tilings_costed`` are the methods looked at. ``thresholds`` are the utilisations that the rounds ended
    with. ``loss`` = objective value / proved optimum - 1; null unless the search finished and the optimum of the
    whole space is proved. ``search_reduction`` = tilings of the whole space / methods looked at; null unless the search
    finished and the space was counted.
    """

    search: StudySearch
    thresholds: MinUtilization | None = None
    loss: float | None = None
    search_reduction: float | None = None


class FullEnumeration(Model):
    """Every tiling that fits and passes the spec's constraints, costed one and all, within ``full_limit_s``.

    ``finished``: the whole space was costed, ``search.tilings_costed`` tilings. ``abandoned``: stopped at the limit, or
    before it as soon as the projection lay clearly beyond; ``search`` has the best of the part that was costed.
    ``no answer``: the search failed or was interrupted. ``not asked for``: the limit is 0; ``search`` is null.
    ``done`` is the share of the space behind it (0..1) and ``projected_s`` the seconds that the whole space was
    expected to take; both are null where they could not be estimated.
    """

    outcome: EnumerationOutcome
    search: StudySearch | None
    done: float | None
    projected_s: float | None


class LayerGap(Model):
    """The searches of one layer; those that an interruption left out are null.

    ``space_tilings`` tilings fit and pass the spec's constraints (traffic limits, which depend on loop orders, take
    none out); null where counting them takes too long. ``solver`` is the spec's back end, ``bounded`` enumeration with
    bounds (no solver inside; null where it is the spec's back end), both over that whole space, as is ``full``.
    ``optimum`` is the objective value that they proved, null when none did; ``proved_by`` names the back ends.
    ``agree`` is null with fewer than two finished ones; ``disagreements`` has a line for each pair of claims that
    cannot both be true. A copy of another layer (``same_as``) has its figures.
    """

    name: str
    count: int
    same_as: str | None = None
    space_tilings: int | None = None
    solver: StudySearch | None = None
    pruned: PrunedSearch | None = None
    full: FullEnumeration | None = None
    bounded: StudySearch | None = None
    optimum: Number | None = None
    proved_by: tuple[str, ...] = ()
    agree: bool | None = None
    disagreements: tuple[str, ...] = ()


class NamedMapping(MappingDocument):
    """A mapping with the name of the layer that it is for."""

    layer: Text

    def without_name(self) -> MappingDocument:
        """The mapping alone."""
        return MappingDocument(tiling=self.tiling, dram_order=self.dram_order, spm_order=self.spm_order)


class NamedLevelMapping(LevelMappingDocument):
    """The same of a mapping onto a hierarchy."""

    layer: Text

    def without_name(self) -> LevelMappingDocument:
        """The mapping alone."""
        return LevelMappingDocument(tiling=self.tiling, orders=self.orders, keep=self.keep)


class MappingList(Model):
    """Mappings for ``gap --mapping``, each for a layer of the spec."""

    mappings: tuple[NamedMapping, ...] = Field(min_length=1)


class LevelMappingList(Model):
    """The same of mappings onto a hierarchy."""

    mappings: tuple[NamedLevelMapping, ...] = Field(min_length=1)


class GivenMapping(Model):
    """Somebody else's mapping of a layer, costed exactly and held against the proved optimum.

    ``broken_rules`` names the capacities and constraints that it breaks; empty when it is allowed. Without orders
    (``orders_given`` false) its best ones count, and ``mapping`` shows them. ``loss`` = objective value / proved
    optimum - 1, null without a proved optimum; negative only for a mapping that breaks a rule.
    """

    layer: str
    mapping: MappingField
    orders_given: bool
    broken_rules: tuple[str, ...]
    cost: CostField
    objective_value: Number
    loss: float | None


class PublishedGap(Model):
    """What the paper says of its pruned search (mean loss in EDP, reduction of the search), for orientation only."""

    source: str
    mean_loss: float
    search_reduction: float


class GapStudy(AccountedDocument):
    """The document of ``dmaze-solve gap``; ``backend`` is that of the spec, ``solver`` its options as they were used.

    ``mean_loss`` is the arithmetic mean of the losses of the pruned search over the ``mean_loss_layers`` distinct
    layers (not weighted by count) that have one, ``mean_search_reduction`` likewise. ``agree``: no layer disagrees and
    at least one could be checked; null when none could.
    """

    schema_: Literal["dmaze-solve/gap/1"] = Field(default="dmaze-solve/gap/1", alias="schema")
    name: str | None = None
    cost_model: Text = DEFAULT_COST_MODEL
    accounting: AccountingName | None = None
    objective: Objective
    backend: str
    architecture: ResolvedArchitectureField
    constraints: ConstraintsField
    solver: SolverOptions
    full_limit_s: float
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    interrupted: Annotated[bool, Field(strict=True)] = False
    layers: tuple[LayerGap, ...]
    mappings: tuple[GivenMapping, ...] = ()
    mean_loss: float | None
    mean_loss_layers: int
    mean_search_reduction: float | None
    mean_search_reduction_layers: int
    agree: bool | None
    published: PublishedGap


class Dataflow(Model):
    """A fixed dataflow: the pair of dimensions that may be unrolled over PEs, and no other."""

    name: str
    spatial_dims: tuple[str, ...]


class Ratios(Model):
    """Figures of a dataflow's best mapping divided by those of the unrestricted best; above 1 is worse.

    Both mappings are the best for the study's objective: ``cycles`` compares the cycles of these, not the least cycles
    that each space holds (that is what ``--objective latency`` compares). Null where the unrestricted figure is 0.
    """

    objective_value: float | None
    edp: float | None
    energy: float | None
    cycles: float | None


class LayerOnDataflow(Model):
    """One layer under one dataflow.

    ``spatial_dims`` are the dimensions of the dataflow that the layer has. Empty: the dataflow does not apply, and
    nothing was searched. ``ratios`` is null unless both searches found a mapping; ``proved`` says that both are
    optimal.
    """

    dataflow: str
    spatial_dims: tuple[str, ...]
    search: StudySearch | None
    ratios: Ratios | None
    proved: bool


class LayerDataflows(Model):
    """One layer: the unrestricted search (null when an interruption left it out) and one entry for each dataflow."""

    name: str
    count: int
    same_as: str | None = None
    unrestricted: StudySearch | None = None
    restricted: tuple[LayerOnDataflow, ...] = ()


class MeanRatios(Model):
    """Means of the ratios over ``num_ratios`` layers, or pairs of layer and dataflow.

    Distinct layers count once each, whatever their ``count``. ``proved``: every ratio is between proved optima.
    """

    dataflow: str | None
    num_ratios: int
    proved: bool
    arithmetic: Ratios | None
    geometric: Ratios | None


class PublishedRatios(Model):
    """What the paper says of its best mappings against prior dataflows (mean ratios), for orientation only."""

    source: str
    mean_edp_ratio: float
    mean_cycles_ratio: float


class DataflowStudy(AccountedDocument):
    """The document of ``dmaze-solve dataflows``; ``backend`` and ``solver`` as in :class:`GapStudy`.

    ``means`` has an entry for each dataflow, over the layers; ``classic_mean`` is over all pairs of a layer and one of
    the four classic dataflows, which is what the published figures stand for.
    """

    schema_: Literal["dmaze-solve/dataflows/1"] = Field(default="dmaze-solve/dataflows/1", alias="schema")
    name: str | None = None
    cost_model: Text = DEFAULT_COST_MODEL
    accounting: AccountingName | None = None
    objective: Objective
    backend: str
    architecture: ResolvedArchitectureField
    constraints: ConstraintsField
    solver: SolverOptions
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    interrupted: Annotated[bool, Field(strict=True)] = False
    dataflows: tuple[Dataflow, ...]
    layers: tuple[LayerDataflows, ...]
    means: tuple[MeanRatios, ...]
    classic_mean: MeanRatios
    published: PublishedRatios
