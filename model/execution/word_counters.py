"""What moved, counted where it moved: by storage level, fanout, tensor and instance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..hierarchy.hierarchy_cost import Access, Traffic
from .walked_loops import IntArray


def _none(entries: int) -> IntArray:
    return np.zeros(entries, dtype=np.int64)


@dataclass(frozen=True)
class LevelCounter:
    """Words that a tensor moved at a storage level, one entry for each instance, and the tiles that instance 0 got.

    ``transfers[0]`` counts tiles that came to instance 0 or left it, each a job of the DMA engine where there is one.
    """

    fill: IntArray
    serve: IntArray
    drain: IntArray
    update: IntArray
    transfers: IntArray

    @classmethod
    def of(cls, instances: int) -> LevelCounter:
        """Nothing so far."""
        return cls(_none(instances), _none(instances), _none(instances), _none(instances), _none(1))

    @property
    def access(self) -> Access:
        """The words of all instances together."""
        return Access(int(self.fill.sum()), int(self.serve.sum()), int(self.drain.sum()), int(self.update.sum()))


@dataclass(frozen=True)
class LinkCounter:
    """Words of a tensor on the links of a fanout, and additions there: one entry for each root.

    ``down`` and ``up`` count words between the fanout and its instances; ``root_down`` and ``root_up`` those between
    the fanout and its root, where a word that several instances get passes once.
    """

    down: IntArray
    up: IntArray
    adds: IntArray
    root_down: IntArray
    root_up: IntArray

    @classmethod
    def of(cls, roots: int) -> LinkCounter:
        """Nothing so far."""
        return cls(_none(roots), _none(roots), _none(roots), _none(roots), _none(roots))

    @property
    def traffic(self) -> Traffic:
        """The words of all roots together."""
        return Traffic(int(self.down.sum()), int(self.up.sum()), int(self.adds.sum()))


@dataclass(frozen=True)
class Counters:
    """All counters of an execution, by node and tensor."""

    levels: dict[tuple[int, int], LevelCounter]
    links: dict[tuple[int, int], LinkCounter]


class FaultLog:
    """What went wrong in an execution: one line for each kind of fault, with the number of words or operations."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def report(self, what: str, number: int) -> None:
        """Add so many occurrences of a fault, if there are any."""
        if number:
            self._numbers[what] = self._numbers.get(what, 0) + number

    @property
    def lines(self) -> tuple[str, ...]:
        """One line for each kind of fault, in the order in which they occurred first."""
        return tuple(f"{what}: {number} times" for what, number in self._numbers.items())
