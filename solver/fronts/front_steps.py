"""A second proof of a front, by successive constrained solves: nothing lies between its points.

A front of n points, by rising energy E and falling cycles T, leaves n + 1 steps where a mapping could be that no point
equals or beats: less energy than E_1; for each pair of neighbours less energy than E_(i+1) and fewer cycles than T_i;
fewer cycles than T_n. CP-SAT is asked for a mapping in each of them, on the relaxation that its back end uses, with no
bound, cut or mapping of the enumeration that found the front.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ...model.documents.pareto import StepCheck
from ...model.faults import BackendFault
from ..backend import PublishedProblem
from ..deadline import Deadline

SEED = 1
"""Another one than that of any search."""

Step = tuple[int | None, int | None]
"""The most energy in pJ and the most cycles that are asked for; ``None``: no limit."""


def steps_of(points: Sequence[tuple[int, int]]) -> Iterator[Step]:
    """The steps that a front leaves open, from (energy, cycles) by rising energy.

    Example:
        >>> list(steps_of([(10, 8), (20, 5)]))
        [(9, None), (19, 7), (None, 4)]
    """
    energies = [*(energy - 1 for energy, _ in points), None]
    cycles = [None, *(number - 1 for _, number in points)]
    yield from zip(energies, cycles, strict=True)


def check_steps(
    problem: PublishedProblem, points: Sequence[tuple[int, int]], deadline: Deadline, workers: int
) -> Iterator[StepCheck]:
    """Ask CP-SAT for a mapping in every step.

    Raises:
        BackendFault: when it finds one: the front was not complete.
    """
    from ..cpsat.case_refutation import Limits, WithinLimits, refute  # here, as loading OR-Tools takes long

    for number, (energy, cycles) in enumerate(steps_of(points)):
        until = deadline.share(len(points) + 1 - number)
        limits = Limits(math.inf if energy is None else energy, math.inf if cycles is None else cycles)
        found = refute(WithinLimits(problem, limits), until, seed=SEED, workers=workers)
        if found.counterexample is not None:
            raise BackendFault(f"the front lacks a mapping of at most {energy} pJ and {cycles} cycles")
        yield StepCheck(most_energy_pj=energy, most_cycles=cycles, refuted=found.complete, examined=found.examined)
