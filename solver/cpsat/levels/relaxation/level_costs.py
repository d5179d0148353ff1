"""Energy, ports and limited words as sums of amounts: what a mapping costs at least (sections 6 and 7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .....model.dmazerunner.cost import burst
from .....model.hierarchy.resolved_machine import Level, Network
from .index_components import Table
from .level_exponents import LevelExponents, Linear, Literal, negated
from .product_tables import MOST_ENTRIES, Amount, Factor, ProductTables, power
from .stationary_loops import StationaryLoops
from .word_flow import WordFlow

Term = tuple[float, Amount]
"""A price, and what is to be paid."""


@dataclass(frozen=True)
class Port:
    """Something that takes time: cycles of all instances of a node together, ``per_instance``."""

    node: int
    terms: tuple[Term, ...]


class LevelCosts:
    """The sums of one model."""

    def __init__(
        self, exponents: LevelExponents, loops: StationaryLoops, tables: ProductTables, flows: list[WordFlow]
    ) -> None:
        self._exponents, self._loops, self._tables, self._flows = exponents, loops, tables, flows
        self._machine, self._output = exponents.machine, exponents.nest.output
        self.relaxed: set[str] = set()
        """What of the costs is a lower bound."""
        self._overlaps = any(len(axis) > 1 for axis in _output_axes(exponents))
        flow = flows[self._output]
        nodes = [level.node for level in self._machine.levels]
        self._back = {node: self._less(flow.inside[node], flow.first_inside[node]) for node in nodes}
        """By level: partial sums that it sends back inside, if it keeps them."""

    def _less(self, whole: Amount, first: Amount) -> Amount:
        return whole if self._overlaps else self._tables.less(whole, first)

    # Which levels follow each other in keeping the output

    def _edges(self) -> Iterator[tuple[int, int, Literal]]:
        """Pairs of a level and the next one inside that keeps the output (or the MAC), each with a literal."""
        own, mac = self._exponents, self._machine.num_nodes
        nodes = [level.node for level in self._machine.levels]
        keeps = {node: own.kept[node][self._output] for node in nodes} | {mac: own.always}
        rules = {node: own.constraints.keep[node][self._output] for node in nodes} | {mac: "must"}
        for place, parent in enumerate(nodes):
            between: list[int] = []
            for child in [*nodes[place + 1 :], mac]:
                if "never" not in (rules[parent], rules[child]):
                    literals = [
                        keeps[parent],
                        keeps[child],
                        *(negated(keeps[node]) for node in between if rules[node] == "may"),
                    ]
                    certain = all(rules[node] == "must" for node in (parent, child)) and len(literals) == 2
                    yield parent, child, own.always if certain else own.all_of(literals)
                if rules[child] == "must":
                    break
                between.append(child)

    # Energy

    def energy(self) -> list[Term]:
        """Everything but the multiply-accumulates, in pJ."""
        terms = [term for flow in self._flows for term in self._energy_of(flow)]
        for parent, child, literal in self._edges():
            price = self._price(parent, reads=True) + (0 if child == self._machine.num_nodes else self._price(child))
            price += sum(n.word_pj[self._output] for n in self._machine.networks if parent < n.node < child)
            if price:
                terms.append((price, self._tables.where(literal, self._back[parent])))
        return terms

    def _price(self, node: int, *, reads: bool = False) -> float:
        level = self._machine.level_at[node]
        return (level.read_pj if reads else level.write_pj)[self._output] / level.block_elements

    def _energy_of(self, flow: WordFlow) -> Iterator[Term]:
        t = flow.tensor
        for level in self._machine.levels:
            reads, writes = level.read_pj[t] / level.block_elements, level.write_pj[t] / level.block_elements
            inner, outer = (writes, reads) if t == self._output else (reads, writes)
            if inner:
                yield from self._kept(level, t, inner, flow.inside[level.node])
            if outer and level.node:
                yield from self._kept(level, t, outer, flow.outside[level.node])
        for network in self._machine.networks:
            if network.word_pj[t]:
                yield network.word_pj[t], flow.inside[network.node]
            if t == self._output and network.add_pj:
                yield network.add_pj, self._tables.less(flow.inside[network.node], flow.outside[network.node])

    def _kept(self, level: Level, tensor: int, price: float, amount: Amount) -> Iterator[Term]:
        """An amount at a level, where it keeps a tensor."""
        rule = self._exponents.constraints.keep[level.node][tensor]
        if rule == "must":
            yield price, amount
        elif rule == "may":
            yield price, self._tables.where(self._exponents.kept[level.node][tensor], amount)

    # Words that a level reads and writes in all

    def words_at(self, node: int) -> list[Term]:
        """All words that a level reads and writes, all instances."""
        level, terms = self._machine.level_at[node], list[Term]()
        for flow in self._flows:
            terms += self._kept(level, flow.tensor, 1.0, flow.inside[node])
            terms += self._kept(level, flow.tensor, 1.0, flow.outside[node]) if node else ()
        for parent, child, literal in self._edges():
            if node in (parent, child):
                terms.append((1.0, self._tables.where(literal, self._back[parent])))
        return terms

    # Time

    def ports(self) -> Iterator[Port]:
        """Every port, network and DMA engine with a limit (section 7), in cycles of all its instances together."""
        for level in self._machine.levels:
            reads, writes = self._reads(level), self._writes(level)
            given = (
                (level.read_bandwidth, reads),
                (level.write_bandwidth, writes),
                (level.bandwidth, [*reads, *writes]),
            )
            for bandwidth, terms in given:
                if bandwidth is not None:
                    yield _port(level.node, bandwidth, terms)
            if level.dma is not None:
                yield Port(level.node, tuple(self._dma(level)))
        for network in self._machine.networks:
            if network.bandwidth is not None:
                for flow in self._flows:
                    yield _port(network.node, network.bandwidth, self._root(network, flow))
                    if flow.tensor == self._output:
                        yield _port(network.node, network.bandwidth, [(1.0, flow.outside[network.node])])

    def _reads(self, level: Level) -> list[Term]:
        terms: list[Term] = []
        for flow in self._flows:
            served = self._back[level.node] if flow.tensor == self._output else flow.inside[level.node]
            terms += self._kept(level, flow.tensor, 1.0, served)
            if flow.tensor == self._output and level.node:
                terms += self._kept(level, flow.tensor, 1.0, flow.outside[level.node])
        return terms

    def _writes(self, level: Level) -> list[Term]:
        terms: list[Term] = []
        for flow in self._flows:
            if flow.tensor == self._output:
                terms += self._kept(level, flow.tensor, 1.0, flow.inside[level.node])
            if level.node:
                back = flow.tensor == self._output
                terms += self._kept(
                    level, flow.tensor, 1.0, self._again(flow, level.node) if back else flow.outside[level.node]
                )
        return terms

    def _again(self, flow: WordFlow, node: int) -> Amount:
        """Partial sums that come back from outside a node to the first of its instances that reduce them, times all."""
        return self._less(flow.outside[node], flow.first_outside[node])

    def _root(self, network: Network, flow: WordFlow) -> list[Term]:
        """Words down from the roots of a fanout."""
        if flow.tensor == self._output:
            return [(1.0, self._again(flow, network.node))]
        return [(1.0, flow.outside[network.node])]

    def _dma(self, level: Level) -> Iterator[Term]:
        """Cycles of the tiles that a DMA engine moves."""
        for flow in self._flows:
            tensor, node = flow.tensor, level.node
            if self._exponents.constraints.keep[node][tensor] == "never":
                continue
            per_pass = self._tile_cycles(level, tensor)
            if per_pass is None:
                self.relaxed.add("DMA engines")
                yield from self._kept(level, tensor, self._cycles_per_word(level, tensor), flow.outside[node])
                continue
            cycles = self._passes(level, tensor, per_pass)
            yield from self._kept(level, tensor, 1.0, cycles)
            if tensor == self._output:
                spread = self._exponents.spreads[node]
                first = self._tables.product([per_pass, *self._others(tensor, spread)])
                yield from self._kept(level, tensor, 1.0, self._less(cycles, first))

    def _passes(self, level: Level, tensor: int, per_pass: Factor) -> Amount:
        own, node = self._exponents, level.node
        dims = frozenset(d for d in own.nest.tensors[tensor].dims if own.nest.bounds[d] > 1)
        brought = self._loops.bringing(dims, node)
        exponents: dict[int, Linear] = {}
        for number, loops in brought.items():
            passes = own.model.new_int_var(0, own.axes[number].multiplicity, "")
            own.model.add(passes == loops + own.spreads[node][number])
            exponents[number] = passes
        return self._tables.product([per_pass, *(power(own.axes[n], e) for n, e in exponents.items())])

    def _others(self, tensor: int, exponents: list[Linear]) -> list[Factor]:
        own = self._exponents
        return [
            power(axis, exponents[number])
            for number, axis in enumerate(own.axes)
            if axis.dim not in own.nest.tensors[tensor].dims
        ]

    def _tile_cycles(self, level: Level, tensor: int) -> Factor | None:
        """Cycles of one tile times the number of tiles, by the tile's exponents; ``None`` if there are too many."""
        own = self._exponents
        dims = own.nest.tensors[tensor].dims
        numbers = [number for number, axis in enumerate(own.axes) if axis.dim in dims]
        shape = tuple(own.axes[number].multiplicity + 1 for number in numbers)
        engine, clock = level.dma, self._machine.clock_mhz
        if math.prod(shape) > 2 * MOST_ENTRIES or engine is None or clock is None:
            return None
        table: Table = np.zeros(shape, dtype=np.int64)
        for powers in np.ndindex(*shape):
            tile = [1] * len(own.nest.dims)
            for number, exponent in zip(numbers, powers, strict=True):
                tile[own.axes[number].dim] *= own.axes[number].prime ** exponent
            moved = burst(own.nest.tensors[tensor], tile)
            cycles = (
                engine.init_cycles + engine.cycles_per_byte * moved.elements * self._machine.bytes_per_element[tensor]
            )
            repeats = math.prod(own.nest.bounds[dim] // tile[dim] for dim in dims)
            table[powers] = moved.invocations * math.ceil(cycles * clock / engine.clock_mhz) * repeats
        return Factor(tuple(own.tiles[level.node][number] for number in numbers), table)

    def _cycles_per_word(self, level: Level, tensor: int) -> float:
        engine, clock = level.dma, self._machine.clock_mhz
        if engine is None or clock is None:
            return 0.0
        return engine.cycles_per_byte * self._machine.bytes_per_element[tensor] * clock / engine.clock_mhz


def _port(node: int, bandwidth: float, terms: list[Term]) -> Port:
    return Port(node, tuple((price / bandwidth, amount) for price, amount in terms))


def _output_axes(exponents: LevelExponents) -> list[frozenset[int]]:
    nest = exponents.nest
    return [frozenset(dim for dim, _ in axis.terms if nest.bounds[dim] > 1) for axis in nest.tensors[nest.output].index]
