"""What a cost model offers: the seam between the search for mappings and the definition of what they cost.

:class:`CostModel` is what each of them is: it says which machines it takes, what a mapping is and costs, and how
documents say it; ``evaluate`` asks nothing else. :class:`SearchableCostModel` adds what the pipeline, ranking,
verification and the cache need of a model whose mappings back ends look for: constraints, and what breaks them.
:class:`PublishedSpaceModel` adds what the searches of the published map space need besides: arrays of tilings, bounds
and relaxations. The published model (:mod:`.dmazerunner.published`) is of the third kind, that of hierarchies
(:mod:`.hierarchy.hierarchy_model`) of the second. A layer problem carries its cost model, so that one that costs the
published mappings differently needs nothing but itself (``docs/extending.md`` shows one).

The published map space is not behind the seam. What enumerates, splits or formulates it (enumeration, spaces, local
search and fronts, the CP-SAT formulation, presets, padding, conflicts) searches the mappings of the published model,
four factors for each dimension, by its rules of legality, and imports its room. So do some types below, documents and
exports. A machine with other levels brings searches of its own, which say so (``docs/extending.md``).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from .base import Model
from .loop_nest import LoopNest

if TYPE_CHECKING:
    from typing import Self

    from .dmazerunner.capacities import Capacities
    from .dmazerunner.legality import Pin
    from .dmazerunner.relaxation.cases import Case
    from .dmazerunner.relaxation.relaxed_model import Relaxation
    from .dmazerunner.relaxation.value_ranges import ValueRanges
    from .dmazerunner.reuse import ReuseClass
    from .dmazerunner.vectorised.batch import Array, Mask
    from .dmazerunner.vectorised.batch_bounds import BoundModel
    from .dmazerunner.vectorised.batch_cost import BatchModel
    from .dmazerunner.vectorised.order_query import OrderSearch, Permit
    from .documents.architectures import AnyArchitecture
    from .hierarchy.accountings import AccountingName


class Cost(Protocol):
    """What every exact cost says: energy in pJ and accelerator cycles."""

    @property
    def energy_pj(self) -> int | float:
        """Energy of the layer in pJ."""
        ...

    @property
    def cycles(self) -> int:
        """Time of the layer in accelerator cycles."""
        ...


DEFAULT_COST_MODEL = "dmazerunner"
"""The name of the cost model of a spec that names none, and of a document from before there were several."""

HIERARCHY = "hierarchy"
"""The name of the cost model of hierarchies."""

MachineT = TypeVar("MachineT")
ConstraintsT = TypeVar("ConstraintsT", bound=Model)
MappingT = TypeVar("MappingT")
CostT = TypeVar("CostT", bound=Cost)
MappingDocumentT = TypeVar("MappingDocumentT", bound=Model)
CostDocumentT = TypeVar("CostDocumentT", bound=Model, covariant=True)
EvaluatedT = TypeVar("EvaluatedT", bound=Model, covariant=True)


@dataclass(frozen=True)
class Costed(Generic[MappingT, CostT]):
    """A mapping with its exact cost."""

    mapping: MappingT
    """The mapping."""
    cost: CostT
    """Its exact cost."""


class CostModel(Protocol[MachineT, MappingT, CostT, MappingDocumentT, CostDocumentT, EvaluatedT]):
    """A definition of what a mapping of a loop nest onto a machine costs.

    ``name`` stands in specs, results, requests and caches. Every method is a pure function of its arguments.
    """

    @property
    def name(self) -> str:
        """The name that documents select the model by."""
        ...

    @property
    def accounting(self) -> AccountingName | None:
        """How it counts; ``None`` for a model that counts in one way only."""
        ...

    def under(self, accounting: AccountingName, /) -> Self:
        """The same model, counting in another way.

        Raises:
            ValueError: when it counts in one way only; the message says so.
        """
        ...

    # Machines and layers

    def machine_of(self, architecture: AnyArchitecture) -> MachineT:
        """The machine that an architecture of any kind is to this model.

        Raises:
            ValueError: when it can make none of it; the message says what it takes.
        """
        ...

    def nest_faults(self, nest: LoopNest) -> Iterable[str]:
        """What keeps a loop nest from being mapped by this model's documents, one line for each fault."""
        ...

    # Exact costs, one mapping at a time

    def energy_parts(self, machine: MachineT) -> tuple[str, ...]:
        """The parts that the energy is broken down into, in the order in which they are summed."""
        ...

    def cost(self, nest: LoopNest, machine: MachineT, mapping: MappingT) -> CostT:
        """The exact cost of a mapping; what does not fit is costed all the same."""
        ...

    def tiling_key(self, mapping: MappingT) -> tuple[Hashable, ...]:
        """What makes mappings distinct and decides ties: equal for two that differ in orders only, and sortable."""
        ...

    def malformed(self, nest: LoopNest, machine: MachineT, mapping: MappingT) -> Iterator[str]:
        """What is wrong with a mapping's form; nothing else may be asked about such a mapping."""
        ...

    # Documents

    @property
    def mapping_type(self) -> type[MappingDocumentT]:
        """The type of public mappings."""
        ...

    def mapping_document(self, nest: LoopNest, machine: MachineT, mapping: MappingT) -> MappingDocumentT:
        """The public form of a mapping."""
        ...

    def mapping_of(
        self, nest: LoopNest, machine: MachineT, document: MappingDocumentT, *, with_orders: bool = False
    ) -> MappingT:
        """The compact form of a public mapping; left-out orders are the nest's own, or a fault ``with_orders``.

        Raises:
            ValueError: one line per fault, each beginning with its place in the mapping.
        """
        ...

    def has_orders(self, document: MappingDocumentT) -> bool:
        """Whether a public mapping says in which order its loops run."""
        ...

    def cost_document(self, nest: LoopNest, machine: MachineT, mapping: MappingT, cost: CostT) -> CostDocumentT:
        """The public form of a mapping's cost."""
        ...

    def evaluated(
        self, nest: LoopNest, machine: MachineT, document: MappingDocumentT, *, detail: bool = False
    ) -> EvaluatedT:
        """What ``evaluate`` says of a public mapping; what does not fit is costed all the same, and flagged.

        Raises:
            ValueError: as :meth:`mapping_of` does.
        """
        ...


