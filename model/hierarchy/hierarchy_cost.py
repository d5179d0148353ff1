"""What a mapping onto a hierarchy costs, with every count behind it. Tuples by node, tensor: see each field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add


def summed(terms: Iterable[float]) -> float:
    """The sum of numbers in their order, each step rounded to binary64: from Python 3.12 on, ``sum`` is more exact."""
    return reduce(add, terms, 0.0)


@dataclass(frozen=True)
class Access:
    """Elements that one tensor moves at one storage level, all instances together (section 5).

    ``fill`` and ``update`` are written, ``serve`` and ``drain`` read; outer levels and inner ones are the other ends.
    """

    fill: int = 0
    serve: int = 0
    drain: int = 0
    update: int = 0

    @property
    def reads(self) -> int:
        """Elements read."""
        return self.serve + self.drain

    @property
    def writes(self) -> int:
        """Elements written."""
        return self.fill + self.update


@dataclass(frozen=True)
class Traffic:
    """Words of one tensor over one fanout, all instances together, and additions of partial sums."""

    down: int = 0
    up: int = 0
    adds: int = 0


@dataclass(frozen=True)
class HierarchyCost:
    """The exact cost of a mapping.

    Per node and tensor, by position: ``accesses[node][tensor]`` at storage levels, ``networks[node][tensor]`` at
    fanouts (``None`` where a level does not keep the tensor, or the node is of the other kind). ``held[node][tensor]``:
    elements of one instance's tile. ``busiest[node]``: elements read and written by instance 0 of a storage level.
    ``fits[node]`` and ``utilization[node]``: whether what is held or unrolled there fits, and its share of the
    capacity or of the instances (`None` for a level without limits). ``dma_cycles`` by node, where there is an engine.
    """

    energy_parts_pj: dict[str, float]
    """Energy in pJ of `mac` and of every node, in the order in which they are summed."""
    roofline: dict[str, int]
    """Cycles by term (section 7): `compute`, `LEVEL.reads`, `.writes`, `.both`, `.dma`, `FANOUT.TENSOR.down`, `.up`."""
    walk_cycles: int | None
    """Cycles with fill, drain and stalls (section 8); `None` where the accounting does not define them."""
    accesses: tuple[tuple[Access | None, ...], ...]
    networks: tuple[tuple[Traffic | None, ...], ...]
    busiest: tuple[tuple[int, int] | None, ...]
    held: tuple[tuple[int | None, ...], ...]
    dma_cycles: dict[int, int]
    fits: tuple[bool, ...]
    utilization: tuple[float | None, ...]

    @property
    def energy_pj(self) -> float:
        """Energy in pJ: the parts, `mac` first."""
        return summed(self.energy_parts_pj.values())

    @property
    def cycles(self) -> int:
        """Cycles: the largest term of the roofline."""
        return max(self.roofline.values())

    @property
    def bound_by(self) -> str:
        """The term of the roofline that decides; of equal ones the first."""
        return max(self.roofline, key=self.roofline.__getitem__)

    @property
    def edp(self) -> float:
        """Energy times cycles, in pJ * cycles."""
        return self.energy_pj * self.cycles
