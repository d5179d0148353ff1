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
    """One search of one layer; status, values and bound as in a result (``docs/contract.md`` section 2)."""

    backend: str
    """Name of the back end."""
    status: Status
    """`optimal`: proved. `feasible`: found, not proved. `infeasible`: proved that there is none. `unknown`: nothing
    found."""
    objective_value: Number | None
    """Best objective value found (pJ * cycles, pJ or cycles, by the objective); null without a mapping."""
    bound: float | None
    """Lower bound on the objective over the space searched; null without one."""
    gap: float | None
    """(`objective_value` - `bound`) / `objective_value`; null where either is null."""
    seconds: float
    """Wall time in seconds."""
    tilings_costed: int | None = None
    """Tilings scored with the exact model; null where the back end does not count them."""
    best: Solution | None = None
    """The mapping of rank 1 with its cost; null without one."""
    conflicts: tuple[str, ...] = ()
    """For `infeasible`: constraints and capacities that cannot hold together."""
    note: str | None = None
    """Why there is no mapping, or no proof; null when there is nothing to say."""
    fault: str | None = None
    """What went wrong with the search; null when nothing did."""


class PrunedSearch(Model):
    """dMazeRunner's auto-pruned search of a layer (preset ``dmazerunner-auto``), every method costed."""

    search: StudySearch
    """The search; its `tilings_costed` are the methods looked at."""
    thresholds: MinUtilization | None = None
    """Least utilisations that the rounds ended with."""
    loss: float | None = None
    """Objective value / proved optimum - 1; null unless the search finished and the optimum is proved."""
    search_reduction: float | None = None
    """Tilings of the whole space / methods looked at; null unless the search finished and the space was counted."""


class FullEnumeration(Model):
    """Every tiling that fits and passes the spec's constraints, costed one and all, within ``full_limit_s``."""

    outcome: EnumerationOutcome
    """`finished`: the whole space was costed. `abandoned`: stopped at the limit, or as soon as the projection lay
    clearly beyond it. `no answer`: it failed or was interrupted. `not asked for`: the limit is 0."""
    search: StudySearch | None
    """What was found, after `abandoned` in the part that was costed; null where it was not asked for."""
    done: float | None
    """Share of the space that was costed, in 0..1; null where it could not be estimated."""
    projected_s: float | None
    """Seconds that the whole space was expected to take; null where they could not be estimated."""


class LayerGap(Model):
    """The searches of one layer.

    ``solver``, ``bounded`` and ``full`` search the same space, so that their claims can be compared.
    """

    name: str
    """Name of the layer."""
    count: int
    """How often the layer occurs; totals count it as often."""
    same_as: str | None = None
    """The earlier layer with the same loop nest, whose figures these are; null for others."""
    space_tilings: int | None = None
    """Tilings that fit and pass the constraints (traffic limits take none out); null where counting takes too long."""
    solver: StudySearch | None = None
    """The search by the spec's back end, over the whole space; null where an interruption left it out."""
    pruned: PrunedSearch | None = None
    """dMazeRunner's auto-pruned search; null where it was left out."""
    full: FullEnumeration | None = None
    """Full enumeration of the whole space; null where it was left out."""
    bounded: StudySearch | None = None
    """Enumeration with bounds over the whole space; null where it is the spec's back end, or was left out."""
    optimum: Number | None = None
    """Objective value that the searches proved (pJ * cycles, pJ or cycles, by the objective); null when none did."""
    proved_by: tuple[str, ...] = ()
    """Names of the back ends that proved it."""
    agree: bool | None = None
    """Whether the finished searches agree; null with fewer than two of them."""
    disagreements: tuple[str, ...] = ()
    """A line for each pair of claims that cannot both be true."""


class NamedMapping(MappingDocument):
    """A mapping with the name of the layer that it is for."""

    layer: Text
    """Name of the layer that the mapping is for."""

    def without_name(self) -> MappingDocument:
        """The mapping alone."""
        return MappingDocument(tiling=self.tiling, dram_order=self.dram_order, spm_order=self.spm_order)


