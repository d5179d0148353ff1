"""Options that several verbs share, in groups: as texts, for :mod:`.overrides` to check."""

from __future__ import annotations

from dataclasses import dataclass

from ...model.faults import InputError
from .options import (
    AccountingOption,
    ArchitectureName,
    BatchSize,
    CostModelName,
    DimSizes,
    Gap,
    InputValues,
    ObjectiveName,
    PadBounds,
    PadPercent,
    RequireProof,
    Seed,
    SetValues,
    TimeLimit,
    TopK,
    TotalTime,
    UntilGap,
)

Given = dict[str, str | None]
"""Values of options by the fields of a spec that they replace; ``None`` for those that were left out."""


@dataclass(frozen=True)
class SpecValues:
    """What is mapped onto what, and to what end; ``dim`` as ``NAME=N``, ``input`` as ``NAME=VALUE``."""

    architecture: ArchitectureName = None
    cost_model: CostModelName = None
    accounting: AccountingOption = None
    batch: BatchSize = None
    dim: DimSizes = None
    input: InputValues = None
    objective: ObjectiveName = None
    set_values: SetValues = None

    @property
    def given(self) -> Given:
        """All but what is given by name."""
        return {
            "architecture": self.architecture,
            "cost_model": self.cost_model,
            "accounting": self.accounting,
            "batch": self.batch,
            "objective": self.objective,
        }

    @property
    def named(self) -> dict[str, list[str]]:
        """Sizes of dimensions, values of inputs and of single fields, by the overrides that they become."""
        return {"dims": self.dim or [], "inputs": self.input or [], "settings": self.set_values or []}


@dataclass(frozen=True)
class RequestValues:
    """How the mappings of a request are costed."""

    cost_model: CostModelName = None
    accounting: AccountingOption = None
    set_values: SetValues = None

    @property
    def given(self) -> Given:
        """The ways to cost, by the fields of a request that they replace."""
        return {"cost_model": self.cost_model, "accounting": self.accounting}

    @property
    def named(self) -> dict[str, list[str]]:
        """Values of single fields."""
        return {"settings": self.set_values or []}


@dataclass(frozen=True)
class TimeLimits:
    """How long to search."""

    time_limit: TimeLimit = None
    total_time_limit: TotalTime = None

    @property
    def given(self) -> Given:
        """Both of them."""
        return {"time_limit_s": self.time_limit, "total_time_limit_s": self.total_time_limit}


@dataclass(frozen=True)
class ProofGoals:
    """How far to go for proofs, and what a layer without one means for the exit code."""

    until_gap: UntilGap = None
    require_proof: RequireProof = False

    @property
    def given(self) -> Given:
        """What replaces a value of the spec."""
        return {"until_gap": self.until_gap}

    def expect_none(self, beside: str) -> None:
        """Refuse both beside an option whose answer is another one.

        Raises:
            InputError: when one was given.
        """
        if self.until_gap is not None or self.require_proof:
            raise InputError.single(None, beside, "expected without --until-gap and --require-proof")


@dataclass(frozen=True)
class SearchGoals:
    """How many mappings to find, how close to the optimum, and from where."""

    top_k: TopK = None
    gap: Gap = None
    seed: Seed = None

    @property
    def given(self) -> Given:
        """All of them."""
        return {"top_k": self.top_k, "relative_gap": self.gap, "seed": self.seed}


@dataclass(frozen=True)
class Padding:
    """Whether loop bounds may be padded, and by how much."""

    pad_bounds: PadBounds = False
    pad_percent: PadPercent = None

    @property
    def given(self) -> Given:
        """Both of them; whoever says how much wants it."""
        wanted = self.pad_bounds or self.pad_percent is not None
        return {"pad_bounds": "true" if wanted else None, "pad_percent": self.pad_percent}
