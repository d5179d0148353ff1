"""One mapping of the published machine as both models cost it, for published_against_executed.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.cost import ExactCost, cost_of_mapping
from dmaze.model.execution.agreement.published_relation import PublishedRelation, published_relation
from dmaze.model.execution.executed_cost import ExecutedCost
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, EXECUTED, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.from_architecture import PE, level_mapping_of, machine_of
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.level_mapping import LevelMapping, level_mapping
from dmaze.model.hierarchy.machine import Machine, StorageLevel
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.hierarchy.vectorised.hierarchy_batch import batch_cost
from dmaze.model.hierarchy.vectorised.mapping_arrays import MappingArrays, mapping_arrays
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping as PublishedMapping
from dmaze.model.mapping import Tiling

QUANTITIES = ("energy", "cycles", "edp")
OTHERS = tuple(name for name in ACCOUNTINGS if name != EXECUTED.name)
"""The accountings of other tools."""
TIME_RULES = ADDING, STALLING, NEITHER = (
    "sums are added between PEs: a cycle for every addition",
    "nothing is added, and the output delivered in every RF pass: computing counts as a stall",
    "neither",
)
"""What makes published cycles differ from those of a roofline (docs/model.md section 5); the first that applies."""

V = TypeVar("V")


@dataclass(frozen=True)
class Compared:
    """One mapping as the published model and as the hierarchy model cost it; energies in pJ.

    ``time_rule``: of :data:`TIME_RULES`. ``network_pj``: what moves and is added between SPM and RF, a part of the
    executed energy. ``buffered_walk_cycles``: the walk with two buffers of the stated size at SPM and RF,
    where the machine of docs/hierarchy_model.md section 11 has one. ``others``: energy and cycles by :data:`OTHERS`.
    """

    relation: PublishedRelation
    published_edp: float
    time_rule: str
    bound_by: str
    network_pj: float
    buffered_walk_cycles: int
    others: Mapping[str, tuple[float, int]]

    def published(self, quantity: str) -> float:
        """The published energy, cycles or EDP."""
        found = self.relation
        values = (found.published_energy_pj, found.published_cycles, self.published_edp)
        return dict(zip(QUANTITIES, values, strict=True))[quantity]

    def executed(self, quantity: str) -> float:
        """Energy of what moves, roofline cycles, or the product of both."""
        energy, cycles = self.relation.executed_energy_pj, self.relation.roofline_cycles
        return dict(zip(QUANTITIES, (energy, cycles, energy * cycles), strict=True))[quantity]

    def known_pj(self) -> dict[str, float]:
        """Energy of every known difference: what the published model charges beyond what moves."""
        reasons = dict.fromkeys(known.reason for known in self.relation.known)
        return {r: sum(known.energy_pj for known in self.relation.known if known.reason == r) for r in reasons}

    def ratios(self) -> dict[str, float]:
        """The figures that tables have, all without unit."""
        found, energy = self.relation, self.relation.executed_energy_pj
        by_pair = {
            "published energy / executed": found.published_energy_pj / energy,
            "published cycles / roofline": found.published_cycles / found.roofline_cycles,
            "published cycles / walk": found.published_cycles / found.walk_cycles,
            "published cycles / walk, two buffers": found.published_cycles / self.buffered_walk_cycles,
            "published EDP / executed": self.published_edp / self.executed("edp"),
        }
        for name, (other_pj, cycles) in self.others.items():
            by_pair[f"executed energy / {name}"] = energy / other_pj
            by_pair[f"executed energy without network / {name}"] = (energy - self.network_pj) / other_pj
            by_pair[f"roofline / cycles of {name}"] = found.roofline_cycles / cycles
        return by_pair


def compared(nest: LoopNest, architecture: Architecture, mappings: Sequence[PublishedMapping]) -> list[Compared]:
    """Mappings of one layer, costed by every model."""
    target = resolved_machine(machine_of(architecture), nest)
    converted = [level_mapping(nest, target, level_mapping_of(nest, mapping)) for mapping in mappings]
    arrays = mapping_arrays(nest, target, converted)
    buffered = resolved_machine(with_two_buffers(machine_of(architecture)), nest)
    walks = walk_cycles(nest, buffered, arrays)
    others = {name: batch_cost(nest, target, arrays, accounting(name)) for name in OTHERS}
    found: list[Compared] = []
    for row, (mapping, levels) in enumerate(zip(mappings, converted, strict=True)):
        costs = {name: (float(cost.energy_pj[row]), int(cost.cycles[row])) for name, cost in others.items()}
        found.append(one_compared(nest, architecture, target, (mapping, levels), walks[row], costs))
    return found


def one_compared(
    nest: LoopNest,
    architecture: Architecture,
    target: ResolvedMachine,
    mapping: tuple[PublishedMapping, LevelMapping],
    buffered_walk_cycles: int,
    others: Mapping[str, tuple[float, int]],
) -> Compared:
    """One mapping, in both of its forms; ends the run at a difference that nothing explains."""
    cost, moved = cost_of_mapping(nest, architecture, mapping[0]), hierarchy_cost(nest, target, mapping[1])
    relation = published_relation(nest, architecture, mapping[0], cost, as_executed(moved))
    if relation.differences:
        raise SystemExit(f"unexplained: {relation.differences} of {mapping[0]}")
    network_pj = moved.energy_parts_pj[PE]
    rule = time_rule(nest, mapping[0].tiling, cost)
    return Compared(relation, cost.edp, rule, moved.bound_by, network_pj, buffered_walk_cycles, others)


def time_rule(nest: LoopNest, tiling: Tiling, cost: ExactCost) -> str:
    """Which of :data:`TIME_RULES` holds of a mapping; a skipped output is delivered less often than in every pass."""
    if cost.traffic[nest.output].reduction:
        return ADDING
    stays, later = cost.spm_reuse[nest.output], cost.dram_reuse[nest.output]
    is_skipped = stays == tiling.rf_passes and later > 1
    return STALLING if stays == 1 and not is_skipped else NEITHER


def as_executed(cost: HierarchyCost) -> ExecutedCost:
    """A cost of the hierarchy model in the form of an execution's, which has the same counts."""
    assert cost.walk_cycles is not None
    return ExecutedCost(
        accesses=by_place(cost.accesses),
        networks=by_place(cost.networks),
        busiest={node: words for node, words in enumerate(cost.busiest) if words is not None},
        held=by_place(cost.held),
        dma_cycles=cost.dma_cycles,
        fits=dict(enumerate(cost.fits)),
        energy_parts_pj=cost.energy_parts_pj,
        roofline=cost.roofline,
        walk_cycles=cost.walk_cycles,
    )


def by_place(rows: Sequence[Sequence[V | None]]) -> dict[tuple[int, int], V]:
    """Values by node and tensor, where there are any."""
    return {(n, t): value for n, row in enumerate(rows) for t, value in enumerate(row) if value is not None}


def with_two_buffers(document: Machine) -> Machine:
    """The machine with two buffers of the stated size at every level but DRAM."""

    def doubled(level: StorageLevel) -> StorageLevel:
        if level.capacity_bytes is None:
            return level
        return level.model_copy(update={"buffers": 2, "capacity_bytes": 2 * level.capacity_bytes})

    nodes = (doubled(node) if isinstance(node, StorageLevel) else node for node in document.nodes)
    return document.model_copy(update={"nodes": tuple(nodes)})


def walk_cycles(nest: LoopNest, target: ResolvedMachine, arrays: MappingArrays) -> list[int]:
    """Cycles of the walk of every mapping; all of them fit."""
    cost = batch_cost(nest, target, arrays, walk=True)
    assert cost.walk_cycles is not None
    assert cost.fits.all()
    return cost.walk_cycles.tolist()
