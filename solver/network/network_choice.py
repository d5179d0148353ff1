"""The best choice of one mapping for every occurrence of every layer, and what no choice is below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...model.documents.networks.network_result import NetworkGoal
from ...model.documents.result import Number
from ..deadline import Deadline
from .budget_choice import BudgetChoice
from .exchange_rates import Option, Picks, Ways
from .front_groups import FrontGroup, Point, Units
from .supported_sums import least_product, product_bound


@dataclass(frozen=True)
class NetworkChoice:
    """What was found of a network.

    ``picks`` has for every group how many of its layers take which point, ``None`` where nothing was found. ``bound``
    is what no choice is below, in the objective's unit; ``None`` where nothing is known. ``infeasible``: no choice
    keeps the limit, which is proved; ``least`` is what it would have to be at least for one of the points found to keep
    it. ``pj_per_cycle`` is the exchange rate that the bound is made of.
    """

    picks: Picks | None
    bound: Fraction | None
    infeasible: bool = False
    least: Number | None = None
    pj_per_cycle: Fraction | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class Network:
    """The groups of a network, the units of their energies, and by how much energies may be below the front's.

    ``slack`` is relative: fronts on hierarchies are complete but for rounding.
    """

    groups: tuple[FrontGroup, ...]
    units: Units
    slack: Fraction

    @property
    def is_complete(self) -> bool:
        """Whether every front is."""
        return not any(group.floors for group in self.groups)

    @property
    def has_points(self) -> bool:
        """Whether every layer has a mapping."""
        return all(group.points for group in self.groups)

    @property
    def least_share(self) -> Fraction:
        """What energies are at least, of those on the front."""
        return 1 - self.slack


def choose(network: Network, goal: NetworkGoal, deadline: Deadline) -> NetworkChoice:
    """The best choice for a goal; every group has an outline."""
    if goal.objective == "edp":
        return _least_edp(network)
    return _within_limit(network, goal, deadline)


def total_of_picks(groups: Sequence[FrontGroup], picks: Picks) -> Point:
    """Energy in units and cycles of a choice."""
    taken = [
        (group.points[position], times)
        for group, counter in zip(groups, picks, strict=True)
        for position, times in counter.items()
    ]
    return Point(sum(p.energy * times for p, times in taken), sum(p.cycles * times for p, times in taken))


def _least_edp(network: Network) -> NetworkChoice:
    bound = network.units.pj(product_bound(network.groups)) * network.least_share
    if not network.has_points:
        return NetworkChoice(None, bound)
    best = least_product(network.groups)
    picks = tuple(Counter({n: group.occurrences}) for n, group in zip(best.chosen, network.groups, strict=True))
    rate = network.units.pj(Fraction(best.total.energy, best.total.cycles)) if best.total.cycles else None
    return NetworkChoice(picks, bound, pj_per_cycle=rate)


@dataclass(frozen=True)
class _Knapsack:
    """What is minimised, and how much there may be of the other metric, as integers.

    ``most_with_slack`` is the limit for points of fronts, which may stand for mappings with a little less energy.
    """

    option: Callable[[Point], Option]
    most: int
    most_with_slack: int
    in_energy: bool


def _knapsack(network: Network, goal: NetworkGoal) -> _Knapsack:
    """Energy within a number of cycles, or cycles within an energy."""
    of_energy = goal.objective == "energy"
    option = _energy_first if of_energy else _cycles_first
    heaviest = sum(group.occurrences * max(option(p).weight for p in group.outline) for group in network.groups)
    limit = goal.max_cycles if of_energy else goal.max_energy_pj
    if limit is None:
        return _Knapsack(option, heaviest, heaviest, of_energy)
    most = int(limit) if of_energy else network.units.of(limit)
    with_slack = most if of_energy else int(most / network.least_share)
    return _Knapsack(option, most, with_slack, of_energy)


def _energy_first(point: Point) -> Option:
    return Option(point.energy, point.cycles)


def _cycles_first(point: Point) -> Option:
    return Option(point.cycles, point.energy)


def _within_limit(network: Network, goal: NetworkGoal, deadline: Deadline) -> NetworkChoice:
    task = _knapsack(network, goal)
    outline = BudgetChoice(_ways(network, task, lambda group: group.outline), task.most_with_slack)
    least = _least_limit(network, task) if network.has_points else None
    if outline.picks is None:
        return NetworkChoice(None, None, infeasible=True, least=least)
    interrupted = _run(outline, deadline) if network.is_complete else False
    best = outline
    if not network.has_points:
        return NetworkChoice(None, _bound(network, task, outline), interrupted=interrupted)
    if not network.is_complete or (outline.total is not None and outline.total.weight > task.most):
        best = BudgetChoice(_ways(network, task, lambda group: group.points), task.most)
        interrupted |= _run(best, deadline)
    return NetworkChoice(
        best.picks,
        _bound(network, task, outline),
        least=least if best.picks is None else None,
        pj_per_cycle=_pj_per_cycle(network, task, outline),
        interrupted=interrupted,
    )


def _run(choice: BudgetChoice, deadline: Deadline) -> bool:
    """Search, and say whether Ctrl-C ended it."""
    try:
        choice.run(deadline)
    except KeyboardInterrupt:
        return True
    return False


def _ways(network: Network, task: _Knapsack, points: Callable[[FrontGroup], Sequence[Point]]) -> list[Ways]:
    return [Ways(group.occurrences, tuple(map(task.option, points(group)))) for group in network.groups]


def _bound(network: Network, task: _Knapsack, choice: BudgetChoice) -> Fraction:
    return network.units.pj(choice.bound) * network.least_share if task.in_energy else Fraction(choice.bound)


def _pj_per_cycle(network: Network, task: _Knapsack, choice: BudgetChoice) -> Fraction | None:
    if task.in_energy:
        return network.units.pj(choice.rate)
    return network.units.pj(1 / choice.rate) if choice.rate else None


def _least_limit(network: Network, task: _Knapsack) -> Number:
    """The least that the limited metric can be, over the points found."""
    least = sum(group.occurrences * min(task.option(p).weight for p in group.points) for group in network.groups)
    if task.in_energy:
        return least
    exact = network.units.pj(least)
    return exact.numerator if exact.denominator == 1 else float(exact)
