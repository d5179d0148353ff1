"""What no mapping of a layer can be below in energy and cycles, told at once: what must be moved and computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from ..model.cost_model import HIERARCHY
from ..model.dmazerunner.architecture import Architecture
from ..model.dmazerunner.published import PUBLISHED
from ..model.faults import InputError
from ..model.loop_nest import LoopNest, Tensor
from ..model.objectives import SAFE, ObjectiveRule
from .backend import AnyProblem, LevelsProblem
from .deadline import NEVER, Deadline
from .routed_backend import map_space_of


@dataclass(frozen=True)
class LeastCosts:
    """Lower bounds on energy in pJ and cycles, each over all mappings that the constraints allow."""

    energy_pj: float
    cycles: int

    def bound(self, rule: ObjectiveRule) -> float:
        """A lower bound on an objective."""
        return rule.lower_bound(self.energy_pj, self.cycles)


NOTHING_KNOWN = LeastCosts(0.0, 0)


def least_costs(problem: AnyProblem, deadline: Deadline = NEVER) -> LeastCosts:
    """Lower bounds for a problem; zeros for a cost model of somebody else's, and when the deadline passes.

    On the published machine every operand and result passes DRAM, SPM and NoC once at least, and no more PEs compute
    than there are (``docs/model.md`` sections 4 and 5). On a hierarchy they are those of the best choice of what is
    kept where, tensor by tensor (``docs/shortest_path.md``).
    """
    if problem.cost_model == PUBLISHED:
        return _of_published(problem.nest, problem.architecture)
    if map_space_of(problem.cost_model) == HIERARCHY:
        return _of_hierarchy(cast("LevelsProblem", problem), deadline)
    return NOTHING_KNOWN


def _of_published(nest: LoopNest, machine: Architecture) -> LeastCosts:
    price, macs = machine.access_energy_pj, nest.num_macs
    words = [_least_words(tensor, nest.bounds) for tensor in nest.tensors]
    own = macs * (price.mac + nest.rf_accesses_per_mac * price.rf)
    moved = sum(words) * (price.noc + price.spm + price.dram)
    cycles_per_word = (
        machine.bytes_per_element * machine.dma.cycles_per_byte * machine.clock_mhz / machine.dma.clock_mhz
    )
    computed, streamed = -(-macs // machine.pes), math.floor(max(words) * cycles_per_word * SAFE)
    return LeastCosts(max(math.floor((own + moved) * SAFE) - 1, 0), max(computed, streamed))


def _least_words(tensor: Tensor, bounds: Sequence[int]) -> int:
    """Elements that a tensor has at least: the values of an index that sums dimensions, each counted once."""
    words, seen = 1, set[int]()
    for index in tensor.index:
        dims = {dim for dim, _ in index.terms} - seen
        words *= 1 + sum(bounds[dim] - 1 for dim in dims)
        seen |= dims
    return words


def _of_hierarchy(problem: LevelsProblem, deadline: Deadline) -> LeastCosts:
    from .shortest_path.bounds.keep_bounds import choices_by_energy  # here, as tables of tiles take long to build
    from .shortest_path.shortest_path_backend import MOST_POINTS, space_of

    try:
        space = space_of(problem)
        if space.is_empty or space.vectors.size > MOST_POINTS:
            return NOTHING_KNOWN
        best = next(choices_by_energy(space, deadline), None)
    except (InputError, TimeoutError):
        return NOTHING_KNOWN
    cycles = -(-space.nest.num_macs // space.instances_outside(space.machine.num_nodes))
    return LeastCosts(0.0 if best is None else max(best.energy_pj, 0.0) * SAFE, cycles)
