"""Execution methods: tilings over the four levels, and loop orders of the two levels where order matters.

Source: ``docs/model.md`` section 1. :class:`Tiling` is the compact form that the model computes with;
:class:`MappingDocument` is the public JSON (``docs/contract.md`` section 2).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import cached_property

from .base import Factor, Model
from .loop_nest import LoopNest

LEVELS = ("dram", "spm", "rf", "spatial")
"""The four levels of a tiling, in the order in which every array of factors lists them."""


@dataclass(frozen=True)
class Tiling:
    """For every level the factors of all dimensions, in the nest's order of dimensions."""

    dram: tuple[int, ...]
    """Iterations of the loops over DRAM."""
    spm: tuple[int, ...]
    """Iterations of the loops over the SPM."""
    rf: tuple[int, ...]
    """Iterations inside a register file."""
    spatial: tuple[int, ...]
    """PEs that each dimension is unrolled over."""

    @classmethod
    def from_levels(cls, levels: Iterable[Iterable[int]]) -> Tiling:
        """A tiling from four rows of factors (order: :data:`LEVELS`)."""
        return cls(*(tuple(int(factor) for factor in level) for level in levels))

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """The four rows of factors (order: :data:`LEVELS`)."""
        return self.dram, self.spm, self.rf, self.spatial

    @cached_property
    def pe_array_tile(self) -> tuple[int, ...]:
        """Tile sizes that all PEs together work on in one RF pass: rf * spatial."""
        return tuple(rf * spatial for rf, spatial in zip(self.rf, self.spatial, strict=True))

    @cached_property
    def spm_tile(self) -> tuple[int, ...]:
        """Tile sizes held in the SPM during one SPM pass: rf * spatial * spm."""
        return tuple(tile * spm for tile, spm in zip(self.pe_array_tile, self.spm, strict=True))

    @cached_property
    def pes_used(self) -> int:
        """PEs in use."""
        return math.prod(self.spatial)

    @cached_property
    def spm_passes(self) -> int:
        """SPM passes of the layer: the product of the DRAM factors."""
        return math.prod(self.dram)

    @cached_property
    def rf_passes(self) -> int:
        """RF passes of one SPM pass: the product of the SPM factors."""
        return math.prod(self.spm)


@dataclass(frozen=True)
class Mapping:
    """A tiling with its loop orders, as positions of dimensions."""

    tiling: Tiling
    """The factors of all dimensions at the four levels."""
    dram_order: tuple[int, ...]
    """Every dimension once: the loops over DRAM, the outermost first."""
    spm_order: tuple[int, ...]
    """Every dimension once: the loops over the SPM, the outermost first."""


class Factors(Model):
    """Factors of one dimension; a factor left out is 1."""

    dram: Factor = 1
    """Iterations of the loops over DRAM, which bring in SPM tiles."""
    spm: Factor = 1
    """Iterations of the loops over the SPM, which deliver tiles to the PEs."""
    rf: Factor = 1
    """Iterations inside a register file."""
    spatial: Factor = 1
    """PEs side by side that the dimension is unrolled over."""


class MappingDocument(Model):
    """The public form of a mapping. Orders run outermost to innermost; both are given or none."""

    tiling: dict[str, Factors]
    """Factors by dimension; over the four levels they multiply to the dimension's bound."""
    dram_order: tuple[str, ...] | None = None
    """Every dimension once: the loops over DRAM, the outermost first. Null where no orders are given."""
    spm_order: tuple[str, ...] | None = None
    """Every dimension once: the loops over the SPM, the outermost first. Null where no orders are given."""


def tiling_to_document(nest: LoopNest, tiling: Tiling) -> dict[str, Factors]:
    """The public form of a tiling: dimension -> factors."""
    return {
        name: Factors(dram=tiling.dram[i], spm=tiling.spm[i], rf=tiling.rf[i], spatial=tiling.spatial[i])
        for i, name in enumerate(nest.dims)
    }


def mapping_to_document(nest: LoopNest, mapping: Mapping) -> MappingDocument:
    """The public form of a mapping."""
    return MappingDocument(
        tiling=tiling_to_document(nest, mapping.tiling),
        dram_order=tuple(nest.dims[dim] for dim in mapping.dram_order),
        spm_order=tuple(nest.dims[dim] for dim in mapping.spm_order),
    )


def tiling_from_document(nest: LoopNest, factors: MappingOf[str, Factors]) -> Tiling:
    """The compact form of a public tiling; dimensions left out have factors of 1.

    Raises:
        ValueError: one line per fault (unknown dimension, factors that do not multiply to the bound).
    """
    faults = [
        f"tiling.{name}: unknown dimension; expected one of {', '.join(nest.dims)}"
        for name in factors
        if name not in nest.dims
    ]
    rows = [factors.get(name, Factors()) for name in nest.dims]
    for name, bound, row in zip(nest.dims, nest.bounds, rows, strict=True):
        product = row.dram * row.spm * row.rf * row.spatial
        if product != bound:
            faults.append(f"tiling.{name}: factors multiply to {product}; expected the bound {bound}")
    if faults:
        raise ValueError("\n".join(faults))
    return Tiling.from_levels([getattr(row, level) for row in rows] for level in LEVELS)


def order_from_document(nest: LoopNest, order: Iterable[str], field: str) -> tuple[int, ...]:
    """A loop order as positions, outermost first.

    Raises:
        ValueError: when the order is not a permutation of the nest's dimensions.
    """
    names = list(order)
    if sorted(names) != sorted(nest.dims):
        raise ValueError(
            f"{field}: expected every one of {', '.join(nest.dims)} exactly once, got {', '.join(names) or 'nothing'}"
        )
    return tuple(nest.dims.index(name) for name in names)
