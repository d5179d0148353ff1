"""A layer with the mapping that was chosen for it: what every export starts from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..cost_models import AnyPublishedModel, published_model_for
from ..dmazerunner.architecture import Architecture
from ..dmazerunner.cost import ExactCost
from ..documents.kinds.any_mappings import AnyMappingDocument
from ..documents.result import Result
from ..loop_nest import LoopNest, Tensor
from ..mapping import Mapping, MappingDocument


@dataclass(frozen=True)
class MappedLayer:
    """A layer, the machine, and one mapping of the layer onto it, with the model that costs it.

    ``count``: how often the layer occurs.
    """

    name: str
    count: int
    nest: LoopNest
    architecture: Architecture
    mapping: Mapping
    cost_model: AnyPublishedModel = field(default_factory=lambda: published_model_for(None))

    @classmethod
    def from_document(
        cls,
        name: str,
        count: int,
        nest: LoopNest,
        architecture: Architecture,
        document: MappingDocument,
        cost_model: AnyPublishedModel | None = None,
    ) -> MappedLayer:
        """The layer with a public mapping that has both orders; without a cost model, with the architecture's own.

        Raises:
            ValueError: when the mapping is not one of this nest, or has no orders.
        """
        model = cost_model or published_model_for(None)
        mapping = model.mapping_of(nest, architecture, document, with_orders=True)
        return cls(name, count, nest, architecture, mapping, model)

    @cached_property
    def cost(self) -> ExactCost:
        """The exact cost of the mapping."""
        return self.cost_model.cost(self.nest, self.architecture, self.mapping)

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


def best_documents(result: Result) -> Iterator[tuple[str, int, LoopNest, AnyMappingDocument]]:
    """Name, occurrences under all names, nest, and best mapping of every distinct layer that has one."""
    for layer in result.layers:
        if layer.same_as is None and layer.solutions:
            count = sum(other.count for other in result.layers if layer.name in (other.name, other.same_as))
            yield layer.name, count, layer.loop_nest(), layer.solutions[0].mapping


def best_mappings(result: Result) -> list[MappedLayer]:
    """Every distinct layer with its best mapping and the number of times that it occurs under all its names.

    There are none for a result on a hierarchy.
    """
    machine = result.architecture
    if not isinstance(machine, Architecture):
        return []
    model = published_model_for(result.cost_model)
    return [
        MappedLayer.from_document(name, count, nest, machine, document, model)
        for name, count, nest, document in best_documents(result)
        if isinstance(document, MappingDocument)
    ]


def iterating(trips: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """The dimensions with more than one iteration, in the given order."""
    return tuple(dim for dim in order if trips[dim] > 1)


def fetch_depth(tensor: Tensor, loops: Sequence[int]) -> int:
    """How many of a level's loops stand above a tensor's moves: all but the innermost ones that do not index it."""
    return max((depth for depth, dim in enumerate(loops, start=1) if dim in tensor.dims), default=0)