@runtime_checkable
class SearchableCostModel(
    CostModel[MachineT, MappingT, CostT, MappingDocumentT, CostDocumentT, EvaluatedT],
    Protocol[MachineT, ConstraintsT, MappingT, CostT, MappingDocumentT, CostDocumentT, EvaluatedT],
):
    """A cost model whose mappings can be searched for, with constraints."""

    @property
    def constraints_type(self) -> type[ConstraintsT]:
        """The type of what may be asked of a mapping besides fitting the machine."""
        ...

    def reordered(self, nest: LoopNest, machine: MachineT, mapping: MappingT) -> Iterable[Costed[MappingT, CostT]]:
        """The mapping's tiling under all orders that may be its best, each with its cost."""
        ...

    # Legality

    def broken_rules(
        self, nest: LoopNest, machine: MachineT, constraints: ConstraintsT, mapping: MappingT
    ) -> tuple[str, ...]:
        """Every capacity and constraint that a mapping breaks whatever its orders, by name."""
        ...

    def broken_limits(self, machine: MachineT, constraints: ConstraintsT, cost: CostT) -> tuple[str, ...]:
        """Every limit on what is counted that a cost exceeds, by name."""
        ...

    # Bounds

    def trivial_bounds(self, nest: LoopNest, machine: MachineT) -> tuple[float, float]:
        """Lower bounds on energy (pJ) and cycles of every mapping that need no search."""
        ...

    # What a search is asked

    def question(self, nest: LoopNest, machine: MachineT, constraints: ConstraintsT) -> Mapping[str, object]:
        """What determines the answer to a problem, as JSON: two problems with equal questions have equal answers."""
        ...


@runtime_checkable
class PublishedSpaceModel(
    SearchableCostModel[MachineT, ConstraintsT, MappingT, CostT, MappingDocumentT, CostDocumentT, EvaluatedT],
    Protocol[MachineT, ConstraintsT, MappingT, CostT, MappingDocumentT, CostDocumentT, EvaluatedT],
):
    """A cost model of tilings over the published four levels, with what their searches need."""

    # Legality

    def capacities(self, machine: MachineT) -> Capacities:
        """What a tiling may take of the machine, in the order in which it is checked."""
        ...

    def allowed(self, nest: LoopNest, machine: MachineT, constraints: ConstraintsT, levels: Array) -> Mask:
        """Which tilings of an array fit and pass every rule that does not depend on orders."""
        ...

    def permit(self, machine: MachineT, constraints: ConstraintsT) -> Permit | None:
        """What says which orders keep the limits on what is counted; `None` without limits."""
        ...

    def factorisations(self, nest: LoopNest, constraints: ConstraintsT) -> list[Array]:
        """For every dimension its factors over all levels that the constraints leave, a row for each choice."""
        ...

    def pinned_factors(self, nest: LoopNest, constraints: ConstraintsT) -> tuple[Pin, ...]:
        """Every factor that the constraints determine."""
        ...

    # Arrays of mappings

    def batch_model(self, nest: LoopNest, machine: MachineT) -> BatchModel:
        """The exact model over arrays of tilings."""
        ...

    def bound_model(self, nest: LoopNest, machine: MachineT, constraints: ConstraintsT) -> BoundModel:
        """Lower bounds over arrays of tilings whose inner factors are open."""
        ...

    def order_search(self, nest: LoopNest, machine: MachineT) -> OrderSearch:
        """What finds the best orders of tilings."""
        ...

    # Reuse classes, cases and their relaxation

    def reuse_classes(self, nest: LoopNest) -> tuple[ReuseClass, ...]:
        """The classes of loop orders among which every tiling has its cheapest orders."""
        ...

    def cases(self, nest: LoopNest) -> Sequence[Case] | None:
        """The cases into which a nest's space is split for a solver; `None` where there are too many."""
        ...

    def relaxation(self, nest: LoopNest, machine: MachineT, case: Case) -> Relaxation:
        """Lower bounds on energy and cycles in one case, as sums of monomials."""
        ...

    def case_bounds(
        self, nest: LoopNest, machine: MachineT, relaxation: Relaxation, ranges: ValueRanges
    ) -> dict[str, float]:
        """Lower bounds on energy and cycles over a whole case, by the names of the relaxation's quantities."""
        ...
