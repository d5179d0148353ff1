"""The mappings that a search may choose from: a nest on a machine, and what the constraints leave of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ....model.dmazerunner.factorisations import divisors
from ....model.hierarchy.accountings import EXECUTED, Accounting
from ....model.hierarchy.constraints.resolved_constraints import FactorRule, ResolvedConstraints
from ....model.hierarchy.level_mapping import overlapping_axes
from ....model.hierarchy.resolved_machine import Level, Network, ResolvedMachine
from ....model.loop_nest import LoopNest
from .least_words import strided_words
from .tile_vectors import Floats, Ints, Mask, TileVectors
from .unrolling_left import most_filled

Kept = tuple[tuple[bool, ...], ...]
"""``kept[node][tensor]``: what every storage level keeps; nothing at a fanout."""


@dataclass(frozen=True)
class MapSpace:
    """A nest on a machine, what is asked of its mappings, how words are counted, and whether only time counts."""

    constraints: ResolvedConstraints
    counted: Accounting = EXECUTED
    only_time: bool = False

    @property
    def nest(self) -> LoopNest:
        """The nest."""
        return self.constraints.nest

    @property
    def machine(self) -> ResolvedMachine:
        """The machine."""
        return self.constraints.machine

    def without_energy(self) -> MapSpace:
        """The same mappings on a machine that needs no energy: for searches in which only time counts."""
        machine, free = self.machine, (0.0,) * self.num_tensors
        levels = tuple(replace(level, read_pj=free, write_pj=free) for level in machine.levels)
        networks = tuple(replace(network, word_pj=free, add_pj=0.0) for network in machine.networks)
        without = replace(machine, levels=levels, networks=networks, mac_pj=0.0)
        return MapSpace(replace(self.constraints, machine=without), self.counted, only_time=True)

    @cached_property
    def machine_in_words(self) -> ResolvedMachine:
        """The machine on which a word costs its share of a block, the least it can be."""
        levels = tuple(
            replace(
                level,
                block_elements=1,
                read_pj=tuple(price / level.block_elements for price in level.read_pj),
                write_pj=tuple(price / level.block_elements for price in level.write_pj),
            )
            for level in self.machine.levels
        )
        return replace(self.machine, levels=levels)

    @cached_property
    def vectors(self) -> TileVectors:
        """The tile vectors of the nest."""
        return TileVectors(self.nest)

    @cached_property
    def overlaps(self) -> bool:
        """Whether tiles of the output overlap, so that every visit reads back."""
        return bool(overlapping_axes(self.nest))

    @cached_property
    def begins_words_once(self) -> bool:
        """Whether tiles of the output, however large, are as many words in all as it has."""
        output = self.nest.tensors[self.nest.output]
        terms = [(dim, a) for index in output.index for dim, a in index.terms if self.nest.bounds[dim] > 1]
        once = len({dim for dim, _ in terms}) == len(terms)
        return once and all(abs(a) == 1 for _, a in terms) and not self.overlaps

    @cached_property
    def dims_of(self) -> tuple[frozenset[int], ...]:
        """The dimensions that index each tensor, without those of one iteration."""
        return tuple(frozenset(dim for dim in tensor.dims if self.nest.bounds[dim] > 1) for tensor in self.nest.tensors)

    def least_words(self, tensor: int) -> Floats:
        """Words that the tiles of a tensor move at the least, by the tile vector at which they are replaced."""
        return self._least_words[tensor]

    @cached_property
    def compulsory_words(self) -> tuple[float, ...]:
        """Words of each tensor that cross every edge at the least: all that are touched.

        None by the stride rule for a tensor with windows: what it does not count again may have left.
        """
        found: list[float] = []
        for tensor, windows in zip(self.nest.tensors, self.window_dims, strict=True):
            along = [float(self.vectors.distinct(index)[-1]) for index in tensor.index]
            dims = [dim for index in tensor.index for dim, _ in index.terms]
            touched = math.prod(along) if len(set(dims)) == len(dims) else max(along)
            found.append(0.0 if self.counted.strides and windows else touched)
        return tuple(found)

    @cached_property
    def _least_words(self) -> tuple[Floats, ...]:
        slides = [self.counted.strides and len(dims) > 0 for dims in self.window_dims]
        return tuple(
            strided_words(self.vectors, tensor, self.window_dims[tensor]) if slid else self.vectors.least_words[tensor]
            for tensor, slid in enumerate(slides)
        )

    @cached_property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """Tensor and axis of every index of a tensor that is read in which several dimensions meet."""
        return tuple(
            (position, axis)
            for position, tensor in enumerate(self.nest.tensors)
            if not tensor.is_output
            for axis, index in enumerate(tensor.index)
            if sum(self.nest.bounds[dim] > 1 for dim, _ in index.terms) > 1
        )

    @cached_property
    def window_dims(self) -> tuple[frozenset[int], ...]:
        """For every tensor the dimensions that meet others in every axis in which they occur."""
        found: list[frozenset[int]] = []
        for tensor, dims in zip(self.nest.tensors, self.dims_of, strict=True):
            axes = [{dim for dim, _ in index.terms} & dims for index in tensor.index]
            alone = {dim for axis in axes if len(axis) == 1 for dim in axis}
            found.append(frozenset(dims - alone) if any(len(axis) > 1 for axis in axes) else frozenset())
        return tuple(found)

    @cached_property
    def has_blocks(self) -> bool:
        """Whether levels are accessed in blocks, so that energy is no sum of prices of words."""
        return any(level.block_elements > 1 for level in self.machine.levels)

    @cached_property
    def tracked(self) -> frozenset[int]:
        """The tensors of which it matters where all their tiles lie, and for how long: what is kept of them is given.

        Tiles may slide, may be lost at fanouts in use, or move partial blocks.
        """
        levels = self.machine.levels
        if self.counted.stays_below_fanout or self.has_blocks:
            return frozenset(range(self.num_tensors))
        keep, halos = self.constraints.keep, [level.node for level in levels if level.halo]
        return frozenset(
            tensor
            for tensor in {tensor for tensor, _ in self.windows if self.window_dims[tensor]}
            if self.counted.strides or any(keep[node][tensor] != "never" for node in halos)
        )

    @cached_property
    def unrolled(self) -> dict[int, tuple[int, ...]]:
        """The dimensions that may be unrolled over each fanout, by node."""
        return {
            network.node: tuple(dim for dim, most in enumerate(self.constraints.upper[network.node]) if most > 1)
            for network in self.machine.networks
        }

    @cached_property
    def most_instances(self) -> dict[int, int]:
        """The most instances of each fanout that factors of its dimensions can be unrolled over."""
        found: dict[int, int] = {}
        for network in self.machine.networks:
            products = {1}
            for axis in self.vectors.axes:
                if axis.dim in self.unrolled[network.node]:
                    powers = [axis.prime**power for power in range(axis.multiplicity + 1)]
                    products = {a * b for a in products for b in powers if a * b <= network.size}
            found[network.node] = max(products)
        return found

    def instances_outside(self, node: int) -> int:
        """The most instances that a node can have."""
        return math.prod(most for fanout, most in self.most_instances.items() if fanout < node)

    def instances_left(self, node: int) -> Ints:
        """The most instances that a node can have by all fanouts outside it, by the tile vector inside it."""
        return self._instances_left[node]

    @cached_property
    def _instances_left(self) -> dict[int, Ints]:
        """The same for every node, and the MAC: no more than each fanout can have, nor than what is left in all."""
        vectors, outside, found = self.vectors, np.ones(self.vectors.size, dtype=np.int64), dict[int, Ints]()
        dims = frozenset[int]()
        for node in range(self.machine.num_nodes + 1):
            left = most_filled(vectors, dims, self.instances_outside(node))
            found[node] = np.minimum(outside, left)
            network = self.machine.network_at.get(node)
            if network is not None:
                outside, dims = outside * self.filled[node], dims.union(self.unrolled[node])
        return found

    @cached_property
    def filled(self) -> dict[int, Ints]:
        """For every fanout the most of its instances that can be used, by the tile vector of what is inside it."""
        return {
            network.node: most_filled(self.vectors, self.unrolled[network.node], network.size)
            for network in self.machine.networks
        }

    def shares(self, tensor: int, network: Network) -> bool:
        """Whether a fanout can have fewer words of a tensor at its root than at its instances."""
        if tensor != self.nest.output:
            return network.multicast[tensor]
        return self.reduces(network) and self.adds(network)

    def reduces(self, network: Network) -> bool:
        """Whether instances of a fanout can hold partial sums of the same words."""
        return any(dim not in self.dims_of[self.nest.output] for dim in self.unrolled[network.node])

    def adds(self, network: Network) -> bool:
        """Whether a fanout adds partial sums on their way up: by the stride rule one without multicast does not."""
        return network.multicast[self.nest.output] or not self.counted.strides

    def most_reduction(self, node: int) -> int:
        """The most partial sums of one word of the output that the fanouts outside a node can add."""
        return self._most_reductions[node]

    @cached_property
    def _most_reductions(self) -> tuple[int, ...]:
        """The same for every node, and the MAC."""
        return tuple(map(self._most_reduction, range(self.machine.num_nodes + 1)))

    def _most_reduction(self, node: int) -> int:
        bounds, kept = self.nest.bounds, self.dims_of[self.nest.output]
        return math.prod(
            min(
                self.most_instances[network.node],
                math.prod(bounds[dim] for dim in self.unrolled[network.node] if dim not in kept),
            )
            for network in self.machine.networks
            if network.node < node
        )

    @cached_property
    def is_empty(self) -> bool:
        """Whether constraints contradict each other on what is kept, or on the factors of a dimension."""
        return self.constraints.contradicts or not all(map(self._can_be_factored, self.narrowed))

    def _can_be_factored(self, dim: int) -> bool:
        """Whether a bound is a product of factors within the limits at all nodes."""
        bound, products = self.nest.bounds[dim], {1}
        for lower, upper in zip(self.constraints.lower, self.constraints.upper, strict=True):
            factors = [factor for factor in divisors(bound) if lower[dim] <= factor <= upper[dim]]
            products = {product * factor for product in products for factor in factors}
            products = {product for product in products if bound % product == 0}
        return bound in products

    @property
    def num_tensors(self) -> int:
        """Tensors of the nest."""
        return len(self.nest.tensors)

    @cached_property
    def narrowed(self) -> tuple[int, ...]:
        """The dimensions whose factor at some node must lie within limits."""
        return tuple(sorted({rule.dim for rule in self.constraints.factor_rules if self.nest.bounds[rule.dim] > 1}))

    def factor_rules(self, node: int) -> list[FactorRule]:
        """The limits on factors at a node."""
        return [rule for rule in self.constraints.factor_rules if rule.node == node and rule.dim in self.narrowed]

    def fitting(self, level: Level, kept: tuple[bool, ...], *, used: bool = True) -> Mask:
        """The tile vectors whose tiles of the tensors kept fit a level, and use as much of it as they must."""
        vectors = self.vectors
        fits = np.ones(vectors.size, dtype=np.bool_)
        held, limited, banks = np.zeros(vectors.size), np.zeros(vectors.size), np.zeros(vectors.size)
        for tensor in (tensor for tensor, keeps in enumerate(kept) if keeps):
            single: Floats = vectors.boxes[tensor] * self.machine.bytes_per_element[tensor]
            partition = level.partitions[tensor]
            if partition is not None:
                fits &= single * level.buffers <= partition
                limited += single * level.buffers
            held += single * level.buffers
            if level.bank_bytes is not None:
                banks += np.ceil(single / level.bank_bytes) * level.buffers
        if level.capacity_bytes is not None:
            fits &= held <= level.capacity_bytes
        if level.banks is not None:
            fits &= banks <= level.banks
        least = self.constraints.min_utilization[level.node]
        limit = level.capacity_bytes or sum(size for size in level.partitions if size is not None)
        taken = held if level.capacity_bytes is not None else limited
        return fits & (taken / limit >= least) if used and least else fits
