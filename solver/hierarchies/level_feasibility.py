"""Whether a nest has any mapping onto a hierarchy under some of the rules, decided without listing its mappings.

Only what does not depend on counts is looked at: factors, sizes, what is kept, and least utilisations. Dimensions are
given their factors one after the other; a part of the space is left out as soon as its smallest tiles do not fit, or
its largest ones fill too little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ...model.hierarchy.constraints.resolved_constraints import ResolvedConstraints
from ...model.hierarchy.level_mapping import why_not_unrolled
from ...model.hierarchy.resolved_machine import Level
from ..deadline import Deadline
from .level_space import factorisations

STEPS_BETWEEN_LOOKS = 256
"""Steps of the search between looks at the clock."""

Tiles = tuple[int, ...]
"""By node: the size of one dimension's tile there; at a fanout its factor."""


@dataclass(frozen=True)
class LevelFeasibility:
    """Decides about the rules in ``kept``, by name: those of the constraints and, such as ``nodes.X.size``, sizes."""

    constraints: ResolvedConstraints
    kept: frozenset[str]

    def decide(self, deadline: Deadline) -> bool | None:
        """Whether some mapping keeps the rules; ``None`` when the ``deadline`` came first."""
        if not all(self._options):
            return False
        search = _Search(self, deadline)
        found = search.extends([])
        return None if search.out_of_time else found

    @cached_property
    def _options(self) -> tuple[tuple[Tiles, ...], ...]:
        """By dimension: its tiles under every choice of its factors, small ones first."""
        asked = self.constraints
        return tuple(
            tuple(sorted((self._tiles(row) for row in factorisations(bound, self._limits(dim))), key=sum))
            for dim, bound in enumerate(asked.nest.bounds)
        )

    def _tiles(self, factors: Sequence[int]) -> Tiles:
        fanouts = self.constraints.machine.network_at
        return tuple(f if node in fanouts else math.prod(factors[node:]) for node, f in enumerate(factors))

    def _limits(self, dim: int) -> list[tuple[int, int]]:
        """Least and largest factor of a dimension by node."""
        asked, bound = self.constraints, self.constraints.nest.bounds[dim]
        limits = [(1, bound)] * asked.machine.num_nodes
        for network in asked.machine.networks:
            if bound > 1 and why_not_unrolled(asked.nest, network, dim) is not None:
                limits[network.node] = (1, 1)
        for rule in asked.factor_rules:
            if rule.dim == dim and rule.rule in self.kept:
                lower, upper = limits[rule.node]
                limits[rule.node] = max(lower, rule.lower), min(upper, rule.upper)
        return limits

    @cached_property
    def smallest(self) -> tuple[Tiles, ...]:
        """By dimension: the smallest tile at every node."""
        return tuple(tuple(map(min, zip(*rows, strict=True))) for rows in self._options)

    @cached_property
    def largest(self) -> tuple[Tiles, ...]:
        """By dimension: the largest tile at every node."""
        return tuple(tuple(map(max, zip(*rows, strict=True))) for rows in self._options)

    def options(self, dim: int) -> tuple[Tiles, ...]:
        """The tiles of a dimension under every choice of its factors."""
        return self._options[dim]

    @cached_property
    def keep_choices(self) -> dict[int, list[tuple[bool, ...]]]:
        """By level: every choice of the tensors that it keeps; none where it must keep what it must not."""
        asked, found = self.constraints, dict[int, list[tuple[bool, ...]]]()
        for level in asked.machine.levels:
            allowed = [{"must": {True}, "never": {False}, "may": {True, False}}[rule] for rule in level.keep]
            for rule in asked.keep_rules:
                if rule.node == level.node and rule.rule in self.kept:
                    allowed[rule.tensor] = allowed[rule.tensor] & {rule.keep}
            found[level.node] = list(product(*allowed))
        return found

    def may_hold(self, low: Sequence[Tiles], high: Sequence[Tiles]) -> bool:
        """Whether tiles from the smallest to the largest ones by dimension may keep every rule; exact where equal."""
        for network in self.constraints.machine.networks:
            least, most = (math.prod(tiles[network.node] for tiles in ends) for ends in (low, high))
            most = min(most, network.size) if self._has(network.name, "size") else most
            if least > most or most / network.size < self._least(network.node):
                return False
        return all(self._level_may_hold(level, low, high) for level in self.constraints.machine.levels)

    def _level_may_hold(self, level: Level, low: Sequence[Tiles], high: Sequence[Tiles]) -> bool:
        small = self._bytes(level, [tiles[level.node] for tiles in low])
        large = self._bytes(level, [tiles[level.node] for tiles in high])
        return any(
            self._fits(level, [size * keeps for size, keeps in zip(small, choice, strict=True)])
            and self._fills(level, [size * keeps for size, keeps in zip(large, choice, strict=True)])
            for choice in self.keep_choices[level.node]
        )

    def _bytes(self, level: Level, tile: Sequence[int]) -> list[int]:
        """Bytes of every tensor's tile, all its buffers together."""
        sizes = zip(self.constraints.nest.tensors, self.constraints.machine.bytes_per_element, strict=True)
        return [tensor.footprint(tile) * size * level.buffers for tensor, size in sizes]

    def _fits(self, level: Level, taken: Sequence[int]) -> bool:
        has = self._has
        if level.capacity_bytes is not None and has(level.name, "capacity_bytes") and sum(taken) > level.capacity_bytes:
            return False
        limits = zip(taken, level.partitions, strict=True)
        if has(level.name, "partitions") and any(limit is not None and size > limit for size, limit in limits):
            return False
        if level.bank_bytes is None or level.banks is None or not has(level.name, "bank_bytes"):
            return True
        banks = (-(-(size // level.buffers) // level.bank_bytes) * level.buffers for size in taken)
        return sum(banks) <= level.banks

    def _fills(self, level: Level, taken: Sequence[int]) -> bool:
        least = self._least(level.node)
        if not least:
            return True
        if level.capacity_bytes is not None:
            return sum(taken) / level.capacity_bytes >= least
        limited = [(size, limit) for size, limit in zip(taken, level.partitions, strict=True) if limit is not None]
        return bool(limited) and sum(size for size, _ in limited) / sum(limit for _, limit in limited) >= least

    def _has(self, node: str, field: str) -> bool:
        return f"nodes.{node}.{field}" in self.kept

    def _least(self, node: int) -> float:
        rule = f"min_utilization.{self.constraints.machine.nodes[node]}"
        return self.constraints.min_utilization[node] if rule in self.kept else 0.0


@dataclass
class _Search:
    """One search for tiles that keep the rules; whether time was up."""

    space: LevelFeasibility
    deadline: Deadline
    steps: int = 0
    out_of_time: bool = False

    def extends(self, chosen: list[Tiles]) -> bool:
        """Whether the dimensions that are left can be given tiles beside the chosen ones."""
        self.steps += 1
        if self.steps % STEPS_BETWEEN_LOOKS == 0 and self.deadline.passed:
            self.out_of_time = True
        left = len(chosen)
        if self.out_of_time or not self.space.may_hold(
            [*chosen, *self.space.smallest[left:]], [*chosen, *self.space.largest[left:]]
        ):
            return False
        if left == len(self.space.smallest):
            return True
        return any(self.extends([*chosen, tiles]) for tiles in self._open(left))

    def _open(self, dim: int) -> Iterable[Tiles]:
        return (tiles for tiles in self.space.options(dim) if not self.out_of_time)
