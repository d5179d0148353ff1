"""The search for a front, by the map space of the problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from ...model.cost_model import HIERARCHY
from ...model.documents.pareto import StepCheck
from ...model.documents.result import Number
from ..backend import AnyMapping, AnyProblem, LevelsProblem, published
from ..deadline import Deadline
from ..routed_backend import map_space_of


class LayerFrontSearch(Protocol):
    """A search for the whole front of one layer.

    ``complete`` says that nothing is missing, ``costed`` counts tilings that were costed with all their loop orders.
    """

    complete: bool
    costed: int

    @property
    def steps(self) -> tuple[StepCheck, ...]:
        """What constrained solves have proved, if it works by them."""
        ...

    def run(self, deadline: Deadline, report: Callable[[int], None] | None = None) -> None:
        """Work until complete or until the deadline; ``report`` hears the front's size often."""
        ...

    def points(self) -> Sequence[tuple[AnyMapping, tuple[Number, int]]]:
        """The points' mappings with their energy in pJ and cycles, by rising energy."""
        ...


def front_search_of(problem: AnyProblem) -> LayerFrontSearch:
    """The search for a problem's front.

    Raises:
        InputError: for an accounting under which mappings of the nest cannot be searched for.
    """
    if map_space_of(problem.cost_model) == HIERARCHY:
        from .level_front_search import LevelFrontSearch

        return LevelFrontSearch(cast("LevelsProblem", problem))
    from .front_search import FrontSearch

    return FrontSearch(published(problem))
