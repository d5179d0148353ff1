"""A mapping onto a hierarchy as an indented loop nest: what is kept where, what moves when, and what stays put.

What is said is what really moves, whatever the accounting of costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...model.hierarchy.accountings import EXECUTED
from ...model.hierarchy.exact.geometry import Geometry, Loop
from ...model.hierarchy.exact.holding import fits, held_words, utilization
from ...model.hierarchy.exact.moved_words import EdgeWords
from ...model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from ...model.hierarchy.machine import Machine
from ...model.hierarchy.resolved_machine import Level, Network, resolved_machine
from ...model.loop_nest import LoopNest
from .loop_listing import INDENT, statement


def level_listing(nest: LoopNest, machine: Machine, document: LevelMappingDocument) -> list[str]:
    """The lines of a mapping's loop nest, loops with one iteration left out.

    A move stands where it happens: inside the innermost loop whose advance brings another tile.

    Raises:
        ValueError: when the mapping is not a legal one of this nest.
    """
    resolved = resolved_machine(machine, nest)
    view = _View(Geometry(nest, resolved, level_mapping(nest, resolved, document)))
    lines: list[str] = []
    remarks = sorted([*view.headings(), *view.moves()])
    for depth in range(len(view.printed) + 1):
        lines += [f"{INDENT * depth}# {remark.text}" for remark in remarks if remark.depth == depth]
        if depth < len(view.printed):
            lines.append(INDENT * depth + view.head(view.printed[depth]))
    bottom = INDENT * len(view.printed)
    return [*lines, f"{bottom}# operands: {view.operands()}", bottom + statement(nest)]


@dataclass(frozen=True, order=True)
class _Remark:
    """A comment above the loop at a depth; of those at one depth, nodes come from the outermost, moves below theirs."""

    depth: int
    node: int
    is_move: bool
    text: str


@dataclass(frozen=True)
class _View:
    """A mapping, asked for the lines that describe it."""

    geometry: Geometry

    @cached_property
    def printed(self) -> list[Loop]:
        """All loops that iterate, in time and in space, the outermost first."""
        geometry, found = self.geometry, list(self.geometry.loops)
        for network in geometry.machine.networks:
            factors = geometry.mapping.factors[network.node]
            strides = geometry.strides[network.node]
            found += [Loop(network.node, dim, trips, strides[dim]) for dim, trips in enumerate(factors) if trips > 1]
        return sorted(found, key=lambda loop: loop.node)

    def head(self, loop: Loop) -> str:
        """The line that begins a loop."""
        keyword = "parallel for" if loop.node in self.geometry.machine.network_at else "for"
        return f"{keyword} {self._name(loop)} in range({loop.trips}):"

    def _name(self, loop: Loop) -> str:
        return f"{self.geometry.nest.dims[loop.dim]}_{self.geometry.machine.nodes[loop.node]}"

    def operands(self) -> str:
        """Where the multiply-accumulate finds each tensor."""
        geometry = self.geometry
        level_of = {
            tensor.name: geometry.machine.nodes[geometry.edges(position)[-1].parent]
            for position, tensor in enumerate(geometry.nest.tensors)
        }
        by_level: dict[str, list[str]] = {}
        for tensor, level in level_of.items():
            by_level.setdefault(level, []).append(tensor)
        return "; ".join(f"{', '.join(names)} in {level}" for level, names in by_level.items())

    def headings(self) -> Iterator[_Remark]:
        """What every node holds or unrolls, where its loops begin."""
        machine = self.geometry.machine
        for node in range(machine.num_nodes):
            depth = sum(loop.node < node for loop in self.printed)
            level = machine.level_at.get(node)
            text = self._unrolled(machine.network_at[node]) if level is None else self._held(level)
            yield _Remark(depth, node, is_move=False, text=text)

    def _held(self, level: Level) -> str:
        geometry = self.geometry
        held = zip(geometry.nest.tensors, held_words(geometry, level), strict=True)
        kept = [f"{tensor.name} {words:,}" for tensor, words in held if words is not None]
        instances = geometry.instances(level.node)
        name = f"{level.name} x {instances:,}" if instances > 1 else level.name
        if level.node == 0:
            return f"{name}: everything"
        if not kept:
            return f"{name}: keeps nothing"
        share = utilization(geometry, level)
        full = "" if share is None else f", {share:.0%} full"
        return f"{name}: keeps {', '.join(kept)} elements{full}{'' if fits(geometry, level) else ': DOES NOT FIT'}"

    def _unrolled(self, network: Network) -> str:
        geometry, used = self.geometry, self.geometry.spread(network.node)
        parts = [f"{network.name}: {used:,} of {network.size:,} instances{': DOES NOT FIT' * (used > network.size)}"]
        for position, tensor in enumerate(geometry.nest.tensors):
            alike = used // geometry.spread_of(network.node, tensor)
            if alike > 1 and tensor.is_output:
                parts.append(f"{alike:,} partial sums of each {tensor.name} are added")
            elif alike > 1 and network.multicast[position]:
                parts.append(f"each {tensor.name} goes to {alike:,} at once")
        return "; ".join(parts)

    def moves(self) -> Iterator[_Remark]:
        """Every move between two levels that keep a tensor, where it happens."""
        for tensor in range(len(self.geometry.nest.tensors)):
            for edge in self.geometry.edges(tensor)[:-1]:
                words = EdgeWords(self.geometry, edge, EXECUTED)
                loops = words.loops
                last = loops[words.innermost_moving] if words.innermost_moving >= 0 else None
                depth = 0 if last is None else self.printed.index(last) + 1
                stays = [self._name(loop) for loop in loops[words.innermost_moving + 1 :]]
                text = self._moved(words) + (f"; stays over {' '.join(stays)}" if stays else "")
                yield _Remark(depth, edge.parent, is_move=True, text=text)

    def _moved(self, words: EdgeWords) -> str:
        nodes, edge = self.geometry.machine.nodes, words.edge
        outer, inner, name = nodes[edge.parent], nodes[edge.child], words.tensor.name
        instances = math.prod(self.geometry.spread(fanout) for fanout in edge.fanouts)
        count = f"{words.tile_words:,} element{'s' if words.tile_words > 1 else ''}"
        times = _times(words.visits)
        if words.tensor.is_output:
            each = f" from each of {instances:,}" if instances > 1 else ""
            back = f"; partial sums go back {_times(words.read_backs)}" if words.read_backs else ""
            return f"{name}: {inner} -> {outer}, {count}{each}, {times}{back}"
        each = f" to each of {instances:,}" if instances > 1 else ""
        fetched, whole = words.moved_in_all(()), words.visits * words.tile_words
        halo = f"; {fetched:,} of {whole:,} fetched, the others are there already" if fetched < whole else ""
        return f"{name}: {outer} -> {inner}, {count}{each}, {times}{halo}"


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")
