"""The published model against an execution of the same mapping: what its conventions are worth, word by word.

The published architecture is executed as a hierarchy of DRAM, SPM, a fanout of PEs and RF. The published model charges
by other rules in places that are known; each becomes a number of words here. What they leave unexplained is an error.
Source: hierarchy model, section 11; published rules in ``docs/model.md`` section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ...dmazerunner.architecture import Architecture
from ...dmazerunner.cost import ExactCost, sum_parts
from ...hierarchy.hierarchy_cost import Access
from ...hierarchy.level_mapping import overlapping_axes
from ...loop_nest import LoopNest
from ...mapping import Mapping
from ..executed_cost import ExecutedCost
from .execution_differences import Difference

DRAM, SPM, PE, RF = range(4)
"""The nodes of the published machine."""

Part = Literal["mac", "rf", "noc", "spm", "dram"]
"""A part of the published energy."""

RF_FILLS = "fills and drains of the register files are not charged"
SPM_FILLS = "the scratchpad's side of DMA transfers is not charged"
FIRST_READS = "the first accumulation of every word is charged a read, though nothing is there"
FIRST_READ_BACKS = "the first delivery of every output tile is charged a read-back, though nothing is there"
NO_READ_BACKS = "read-backs of an output that stays in the register files are not charged"
HOLES = "holes between the words that PEs share are charged at the scratchpad"
OVERLAPS = "tiles of the output are taken as disjoint: sums of tiles that overlap are not read back"


@dataclass(frozen=True)
class KnownDifference:
    """Words that the published model charges (or, if negative, does not) against what moves, and their energy."""

    reason: str
    part: Part
    tensor: str
    words: int
    energy_pj: float


@dataclass(frozen=True)
class PublishedRelation:
    """Published and executed figures with what is known to part them; ``differences``: what is not explained."""

    published_energy_pj: float
    executed_energy_pj: float
    dram_bytes: int
    known: tuple[KnownDifference, ...]
    published_cycles: int
    roofline_cycles: int
    walk_cycles: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class _Row:
    """Accesses of one tensor that one part of the energy charges: published, executed, and the known differences."""

    part: Part
    tensor: str
    published: int
    executed: int
    known: dict[str, int]


def published_relation(
    nest: LoopNest, architecture: Architecture, mapping: Mapping, cost: ExactCost, executed: ExecutedCost
) -> PublishedRelation:
    """What parts a published cost from the execution of the same mapping."""
    held = _Held(nest, mapping, cost, executed)
    rows = [row for t in range(len(nest.tensors)) for row in held.rows(t)]
    prices = architecture.access_energy_pj.model_dump()
    known = [
        KnownDifference(reason, row.part, row.tensor, words, words * prices[row.part])
        for row in rows
        for reason, words in row.known.items()
        if words
    ]
    unexplained = [
        Difference("accesses", f"{row.part}.{row.tensor}", row.published, row.executed + sum(row.known.values()))
        for row in rows
        if row.published != row.executed + sum(row.known.values())
    ]
    charged = {part: sum(row.published for row in rows if row.part == part) for part in cost.energy_breakdown_pj}
    unexplained += [
        Difference("energy_pj", part, energy, charged[part] * prices[part])
        for part, energy in cost.energy_breakdown_pj.items()
        if energy != charged[part] * prices[part]
    ]
    return PublishedRelation(
        published_energy_pj=sum_parts(cost.energy_breakdown_pj),
        executed_energy_pj=executed.energy_pj,
        dram_bytes=sum(row.executed for row in rows if row.part == "dram") * architecture.bytes_per_element,
        known=tuple(known),
        published_cycles=cost.cycles,
        roofline_cycles=executed.cycles,
        walk_cycles=executed.walk_cycles,
        differences=tuple(unexplained),
    )


@dataclass(frozen=True)
class _Held:
    """A published cost held against an execution, tensor by tensor."""

    nest: LoopNest
    mapping: Mapping
    cost: ExactCost
    executed: ExecutedCost

    def rows(self, t: int) -> Iterator[_Row]:
        """The rows of a tensor: one for each part of the energy."""
        tensor, traffic, macs = self.nest.tensors[t], self.cost.traffic[t], self.nest.num_macs
        dram, spm, rf = (self._access(node, t) for node in (DRAM, SPM, RF))
        network = self.executed.networks[PE, t]
        known = self._known_of_output() if tensor.is_output else self._known_of_operand(t)
        published: dict[Part, int] = {
            "mac": macs + traffic.reduction if tensor.is_output else 0,
            "rf": (2 if tensor.is_output else 1) * macs + 3 * traffic.reduction,
            "noc": traffic.noc + traffic.reduction,
            "spm": traffic.spm,
            "dram": traffic.dram,
        }
        executed: dict[Part, int] = {
            "mac": macs + network.adds if tensor.is_output else 0,
            "rf": rf.reads + rf.writes + 3 * network.adds,
            "noc": network.down + network.up,
            "spm": spm.reads + spm.writes,
            "dram": dram.reads + dram.writes,
        }
        for part, words in published.items():
            yield _Row(part, tensor.name, words, executed[part], known.get(part, {}))

    def _access(self, node: int, t: int) -> Access:
        return self.executed.accesses[node, t]

    def _known_of_operand(self, t: int) -> dict[Part, dict[str, int]]:
        tiling, fill = self.mapping.tiling, self._access(RF, t).fill
        deliveries = fill // (self.nest.tensors[t].footprint(tiling.rf) * tiling.pes_used)
        return {
            "rf": {RF_FILLS: -fill},
            "spm": {SPM_FILLS: -self._access(SPM, t).fill, HOLES: self._holes(t) * deliveries},
        }

    def _known_of_output(self) -> dict[Part, dict[str, int]]:
        output = self.nest.output
        spm, rf = self._access(SPM, output), self._access(RF, output)
        sums = self._words_of_all_pes(output)
        deliveries = rf.drain // (self.nest.tensors[output].footprint(self.mapping.tiling.rf) * self._pes)
        first = 0 if self._overlaps else self._distinct_tiles(self.mapping.tiling.dram, self.mapping.tiling.spm)
        skipped = self._output_is_skipped
        uncharged = {NO_READ_BACKS: -sums * (deliveries - first)} if skipped else {FIRST_READ_BACKS: sums * first}
        holes = (1 if skipped else 2) * self._holes(output) * deliveries
        return {
            "rf": {RF_FILLS: -rf.fill - rf.drain, FIRST_READS: self._first_accumulations},
            "noc": dict(uncharged),
            "spm": {SPM_FILLS: -spm.fill - spm.drain, **uncharged, HOLES: holes},
            "dram": {OVERLAPS: -self._overlap_reads},
        }

    @property
    def _pes(self) -> int:
        return self.mapping.tiling.pes_used

    @cached_property
    def _overlaps(self) -> bool:
        return bool(overlapping_axes(self.nest))

    @property
    def _output_is_skipped(self) -> bool:
        """Whether the output stays in the register files across passes of the scratchpad (section 3)."""
        stays, passes = self.cost.spm_reuse[self.nest.output], self.mapping.tiling.rf_passes
        return stays == passes and self.cost.dram_reuse[self.nest.output] > 1

    @property
    def _first_accumulations(self) -> int:
        """Words that PEs accumulate into for the first time, all PEs together; those of overlapping tiles are read."""
        tiling = self.mapping.tiling
        return 0 if self._overlaps else self._pes * self._distinct_tiles(tiling.dram, tiling.spm, tiling.rf)

    @property
    def _overlap_reads(self) -> int:
        """Words of first visits of overlapping tiles, which an execution reads from DRAM all the same."""
        tiling, output = self.mapping.tiling, self.nest.tensors[self.nest.output]
        return output.footprint(tiling.spm_tile) * self._distinct_tiles(tiling.dram) if self._overlaps else 0

    def _distinct_tiles(self, *levels: Sequence[int]) -> int:
        dims = self.nest.tensors[self.nest.output].dims
        return math.prod(level[dim] for level in levels for dim in dims)

    def _words_of_all_pes(self, t: int) -> int:
        """Different words of a tensor that all PEs together hold at a time, by the sets of their indices."""
        tiling = self.mapping.tiling
        words = 1
        for axis in self.nest.tensors[t].index:
            origins = {0}
            for dim, step in axis.terms:
                reach = range(tiling.spatial[dim])
                origins = {origin + abs(step) * tiling.rf[dim] * place for origin in origins for place in reach}
            extent = axis.extent(tiling.rf)
            words *= len({origin + word for origin in origins for word in range(extent)})
        return words

    def _holes(self, t: int) -> int:
        """Words of the box around what all PEs hold that none of them holds."""
        return self.nest.tensors[t].footprint(self.mapping.tiling.pe_array_tile) - self._words_of_all_pes(t)
