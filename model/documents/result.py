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
from .kinds.any_constraints import ConstraintsField
from .kinds.any_mappings import CostField, MappingField
from .spec import SolverOptions

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
ClosedBy = Literal["bound", "cp-sat", "highs"]
Number = int | float


class Solution(Model):
    """One mapping with its cost, both of the result's cost model.

    ``proved``: that no mapping of another tiling belongs before it but those of lower ranks. What is not proved is the
    best that was met on the way to a proof of rank 1.
    """

    rank: int
    proved: Flag = False
    mapping: MappingField
    cost: CostField


class Reason(str, Enum):
    """Why the work on a layer ended.

    ``optimal`` and ``infeasible``: with a proof. ``limit``: time was up. ``no_proof``: the back end had nothing left to
    try. ``interrupted``: Ctrl-C. ``fault``: something went wrong.
    """

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    LIMIT = "limit"
    NO_PROOF = "no_proof"
    INTERRUPTED = "interrupted"
    FAULT = "fault"


class Limit(str, Enum):
    """The limit that was reached, by the option that sets it."""

    TIME = "time_limit_s"
    TOTAL_TIME = "total_time_limit_s"


class Termination(Model):
    """Why the work on a layer ended; ``limit`` is there exactly where one was reached."""

    reason: Reason
    limit: Limit | None = None


class ClassPair(Model):
    """What is proved of the mappings with one reuse at the SPM and one at the DRAM level.

    ``spm_reuse`` and ``dram_reuse`` name the tensors that stay put with the loops over which they do; ``skipped`` the
    tensors that stay in the register files across SPM passes. ``closed_by`` says how it was excluded that a mapping
    of this pair improves on the best one: ``bound``, since no mapping of the pair can be that good, or the solver that
    proved that none is left with an objective of at most ``refuted`` (besides those costed exactly). ``bound``
    is a lower bound on the objective of all its mappings that were not costed exactly; null when it has none.
    """

    spm_reuse: str
    dram_reuse: str
    skipped: tuple[str, ...]
    closed_by: ClosedBy | None
    bound: float | None
    refuted: float | None
    solver_calls: int
    seconds: float


class EnumerationProof(Model):
    """Enumeration with bounds over the whole space.

    ``finished``: every mapping that could be better than the best one was costed exactly. ``slices`` choices of DRAM
    factors had a bound that left them open at first; ``tilings_costed`` tilings had to be costed.
    """

    finished: bool
    slices: int
    tilings_costed: int


class Certificate(Model):
    """Why nothing better exists: every pair of reuse classes, and what was costed exactly on the way.

    ``slices_settled`` choices of DRAM factors were costed exactly with all their ``tilings_settled`` tilings, and
    then left out of every pair. ``ties_settled``: so was every mapping as good as the best by objective and tie rule.
    ``enumeration`` is a proof of its own over all pairs at once. ``ranks_settled`` solutions, from the first on, are
    the best of all distinct tilings.
    """

    class_pairs: tuple[ClassPair, ...] = ()
    slices_settled: int = 0
    tilings_settled: int = 0
    ties_settled: bool
    ranks_settled: PositiveInt = 1
    enumeration: EnumerationProof | None = None


class PaddedBound(Model):
    """A loop bound as the layer has it, and as its solutions tile it."""

    from_: PositiveInt = Field(alias="from")
    to: PositiveInt


class PaddingVariant(Model):
    """What was found with one choice of bounds; ``bounds`` names the padded ones, none for the layer as it is."""

    bounds: dict[str, PositiveInt]
    status: Status
    objective_value: Number | None
    bound: float | None


class LayerResult(Model):
    """What was found for one layer, and how good it provably is.

    ``optimal``: proved within the relative gap asked for. ``feasible``: a limit was reached; ``gap`` is certified.
    ``infeasible``: ``conflicts`` names the constraints and capacities that clash. ``unknown``: nothing found in time,
    or ``fault`` says what went wrong. ``termination`` says why the work ended, ``note`` the same in words where a layer
    got no time, or not all of it. ``thresholds`` are those that a preset ended with. ``evaluated`` counts the tilings
    that an enumeration costed, ``pruned_by_bound`` those, fitting or not, in parts of the space that a lower bound
    excluded (``docs/enumeration.md``). ``cached``: no search was run; ``wall_s`` is the time of this run.

    With ``solver.pad_bounds``, ``padding`` says which bounds the solutions pad (none: padding gained nothing),
    ``unpadded_objective_value`` is the best without padding, and ``padding_variants`` lists what was tried; status,
    bound and gap speak of all variants together, certificate and statistics of the one that the solutions belong to.
    """

    name: str
    count: int
    layer: Layer
    status: Status
    objective_value: Number | None
    bound: float | None
    gap: float | None
    wall_s: float
    termination: Termination | None = None
    same_as: str | None = None
    conflicts: tuple[str, ...] = ()
    fault: str | None = None
    note: str | None = None
    thresholds: MinUtilization | None = None
    evaluated: int | None = None
    pruned_by_bound: int | None = None
    statistics: dict[str, Number | str] = Field(default_factory=dict[str, Number | str])
    certificate: Certificate | None = None
    cached: Flag = False
    padding: dict[str, PaddedBound] | None = None
    unpadded_objective_value: Number | None = None
    padding_variants: tuple[PaddingVariant, ...] = ()
    solutions: tuple[Solution, ...] = ()

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
    """What was asked, so that what a result has lost or was changed afterwards is noticed (``verify``).

    ``workload``: the network's name or file, if it has one; ``num_layers`` of it. ``layers`` is a digest (SHA-256) of
    all layers as described, in their order, ``conditions`` one of all else that determines the answer: architecture,
    cost model, objective, constraints, back end and solver options.
    """

    workload: str | None
    num_layers: int
    layers: str
    conditions: str


class Totals(Model):
    """Sums over layers times their counts; null when a layer has no solution.

    ``edp`` is total energy times total cycles; ``edp_sum`` the sum of the layers' EDPs, as dMazeRunner reports it.
    """

    energy_pj: Number | None
    cycles: int | None
    edp: float | None
    edp_sum: float | None


class Result(AccountedDocument):
    """The document that ``--json`` prints and ``--out`` writes; ``accounting`` is there for hierarchies only."""

    schema_: Literal["dmaze-solve/result/1"] = Field(default="dmaze-solve/result/1", alias="schema")
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
    imported: ImportedNetwork | None = None
    question: Question | None = None
    layers: tuple[LayerResult, ...]
    total: Totals

    @field_validator("constraints", mode="before")
    @classmethod
    def _without_what_a_preset_sets(cls, value: Any) -> Any:
        """A result states every constraint; beside a preset, those that it sets stand there as not given."""
        if not isinstance(value, dict):
            return value
        stated = cast("dict[str, Any]", value)
        unset = Constraints().model_dump(mode="json", include=SET_BY_PRESET) if stated.get("preset") else {}
        return {name: given for name, given in stated.items() if name not in unset or unset[name] != given}
