"""What fits: instances of fanouts, bytes and banks of levels, and how much of them must be used (sections 3 and 4)."""

from __future__ import annotations

import math

from .....model.hierarchy.resolved_machine import Level, Network
from ...formulation.variables import add_if
from .index_components import components_of
from .level_exponents import LevelExponents, Linear, negated
from .product_tables import Amount, Factor, ProductTables, power, powers_of


class HeldTiles:
    """The rules of capacity; ``instances`` of every fanout in use, by node."""

    def __init__(self, exponents: LevelExponents, tables: ProductTables) -> None:
        self._exponents, self._tables, self._model = exponents, tables, exponents.model
        self._least = exponents.constraints.min_utilization
        self.instances = {network.node: self._used(network) for network in exponents.machine.networks}
        for level in exponents.machine.levels:
            self._limit(level)

    def _used(self, network: Network) -> Amount:
        """Instances of a fanout in use, within its size."""
        own, factors = self._exponents, list[Factor]()
        for prime in sorted({axis.prime for axis in own.axes}):
            numbers = [number for number, axis in enumerate(own.axes) if axis.prime == prime]
            total = sum(own.axes[number].multiplicity for number in numbers)
            most = max(p for p in range(total + 1) if prime**p <= network.size)
            exponent = self._model.new_int_var(0, most, "")
            self._model.add(exponent == sum(own.of[network.node][number] for number in numbers))
            factors.append(Factor((exponent,), powers_of(prime, most)))
        used = self._tables.product(factors)
        self._model.add(used.value <= network.size)
        if self._least[network.node]:
            self._model.add(used.value >= least_whole(self._least[network.node], network.size))
        return used

    def _limit(self, level: Level) -> None:
        own, least = self._exponents, self._least[level.node]
        limited = level.capacity_bytes is not None or any(limit is not None for limit in level.partitions)
        if not limited:
            if least:
                self._model.add_bool_or([])
            return
        held = [self._bytes(level, tensor) for tensor in range(len(own.nest.tensors))]
        if level.capacity_bytes is not None:
            self._model.add(sum(held) <= level.capacity_bytes)
        for size, limit in zip(held, level.partitions, strict=True):
            if limit is not None:
                self._model.add(size <= limit)
        if level.banks is not None and level.bank_bytes is not None:
            self._model.add(
                sum(self._banks(level, level.bank_bytes, size) for size in held) * level.buffers <= level.banks
            )
        if least and level.capacity_bytes is not None:
            self._model.add(sum(held) >= least_whole(least, level.capacity_bytes))
        elif least:
            limits = [(size, limit) for size, limit in zip(held, level.partitions, strict=True) if limit is not None]
            self._model.add(sum(size for size, _ in limits) >= least_whole(least, sum(limit for _, limit in limits)))

    def _bytes(self, level: Level, tensor: int) -> Linear:
        """Bytes that a tensor takes of a level, all buffers; 0 where it is not kept."""
        rule = self._exponents.constraints.keep[level.node][tensor]
        if rule == "never":
            return 0
        words, size = self._tile(level, tensor), self._exponents.machine.bytes_per_element[tensor] * level.buffers
        limits = [limit for limit in (level.capacity_bytes, level.partitions[tensor]) if limit is not None]
        most = min([int(words.largest) * size, *limits])
        taken, kept = self._model.new_int_var(0, most, "taken"), self._exponents.kept[level.node][tensor]
        in_bytes = round(words.unit) * size
        if words.exact:
            add_if(self._model, taken == in_bytes * words.value, kept)
        else:
            add_if(self._model, taken >= math.floor(words.unit * size) * words.value, kept)
        add_if(self._model, taken == 0, negated(kept))
        return taken

    def _tile(self, level: Level, tensor: int) -> Amount:
        """Words of a tensor's tile."""
        own, tile = self._exponents, self._exponents.tiles[level.node]
        factors: list[Factor] = []
        for part in components_of(own.nest, own.axes, own.nest.tensors[tensor]):
            if part.is_plain:
                factors += [power(own.axes[number], tile[number]) for number in part.numbers]
            else:
                factors.append(Factor(tuple(tile[number] for number in part.numbers), part.extents))
        return self._tables.product(factors)

    def _banks(self, level: Level, size: int, held: Linear) -> Linear:
        """Whole banks for one buffer."""
        if isinstance(held, int):
            return 0
        most = -(-(level.capacity_bytes or 0) // size)
        banks = self._model.new_int_var(0, most, "banks")
        self._model.add(banks * size * level.buffers >= held)
        return banks


def least_whole(share: float, whole: int) -> int:
    """The least number whose share of a whole, in binary64, is not below the one asked for."""
    found = math.floor(share * whole)
    while found > 0 and (found - 1) / whole >= share:
        found -= 1
    while found / whole < share:
        found += 1
    return found
