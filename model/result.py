"""The public result (``contract.md`` section 2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field, field_validator

from .architecture import Architecture
from .base import Model
from .constraints import SET_BY_PRESET, Constraints, MinUtilization
from .layers import Layer
from .mapping import MappingDocument
from .spec import Objective, SolverOptions

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
ClosedBy = Literal["bound", "cp-sat"]
Number = int | float


class EnergyBreakdown(Model):
    """Energy in pJ per part; the five sum to the layer's energy before rounding."""

    mac: float
    rf: float
    noc: float
    spm: float
    dram: float


class TensorEnergy(Model):
    """Energy in pJ of one tensor's movements; ``reduction`` is the adding up between PEs, over all parts."""

    noc: float
    spm: float
    dram: float
    reduction: float


class Utilization(Model):
    """Shares in use: PEs, bytes of a register file, bytes of the SPM (not rounded up to banks)."""

    pe: float
    rf: float
    spm: float


class Cost(Model):
    """Exact cost of a mapping. Energies in pJ, time in accelerator cycles, EDP in pJ * cycles."""

    energy_pj: int
    cycles: int
    edp: float
    energy_breakdown_pj: EnergyBreakdown
    tensor_energy_pj: dict[str, TensorEnergy]
    dram_bytes: int
    dma_invocations: int
    utilization: Utilization


class Solution(Model):
    """One mapping with its cost."""

    rank: int
    mapping: MappingDocument
    cost: Cost


class ClassPair(Model):
    """What is proved of the mappings with one reuse at the SPM and one at the DRAM level.

    ``spm_reuse`` and ``dram_reuse`` name the tensors that stay put with the loops over which they do; ``skipped`` the
    tensors that stay in the register files across SPM passes. ``closed_by`` says how it was excluded that a mapping
    of this pair improves on the best one: ``bound``, since no mapping of the pair can be that good, or ``cp-sat``,
    which proved that none is left with an objective of at most ``refuted`` (besides those costed exactly). ``bound``
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
    ``enumeration`` is a proof of its own over all pairs at once.
    """

    class_pairs: tuple[ClassPair, ...] = ()
    slices_settled: int = 0
    tilings_settled: int = 0
    ties_settled: bool
    enumeration: EnumerationProof | None = None


class LayerResult(Model):
    """What was found for one layer, and how good it provably is.

    ``optimal``: proved within the relative gap asked for. ``feasible``: a limit was reached; ``gap`` is certified.
    ``infeasible``: ``conflicts`` names the constraints and capacities that clash. ``unknown``: nothing found in time,
    or ``fault`` says what went wrong. ``note`` says why a layer got no time, or not all of it. ``thresholds`` are
    those that a preset ended with.
    """

    name: str
    count: int
    layer: Layer
    status: Status
    objective_value: Number | None
    bound: float | None
    gap: float | None
    wall_s: float
    same_as: str | None = None
    conflicts: tuple[str, ...] = ()
    fault: str | None = None
    note: str | None = None
    thresholds: MinUtilization | None = None
    evaluated: int | None = None
    statistics: dict[str, Number | str] = Field(default_factory=dict[str, Number | str])
    certificate: Certificate | None = None
    solutions: tuple[Solution, ...] = ()


class Totals(Model):
    """Sums over layers times their counts; null when a layer has no solution.

    ``edp`` is total energy times total cycles; ``edp_sum`` the sum of the layers' EDPs, as dMazeRunner reports it.
    """

    energy_pj: int | None
    cycles: int | None
    edp: float | None
    edp_sum: float | None


class Result(Model):
    """The document that ``--json`` prints and ``--out`` writes."""

    schema_: Literal["dmaze-solve/result/1"] = Field(default="dmaze-solve/result/1", alias="schema")
    name: str | None = None
    objective: Objective
    backend: str
    architecture: Architecture
    constraints: Constraints
    solver: SolverOptions
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    interrupted: Annotated[bool, Field(strict=True)] = False
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
