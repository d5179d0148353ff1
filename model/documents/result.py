"""The public result (``docs/contract.md`` section 2)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from ..base import Flag, Model, PositiveInt, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..dmazerunner.constraints import SET_BY_PRESET, Constraints, MinUtilization
from ..hierarchy.accountings import AccountingName
from ..layers import Layer
from ..loop_nest import LoopNest
from ..objectives import Objective
from .architectures import ResolvedArchitectureField
from .imported_network import ImportedNetwork
from .kinds.accounted import AccountedDocument
from .kinds.achievable_value import AchievableValue
from .kinds.any_constraints import ConstraintsField
from .kinds.any_mappings import CostField, MappingField
from .kinds.cache_origin import CacheOrigin
from .shown.shown_document import ShownDocument
from .spec import SolverOptions

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
ClosedBy = Literal["bound", "cp-sat", "highs"]
Number = int | float


class Solution(Model):
    """One mapping with its cost, both of the result's cost model.

    What is not ``proved`` is the best that was met on the way to a proof of rank 1.
    """

    rank: int
    """Place in the order of objective, other metric and tiling; the best has 1."""
    proved: Flag = False
    """Whether it is proved that no mapping of another tiling belongs before it but those of lower ranks."""
    mapping: MappingField
    """The mapping."""
    cost: CostField
    """Its exact cost."""


class Reason(str, Enum):
    """Why the work on a layer ended.

    ``optimal`` and ``infeasible``: with a proof. ``limit``: time was up. ``no_proof``: the back end had nothing left to
    try. ``interrupted``: Ctrl-C. ``fault``: something went wrong. ``excluded``: no answer was needed, as the design
    could not be the best of a sweep any more.
    """

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    LIMIT = "limit"
    NO_PROOF = "no_proof"
    INTERRUPTED = "interrupted"
    FAULT = "fault"
    EXCLUDED = "excluded"


class Limit(str, Enum):
    """The limit that was reached, by the option that sets it."""

    TIME = "time_limit_s"
    TOTAL_TIME = "total_time_limit_s"
    UNTIL_GAP = "until_gap"


class Termination(Model):
    """Why the work on a layer ended."""

    reason: Reason
    """Why the work ended."""
    limit: Limit | None = None
    """The option whose limit was reached; null unless `reason` is `limit`."""


class ClassPair(Model):
    """What is proved of the mappings with one reuse at the SPM and one at the DRAM level (``docs/certificates.md``)."""

    spm_reuse: str
    """Tensor that stays put at the SPM level, with the loops over which it does."""
    dram_reuse: str
    """Tensor that stays put at the DRAM level, with the loops over which it does."""
    skipped: tuple[str, ...]
    """Tensors that stay in the register files across SPM passes."""
    closed_by: ClosedBy | None
    """How it was excluded that a mapping of the pair is better: by its `bound`, or the solver's name; null if it was
    not."""
    bound: float | None
    """Lower bound on the objective of all its mappings that were not costed exactly; null when it has none."""
    refuted: float | None
    """The solver proved that no mapping is left with an objective of at most this, but those costed exactly."""
    solver_calls: int
    """Calls of the solver for the pair."""
    seconds: float
    """Wall time in seconds for the pair."""


class EnumerationProof(Model):
    """Enumeration with bounds over the whole space."""

    finished: bool
    """Whether every mapping that could be better than the best one was costed exactly."""
    slices: int
    """Choices of DRAM factors whose bound left them open at first."""
    tilings_costed: int
    """Tilings that had to be costed exactly."""


class Certificate(Model):
    """Why nothing better exists: every pair of reuse classes, and what was costed exactly on the way."""

    class_pairs: tuple[ClassPair, ...] = ()
    """What is proved of every pair of reuse classes; empty where the proof did not go by pairs."""
    slices_settled: int = 0
    """Choices of DRAM factors that were costed exactly with all their tilings, and left out of every pair."""
    tilings_settled: int = 0
    """Tilings of these choices, all costed exactly."""
    ties_settled: bool
    """Whether every mapping as good as the best by objective and tie rule was costed exactly."""
    ranks_settled: PositiveInt = 1
    """Solutions, from the first on, that are the best of all distinct tilings."""
    enumeration: EnumerationProof | None = None
    """A proof by enumeration over all pairs at once; null without one."""


class PaddedBound(Model):
    """A loop bound as the layer has it, and as its solutions tile it."""

    from_: PositiveInt = Field(alias="from")
    """The bound as the layer has it."""
    to: PositiveInt
    """The bound that the solutions tile."""


class PaddingVariant(Model):
    """What was found with one choice of bounds."""

    bounds: dict[str, PositiveInt]
    """Padded bounds by dimension; empty for the layer as it is."""
    status: Status
    """What was found with these bounds."""
    objective_value: Number | None
    """Best objective value found (pJ * cycles, pJ or cycles, by the objective); null without a mapping."""
    bound: float | None
    """Lower bound on the objective with these bounds; null without one."""


class NetworkShare(Model):
    """What part of the network's energy and time a layer is, its count included."""

    energy: float
    """Count times energy of the best mapping, over the total energy (both in pJ); a share in 0..1."""
    cycles: float
    """Count times cycles of the best mapping, over the total cycles; a share in 0..1."""


