"""What a word costs on its way along the edges of every tensor, in all quantities at once.

An edge runs from a level that keeps a tensor to the next one inside that does (hierarchy model, section 4). Going from
the inside outwards, a word is paid for where it enters the inner level, at every fanout, and where it leaves the outer
level. Read-backs of the output are paid for with those prices as if every visit had one; what first visits save is a
credit (section 5: R = V - D). Accountings differ in what is counted at all (section 9). Where a level is accessed in
blocks, a word costs its share of one, the least it can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ....model.hierarchy.resolved_machine import Network
from .map_space import Kept, MapSpace
from .marks import of_word
from .quantities import BOTH, READS, WORDS, WRITES, Quantities, down, up
from .tile_vectors import Floats


@dataclass(frozen=True)
class Charge:
    """What every word adds to each quantity, and what every first visit takes off again."""

    price: Floats
    credit: Floats

    @property
    def without_read_backs(self) -> Floats:
        """The prices without the part that the credit is for."""
        return self.price - self.credit


@dataclass(frozen=True)
class EdgePrices:
    """The charges of all edges of one choice of what is kept where."""

    space: MapSpace
    sums: Quantities
    kept: Kept

    @cached_property
    def keepers(self) -> tuple[tuple[int, ...], ...]:
        """For every tensor the levels that keep it, the outermost first, and the MAC."""
        machine = self.space.machine
        return tuple(
            (*(level.node for level in machine.levels if self.kept[level.node][tensor]), machine.num_nodes)
            for tensor in range(self.space.num_tensors)
        )

    def least_words(self, tensor: int) -> Floats:
        """Words of a tensor's edge at the least, by the tile vector at which its tile is replaced."""
        return self.space.least_words(tensor)

    def child(self, tensor: int, node: int) -> int:
        """The inner end of the edge of a tensor on which something just outside ``node`` lies, or ``node`` itself."""
        return min(keeper for keeper in self.keepers[tensor] if keeper >= node)

    def parent(self, tensor: int, node: int) -> int:
        """The outer end of the edge whose inner end is ``node``."""
        return max(keeper for keeper in self.keepers[tensor] if keeper < node)

    @cached_property
    def entering(self) -> dict[tuple[int, int], Charge]:
        """Charges where words enter a level or leave it outwards, by tensor and level; words are those of the level."""
        found: dict[tuple[int, int], Charge] = {}
        for tensor, keepers in enumerate(self.keepers):
            for node in keepers[1:-1]:
                level, charge = self.space.machine.level_at[node], self._none()
                if tensor == self.space.nest.output:
                    drained, back = int(self.space.counted.drain_reads), int(self.space.counted.reads_back_to_all)
                    filled_pj = back * level.write_pj[tensor] / level.block_elements
                    charge.price[0] = drained * level.read_pj[tensor] / level.block_elements + filled_pj
                    charge.credit[0] = 0.0 if self.space.overlaps else filled_pj
                    self._add(charge.price, node, {READS: drained, WRITES: 1, BOTH: 1 + drained, WORDS: drained + back})
                    self._credit(charge, node, {WRITES: 1, BOTH: 1, WORDS: back})
                    self._mark(charge, tensor, node, {"drain": drained, "fill": back}, {"fill": back})
                else:
                    charge.price[0] = level.write_pj[tensor] / level.block_elements
                    self._add(charge.price, node, {WRITES: 1, BOTH: 1, WORDS: 1})
                    self._mark(charge, tensor, node, {"fill": 1}, {})
                found[tensor, node] = charge
        return found

    @cached_property
    def at_instances(self) -> dict[tuple[int, int], Floats]:
        """Prices of a word between a fanout and its instances, by tensor and fanout; read-backs are in `leaving`."""
        found: dict[tuple[int, int], Floats] = {}
        for network in self.space.machine.networks:
            for tensor in range(self.space.num_tensors):
                price = np.zeros(len(self.sums))
                price[0] = network.word_pj[tensor] if self.space.counted.has_networks else 0.0
                found[tensor, network.node] = price
        return found

    @cached_property
    def at_root(self) -> dict[tuple[int, int], Charge]:
        """Charges of a word at the root of a fanout, by tensor and fanout."""
        found: dict[tuple[int, int], Charge] = {}
        for network in self.space.machine.networks:
            for tensor in range(self.space.num_tensors):
                charge = self._none()
                self._add(charge.price, network.node, {down(tensor): 1})
                if tensor == self.space.nest.output:
                    self._add(charge.price, network.node, {up(tensor): 1})
                    self._credit(charge, network.node, {down(tensor): 1})
                found[tensor, network.node] = charge
        return found

    @cached_property
    def leaving(self) -> dict[tuple[int, int], Charge]:
        """Charges where the outer end of an edge serves words or takes them, by tensor and inner end."""
        found: dict[tuple[int, int], Charge] = {}
        for tensor, keepers in enumerate(self.keepers):
            for child in keepers[1:]:
                node, charge = self.parent(tensor, child), self._none()
                level = self.space.machine.level_at[node]
                if tensor == self.space.nest.output:
                    back = self._read_back_pj(tensor, node, child)
                    charge.price[0] = level.write_pj[tensor] / level.block_elements + back
                    self._add(charge.price, node, {READS: 1, WRITES: 1, BOTH: 2, WORDS: 2})
                    to_one = 0 if self.space.counted.reads_back_to_all else 1
                    self._add(charge.price, child, {WORDS: to_one})
                    reads_first = child == self.space.machine.num_nodes and self.space.counted.mac_first_read
                    self._mark(charge, tensor, node, {"update": 1, "serve": 1}, {} if reads_first else {"serve": 1})
                    self._mark(charge, tensor, child, {"fill": to_one}, {"fill": to_one})
                    if not reads_first:
                        charge.credit[0] = 0.0 if self.space.overlaps else back
                        self._credit(charge, node, {READS: 1, BOTH: 1, WORDS: 1})
                        self._credit(charge, child, {WORDS: to_one})
                else:
                    charge.price[0] = level.read_pj[tensor] / level.block_elements
                    self._add(charge.price, node, {READS: 1, BOTH: 1, WORDS: 1})
                    self._mark(charge, tensor, node, {"serve": 1}, {})
                found[tensor, child] = charge
        return found

    def _read_back_pj(self, tensor: int, node: int, child: int) -> float:
        """Energy of reading one partial sum back, from the outer end of an edge to one instance of the inner one.

        Where all instances get it, what they write is paid for where words enter the inner level.
        """
        machine, counted = self.space.machine, self.space.counted
        inner, outer = machine.level_at.get(child), machine.level_at[node]
        written = inner.write_pj[tensor] / inner.block_elements if inner and not counted.reads_back_to_all else 0.0
        passed = [network for network in machine.networks if node < network.node < child and counted.has_networks]
        moved = sum(network.word_pj[tensor] for network in passed)
        return outer.read_pj[tensor] / outer.block_elements + moved + written

    def addition_pj(self, network: Network) -> float:
        """Energy of one addition of partial sums at a fanout."""
        return network.add_pj if self.space.counted.has_networks else 0.0

    def _none(self) -> Charge:
        return Charge(np.zeros(len(self.sums)), np.zeros(len(self.sums)))

    def _add(self, prices: Floats, node: int, words: dict[str, int]) -> None:
        """Adds the cycles of words at the ports of a node that are limited."""
        for kind, times in words.items():
            position = self.sums.position.get((node, kind))
            if position is not None:
                prices[position] += times * self.sums.listed[position].price

    def _mark(self, charge: Charge, tensor: int, node: int, words: dict[str, int], saved: dict[str, int]) -> None:
        """Adds what words add to the marks where a level is accessed in blocks; ``saved``: by first visits."""
        level = self.space.machine.level_at.get(node)
        if level is None or level.block_elements == 1:
            return
        for number, position in enumerate(self.sums.marks):
            charge.price[position] += sum(n * of_word(number, node, tensor, kind) for kind, n in words.items())
            if not self.space.overlaps:
                charge.credit[position] += sum(n * of_word(number, node, tensor, kind) for kind, n in saved.items())

    def _credit(self, charge: Charge, node: int, words: dict[str, int]) -> None:
        if not self.space.overlaps:
            self._add(charge.credit, node, words)
