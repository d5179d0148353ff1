"""A layer with the mapping that was chosen for it: what every export starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..dmazerunner.architecture import Architecture
from ..dmazerunner.cost import ExactCost, cost_of_mapping
from ..dmazerunner.mapping import Mapping, MappingDocument, order_from_document, tiling_from_document
from ..loop_nest import LoopNest, Tensor


@dataclass(frozen=True)
class MappedLayer:
    """A layer, the machine, and one mapping of the layer onto it. ``count``: how often the layer occurs."""

    name: str
    count: int
    nest: LoopNest
    architecture: Architecture
    mapping: Mapping

    @classmethod
    def from_document(
        cls, name: str, count: int, nest: LoopNest, architecture: Architecture, document: MappingDocument
    ) -> MappedLayer:
        """The layer with a public mapping that has both orders.

        Raises:
            ValueError: when the mapping is not one of this nest, or has no orders.
        """
        tiling = tiling_from_document(nest, document.tiling)
        dram_order = order_from_document(nest, document.dram_order or (), "dram_order")
        spm_order = order_from_document(nest, document.spm_order or (), "spm_order")
        return cls(name, count, nest, architecture, Mapping(tiling, dram_order, spm_order))

    @cached_property
    def cost(self) -> ExactCost:
        """The exact cost of the mapping."""
        return cost_of_mapping(self.nest, self.architecture, self.mapping)

    @cached_property
    def skipped(self) -> tuple[int, ...]:
        """Tensors that stay in the register files across SPM passes (``docs/model.md`` section 3)."""
        rf_passes = self.mapping.tiling.rf_passes
        reuse = zip(self.cost.spm_reuse, self.cost.dram_reuse, strict=True)
        return tuple(t for t, (spm, dram) in enumerate(reuse) if spm == rf_passes and dram > 1)

    @property
    def dram_words_per_cycle(self) -> float | None:
        """Elements that the DMA moves in a cycle of the accelerator once it has started; ``None``: without limit."""
        arch = self.architecture
        cycles = arch.dma.cycles_per_byte * arch.bytes_per_element * arch.clock_mhz / arch.dma.clock_mhz
        return 1 / cycles if cycles else None

    @property
    def bits_per_element(self) -> int:
        """Width of one element."""
        return 8 * self.architecture.bytes_per_element

    @cached_property
    def dram_loops(self) -> tuple[int, ...]:
        """Dimensions that iterate at the DRAM level, outermost first."""
        return iterating(self.mapping.tiling.dram, self.mapping.dram_order)

    @cached_property
    def spm_loops(self) -> tuple[int, ...]:
        """Dimensions that iterate at the SPM level, outermost first."""
        return iterating(self.mapping.tiling.spm, self.mapping.spm_order)

    @cached_property
    def rf_loops(self) -> tuple[int, ...]:
        """Dimensions that iterate inside a PE, in the nest's order (their order costs nothing)."""
        return iterating(self.mapping.tiling.rf, range(len(self.nest.dims)))

    @cached_property
    def spatial_loops(self) -> tuple[int, ...]:
        """Dimensions that are split over the PEs, in the nest's order."""
        return iterating(self.mapping.tiling.spatial, range(len(self.nest.dims)))


def iterating(trips: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The dimensions with more than one iteration, in the given order."""
    return tuple(dim for dim in order if trips[dim] > 1)


def fetch_depth(tensor: Tensor, loops: Sequence[int]) -> int:
    """How many of a level's loops stand above a tensor's moves: all but the innermost ones that do not index it."""
    return max((depth for depth, dim in enumerate(loops, start=1) if dim in tensor.dims), default=0)
