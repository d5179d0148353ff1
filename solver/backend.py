"""What a back end is: the contract between the pipeline and a search method (``docs/contract.md`` section 4).

A back end returns candidate mappings and a bound. Legality, exact cost, ranks and status are decided outside it,
once (:mod:`.pipeline.solve`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, cast, runtime_checkable

from typing_extensions import TypeVar  # typing's own has defaults from Python 3.13 on

from ..model.cost_model import PublishedSpaceModel
from ..model.cost_models import AnyPublishedModel, AnySearchableModel
from ..model.dmazerunner.architecture import Architecture
from ..model.dmazerunner.constraints import Constraints
from ..model.dmazerunner.published import PUBLISHED
from ..model.documents.result import Certificate
from ..model.hierarchy.constraints.level_constraints import LevelConstraints
from ..model.hierarchy.level_mapping import LevelMapping
from ..model.hierarchy.machine import Machine
from ..model.loop_nest import LoopNest
from ..model.mapping import Mapping
from ..model.objectives import Objective

if TYPE_CHECKING:
    from ..model.hierarchy.hierarchy_model import HierarchyModel

MachineT = TypeVar("MachineT", covariant=True, default=Any)
ConstraintsT = TypeVar("ConstraintsT", covariant=True, default=Any)
MappingT = TypeVar("MappingT", covariant=True, default=Any)
ModelT = TypeVar("ModelT", covariant=True, default=AnySearchableModel)

_DEFAULT_MODEL: Any = PUBLISHED


@dataclass(frozen=True)
class LayerProblem(Generic[MachineT, ConstraintsT, MappingT, ModelT]):
    """One layer to map: machine, constraints and mappings are of its cost model's kinds.

    Without type arguments it is a problem of any cost model.
    """

    nest: LoopNest
    """The loop nest: dimensions, bounds and tensors. Mappings speak of its dimensions and tensors by position."""
    architecture: MachineT
    """The machine, of the cost model's kind."""
    constraints: ConstraintsT
    """What is asked of mappings besides fitting the machine; a preset is replaced by what its rounds ended with."""
    objective: Objective
    """What is minimised: `edp` (pJ * cycles), `energy` (pJ) or `latency` (cycles)."""
    warm_starts: tuple[MappingT, ...] = ()
    """Mappings of the same dimensions that may be good ones, such as optima of similar problems, perhaps illegal here.
    They may save time, but are no part of the question: a back end may ignore them."""
    cost_model: ModelT = _DEFAULT_MODEL
    """What says which mappings are legal and what they cost."""


AnyProblem: TypeAlias = LayerProblem
"""A problem of any cost model: only that can say what its machine, constraints and mappings hold."""

PublishedProblem: TypeAlias = LayerProblem[Architecture, Constraints, Mapping, AnyPublishedModel]
"""A problem of the published map space."""

LevelsProblem: TypeAlias = "LayerProblem[Machine, LevelConstraints, LevelMapping, HierarchyModel]"
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
    """How long and how hard to search."""

    time_limit_s: float = 60.0
    """Wall time in seconds; may be infinite."""
    workers: int = 1
    """Threads or processes that the search may use."""
    relative_gap: float = 1e-6
    """Gap, as a share of the objective value, within which the best mapping counts as optimal."""
    top_k: int = 5
    """Mappings wanted, distinct by tiling; more may be returned."""
    seed: int = 0
    """For whatever is random. The same seed with one worker gives the same answer."""


@dataclass(frozen=True)
class Progress:
    """A snapshot of a running search."""

    objective_value: float | None
    """Objective value of the best mapping so far; `None` without one."""
    bound: float | None
    """A certified lower bound on the objective of every mapping allowed; `None` without one."""
    incumbents: tuple[AnyMapping, ...] = ()
    """The best mappings so far, the best first: what is left of the search when it is interrupted."""
    note: str = ""
    """What the search is doing, for people."""
    done: float | None = None
    """Estimated share of the work that is done, in 0..1; `None` where it cannot be estimated."""


Report = Callable[[Progress], None]
"""What a back end tells of its progress; may be called from any thread."""


@dataclass(frozen=True)
class SearchOutcome:
    """What a search found."""

    candidates: tuple[AnyMapping, ...]
    """Legal mappings of the problem's cost model, in any order."""
    bound: float | None
    """A lower bound on the exact objective of every mapping that the constraints allow; `None` without one."""
    exhausted: bool
    """Whether nothing better than the best candidate (by the relative gap) exists; without candidates, that the problem
    is infeasible."""
    statistics: MappingOf[str, int | float | str] = field(default_factory=dict[str, int | float | str])
    """Further figures for the result, by name."""
    certificate: Certificate | None = None
    """How it was proved; `None` without an account of it."""


@runtime_checkable
class Backend(Protocol):
    """A search method.

    One of another distribution searches in a process of its own (:mod:`.isolation.isolated_backend`), unless it has an
    attribute ``in_process`` that is true. An attribute ``cost_models`` names those whose mappings it searches; without
    one it is ``("dmazerunner",)``. ``docs/backends.md`` is the guide for authors.
    """

    name: str
    """What specs select it by; that of its entry point."""

    def search(self, problem: AnyProblem, limits: SearchLimits, report: Report | None) -> SearchOutcome:
        """Search for the best mappings of a layer, and tell `report` of what is found on the way."""
        ...
