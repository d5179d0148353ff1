"""The ``shortest-path`` back end: the programme as a search method, with ties settled after the proof."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

from ...model.cost_model import HIERARCHY
from ...model.documents.result import Certificate
from ...model.faults import InputError
from ...model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ...model.hierarchy.hierarchy_model import HierarchyModel
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.hierarchy.resolved_machine import resolved_machine
from ...model.objectives import OBJECTIVES
from ..backend import AnyProblem, Progress, Report, SearchLimits, SearchOutcome
from ..deadline import Deadline
from ..hierarchies.nearby_mappings import with_nearby
from .programme import Programme, Task
from .space.map_space import MapSpace

MOST_POINTS = 2_000_000
"""Tile vectors up to which tables are built: beyond, they would take more than about a gigabyte."""
TIE_ALLOWANCE = 1e-12
"""Relative rounding within which two objectives count as equal when ties are settled."""
TIE_GAP = 1e-11
"""Relative gap at which the second metric is proved: more than bounds allow for rounding, less than ties differ by."""


@dataclass(frozen=True)
class ShortestPathBackend:
    """Proves the best mapping onto any hierarchy, under every accounting (``docs/shortest_path.md``)."""

    name: str = "shortest-path"
    cost_models: ClassVar[tuple[str, ...]] = (HIERARCHY,)

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Find the best mapping and prove it, or say how good it is; see :class:`..backend.SearchOutcome`.

        Raises:
            InputError: as :func:`space_of` does.
        """
        space, deadline = space_of(problem), Deadline.after(limits.time_limit_s)
        if space.vectors.size > MOST_POINTS:
            return SearchOutcome((), 0.0, exhausted=False, statistics={"tile_vectors": space.vectors.size})
        programme = Programme(space, Task(problem.objective, deadline, limits.top_k))
        proved = programme.run(limits.relative_gap, lambda: _tell(programme, report))
        best = [candidate.mapping for candidate in programme.best]
        settled = proved and self._settle_tie(programme, space, problem, deadline, best)
        return SearchOutcome(
            candidates=_with_more(space, problem, limits, deadline, best),
            bound=_bound_of(programme),
            exhausted=proved,
            statistics=_statistics(programme, space),
            certificate=Certificate(ties_settled=settled) if proved and best else None,
        )

    def _settle_tie(
        self, programme: Programme, space: MapSpace, problem: AnyProblem, deadline: Deadline, best: list[LevelMapping]
    ) -> bool:
        """Look for a mapping of the same objective that the other metric prefers, and put it first.

        Says whether none is left. Mappings of equal EDP are found by the sweep that proves the optimum.
        """
        rule = OBJECTIVES[problem.objective]
        if not programme.best or not rule.is_integer:
            return bool(programme.sweeps)
        most = programme.value * (1 + TIE_ALLOWANCE)
        task = (
            Task("latency", deadline, most_energy_pj=most)
            if rule.tie == "cycles"
            else Task("energy", deadline, most_cycles=programme.value)
        )
        other = Programme(space, task)
        settled = other.run(TIE_GAP, lambda: None)
        best[:0] = [found.mapping for found in other.best if found.mapping not in best]
        return settled


def _with_more(
    space: MapSpace, problem: AnyProblem, limits: SearchLimits, deadline: Deadline, best: list[LevelMapping]
) -> tuple[LevelMapping, ...]:
    """The mappings with good ones beside them where there are fewer than asked for: sweeps drop what is dominated."""
    if len(best) >= limits.top_k:
        return tuple(best)
    return with_nearby(space.constraints, space.counted, problem.objective, best, limits.top_k, deadline)


def space_of(problem: AnyProblem) -> MapSpace:
    """The mappings that a problem leaves.

    Raises:
        InputError: for the accounting `timeloop` where tiles of the output overlap or have holes: its counts can then
            be negative.
    """
    model = cast("HierarchyModel", problem.cost_model)
    machine = resolved_machine(problem.architecture, problem.nest)
    space = MapSpace(resolved_constraints(problem.nest, machine, problem.constraints), model.counted)
    if model.counted.strides and not space.begins_words_once:
        message = f"expected 'executed' where tiles of the output overlap or have holes, got '{model.accounting}'"
        raise InputError.single(None, "accounting", message)
    return space


def _tell(programme: Programme, report: Report | None) -> None:
    """Report what is known."""
    if report is not None:
        value = programme.value if programme.best else None
        incumbents = tuple(candidate.mapping for candidate in programme.best)
        note = f"{programme.labels:,} labels in {programme.sweeps} sweeps"
        report(Progress(value, _bound_of(programme), incumbents, note))


def _bound_of(programme: Programme) -> float | None:
    """The bound, at most the best mapping's value; `None` where no mapping exists."""
    bound = min(programme.bound, programme.value)
    return None if math.isinf(bound) else bound


def _statistics(programme: Programme, space: MapSpace) -> dict[str, int | float | str]:
    return {
        "proved_by": "shortest-path",
        "tile_vectors": space.vectors.size,
        "choices_of_keep": programme.num_choices,
        "sweeps": programme.sweeps,
        "labels": programme.labels,
        "relaxed": ", ".join(_relaxed(space, timed=programme.timed)) or "nothing",
    }


def _relaxed(space: MapSpace, *, timed: bool) -> Iterator[str]:
    """What sweeps leave out: partial blocks, time that tiles take besides their words, how strides round cycles."""
    levels = space.machine.levels
    if any(level.block_elements > 1 for level in levels):
        yield "blocks of elements"
    if timed and space.machine.tiled is not None:
        yield "tile overheads"
    if timed and space.counted.strides and any(level.has_ports for level in levels):
        yield "rounding of cycles"


BACKEND = ShortestPathBackend()
