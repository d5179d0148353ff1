"""One loop nest on one machine as a call, for compilers: no files, no console, nothing but the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..model.cost_model import HIERARCHY
from ..model.faults import InputError, suggestion
from ..model.hierarchy.constraints.level_constraints import LevelConstraints
from ..model.hierarchy.constraints.resolved_constraints import resolved_constraints
from ..model.hierarchy.level_mapping import level_mapping_document
from ..model.hierarchy.machine import Machine
from ..model.hierarchy.resolved_machine import resolved_machine
from ..model.loop_nest import LoopNest
from ..model.objectives import OBJECTIVES, Objective, float_below
from ..model.reading.consistency import consistency_faults
from .deadline import Deadline
from .shortest_path.programme import Programme, Task
from .shortest_path.shortest_path_backend import MOST_POINTS
from .shortest_path.space.map_space import MapSpace

Factors = dict[str, dict[str, int]]
Names = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Tiling:
    """A mapping by names, and what is proved of it.

    ``factors, orders, bound = tile(...)`` takes three of its fields.
    """

    factors: Factors
    """Factors by dimension and node, also where they are 1."""
    orders: Names
    """By storage level the loops that iterate there, the outermost first."""
    keep: Names
    """By storage level the tensors that have a tile there."""
    bound: float
    """A lower bound on the objective of every mapping, in the objective's unit (pJ * cycles, pJ or cycles)."""
    value: float
    """The exact objective, in the same unit."""
    energy_pj: float
    """Exact energy in pJ."""
    cycles: int
    """Exact time in cycles."""
    proved: bool
    """Whether value and bound differ by no more than the gap that was asked for."""

    def __iter__(self) -> Iterator[Any]:
        """Factors, orders and bound; a type checker knows the types of the fields, not of these."""
        return iter((self.factors, self.orders, self.bound))


def tile(
    nest: LoopNest,
    machine: Machine,
    objective: Objective = "edp",
    *,
    constraints: LevelConstraints | None = None,
    relative_gap: float = 1e-6,
    time_limit_s: float = 10.0,
) -> Tiling | None:
    """The best tiling of a loop nest for a machine, with loop orders and a lower bound; ``None`` where nothing fits.

    Costs are those of the accounting `executed`. Of mappings with the same objective any may be the answer. When the
    time is up, the best mapping so far is the answer, with a bound below its value.

    Raises:
        InputError: for an objective, a machine or constraints that are none of a hierarchy's, and for a nest of too
            many tile sizes.
        TimeoutError: when the time is up before there is any mapping.

    Example:
        >>> from dmaze.model import Gemm, Machine
        >>> cpu = Machine.model_validate({"name": "cpu", "nodes": [
        ...     {"storage": "DRAM", "read_pj": 100, "write_pj": 100},
        ...     {"storage": "L1", "capacity_bytes": 48, "read_pj": 1, "write_pj": 1}]})
        >>> found = tile(Gemm(type="gemm", name="product", m=4, n=4, k=4).loop_nest(), cpu, "energy")
        >>> found.factors["M"], found.keep["L1"], found.proved
        ({'DRAM': 1, 'L1': 4}, ('A', 'B', 'C'), True)
    """
    if objective not in OBJECTIVES:
        raise InputError.single(None, "objective", f"unknown name '{objective}'; {suggestion(objective, OBJECTIVES)}")
    space = _space(nest, machine, constraints or LevelConstraints())
    programme = Programme(space, Task(objective, Deadline.after(time_limit_s)))
    proved = programme.run(relative_gap, lambda: None)
    if programme.best:
        return _tiling(space, programme, proved=proved)
    if not proved:
        raise TimeoutError(f"no mapping was found in {time_limit_s} s")
    return None


def _space(nest: LoopNest, machine: Machine, constraints: LevelConstraints) -> MapSpace:
    """The mappings to choose from.

    Raises:
        InputError: as :func:`tile`.
    """
    if machine.cost_model != HIERARCHY:
        message = f"expected one with nodes, of the cost model {HIERARCHY}; got one of {machine.cost_model}"
        raise InputError.single(None, "machine", message)
    faults = consistency_faults({"nest": nest}, constraints, machine, None)
    if faults:
        raise InputError(faults)
    space = MapSpace(resolved_constraints(nest, resolved_machine(machine, nest), constraints))
    if space.vectors.size > MOST_POINTS:
        message = f"expected at most {MOST_POINTS} combinations of tile sizes, got {space.vectors.size}"
        raise InputError.single(None, "nest", message)
    return space


def _tiling(space: MapSpace, programme: Programme, *, proved: bool) -> Tiling:
    """The best mapping of a search by names."""
    nest, machine, best = space.nest, space.machine, programme.best[0]
    named = level_mapping_document(nest, machine, best.mapping)
    factors = {dim: {node: named.tiling[dim].get(node, 1) for node in machine.nodes} for dim in nest.dims}
    return Tiling(
        factors=factors,
        orders=named.orders,
        keep=named.keep,
        bound=float_below(min(programme.bound, programme.value)),
        value=programme.value,
        energy_pj=best.cost.energy_pj,
        cycles=best.cost.cycles,
        proved=proved,
    )
