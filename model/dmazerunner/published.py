"""The published model as a cost model: what its parts offer, behind one interface (:mod:`..cost_model`)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cost_model import DEFAULT_COST_MODEL, Costed
from ..explaining import published_parts
from ..explaining.explainable import ArrayInUse, Enlarged
from ..faults import shown
from ..loop_nest import LoopNest
from ..mapping import (
    LEVELS,
    Mapping,
    MappingDocument,
    mapping_to_document,
    order_from_document,
    tiling_from_document,
)
from ..objectives import SAFE
from . import evaluated_cost
from .architecture import Architecture
from .capacities import Capacities, capacities
from .constraints import Constraints
from .cost import PARTS, ExactCost, cost_of_mapping, costs_of_tiling
from .cost_document import Cost, cost_to_document
from .evaluated_cost import EvaluatedCost, orders_from_document
from .factorisations import allowed_factorisations
from .legality import Pin, broken_limits, broken_rules, pinned_factors
from .relaxation.case_bounds import analytic_bounds
from .relaxation.cases import Case, all_cases, has_few_cases
from .relaxation.relaxed_model import Relaxation, relax
from .relaxation.value_ranges import ValueRanges
from .reuse import ReuseClass, has_more_classes, reuse_classes
from .vectorised.all_pairs import AllPairs
from .vectorised.batch import Array, Mask
from .vectorised.batch_bounds import BoundModel
from .vectorised.batch_cost import BatchModel
from .vectorised.batch_legality import allowed, permit_of
from .vectorised.order_query import OrderSearch, Permit
from .vectorised.order_search import BestOrders

if TYPE_CHECKING:
    from typing import Self

    from ..documents.architectures import AnyArchitecture
    from ..hierarchy.accountings import AccountingName


@dataclass(frozen=True)
class PublishedModel:
    """dMazeRunner's execution model (``docs/model.md``); parity with the published implementation is its value.

    Nests of up to ``most_classes`` reuse classes get their best orders from all pairs of them, others by a search.
    """

    name: str = DEFAULT_COST_MODEL
    most_classes: int = 6

    @property
    def accounting(self) -> None:
        """It counts in one way only, as published."""

    def under(self, accounting: AccountingName, /) -> Self:
        """Raises ValueError: there is no other way to count."""
        raise ValueError(f"expected none, for the cost model {self.name} counts in one way only, got '{accounting}'")

    def machine_of(self, architecture: AnyArchitecture) -> Architecture:
        """The architecture itself; raises ValueError for a hierarchy."""
        if isinstance(architecture, Architecture):
            return architecture
        wanted = f"expected '{architecture.cost_model}', for {shown(architecture.name)} is a hierarchy"
        raise ValueError(f"{wanted}, got '{self.name}'")

    def nest_faults(self, nest: LoopNest) -> tuple[str, ...]:  # noqa: ARG002
        """Every nest can be mapped."""
        return ()

    def energy_parts(self, machine: Architecture) -> tuple[str, ...]:  # noqa: ARG002
        """The multiply-accumulate and the four memories."""
        return PARTS

    def cost(self, nest: LoopNest, machine: Architecture, mapping: Mapping) -> ExactCost:
        """The exact cost of a mapping (sections 4 and 5)."""
        return cost_of_mapping(nest, machine, mapping)

    @property
    def constraints_type(self) -> type[Constraints]:
        """What the published optimizer can be asked for, and some more."""
        return Constraints

    def reordered(
        self, nest: LoopNest, machine: Architecture, mapping: Mapping
    ) -> Iterator[Costed[Mapping, ExactCost]]:
        """The tiling with orders of every pair of reuse classes, the SPM class varying slowest (section 3)."""
        tiling = mapping.tiling
        for spm, dram, cost in costs_of_tiling(nest, machine, tiling):
            yield Costed(Mapping(tiling, dram.order(tiling.dram), spm.order(tiling.spm)), cost)

    def tiling_key(self, mapping: Mapping) -> tuple[tuple[int, ...], ...]:
        """The factors of all levels."""
        return mapping.tiling.levels

    def malformed(
        self,
        nest: LoopNest,
        machine: Architecture,  # noqa: ARG002
        mapping: Mapping,
    ) -> Iterator[str]:
        """Factors and orders that are no positive integers, no permutations, or of another length than the nest's."""
        dims = list(range(len(nest.dims)))
        for level, factors in zip(LEVELS, mapping.tiling.levels, strict=True):
            if not _are_integers(factors, len(dims)) or min(factors) < 1:
                yield f"tiling.{level}: expected {len(dims)} positive integers, got {factors}"
        for field, order in (("dram_order", mapping.dram_order), ("spm_order", mapping.spm_order)):
            if not _are_integers(order, len(dims)) or sorted(order) != dims:
                yield f"{field}: expected every position from 0 to {len(dims) - 1} once, got {order}"

    def broken_rules(
        self, nest: LoopNest, machine: Architecture, constraints: Constraints, mapping: Mapping
    ) -> tuple[str, ...]:
        """Capacities and constraints that the tiling breaks (section 2)."""
        return broken_rules(nest, machine, constraints, mapping.tiling)

    def broken_limits(self, machine: Architecture, constraints: Constraints, cost: ExactCost) -> tuple[str, ...]:
        """Limits on bytes and DMA invocations between DRAM and SPM."""
        return broken_limits(machine, constraints, cost)

    def capacities(self, machine: Architecture) -> Capacities:
        """PEs, register files and SPM (section 2)."""
        return capacities(machine)

    def allowed(self, nest: LoopNest, machine: Architecture, constraints: Constraints, levels: Array) -> Mask:
        """Tilings of shape (4, dimensions, n) that fit and pass (section 2)."""
        return allowed(nest, machine, constraints, levels)

    def permit(self, machine: Architecture, constraints: Constraints) -> Permit | None:
        """Which DRAM orders keep the limits on bytes and DMA invocations."""
        return permit_of(constraints, machine)

    def factorisations(self, nest: LoopNest, constraints: Constraints) -> list[Array]:
        """Rows of factors for DRAM, SPM, RF and PEs."""
        return allowed_factorisations(nest, constraints)

    def pinned_factors(self, nest: LoopNest, constraints: Constraints) -> tuple[Pin, ...]:
        """Factors that are fixed, or that a pruning rule sets to 1."""
        return pinned_factors(nest, constraints)

    def trivial_bounds(self, nest: LoopNest, machine: Architecture) -> tuple[float, float]:
        """Every multiply-accumulate with its register accesses, on all PEs."""
        price = machine.access_energy_pj
        energy = math.floor(nest.num_macs * (price.mac + nest.rf_accesses_per_mac * price.rf) * SAFE)
        return energy, -(-nest.num_macs // machine.pes)

    def batch_model(self, nest: LoopNest, machine: Architecture) -> BatchModel:
        """The exact model over arrays of tilings and all pairs of reuse classes."""
        return BatchModel(nest, machine)

    def bound_model(self, nest: LoopNest, machine: Architecture, constraints: Constraints) -> BoundModel:
        """Lower bounds where only DRAM factors, or DRAM and SPM factors, are chosen."""
        return BoundModel(nest, machine, constraints)

    def order_search(self, nest: LoopNest, machine: Architecture) -> OrderSearch:
        """All pairs of classes where there are few, else a search among those that each tiling has."""
        return (BestOrders if has_more_classes(nest, self.most_classes) else AllPairs)(nest, machine)

    def reuse_classes(self, nest: LoopNest) -> tuple[ReuseClass, ...]:
        """The classes of both levels (section 3)."""
        return reuse_classes(nest)

    def cases(self, nest: LoopNest) -> Sequence[Case] | None:
        """Pairs of reuse classes with what they skip; `None` for a nest with very many classes."""
        return all_cases(reuse_classes(nest)) if has_few_cases(nest) else None

    def relaxation(self, nest: LoopNest, machine: Architecture, case: Case) -> Relaxation:
        """Energy and cycles of one case from below, as sums of monomials (``docs/cpsat_formulation.md``)."""
        return relax(nest, machine, case)

    def case_bounds(
        self, nest: LoopNest, machine: Architecture, relaxation: Relaxation, ranges: ValueRanges
    ) -> dict[str, float]:
        """Every monomial at its least value."""
        return analytic_bounds(nest, machine, relaxation, ranges)

    @property
    def mapping_type(self) -> type[MappingDocument]:
        """Factors on four levels, and two orders."""
        return MappingDocument

    def mapping_document(self, nest: LoopNest, machine: Architecture, mapping: Mapping) -> MappingDocument:  # noqa: ARG002
        """Factors by dimension and level, and both orders."""
        return mapping_to_document(nest, mapping)

    def mapping_of(
        self,
        nest: LoopNest,
        machine: Architecture,  # noqa: ARG002
        document: MappingDocument,
        *,
        with_orders: bool = False,
    ) -> Mapping:
        """The compact form; raises ValueError with one line per fault."""
        tiling, own = tiling_from_document(nest, document.tiling), tuple(range(len(nest.dims)))
        if with_orders:
            dram = order_from_document(nest, document.dram_order or (), "dram_order")
            return Mapping(tiling, dram, order_from_document(nest, document.spm_order or (), "spm_order"))
        return Mapping(tiling, *(orders_from_document(nest, document) or (own, own)))

    def has_orders(self, document: MappingDocument) -> bool:
        """Whether both orders are given."""
        return document.dram_order is not None and document.spm_order is not None

    def cost_document(self, nest: LoopNest, machine: Architecture, mapping: Mapping, cost: ExactCost) -> Cost:
        """Totals, energy by part and tensor, traffic and utilisation."""
        return cost_to_document(nest, machine, mapping.tiling, cost)

    def evaluated(
        self, nest: LoopNest, machine: Architecture, document: MappingDocument, *, detail: bool = False
    ) -> EvaluatedCost:
        """Exact costs, and minima over all orders; raises ValueError with one line per fault."""
        return evaluated_cost.evaluated(nest, machine, document, detail=detail)

    def arrays(
        self, nest: LoopNest, machine: Architecture, constraints: Constraints, mapping: Mapping
    ) -> tuple[ArrayInUse, ...]:
        """The PEs."""
        return published_parts.published_array(nest, machine, constraints, mapping)

    def spread_anew(
        self,
        nest: LoopNest,
        machine: Architecture,  # noqa: ARG002
        mapping: Mapping,
        array: str,  # noqa: ARG002
        dim: int,
        factor: int,
    ) -> Iterator[Mapping]:
        """The mapping with another spatial factor of a dimension."""
        return published_parts.published_spreads(nest, mapping, dim, factor)

    def with_least_use(self, constraints: Constraints, array: str, share: float) -> Constraints:  # noqa: ARG002
        """The constraints with a least share of PEs in use."""
        return published_parts.with_least_pes(constraints, share)

    def enlarged(self, machine: Architecture, bound_by: str | None) -> tuple[Enlarged[Architecture], ...]:  # noqa: ARG002
        """More PEs, register files, SPM, and DMA bandwidth."""
        return tuple(published_parts.enlarged_architectures(machine))

    def question(self, nest: LoopNest, machine: Architecture, constraints: Constraints) -> MappingOf[str, object]:
        """Positions instead of names: names of dimensions, tensors and the machine do not matter."""
        pins = {(pin.dim, pin.level, pin.factor) for pin in pinned_factors(nest, constraints)}
        return {
            "bounds": nest.bounds,
            "tensors": [(t.is_output, t.shape, [(i.terms, i.constant) for i in t.index]) for t in nest.tensors],
            "window_dims": sorted(nest.window_dims),
            "architecture": machine.model_dump(mode="json", exclude={"name"}),
            "factors": sorted(pins),
            "min_utilization": constraints.min_utilization.model_dump(),
            "max_dram_bytes": constraints.max_dram_bytes,
            "max_dma_invocations": constraints.max_dma_invocations,
        }


def _are_integers(values: Sequence[object], length: int) -> bool:
    """Whether a value has the form that is promised: back ends are third-party code, and types are not checked."""
    return isinstance(values, tuple) and len(values) == length and all(type(value) is int for value in values)


PUBLISHED = PublishedModel()
