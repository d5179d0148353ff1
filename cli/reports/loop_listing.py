"""A published mapping as an indented tiled loop nest: DRAM, SPM, PE and RF loops, where tensors move and which stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...model.dmazerunner.cost import reduction_width
from ...model.exports.mapped_layer import MappedLayer, fetch_depth
from ...model.loop_nest import AffineIndex, LoopNest, Tensor
from ...model.mapping import Tiling

INDENT = "  "


def loop_lines(mapped: MappedLayer) -> list[str]:
    """The lines of a mapping's tiled loop nest; loops with one iteration are left out.

    A move stands where it happens: above the innermost loops over which its tensor is reused.
    """
    view, tiling, cost = _View(mapped), mapped.mapping.tiling, mapped.cost
    dram, spm, spatial, rf = mapped.dram_loops, mapped.spm_loops, mapped.spatial_loops, mapped.rf_loops
    lines = [f"# DRAM, SPM passes: {tiling.spm_passes}; {view.stationary(dram, cost.dram_reuse)}"]
    lines += view.nested("dram", dram, tiling.dram, 0, view.dram_moves())
    depth = len(dram)
    comment = f"# SPM, RF passes in each: {tiling.rf_passes}; {view.stationary(spm, cost.spm_reuse)}"
    lines += indented(depth, [comment])
    lines += view.nested("spm", spm, tiling.spm, depth, view.spm_moves())
    depth += len(spm)
    lines += indented(depth, [view.pe_comment()])
    lines += view.nested("pe", spatial, tiling.spatial, depth, {}, keyword="parallel for")
    depth += len(spatial)
    lines += view.nested("rf", rf, tiling.rf, depth, {})
    return [*lines, *indented(depth + len(rf), [statement(mapped.nest)])]


@dataclass(frozen=True)
class _View:
    """A costed mapping, asked for the lines that describe it. ``moves`` map a depth within a level to comments."""

    mapped: MappedLayer

    @property
    def nest(self) -> LoopNest:
        """The layer's loop nest."""
        return self.mapped.nest

    @property
    def tiling(self) -> Tiling:
        """The mapping's tiling."""
        return self.mapped.mapping.tiling

    def stationary(self, loops: Sequence[int], reuse: Sequence[int]) -> str:
        """The tensors that stay put while the innermost of a level's loops run, with their reuse factors."""
        kept: list[str] = []
        for t, tensor in enumerate(self.nest.tensors):
            if reuse[t] > 1:
                over = " ".join(self.nest.dims[dim] for dim in loops[fetch_depth(tensor, loops) :])
                kept.append(f"{tensor.name} over {over} ({reuse[t]}x)")
        return f"stationary: {', '.join(kept) or 'nothing'}"

    def dram_moves(self) -> dict[int, list[str]]:
        """DMA transfers, and the deliveries of tensors that skip SPM passes."""
        moves: dict[int, list[str]] = {}
        for t, tensor in enumerate(self.nest.tensors):
            at = moves.setdefault(fetch_depth(tensor, self.mapped.dram_loops), [])
            elements = tensor.footprint(self.tiling.spm_tile)
            at.append(f"# DMA: {tensor.name} {self._dma_direction(t)}, {elements} elements")
            if t in self.mapped.skipped:
                at.append(f"{self._delivery(t)}; skip: stays there across SPM passes")
        return moves

    def _dma_direction(self, t: int) -> str:
        if t != self.nest.output:
            return "DRAM -> SPM"
        visits = self.tiling.spm_passes // self.mapped.cost.dram_reuse[t]
        tiles = 1
        for dim in self.nest.tensors[t].dims:
            tiles *= self.tiling.dram[dim]
        return "SPM -> DRAM" if visits == tiles else "SPM -> DRAM and partial sums back"

    def spm_moves(self) -> dict[int, list[str]]:
        """Deliveries between the SPM and the register files."""
        moves: dict[int, list[str]] = {}
        for t, tensor in enumerate(self.nest.tensors):
            if t not in self.mapped.skipped:
                moves.setdefault(fetch_depth(tensor, self.mapped.spm_loops), []).append(self._delivery(t))
        return moves

    def _delivery(self, t: int) -> str:
        tensor = self.nest.tensors[t]
        arrow = "SPM <-> RF" if t == self.nest.output else "SPM -> RF"
        return f"# NoC: {tensor.name} {arrow}, {tensor.footprint(self.tiling.pe_array_tile)} elements"

    def pe_comment(self) -> str:
        """How many PEs work, and how many of them add up one element of the output."""
        width, output = reduction_width(self.nest, self.tiling), self.nest.tensors[self.nest.output].name
        adding = f"; {width} PEs add up each element of {output}" if width > 1 else ""
        return f"# PEs: {self.tiling.pes_used} of {self.mapped.architecture.pes}{adding}"

    def nested(
        self,
        level: str,
        loops: Sequence[int],
        trips: Sequence[int],
        depth: int,
        moves: dict[int, list[str]],
        *,
        keyword: str = "for",
    ) -> Iterator[str]:
        """A level's loops, outermost first, with the moves at their depths."""
        for inner, dim in enumerate(loops):
            yield from indented(depth + inner, moves.get(inner, []))
            yield from indented(depth + inner, [f"{keyword} {self.nest.dims[dim]}_{level} in range({trips[dim]}):"])
        yield from indented(depth + len(loops), moves.get(len(loops), []))


def indented(depth: int, lines: Sequence[str]) -> list[str]:
    """Lines inside so many loops."""
    return [INDENT * depth + line for line in lines]


def statement(nest: LoopNest) -> str:
    """The multiply-accumulate in the innermost loop."""
    operands = [_reference(nest, tensor) for tensor in nest.tensors if not tensor.is_output]
    return f"{_reference(nest, nest.tensors[nest.output])} += {' * '.join(operands) or '1'}"


def _reference(nest: LoopNest, tensor: Tensor) -> str:
    return tensor.name + "".join(f"[{_expression(nest, index)}]" for index in tensor.index)


def _expression(nest: LoopNest, index: AffineIndex) -> str:
    """An index as text, such as ``2*Ox + Fx - 1``."""
    parts = [(a, nest.dims[dim] if abs(a) == 1 else f"{abs(a)}*{nest.dims[dim]}") for dim, a in index.terms]
    if index.constant or not parts:
        parts.append((index.constant, str(abs(index.constant))))
    first, *rest = ((" - " if sign < 0 else " + ", text) for sign, text in parts)
    head = f"-{first[1]}" if first[0] == " - " else first[1]
    return head + "".join(sign + text for sign, text in rest)
