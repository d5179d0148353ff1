"""The result of the verb ``execute`` (``docs/contract.md`` section 5, ``docs/execution.md``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, Text
from ..hierarchy.hierarchy_documents import AccessCounts, NetworkCounts
from ..hierarchy.level_mapping import LevelMappingDocument
from ..mapping import MappingDocument


class ExecutedCounts(Model):
    """Words that really moved, all instances together."""

    accesses: dict[str, dict[str, AccessCounts]]
    """By storage level and tensor kept there."""
    networks: dict[str, dict[str, NetworkCounts]]
    """By fanout and tensor."""


class CountDifference(Model):
    """A quantity on which the model and the execution disagree."""

    quantity: Text
    """What differs, such as `fill`, `down`, `energy_pj` or `cycles`."""
    place: str
    """Where: `LEVEL.TENSOR`, a node, a part of the energy or a term of the roofline."""
    model: int | float | None
    """What the model says; null where it has no such quantity."""
    executed: int | float | None
    """What the execution found."""


class KnownDifferenceDocument(Model):
    """Words that the published model charges, or (negative) does not charge, against what moves; and their energy."""

    reason: Text
    """Which convention of the published model it is."""
    part: Literal["mac", "rf", "noc", "spm", "dram"]
    """The part of the energy in which it shows."""
    tensor: Text
    """The tensor whose words they are."""
    words: int
    """Accesses or words that are charged beyond what moves."""
    energy_pj: float
    """Their energy in pJ."""


class CyclesCompared(Model):
    """The published cycles beside those of the execution: other conventions, not an error."""

    published: int
    """Cycles of the published model."""
    roofline: int
    """Cycles of the largest term of the roofline."""
    walk: int
    """Cycles with fill, drain and stalls."""


class PublishedComparison(Model):
    """The published model against the execution of the same mapping."""

    published_energy_pj: float
    """The published energy in pJ, not rounded."""
    executed_energy_pj: float
    """The energy in pJ of what moved."""
    dram_bytes: int
    """Bytes that moved to and from DRAM."""
    known_differences: tuple[KnownDifferenceDocument, ...]
    """What parts the two energies; their sum is published minus executed, word by word."""
    cycles: CyclesCompared
    """Both models' cycles."""


class Resized(Model):
    """A number before and after a layer was shrunk."""

    was: int
    """The number in the layer as given."""
    now: int
    """The number in the layer that was executed."""


class ShrunkLayer(Model):
    """How a layer was scaled down for its execution."""

    macs: Resized
    """Multiply-accumulates."""
    bounds: dict[str, Resized]
    """Loop bounds, by dimension."""
    factors: dict[str, dict[str, Resized]]
    """Factors that became smaller, by dimension and node (or level of the published mapping)."""
    kept: tuple[str, ...]
    """What is as before, a sentence each."""
    lost: tuple[str, ...]
    """What is not as before, for the layer could not be made so small otherwise."""
    mapping: LevelMappingDocument | MappingDocument
    """The mapping that was executed."""


class ExecutedMapping(Model):
    """What came of executing a mapping. Energies in pJ, time in accelerator cycles."""

    output_equals: bool
    """Whether the output in DRAM equals numpy's, word by word."""
    faults: tuple[str, ...]
    """What went wrong on the way, such as words used that were not delivered; empty in a sound execution."""
    counts: ExecutedCounts
    """What moved."""
    held: dict[str, dict[str, int]]
    """Most elements that one instance held at a time, by storage level and tensor."""
    dma_cycles: dict[str, int]
    """Cycles of the DMA engine of instance 0, by storage level with one."""
    fits: dict[str, bool]
    """By node: whether what was held or unrolled there fits."""
    energy_pj: float
    """Energy in pJ of what moved."""
    energy_breakdown_pj: dict[str, float]
    """Energy in pJ of `mac` and of every node."""
    cycles: int
    """Time in cycles: the largest term of the roofline."""
    roofline: dict[str, int]
    """Cycles by term."""
    walk_cycles: int
    """Cycles with fill, drain and stalls."""
    agrees: bool
    """Whether the execution is sound and no difference from the model is unexplained."""
    differences: tuple[CountDifference, ...]
    """What the model says otherwise."""
    published: PublishedComparison | None = None
    """For the published model: what is known to part it from the execution; else null."""
    shrunk: ShrunkLayer | None = None
    """For a layer that was scaled down: how; else null."""


class ExecuteResult(Model):
    """Executions in the order of the request's mappings."""

    schema_: Literal["dmaze-solve/execute/1"] = Field(default="dmaze-solve/execute/1", alias="schema")
    """Name and version of the document's format."""
    cost_model: Text
    """The model that the executions are held against."""
    executions: tuple[ExecutedMapping, ...]
    """What came of each mapping, in the order of the request."""

    @property
    def agrees(self) -> bool:
        """Whether every execution agrees with the model."""
        return all(execution.agrees for execution in self.executions)