class LayerResult(ShownDocument):
    """What was found for one layer, and how good it provably is.

    ``optimal`` is proved within the relative gap asked for; the gap of ``feasible`` is certified. With padding, status,
    bound and gap speak of all choices of bounds together, certificate and statistics of the one that the solutions
    belong to.
    """

    name: str
    """Name of the layer."""
    count: int
    """How often the layer occurs; totals count it as often."""
    layer: Layer
    """The layer as it was given."""
    status: Status
    """`optimal`: proved. `feasible`: found, not proved. `infeasible`: proved that there is none. `unknown`: nothing
    found."""
    objective_value: Number | None
    """Objective value of the mapping of rank 1 (pJ * cycles, pJ or cycles, by the objective); null without one."""
    bound: float | None
    """Lower bound on the objective of all mappings that the constraints allow; null without one."""
    gap: float | None
    """(`objective_value` - `bound`) / `objective_value`; null where either is null."""
    wall_s: float
    """Wall time in seconds that this run spent on the layer."""
    termination: Termination | None = None
    """Why the work on the layer ended."""
    same_as: str | None = None
    """The earlier layer with the same loop nest, of which this entry is a copy; null for others."""
    conflicts: tuple[str, ...] = ()
    """For `infeasible`: constraints and capacities that cannot hold together."""
    achievable: dict[str, AchievableValue] = Field(default_factory=dict[str, AchievableValue])
    """For limits among the conflicts, by name: the best value that the other rules leave, in the limit's unit. Of
    `solve` and `enumerate` alone."""
    fault: str | None = None
    """What went wrong with the search; null when nothing did."""
    note: str | None = None
    """Why the layer got no time or not all of it, and what padding did; null when there is nothing to say."""
    thresholds: MinUtilization | None = None
    """Least utilisations that a preset ended with; null without a preset."""
    evaluated: int | None = None
    """Tilings that an enumeration costed; null for other searches."""
    pruned_by_bound: int | None = None
    """Tilings, fitting or not, in parts of the space that a lower bound excluded; null for other searches."""
    statistics: dict[str, Number | str] = Field(default_factory=dict[str, Number | str])
    """Further figures of the back end, by name."""
    certificate: Certificate | None = None
    """How it was excluded that something better exists; null without such an account."""
    cached: Flag = False
    """Whether no search was run: the answer is from the cache, and was checked again."""
    cached_from: CacheOrigin | None = None
    """The search that left the cached answer, or the unproved one that this search went on from; else null."""
    padding: dict[str, PaddedBound] | None = None
    """Bounds that the solutions pad, by dimension (none: padding gained nothing); null unless asked for."""
    unpadded_objective_value: Number | None = None
    """Best objective value without padding (pJ * cycles, pJ or cycles, by the objective); null unless asked for."""
    padding_variants: tuple[PaddingVariant, ...] = ()
    """What was found with each choice of bounds; empty unless padding was asked for."""
    share: NetworkShare | None = None
    """Part of the network's energy and time; null where the network has no totals, and in older results."""
    solutions: tuple[Solution, ...] = ()
    """At most `top_k` mappings, distinct by tiling, the best first."""

    def loop_nest(self) -> LoopNest:
        """The nest that the solutions tile: the layer's, with its padded bounds.

        Raises:
            ValueError: for a padding that is not one of this layer's bounds.
        """
        nest, padding = self.layer.loop_nest(), self.padding or {}
        own = dict(zip(nest.dims, nest.bounds, strict=True))
        wrong = [name for name, bound in padding.items() if bound.from_ != own.get(name, bound.from_)]
        if wrong:
            raise ValueError("\n".join(f"padding.{name}.from: expected the bound {own[name]}" for name in wrong))
        return nest.padded({name: bound.to for name, bound in padding.items()})


class Question(Model):
    """What was asked, so that what a result has lost or was changed afterwards is noticed (``verify``)."""

    workload: str | None
    """The network's name or file; null for layers given one by one."""
    num_layers: int
    """Number of layers."""
    layers: str
    """Digest (SHA-256) of all layers as described, in their order."""
    conditions: str
    """Digest (SHA-256) of architecture, cost model, objective, constraints, back end and options."""


class Totals(Model):
    """Sums over layers times their counts; null when a layer has no solution."""

    energy_pj: Number | None
    """Energy in pJ."""
    cycles: int | None
    """Time in cycles of the accelerator's clock."""
    edp: float | None
    """Total energy times total cycles, in pJ * cycles."""
    edp_sum: float | None
    """Sum of the layers' EDPs in pJ * cycles, as dMazeRunner reports it."""


class Result(AccountedDocument):
    """The document that ``--json`` prints and ``--out`` writes."""

    schema_: Literal["dmaze-solve/result/1"] = Field(default="dmaze-solve/result/1", alias="schema")
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
    imported: ImportedNetwork | None = None
    """What an imported network says about itself; null for others."""
    question: Question | None = None
    """What was asked, by which `verify` notices what is missing or was changed."""
    layers: tuple[LayerResult, ...]
    """What was found for each layer, in the order of the workload."""
    total: Totals
    """Sums over the layers, each as often as it occurs."""

    @field_validator("constraints", mode="before")
    @classmethod
    def _without_what_a_preset_sets(cls, value: Any) -> Any:
        """A result states every constraint; beside a preset, those that it sets stand there as not given."""
        if not isinstance(value, dict):
            return value
        stated = cast("dict[str, Any]", value)
        unset = Constraints().model_dump(mode="json", include=SET_BY_PRESET) if stated.get("preset") else {}
        return {name: given for name, given in stated.items() if name not in unset or unset[name] != given}
