"""Costs on hierarchies by name, and nests, machines and mappings in few words: for numbers worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dmaze.model.hierarchy.accountings import EXECUTED, Accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.loop_nest import LoopNest
from hierarchy_cases import nest_of


def nest(bounds: dict[str, int], output: str, **tensors: list[str]) -> LoopNest:
    """A nest by the indices of its tensors."""
    specs = [{"name": name, "index": index, "output": name == output} for name, index in tensors.items()]
    return nest_of({"bounds": bounds, "tensors": specs})


def gemm(m: int, n: int, k: int) -> LoopNest:
    """C[M,N] += A[M,K] * B[K,N]."""
    return nest({"M": m, "N": n, "K": k}, "C", A=["M", "K"], B=["K", "N"], C=["M", "N"])


@dataclass(frozen=True)
class Tables:
    """A cost with its names."""

    nest: LoopNest
    machine: ResolvedMachine
    cost: HierarchyCost

    def at(self, level: str) -> dict[str, tuple[int, int, int, int]]:
        """Fill, serve, drain and update of every tensor that a level keeps."""
        row = self.cost.accesses[self.machine.nodes.index(level)]
        moved = {t.name: access for t, access in zip(self.nest.tensors, row, strict=True)}
        return {name: (a.fill, a.serve, a.drain, a.update) for name, a in moved.items() if a is not None}

    def over(self, fanout: str) -> dict[str, tuple[int, int, int]]:
        """Words down and up and additions of every tensor at a fanout."""
        row = self.cost.networks[self.machine.nodes.index(fanout)]
        moved = {t.name: traffic for t, traffic in zip(self.nest.tensors, row, strict=True)}
        return {name: (t.down, t.up, t.adds) for name, t in moved.items() if t is not None}

    def held(self, level: str) -> dict[str, int]:
        """Words of one instance's tile of every tensor that a level keeps."""
        row = self.cost.held[self.machine.nodes.index(level)]
        return {t.name: words for t, words in zip(self.nest.tensors, row, strict=True) if words is not None}

    def fits(self, node: str) -> bool:
        """Whether what is held or unrolled at a node fits."""
        return self.cost.fits[self.machine.nodes.index(node)]


def tables(
    layer: LoopNest, nodes: list[dict[str, Any]], mapping: dict[str, Any], counted: Accounting = EXECUTED, **top: Any
) -> Tables:
    """The cost of a mapping on a machine of the given nodes."""
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes, **top}), layer)
    compact = level_mapping(layer, machine, LevelMappingDocument.model_validate(mapping))
    return Tables(layer, machine, hierarchy_cost(layer, machine, compact, counted))
