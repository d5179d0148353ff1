"""Local searches that find less than they could, so that the proof has to find the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from dmaze.solver.cpsat.case_backend import CaseBackend, StartParameters
from dmaze.solver.cpsat.case_search import CASE_PARAMETERS, CaseParameters
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration.first_mappings import first_by_local_search
from dmaze.solver.search.local_search import Effort, LocalSearch, MakeLocalSearch


class Nothing(LocalSearch):
    """A local search that finds nothing."""

    def rounds(self, deadline: Deadline) -> Iterator[float]:  # noqa: ARG002
        return iter(())


STARTS: dict[str, MakeLocalSearch] = {
    "no start": Nothing,
    "poor start": partial(LocalSearch, effort=Effort(samples=4, starts=3, remembered=2, pairs=2)),
    "local search": LocalSearch,
}


nothing = partial(first_by_local_search, make=Nothing)
"""Finds no first mappings."""


def starting(backend: CaseBackend, start: str, cases: CaseParameters = CASE_PARAMETERS) -> CaseBackend:
    """A back end with one of these starts, and with parameters of its own for the cases."""
    return replace(backend, start=StartParameters(local_search=STARTS[start]), cases=cases)
