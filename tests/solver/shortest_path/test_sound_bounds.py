"""Bounds of the shortest path on random tiny problems: none is above what a mapping costs, and sweeps miss nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from dmaze.model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.deadline import NEVER
from dmaze.solver.shortest_path.bounds.cost_to_go import CostToGo
from dmaze.solver.shortest_path.bounds.keep_bounds import choices_by_energy
from dmaze.solver.shortest_path.programme import Programme, Task
from dmaze.solver.shortest_path.space.keeping import Given, Keeping
from dmaze.solver.shortest_path.space.map_space import Kept, MapSpace
from dmaze.solver.shortest_path.space.quantities import quantities
from dmaze.solver.shortest_path.sweeping.sweep import Goal, Sweeper
from level_optima import TooManyError, allowed_mappings
from random_constraints import random_constraints
from random_hierarchies import Traits, described, random_case
from shortest_path_agreement import EXACT, with_slow_ports

ROUNDING = 1 + 1e-12
Costs = tuple[np.ndarray, np.ndarray]
"""Energies and cycles."""
Problem = tuple[str, ResolvedConstraints, dict[Kept, Costs]]


VARIETIES: dict[str, tuple[Traits, tuple[str, ...]]] = {
    "any": (Traits(most_levels=3, blocks=0.0), ()),
    "halo": (Traits(most_levels=3, halo=1.0, dma=0.0, blocks=0.0), ()),
    "dma": (Traits(most_levels=3, halo=0.0, dma=1.0, blocks=0.0), ()),
    "blocks": (Traits(most_levels=3, blocks=1.0), ()),
    "ordered": (Traits(most_levels=3, blocks=0.0), ("orders",)),
    "constrained": (Traits(most_levels=3, blocks=0.0), ("min_utilization", "max_words", "innermost")),
}


def drawn(variety: str, seeds: range, *, slow: bool = False) -> Iterator[Problem]:
    """Problems of few mappings, each with the costs of all that are allowed, by what is kept."""
    traits, kinds = VARIETIES[variety]
    for seed in seeds:
        case = random_case(seed, 16, traits)
        case = with_slow_ports(Random(seed), case) if slow else case
        constraints = random_constraints(Random(seed), case, kinds) if kinds else EXACT
        resolved = resolved_constraints(case.nest, case.machine, constraints)
        if sum(row.count("may") for row in resolved.keep) <= 3:
            try:
                yield described(case), resolved, costs_by_choice(resolved)
            except TooManyError:
                continue


def costs_by_choice(constraints: ResolvedConstraints) -> dict[Kept, Costs]:
    levels = constraints.machine.levels
    nothing = (False,) * len(constraints.nest.tensors)
    found: dict[Kept, list[Costs]] = {}
    for arrays, costs in allowed_mappings(constraints, 3000):
        choices, places = np.unique(arrays.kept.reshape(arrays.size, -1), axis=0, return_inverse=True)
        for number, choice in enumerate(choices.reshape(-1, len(levels), len(nothing)).tolist()):
            rows = dict(zip((level.node for level in levels), map(tuple, choice), strict=True))
            kept = tuple(rows.get(node, nothing) for node in range(constraints.machine.num_nodes))
            own = places.reshape(-1) == number
            found.setdefault(kept, []).append((costs[0][own], costs[1][own]))
    return {
        kept: (np.concatenate([e for e, _ in pairs]), np.concatenate([c for _, c in pairs]))
        for kept, pairs in found.items()
    }


def sweeper_of(space: MapSpace, given: Given, objective: Objective) -> Sweeper:
    timed = OBJECTIVES[objective].cycles_power > 0
    keeping = Keeping(space, quantities(space.constraints, with_times=timed), given)
    return Sweeper(keeping, CostToGo(keeping), objective)


def costs_within(given: Given, choices: dict[Kept, Costs]) -> Costs:
    """The costs of all mappings that keep what is given, and something of what is left open."""
    within = [
        costs
        for kept, costs in choices.items()
        if all(
            wanted in (None, keeps)
            for rows in zip(given, kept, strict=True)
            for wanted, keeps in zip(*rows, strict=True)
        )
    ]
    none = np.empty(0)
    return np.concatenate([none, *(e for e, _ in within)]), np.concatenate([none, *(c for _, c in within)])


@pytest.mark.parametrize("variety", VARIETIES)
def test_no_bound_is_above_what_a_mapping_costs(variety: str) -> None:
    mappings = 0
    for told, constraints, choices in drawn(variety, range(36_000_000, 36_000_040)):
        space = MapSpace(constraints)
        for choice in choices_by_energy(space, NEVER):
            costs = costs_within(choice.given, choices)
            assert choice.energy_pj <= costs[0].min(initial=math.inf) * ROUNDING, told
            for objective, rule in OBJECTIVES.items():
                values = rule.of_arrays(*costs)[0]
                least = sweeper_of(space, choice.given, objective).least
                assert least <= values.min(initial=math.inf) * ROUNDING, f"{objective} {told}"
        for kept, costs in choices.items():
            mappings += len(costs[0])
            for objective, rule in OBJECTIVES.items():
                values = rule.of_arrays(*costs)[0]
                assert sweeper_of(space, kept, objective).least <= values.min() * ROUNDING, f"{objective} {told}"
    assert mappings > 250


@pytest.mark.parametrize("slow", [False, True], ids=["", "slow ports"])
@pytest.mark.parametrize("variety", [name for name in VARIETIES if name != "blocks"])
def test_a_sweep_finds_the_best_mapping_of_a_choice_and_nothing_below(variety: str, slow: bool) -> None:
    assert sum(map(checked_sweeps, drawn(variety, range(37_000_000, 37_000_015), slow=slow))) > 20


@pytest.mark.parametrize(
    ("variety", "slow", "seed"),
    [
        pytest.param("halo", True, 37_100_089, id="cycles that slide inside a fanout"),
        pytest.param("any", False, 37_200_176, id="first visits that fanouts outside multiply"),
        pytest.param("any", True, 37_400_898, id="room on a fanout"),
        pytest.param("halo", False, 37_501_347, id="a tile that slides when the one outside is replaced"),
        pytest.param("ordered", False, 37_600_548, id="given orders"),
    ],
)
def test_sweeps_mind_what_few_problems_show(variety: str, slow: bool, seed: int) -> None:
    """Problems that a sweep without one of its rules gets wrong."""
    assert sum(map(checked_sweeps, drawn(variety, range(seed, seed + 1), slow=slow))) > 0


def checked_sweeps(problem: Problem) -> int:
    """How many sweeps found the best mapping of a choice, or of several, but none slightly below it."""
    told, constraints, choices = problem
    space, sweeps = MapSpace(constraints), 0
    together = [(choice.given, costs_within(choice.given, choices)) for choice in choices_by_energy(space, NEVER)]
    for given, costs in [*list(choices.items())[:2], *(some for some in together if len(some[1][0]))]:
        for objective, rule in OBJECTIVES.items():
            best, sweeper = float(rule.of_arrays(*costs)[0].min()), sweeper_of(space, given, objective)
            sweeper.whole_loops = sweeper.can_split_loops
            found = min((one.value for one in sweeper.run(Goal(best, NEVER))), default=math.inf)
            assert found == pytest.approx(best, rel=1e-9), f"{objective} {told}"
            assert not sweeper.run(Goal(best * (1 - 1e-6) - 1e-12, NEVER)), f"{objective} {told}"
            sweeps += 1
    return sweeps


def test_bound_of_an_unfinished_search_is_not_above_the_optimum() -> None:
    """Whatever is reported on the way."""
    reports = 0
    for told, constraints, choices in drawn("any", range(38_000_000, 38_000_006)):
        for objective, rule in OBJECTIVES.items():
            best = min((rule.of_arrays(*costs)[0].min() for costs in choices.values()), default=math.inf)
            programme, seen = Programme(MapSpace(constraints), Task(objective, NEVER)), list[tuple[float, float]]()
            programme.run(1e-10, lambda p=programme, seen=seen: seen.append((p.bound, p.value)))
            reports += len(seen)
            for bound, value in seen:
                assert bound <= best * ROUNDING <= value * ROUNDING**2, f"{objective} {told}"
    assert reports > 20
