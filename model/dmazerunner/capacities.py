"""The capacities of the published machine as data: how much there is of what, and what a tile takes of it.

Source: ``docs/model.md`` section 2. Whatever checks, bounds, models or explains capacities goes through
:func:`capacities`; the names of the rules are those of results (``conflicts``, faults of mappings).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ..loop_nest import LoopNest
from ..mapping import Tiling
from .architecture import Architecture
from .constraints import MinUtilization


@dataclass(frozen=True)
class Capacity:
    """A limit on what the tile of one level takes.

    Attributes:
        rule: its name in results.
        level: whose tile it holds. For ``rf`` and ``spm`` the footprints of all tensors count; for ``spatial`` the
            product of the factors.
        field: where an architecture states it.
        unit: what is counted.
        limit: how many units there are.
        whole: of how much utilisation is a share: PEs, or bytes.
        threshold: the least utilisation that belongs to it, a field of :class:`.constraints.MinUtilization`.
        bytes_per_element: bytes that an element takes; ``None`` where no tensors are held.
        bytes_per_unit: every tensor takes whole units of so many bytes; ``None`` where nothing is rounded.
    """

    rule: str
    level: Literal["spatial", "rf", "spm"]
    field: tuple[str, ...]
    unit: Literal["PEs", "bytes", "banks"]
    limit: int
    whole: int
    threshold: Literal["pe", "rf", "spm"]
    bytes_per_element: int | None = None
    bytes_per_unit: int | None = None

    @property
    def threshold_rule(self) -> str:
        """The name of its least utilisation in results."""
        return f"min_utilization.{self.threshold}"

    def least(self, asked: MinUtilization) -> float:
        """The least utilisation that is asked for, in 0..1."""
        share: float = getattr(asked, self.threshold)
        return share

    def tile(self, tiling: Tiling) -> tuple[int, ...]:
        """The tile sizes that take it; for PEs the spatial factors."""
        return {"spatial": tiling.spatial, "rf": tiling.rf, "spm": tiling.spm_tile}[self.level]

    def filled(self, nest: LoopNest, tile: Sequence[int]) -> int:
        """How much of the whole a tile fills: PEs, or bytes before anything is rounded up."""
        if self.bytes_per_element is None:
            return math.prod(tile)
        return sum(tensor.footprint(tile) for tensor in nest.tensors) * self.bytes_per_element

    def taken(self, nest: LoopNest, tile: Sequence[int]) -> int:
        """How many units a tile takes."""
        if self.bytes_per_unit is None or self.bytes_per_element is None:
            return self.filled(nest, tile)
        tiles = (tensor.footprint(tile) * self.bytes_per_element for tensor in nest.tensors)
        return sum(-(-tile_bytes // self.bytes_per_unit) for tile_bytes in tiles)


class Capacities(NamedTuple):
    """The three capacities of the published model, in the order in which they are checked."""

    pes: Capacity
    rf: Capacity
    spm: Capacity


def capacities(architecture: Architecture) -> Capacities:
    """What a tiling must fit: the PEs, one register file, and the half of the SPM that one buffer may use."""
    size, spm = architecture.bytes_per_element, architecture.spm
    pes, rf_bytes = architecture.pes, architecture.rf_bytes_per_pe
    return Capacities(
        pes=Capacity("pes", "spatial", ("pes",), "PEs", pes, pes, "pe"),
        rf=Capacity("rf_bytes_per_pe", "rf", ("rf_bytes_per_pe",), "bytes", rf_bytes, rf_bytes, "rf", size),
        spm=Capacity(
            rule="spm",
            level="spm",
            field=("spm", "banks"),
            unit="banks",
            limit=spm.banks,
            whole=architecture.spm_bytes,
            threshold="spm",
            bytes_per_element=size,
            bytes_per_unit=spm.bytes_per_bank,
        ),
    )


def grown(architecture: Architecture, factors: Mapping[str, int]) -> Architecture:
    """The machine with capacities so many times as large, by the names of their rules."""
    update: dict[str, object] = {}
    for capacity in capacities(architecture):
        larger, (first, *rest) = capacity.limit * factors[capacity.rule], capacity.field
        update[first] = getattr(architecture, first).model_copy(update={rest[0]: larger}) if rest else larger
    return architecture.model_copy(update=update)