class NamedLevelMapping(LevelMappingDocument):
    """The same of a mapping onto a hierarchy."""

    layer: Text
    """Name of the layer that the mapping is for."""

    def without_name(self) -> LevelMappingDocument:
        """The mapping alone."""
        return LevelMappingDocument(tiling=self.tiling, orders=self.orders, keep=self.keep)


class MappingList(Model):
    """Mappings for ``gap --mapping``, each for a layer of the spec."""

    mappings: tuple[NamedMapping, ...] = Field(min_length=1)
    """The mappings."""


class LevelMappingList(Model):
    """The same of mappings onto a hierarchy."""

    mappings: tuple[NamedLevelMapping, ...] = Field(min_length=1)
    """The mappings."""


class GivenMapping(Model):
    """Somebody else's mapping of a layer, costed exactly and held against the proved optimum."""

    layer: str
    """Name of the layer."""
    mapping: MappingField
    """The mapping, with its best orders where none were given."""
    orders_given: bool
    """Whether loop orders were given."""
    broken_rules: tuple[str, ...]
    """Capacities and constraints that it breaks; empty when it is allowed."""
    cost: CostField
    """Its exact cost."""
    objective_value: Number
    """Its objective value (pJ * cycles, pJ or cycles, by the objective)."""
    loss: float | None
    """Objective value / proved optimum - 1; null without a proved optimum, negative only where a rule is broken."""


class PublishedGap(Model):
    """What the paper says of its pruned search (mean loss in EDP, reduction of the search), for orientation only."""

    source: str
    """Where the figures are published."""
    mean_loss: float
    """Mean of objective value / optimum - 1, for EDP."""
    search_reduction: float
    """Methods of the whole space / methods looked at."""


