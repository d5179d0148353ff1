"""What a back end is: the contract between the pipeline and a search method (``docs/contract.md`` section 4).

A back end returns candidate mappings and a bound. Legality, exact cost, ranks and status are decided outside it,
once (:mod:`.pipeline.solve`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from ..model.cost_model import PublishedSpaceModel
from ..model.cost_models import AnyPublishedModel, AnySearchableModel
from ..model.dmazerunner.architecture import Architecture
from ..model.dmazerunner.constraints import Constraints
from ..model.dmazerunner.published import PUBLISHED
from ..model.documents.result import Certificate
from ..model.hierarchy.constraints.level_constraints import LevelConstraints
from ..model.hierarchy.hierarchy_model import HierarchyModel
from ..model.hierarchy.level_mapping import LevelMapping
from ..model.hierarchy.machine import Machine
from ..model.loop_nest import LoopNest
from ..model.mapping import Mapping
from ..model.objectives import Objective

MachineT = TypeVar("MachineT", covariant=True)
ConstraintsT = TypeVar("ConstraintsT", covariant=True)
MappingT = TypeVar("MappingT", covariant=True)
ModelT = TypeVar("ModelT", covariant=True)

_DEFAULT_MODEL: Any = PUBLISHED


@dataclass(frozen=True)
class LayerProblem(Generic[MachineT, ConstraintsT, MappingT, ModelT]):
    """One layer to map. ``constraints`` holds no preset: the pipeline has replaced it by its thresholds.

    ``cost_model`` says what a mapping is and costs: machine, constraints and mappings are of its kinds.

    ``warm_starts`` are mappings of the same dimensions that may be good ones, such as optima of similar problems; they
    need not be legal. They may save time, but are no part of the question: a back end may ignore them.
    """

    nest: LoopNest
    architecture: MachineT
    constraints: ConstraintsT
    objective: Objective
    warm_starts: tuple[MappingT, ...] = ()
    cost_model: ModelT = _DEFAULT_MODEL


AnyProblem: TypeAlias = LayerProblem[Any, Any, Any, AnySearchableModel]
"""A problem of any cost model: only that can say what its machine, constraints and mappings hold."""

PublishedProblem: TypeAlias = LayerProblem[Architecture, Constraints, Mapping, AnyPublishedModel]
"""A problem of the published map space."""

LevelsProblem: TypeAlias = LayerProblem[Machine, LevelConstraints, LevelMapping, HierarchyModel]
"""A problem of the mappings onto a hierarchy."""

AnyMapping: TypeAlias = Any
"""A mapping of the cost model of a problem: only that can say what it holds."""


def published(problem: AnyProblem) -> PublishedProblem:
    """A problem of the published map space as what it is.

    Raises:
        TypeError: for one of another map space; who asks should have looked.
    """
    if not isinstance(problem.cost_model, PublishedSpaceModel):
        raise TypeError(f"expected a problem of the published map space, got one of {problem.cost_model.name}")
    return cast("PublishedProblem", problem)


@dataclass(frozen=True)
class SearchLimits:
    """How long and how hard to search. The same seed with one worker gives the same answer."""

    time_limit_s: float = 60.0
    workers: int = 1
    relative_gap: float = 1e-6
    top_k: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """A snapshot of a running search.

    ``incumbents`` are the best mappings so far, best first; they are what is left when the search is interrupted.
    ``bound`` is a certified lower bound on the objective, or ``None`` yet. ``done`` is the estimated share of the work
    that is done, in 0..1, where it can be estimated.
    """

    objective_value: float | None
    bound: float | None
    incumbents: tuple[AnyMapping, ...] = ()
    note: str = ""
    done: float | None = None


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found.

    ``bound`` is a lower bound on the exact objective of every mapping that the constraints allow, or ``None``.
    ``exhausted`` says that nothing better than the best candidate (by the relative gap) exists; with no candidates,
    that the problem is infeasible. ``certificate`` may say how that was proved.
    """

    candidates: tuple[AnyMapping, ...]
    bound: float | None
    exhausted: bool
    statistics: MappingOf[str, int | float | str] = field(default_factory=dict[str, int | float | str])
    certificate: Certificate | None = None


@runtime_checkable
class Backend(Protocol):
    """A search method.

    One of another distribution searches in a process of its own (:mod:`.isolation.isolated_backend`), unless it has an
    attribute ``in_process`` that is true.
    """

    name: str

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Search for the best mappings of a layer."""
        ...
