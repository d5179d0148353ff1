"""What a batch of mappings costs, as arrays, and one mapping's cost as the one-at-a-time model gives it."""

from __future__ import annotations

from dataclasses import dataclass

from ...loop_nest import LoopNest
from ..hierarchy_cost import Access, HierarchyCost, Traffic
from ..resolved_machine import ResolvedMachine
from .mapping_arrays import Floats, Ints, Mask


@dataclass(frozen=True)
class BatchCost:
    """The exact costs of a batch of mappings; the last axis of every array is the batch.

    Levels and networks are those of the machine, by their place there. What :class:`..hierarchy_cost.HierarchyCost`
    holds is here by the same name; `None` there is 0 here.
    """

    nest: LoopNest
    machine: ResolvedMachine
    has_networks: bool
    energy_parts_pj: Floats
    """``[part]``: energy in pJ of `mac` and of every node."""
    energy_pj: Floats
    """Energy in pJ."""
    terms: tuple[str, ...]
    """The names of the roofline's terms."""
    roofline: Ints
    """``[term]``: cycles."""
    cycles: Ints
    """Cycles: the largest term."""
    bound_by: Ints
    """The place of the term that decides; of equal ones the first."""
    walk_cycles: Ints | None
    """Cycles with fill, drain and stalls; `None` where not asked for or not defined."""
    accesses: Ints
    """``[kind, level, tensor]``: elements of all instances; kinds `fill`, `serve`, `drain`, `update`."""
    networks: Ints
    """``[kind, network, tensor]``: words and additions of all instances; kinds `down`, `up`, `adds`."""
    busiest: Ints
    """``[kind, level]``: elements that instance 0 reads and writes."""
    kept: Mask
    """``[level, tensor]``: whether a level keeps a tensor."""
    held: Ints
    """``[level, tensor]``: elements of one instance's tile."""
    dma_cycles: dict[int, Ints]
    """Cycles by node, where there is a DMA engine."""
    fits: Mask
    """``[node]``: whether what is held or unrolled there fits."""
    utilization: tuple[Floats | None, ...]
    """By node the share of the capacity or of the instances; `None` for a level without limits."""

    @property
    def size(self) -> int:
        """Number of mappings."""
        return len(self.energy_pj)

    @property
    def edp(self) -> Floats:
        """Energy times cycles, in pJ * cycles."""
        return self.energy_pj * self.cycles

    def row(self, row: int) -> HierarchyCost:
        """The cost of one mapping."""
        machine = self.machine
        places = {level.node: place for place, level in enumerate(machine.levels)}
        places |= {network.node: place for place, network in enumerate(machine.networks)}
        nodes = [(node in machine.level_at, places[node]) for node in range(machine.num_nodes)]
        none = (None,) * len(self.nest.tensors)
        return HierarchyCost(
            energy_parts_pj=dict(zip(("mac", *machine.nodes), self.energy_parts_pj[:, row].tolist(), strict=True)),
            roofline=dict(zip(self.terms, self.roofline[:, row].tolist(), strict=True)),
            walk_cycles=None if self.walk_cycles is None else int(self.walk_cycles[row]),
            accesses=tuple(self._accesses(place, row) if is_level else none for is_level, place in nodes),
            networks=tuple(none if is_level else self._traffic(place, row) for is_level, place in nodes),
            busiest=tuple(self._busiest(place, row) if is_level else None for is_level, place in nodes),
            held=tuple(self._held(place, row) if is_level else none for is_level, place in nodes),
            dma_cycles={node: int(cycles[row]) for node, cycles in self.dma_cycles.items()},
            fits=tuple(self.fits[:, row].tolist()),
            utilization=tuple(None if share is None else float(share[row]) for share in self.utilization),
        )

    def _accesses(self, place: int, row: int) -> tuple[Access | None, ...]:
        counts, kept = self.accesses[:, place, :, row].T.tolist(), self.kept[place, :, row].tolist()
        return tuple(Access(*four) if keeps else None for four, keeps in zip(counts, kept, strict=True))

    def _traffic(self, place: int, row: int) -> tuple[Traffic | None, ...]:
        counts = self.networks[:, place, :, row].T.tolist()
        return tuple(Traffic(*three) if self.has_networks else None for three in counts)

    def _busiest(self, place: int, row: int) -> tuple[int, int]:
        reads, writes = self.busiest[:, place, row].tolist()
        return reads, writes

    def _held(self, place: int, row: int) -> tuple[int | None, ...]:
        words, kept = self.held[place, :, row].tolist(), self.kept[place, :, row].tolist()
        return tuple(number if keeps else None for number, keeps in zip(words, kept, strict=True))
