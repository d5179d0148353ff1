"""Back ends that search the mappings of several cost models, each by a method of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from ..model.cost_model import DEFAULT_COST_MODEL, HIERARCHY, PublishedSpaceModel
from ..model.cost_models import AnyCostModel
from .backend import AnyProblem, Backend, Report, SearchLimits, SearchOutcome


def map_space_of(model: AnyCostModel) -> str:
    """Whose mappings a cost model costs: its own, or the published ones."""
    return DEFAULT_COST_MODEL if isinstance(model, PublishedSpaceModel) else model.name


def map_spaces_of(backend: Backend) -> tuple[str, ...]:
    """Whose mappings a back end searches: what its ``cost_models`` says, else the published ones."""
    return tuple(getattr(backend, "cost_models", (DEFAULT_COST_MODEL,)))


@dataclass(frozen=True)
class RoutedBackend:
    """A back end that has a method for each map space; ``methods`` says where it is, and is loaded when needed."""

    name: str
    methods: Mapping[str, str]

    @property
    def cost_models(self) -> tuple[str, ...]:
        """Whose mappings there is a method for."""
        return tuple(self.methods)

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """What the method for the problem's map space finds."""
        return self.method_for(problem.cost_model).search(problem, limits, report)

    def method_for(self, model: AnyCostModel) -> Backend:
        """The method for a cost model's map space, loaded."""
        module, _, attribute = self.methods[map_space_of(model)].partition(":")
        return cast("Backend", getattr(import_module(module, __package__), attribute))


EXHAUSTIVE = RoutedBackend(
    "exhaustive", {DEFAULT_COST_MODEL: ".enumeration:BACKEND", HIERARCHY: ".hierarchies.level_enumeration:BACKEND"}
)
"""Every mapping costed."""

CP_SAT = RoutedBackend("cp-sat", {DEFAULT_COST_MODEL: ".cpsat:BACKEND", HIERARCHY: ".cpsat.levels.level_cpsat:BACKEND"})
"""CP-SAT on a relaxed model, until what it finds costs no more than it says."""

PORTFOLIO = RoutedBackend(
    "portfolio", {DEFAULT_COST_MODEL: ".portfolio:BACKEND", HIERARCHY: ".level_portfolio:BACKEND"}
)
"""Whatever proves soonest; the default."""
