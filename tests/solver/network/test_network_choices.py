"""Choices of a point for each layer of random small networks, against every combination of points."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from dmaze.model.documents.networks.network_result import NetworkGoal
from dmaze.solver.deadline import NEVER, Deadline
from dmaze.solver.network import budget_choice
from dmaze.solver.network.budget_choice import BudgetChoice
from dmaze.solver.network.exchange_rates import Option, Ways
from dmaze.solver.network.front_groups import FrontGroup, Point, Units, units_of
from dmaze.solver.network.lower_hulls import lower_hull
from dmaze.solver.network.network_choice import Network, choose, total_of_picks
from dmaze.solver.network.supported_sums import least_product

PJ = Units(1)


def random_front(random: Random, most: int, largest: int = 40) -> tuple[Point, ...]:
    """Points by rising energy and falling cycles, seldom convex."""
    front: list[Point] = []
    for energy, cycles in sorted(
        (random.randint(1, largest), random.randint(1, largest)) for _ in range(random.randint(1, most))
    ):
        if not front or cycles < front[-1].cycles:
            front.append(Point(energy, cycles))
    return tuple(front)


def random_groups(random: Random, *, floors: bool = False) -> tuple[FrontGroup, ...]:
    def floors_below(front: tuple[Point, ...]) -> tuple[Point, ...]:
        if not floors or random.random() < 0.5:
            return ()
        return (Point(random.randint(1, front[-1].energy), random.randint(1, front[0].cycles)),)

    fronts = [random_front(random, 6) for _ in range(random.randint(1, 4))]
    return tuple(FrontGroup(random.choice([1, 1, 2, 3]), front, floors_below(front), (0,)) for front in fronts)


def every_sum(groups: tuple[FrontGroup, ...], *, outline: bool = False) -> set[Point]:
    """Total energy and cycles of every combination of one point for each layer."""
    sums = {Point(0, 0)}
    for group in groups:
        for _ in range(group.occurrences):
            points = group.outline if outline else group.points
            sums = {Point(e + p.energy, t + p.cycles) for e, t in sums for p in points}
    return sums


@pytest.mark.parametrize("block", range(4))
def test_network_optima_are_those_of_all_combinations(block: int) -> None:
    """Least EDP, least energy within cycles, least cycles within energy: 4,000 networks."""
    infeasible = mixed = 0
    for seed in range(block, 4000, 4):
        random = Random(seed)
        groups = random_groups(random)
        sums, network = every_sum(groups), Network(groups, PJ, Fraction(0))
        edp = choose(network, NetworkGoal(objective="edp"), NEVER)
        best = total_of_picks(groups, edp.picks or ())
        assert best.energy * best.cycles == min(e * t for e, t in sums) == edp.bound, f"seed {seed}"
        most = max(random.choice(sorted(sums)).cycles + random.randint(-3, 1), 1)
        fitting = [p for p in sums if p.cycles <= most]
        energy = choose(network, NetworkGoal(objective="energy", max_cycles=most), NEVER)
        found = None if energy.picks is None else total_of_picks(groups, energy.picks)
        assert found == min(fitting, default=None), f"seed {seed}"
        assert energy.bound == (min(fitting).energy if fitting else None), f"seed {seed}"
        limit = max(random.choice(sorted(sums)).energy + random.randint(-3, 1), 0)
        fitting = [p for p in sums if p.energy <= limit]
        latency = choose(network, NetworkGoal(objective="latency", max_energy_pj=limit), NEVER)
        found = None if latency.picks is None else total_of_picks(groups, latency.picks)
        assert found == min(fitting, key=lambda p: (p.cycles, p.energy), default=None), f"seed {seed}"
        infeasible += latency.infeasible
        mixed += energy.picks is not None and any(len(counter) > 1 for counter in energy.picks)
        assert latency.infeasible == (not fitting)
        assert latency.least == (None if fitting else min(p.energy for p in sums))
    assert infeasible > 20
    assert mixed > 20


@pytest.mark.parametrize("block", range(2))
def test_bounds_hold_for_what_incomplete_fronts_may_lack(block: int) -> None:
    """With floors, every bound is below all sums of points and floors, and choices are made of points alone."""
    for seed in range(block, 1000, 2):
        random = Random(seed)
        groups = random_groups(random, floors=True)
        outline, points = every_sum(groups, outline=True), every_sum(groups)
        network = Network(groups, PJ, Fraction(0))
        edp = choose(network, NetworkGoal(objective="edp"), NEVER)
        assert edp.bound == min(e * t for e, t in outline), f"seed {seed}"
        most = random.choice(sorted(outline)).cycles
        energy = choose(network, NetworkGoal(objective="energy", max_cycles=most), NEVER)
        assert energy.bound is not None
        assert energy.bound <= min(p.energy for p in outline if p.cycles <= most), f"seed {seed}"
        found = None if energy.picks is None else total_of_picks(groups, energy.picks)
        assert found == min((p for p in points if p.cycles <= most), default=None), f"seed {seed}"
        assert not energy.infeasible


def test_identical_layers_may_take_different_points_to_keep_a_limit() -> None:
    group = FrontGroup(3, (Point(1, 10), Point(5, 4)), (), (0,))
    network = Network((group,), PJ, Fraction(0))
    found = choose(network, NetworkGoal(objective="energy", max_cycles=24), NEVER)
    assert found.picks == ({0: 2, 1: 1},)  # 2 * 10 + 4 = 24 cycles, 2 * 1 + 5 = 7 pJ
    assert (found.bound, found.infeasible) == (7, False)
    edp = choose(network, NetworkGoal(objective="edp"), NEVER)
    assert edp.picks == ({0: 3},)  # 3 * 30 = 90; mixtures 7 * 24 = 168, 11 * 18 = 198; all fast 15 * 12 = 180


def test_the_least_product_prefers_fewer_cycles_among_equal_ones() -> None:
    groups = [FrontGroup(1, (Point(2, 6), Point(3, 4), Point(4, 3)), (), (0,))]
    assert least_product(groups).total == Point(4, 3)


def test_a_hull_leaves_out_what_is_on_or_above_its_edges() -> None:
    points = [(0, 9), (1, 8), (2, 1), (4, 1), (5, 0), (8, 0), (3, 3)]
    assert lower_hull(points) == [0, 2, 4]
    assert lower_hull([(0, 4), (1, 3), (2, 2)]) == [0, 2]


def test_units_make_all_energies_integers() -> None:
    assert units_of([3, 5]).per_pj == 1
    units = units_of([3, 0.75, 0.1])
    assert units.pj(units.of(0.1)) == Fraction(0.1)
    assert units.of(0.75) == units.per_pj * 3 // 4


HARD = Random(5)
HARD_WAYS = [
    Ways(1, tuple(Option(e, t) for e, t in zip(range(10**6, 2 * 10**6, 10**5), ts, strict=True)))
    for ts in ([*sorted((HARD.randint(1, 10**6) for _ in range(10)), reverse=True)] for _ in range(12))
]
HARD_BUDGET = sum(ways.options[4].weight for ways in HARD_WAYS)


def test_a_search_that_ends_early_has_a_choice_within_the_budget_and_a_bound() -> None:
    proved, cut = BudgetChoice(HARD_WAYS, HARD_BUDGET), BudgetChoice(HARD_WAYS, HARD_BUDGET)
    assert not cut.run(Deadline.after(-1))
    assert proved.run(NEVER)
    assert cut.total is not None
    assert proved.total is not None
    assert cut.total.weight <= HARD_BUDGET
    assert cut.bound < proved.bound == proved.total.cost <= cut.total.cost


def test_too_many_sums_end_a_search_with_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget_choice, "MOST_SUMS", 3)
    cut = BudgetChoice(HARD_WAYS, HARD_BUDGET)
    assert not cut.run(NEVER)
    assert cut.total is not None
    assert 0 < cut.bound < cut.total.cost