class GapStudy(AccountedDocument):
    """The document of ``dmaze-solve gap``."""

    schema_: Literal["dmaze-solve/gap/1"] = Field(default="dmaze-solve/gap/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None = None
    """The spec's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    accounting: AccountingName | None = None
    """How words were counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    objective: Objective
    """What was minimised: `energy` (pJ), `latency` (cycles), or `edp`, their product."""
    backend: str
    """Name of the back end that searched."""
    architecture: ResolvedArchitectureField
    """The machine as an object, whatever the spec named it by."""
    constraints: ConstraintsField
    """Every constraint as it was asked for, defaults included."""
    solver: SolverOptions
    """The options of the search as they were used, defaults included."""
    full_limit_s: float
    """Most seconds for the full enumeration of a layer; 0 for none."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Versions of Python, of dmaze-solve and of what it computed with, by name."""
    interrupted: Annotated[bool, Field(strict=True)] = False
    """Whether Ctrl-C ended the run; what was found until then is here."""
    layers: tuple[LayerGap, ...]
    """The searches of each layer, in the order of the workload."""
    mappings: tuple[GivenMapping, ...] = ()
    """Somebody else's mappings, held against the proved optima; empty unless given."""
    mean_loss: float | None
    """Arithmetic mean of the pruned search's losses over the distinct layers that have one (not weighted by count);
    null without any."""
    mean_loss_layers: int
    """Number of these layers."""
    mean_search_reduction: float | None
    """Arithmetic mean of the search reductions over the distinct layers that have one (not weighted by count); null
    without any."""
    mean_search_reduction_layers: int
    """Number of these layers."""
    agree: bool | None
    """Whether no layer's searches disagree; null when none could be checked."""
    published: PublishedGap
    """What the paper says of its pruned search, for orientation only."""


class Dataflow(Model):
    """A fixed dataflow: the pair of dimensions that may be unrolled over PEs, and no other."""

    name: str
    """What the dataflow is called."""
    spatial_dims: tuple[str, ...]
    """The dimensions that may be unrolled over PEs, and no other."""


class Ratios(Model):
    """Figures of a dataflow's best mapping divided by those of the unrestricted best; above 1 is worse.

    Both mappings are the best for the study's objective: ``cycles`` compares the cycles of these, not the least cycles
    that each space holds (that is what ``--objective latency`` compares). Null where the unrestricted figure is 0.
    """

    objective_value: float | None
    """Ratio of the objective values."""
    edp: float | None
    """Ratio of the EDPs."""
    energy: float | None
    """Ratio of the energies."""
    cycles: float | None
    """Ratio of the cycles of both best mappings."""


class LayerOnDataflow(Model):
    """One layer under one dataflow."""

    dataflow: str
    """Name of the dataflow."""
    spatial_dims: tuple[str, ...]
    """Dimensions of the dataflow that the layer has; empty where it does not apply, and nothing was searched."""
    search: StudySearch | None
    """The search under the dataflow; null where there was none."""
    ratios: Ratios | None
    """The best mapping's figures divided by the unrestricted best's; null unless both searches found one."""
    proved: bool
    """Whether both mappings are proved optimal."""


class LayerDataflows(Model):
    """One layer: the unrestricted search and one entry for each dataflow."""

    name: str
    """Name of the layer."""
    count: int
    """How often the layer occurs; totals count it as often."""
    same_as: str | None = None
    """The earlier layer with the same loop nest, whose figures these are; null for others."""
    unrestricted: StudySearch | None = None
    """The search with any dimensions unrolled; null where an interruption left it out."""
    restricted: tuple[LayerOnDataflow, ...] = ()
    """The searches under each dataflow."""


class MeanRatios(Model):
    """Means of ratios; distinct layers count once each, whatever their ``count``."""

    dataflow: str | None
    """Name of the dataflow; null for the mean over several."""
    num_ratios: int
    """Number of ratios in the mean: of layers, or of pairs of layer and dataflow."""
    proved: bool
    """Whether every ratio is between proved optima."""
    arithmetic: Ratios | None
    """Arithmetic means; null without ratios."""
    geometric: Ratios | None
    """Geometric means; null without ratios."""


class PublishedRatios(Model):
    """What the paper says of its best mappings against prior dataflows (mean ratios), for orientation only."""

    source: str
    """Where the figures are published."""
    mean_edp_ratio: float
    """Mean EDP of prior dataflows / of the paper's best mappings."""
    mean_cycles_ratio: float
    """Mean cycles of prior dataflows / of the paper's best mappings."""


class DataflowStudy(AccountedDocument):
    """The document of ``dmaze-solve dataflows``."""

    schema_: Literal["dmaze-solve/dataflows/1"] = Field(default="dmaze-solve/dataflows/1", alias="schema")
    """Name and version of the document's format."""
    name: str | None = None
    """The spec's title; null without one."""
    cost_model: Text = DEFAULT_COST_MODEL
    """Name of the cost model."""
    accounting: AccountingName | None = None
    """How words were counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    objective: Objective
    """What was minimised: `energy` (pJ), `latency` (cycles), or `edp`, their product."""
    backend: str
    """Name of the back end that searched."""
    architecture: ResolvedArchitectureField
    """The machine as an object, whatever the spec named it by."""
    constraints: ConstraintsField
    """Every constraint as it was asked for, defaults included."""
    solver: SolverOptions
    """The options of the search as they were used, defaults included."""
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    """Versions of Python, of dmaze-solve and of what it computed with, by name."""
    interrupted: Annotated[bool, Field(strict=True)] = False
    """Whether Ctrl-C ended the run; what was found until then is here."""
    dataflows: tuple[Dataflow, ...]
    """The dataflows that were tried."""
    layers: tuple[LayerDataflows, ...]
    """The searches of each layer, in the order of the workload."""
    means: tuple[MeanRatios, ...]
    """For each dataflow the mean over the layers."""
    classic_mean: MeanRatios
    """The mean over all pairs of a layer and one of the four classic dataflows, for which figures are published."""
    published: PublishedRatios
    """What the paper says of its best mappings against prior dataflows, for orientation only."""
