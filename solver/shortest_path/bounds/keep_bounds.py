"""Which choices of what is kept where can be good: a quick bound on each, tensor by tensor, the best first."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from ...deadline import Deadline
from ..space.keeping import Given, Keeping
from ..space.map_space import MapSpace
from ..space.quantities import ENERGY, Quantities
from .cost_to_go import CostToGo

Column = tuple["bool | None", ...]
"""For one tensor whether each node keeps it; `None` where it may."""


@dataclass(frozen=True)
class BoundedChoice:
    """A choice of what is kept where of the tensors that are tracked, and a lower bound on its energy in pJ."""

    given: Given
    energy_pj: float


def choices_by_energy(space: MapSpace, deadline: Deadline) -> Iterator[BoundedChoice]:
    """All choices of what is kept where of the tensors that are tracked, by rising bounds, made when asked for.

    Each of them has its least energy on its own, as if the others had no tiles. What is kept of other tensors is left
    open, and their energy out.

    Raises:
        TimeoutError: when the deadline passes.
    """
    columns = [_columns(space, tensor, deadline) for tensor in range(space.num_tensors)]
    if not all(columns):
        return
    macs_pj = space.nest.num_macs * space.machine.mac_pj
    first: tuple[int, ...] = (0,) * len(columns)
    waiting: list[tuple[float, tuple[int, ...]]] = [(_sum(columns, first), first)]
    seen: set[tuple[int, ...]] = {first}
    while waiting:
        energy_pj, places = heapq.heappop(waiting)
        given = tuple(zip(*(column[place][1] for column, place in zip(columns, places, strict=True)), strict=True))
        yield BoundedChoice(given, macs_pj + energy_pj)
        for tensor, place in enumerate(places):
            following = (*places[:tensor], place + 1, *places[tensor + 1 :])
            if place + 1 < len(columns[tensor]) and following not in seen:
                seen.add(following)
                heapq.heappush(waiting, (_sum(columns, following), following))


def _sum(columns: list[list[tuple[float, Column]]], places: tuple[int, ...]) -> float:
    return sum(column[place][0] for column, place in zip(columns, places, strict=True))


def _columns(space: MapSpace, tensor: int, deadline: Deadline) -> list[tuple[float, Column]]:
    """The choices for one tensor with their bounds in pJ, the least first, without those that cannot fit."""
    if tensor not in space.tracked:
        keeps = {"must": True, "never": False, "may": None}
        return [(0.0, tuple(keeps[row[tensor]] for row in space.constraints.keep))]
    options = {"must": (True,), "never": (False,), "may": (True, False)}
    found = [
        (_alone(space, tensor, column, deadline), column)
        for column in itertools.product(*(options[row[tensor]] for row in space.constraints.keep))
    ]
    return sorted(((energy_pj, column) for energy_pj, column in found if energy_pj < float("inf")), key=_by_energy)


def _by_energy(choice: tuple[float, Column]) -> tuple[float, int]:
    """Less energy first; of equal ones, what keeps more."""
    return choice[0], -sum(keeps is True for keeps in choice[1])


def _alone(space: MapSpace, tensor: int, column: Column, deadline: Deadline) -> float:
    """The least energy of one tensor; the others are kept in DRAM only and cost nothing."""
    alone = tuple(
        tuple(keeps if position == tensor else node == 0 for position in range(space.num_tensors))
        for node, keeps in enumerate(column)
    )
    keeping = Keeping(space, Quantities((ENERGY,)), alone)
    ahead = CostToGo(keeping, deadline, quick=True)
    rest = ahead.tail(0, tensor, keeping.first[0].edges[tensor])
    saved = rest.credit[0] * space.vectors.first_visits[0]
    network = space.machine.network_at.get(ahead.stages[0].node)
    shared = network is not None and space.shares(tensor, network)
    words = space.nest.num_macs / (space.most_instances[network.node] if network and shared else 1)
    plain = rest.plain[0] * words
    first = max(plain, rest.full[0] * words - saved) if saved else plain
    return float(first) + ahead.at_start(0)
