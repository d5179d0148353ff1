"""The hierarchy model as a cost model: any machine of storage levels and fanouts (:mod:`..cost_model`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from ..cost_model import HIERARCHY, Costed
from ..dmazerunner.architecture import Architecture
from ..explaining import level_parts
from ..explaining.explainable import ArrayInUse, Enlarged
from ..loop_nest import LoopNest
from ..objectives import SAFE
from .accountings import EXECUTED, Accounting, AccountingName, accounting
from .constraints.level_constraints import LevelConstraints
from .constraints.level_legality import broken_level_rules, broken_word_limits
from .constraints.resolved_constraints import resolved_constraints
from .exact.energy import tensor_energy
from .exact.exact_cost import hierarchy_cost
from .exact.geometry import Geometry
from .exact.node_counts import NodeCounts
from .from_architecture import machine_of
from .hierarchy_cost import HierarchyCost
from .hierarchy_documents import EvaluatedLevels, LevelsCost, evaluated_levels, levels_cost
from .level_mapping import LevelMapping, LevelMappingDocument, illegalities, level_mapping, level_mapping_document
from .machine import Machine
from .per_tensor import name_faults
from .resolved_machine import ResolvedMachine, resolved_machine, without_names

if TYPE_CHECKING:
    from ..documents.architectures import AnyArchitecture


@dataclass(frozen=True)
class HierarchyModel:
    """Every word that a mapping moves on a hierarchy, counted as ``counted`` says (``docs/hierarchies.md``).

    Example:
        >>> MODEL.under("timeloop").accounting
        'timeloop'
    """

    name: str = HIERARCHY
    counted: Accounting = EXECUTED

    @property
    def accounting(self) -> AccountingName:
        """The preset by which words are counted."""
        return self.counted.name

    def under(self, accounting_name: AccountingName, /) -> HierarchyModel:
        """The model with another preset."""
        return replace(self, counted=accounting(accounting_name))

    def machine_of(self, architecture: AnyArchitecture) -> Machine:
        """A hierarchy as it is, a published architecture as the hierarchy that it is (section 11)."""
        return machine_of(architecture) if isinstance(architecture, Architecture) else architecture

    def nest_faults(self, nest: LoopNest) -> list[str]:
        """Tensors that are named like selectors of per-tensor values."""
        return name_faults(nest)

    def energy_parts(self, machine: Machine) -> tuple[str, ...]:
        """The multiply-accumulate, then every node."""
        return ("mac", *(node.name for node in machine.nodes))

    def cost(self, nest: LoopNest, machine: Machine, mapping: LevelMapping) -> HierarchyCost:
        """Counts, energy and time (sections 5 to 9)."""
        return hierarchy_cost(nest, resolved_machine(machine, nest), mapping, self.counted)

    def tiling_key(self, mapping: LevelMapping) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The factors of all nodes, and what is kept where."""
        return mapping.factors, mapping.kept

    def malformed(self, nest: LoopNest, machine: Machine, mapping: LevelMapping) -> Iterator[str]:
        """Rows of another length than the machine or the nest asks for, values of other types; then what is illegal."""
        resolved = resolved_machine(machine, nest)
        faults = list(_form_faults(nest, resolved, mapping))
        yield from faults or illegalities(nest, resolved, mapping)

    @property
    def mapping_type(self) -> type[LevelMappingDocument]:
        """Factors by node, orders and kept tensors by storage level."""
        return LevelMappingDocument

    def mapping_document(self, nest: LoopNest, machine: Machine, mapping: LevelMapping) -> LevelMappingDocument:
        """Factors above 1, the loops that iterate, and what is kept."""
        return level_mapping_document(nest, resolved_machine(machine, nest), mapping)

    def mapping_of(
        self,
        nest: LoopNest,
        machine: Machine,
        document: LevelMappingDocument,
        *,
        with_orders: bool = False,  # noqa: ARG002
    ) -> LevelMapping:
        """The compact form; dimensions left out of an order follow in the nest's order, so that none lacks one."""
        return level_mapping(nest, resolved_machine(machine, nest), document)

    def has_orders(self, document: LevelMappingDocument) -> bool:  # noqa: ARG002
        """Every mapping has orders: what is left out has a meaning (section 3)."""
        return True

    def cost_document(
        self,
        nest: LoopNest,
        machine: Machine,
        mapping: LevelMapping,  # noqa: ARG002
        cost: HierarchyCost,
    ) -> LevelsCost:
        """Totals, energy by node, roofline and utilisation."""
        return levels_cost(nest, resolved_machine(machine, nest), cost)

    def evaluated(
        self, nest: LoopNest, machine: Machine, document: LevelMappingDocument, *, detail: bool = False
    ) -> EvaluatedLevels:
        """The exact cost and what fits; raises ValueError with one line per fault."""
        resolved = resolved_machine(machine, nest)
        mapping = level_mapping(nest, resolved, document)
        cost = hierarchy_cost(nest, resolved, mapping, self.counted)
        counts = NodeCounts(Geometry(nest, resolved, mapping), self.counted)
        return evaluated_levels(nest, resolved, cost, tensor_energy(counts) if detail else None)

    @property
    def constraints_type(self) -> type[LevelConstraints]:
        """Rules on factors, orders and what is kept, by node."""
        return LevelConstraints

    def reordered(
        self, nest: LoopNest, machine: Machine, mapping: LevelMapping
    ) -> Iterator[Costed[LevelMapping, HierarchyCost]]:
        """The mapping itself: which orders are its best is what a search finds out."""
        yield Costed(mapping, self.cost(nest, machine, mapping))

    def broken_rules(
        self, nest: LoopNest, machine: Machine, constraints: LevelConstraints, mapping: LevelMapping
    ) -> tuple[str, ...]:
        """Capacities, sizes and constraints that the mapping breaks."""
        return broken_level_rules(resolved_constraints(nest, resolved_machine(machine, nest), constraints), mapping)

    def broken_limits(self, machine: Machine, constraints: LevelConstraints, cost: HierarchyCost) -> tuple[str, ...]:
        """Limits on the words that levels read and write."""
        return broken_word_limits(machine, constraints, cost)

    def trivial_bounds(self, nest: LoopNest, machine: Machine) -> tuple[float, float]:
        """Every multiply-accumulate, on all instances of all fanouts."""
        return nest.num_macs * machine.mac_pj * SAFE, resolved_machine(machine, nest).ideal_cycles(nest)

    def arrays(
        self, nest: LoopNest, machine: Machine, constraints: LevelConstraints, mapping: LevelMapping
    ) -> tuple[ArrayInUse, ...]:
        """The fanouts."""
        asked = resolved_constraints(nest, resolved_machine(machine, nest), constraints)
        return tuple(level_parts.fanouts_in_use(asked, mapping))

    def spread_anew(
        self, nest: LoopNest, machine: Machine, mapping: LevelMapping, array: str, dim: int, factor: int
    ) -> Iterator[LevelMapping]:
        """The mapping with another factor of a dimension at a fanout."""
        return level_parts.level_spreads(resolved_machine(machine, nest), mapping, array, dim, factor)

    def with_least_use(self, constraints: LevelConstraints, array: str, share: float) -> LevelConstraints:
        """The constraints with a least share of a fanout's instances in use."""
        return level_parts.with_least_instances(constraints, array, share)

    def enlarged(self, machine: Machine, bound_by: str | None) -> tuple[Enlarged[Machine], ...]:
        """More instances of fanouts, larger levels, and more of the bandwidth that decides."""
        return tuple(level_parts.enlarged_machines(machine, bound_by))

    def question(self, nest: LoopNest, machine: Machine, constraints: LevelConstraints) -> Mapping[str, object]:
        """Positions instead of names: names of dimensions, tensors, nodes and the machine do not matter."""
        known = resolved_machine(machine, nest)
        return {
            "bounds": nest.bounds,
            "tensors": [(t.is_output, t.shape, [(i.terms, i.constant) for i in t.index]) for t in nest.tensors],
            "machine": without_names(known),
            "accounting": asdict(self.counted),
            "constraints": resolved_constraints(nest, known, constraints).by_position(),
        }


def _form_faults(nest: LoopNest, machine: ResolvedMachine, mapping: LevelMapping) -> Iterator[str]:
    """What other code may have got wrong before anything can be counted: searches are third-party code."""
    dims = list(range(len(nest.dims)))
    rows = {"factors": mapping.factors, "orders": mapping.orders, "kept": mapping.kept}
    short = [field for field, found in rows.items() if len(found) != machine.num_nodes]
    if short:
        yield from (f"{field}: expected {machine.num_nodes} rows, got {len(rows[field])}" for field in short)
        return
    for node, name in enumerate(machine.nodes):
        factors, order, kept = mapping.factors[node], mapping.orders[node], mapping.kept[node]
        if len(factors) != len(dims) or any(type(factor) is not int or factor < 1 for factor in factors):
            yield f"factors.{name}: expected {len(dims)} positive integers, got {factors}"
        expected = dims if node in machine.level_at else []
        if sorted(order) != expected:
            yield f"orders.{name}: expected every one of {expected} once, got {order}"
        if len(kept) != len(nest.tensors) or (node in machine.network_at and any(kept)):
            yield f"kept.{name}: expected {len(nest.tensors)} flags, none of them set at a fanout, got {kept}"


MODEL = HierarchyModel()
