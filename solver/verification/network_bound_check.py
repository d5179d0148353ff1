"""The bound of a network's optimum, or that nothing keeps a limit: by sums of points and of what fronts may lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from ...model.documents.networks.network_result import NetworkResult
from ...model.documents.networks.network_verification import BoundVerification
from ...model.documents.result import Number
from ...model.objectives import float_below
from ..network.front_groups import units_of
from .front_check import FrontCheck
from .least_sums import Entries, Entry, LeastSum, Route, least_product_of, least_within
from .open_steps import Run

ROUTES: Mapping[Route, str] = {"enumeration": "all sums that no other sum beats", "parametric": "exchange rates"}
BEYOND_ALL = Fraction(2**1100)
"""More than any value: a claim that there is none."""
ONLY_CYCLES = 1e30
"""An exchange rate in pJ per cycle at which energies do not count."""


class BoundCheck:
    """Looks into steps of fronts until the bound is proved, disproved, or nothing is left to be tried.

    ``slack`` is by how much (relative) energies may be below those of a complete front.
    """

    def __init__(self, result: NetworkResult, fronts: Sequence[FrontCheck], slack: Fraction, workers: int) -> None:
        self._result, self._workers = result, workers
        self._fronts = [check for check in fronts if check.front.infeasible] or fronts
        self._goal, self._least_share = result.goal, 1 - slack
        energies = [energy_pj for check in fronts for energy_pj, _ in check.steps.points]
        self._units = units_of([*energies, *(check.steps.least.energy_pj for check in fronts)])
        self._pj_per_cycle = _pj_per_cycle(result)

    def run(self) -> BoundVerification:
        """What becomes of the claim, by exchange rates, then by enumeration where that is short."""
        claimed = self._claimed()
        if claimed is None:
            return BoundVerification(outcome="nothing claimed", text="no bound is claimed")
        decided = self._by("parametric", claimed)
        return decided if decided.outcome == "disproved" else self._by("enumeration", claimed, decided)

    def _claimed(self) -> Fraction | None:
        """What nothing may be below; more than any value where nothing is said to exist."""
        if self._result.status == "infeasible":
            return BEYOND_ALL
        return None if self._result.bound is None else Fraction(self._result.bound)

    def _by(self, route: Route, claimed: Fraction, before: BoundVerification | None = None) -> BoundVerification:
        """Refute what matters, until the least sum decides; an enumeration that is too long leaves it as before."""
        while True:
            runs = [check.steps.runs() for check in self._fronts]
            groups = [self._entries(check, own) for check, own in zip(self._fronts, runs, strict=True)]
            if not all(group.each for group in groups):
                return self._checked(None, route)
            least = self._least(groups, route)
            if least is None:
                return before or _not_checked("too many sums", None, route)
            value = None if least.value is None else self._value(least.value)
            if value is None or value >= claimed:
                return self._checked(value, route)
            missing = self._that_may_be_missing(least, runs)
            if not missing and (route == "enumeration" or self._goal.objective == "edp"):
                return self._disproved(value, route)
            if not sum(self._refute(check, run) for check, run in missing):
                why = "points may be missing" if missing else "within a limit exchange rates leave a gap"
                return _not_checked(why, float_below(value), route)

    def _entries(self, check: FrontCheck, runs: Sequence[Run]) -> Entries:
        """What the layers of a front can take: its points, and whatever may be missing."""
        outline = [*check.steps.points, *((run.energy_pj, run.cycles) for run in runs)]
        return Entries(check.occurrences, tuple(self._entry(energy_pj, cycles) for energy_pj, cycles in outline))

    def _entry(self, energy_pj: Number, cycles: int) -> Entry:
        energy = self._units.of(energy_pj)
        return Entry(cycles, energy) if self._goal.objective == "latency" else Entry(energy, cycles)

    def _least(self, groups: Sequence[Entries], route: Route) -> LeastSum | None:
        if self._goal.objective == "edp":
            return least_product_of(groups, route)
        heaviest = sum(group.occurrences * max(entry.weight for entry in group.each) for group in groups)
        limit = self._goal.max_cycles if self._goal.objective == "energy" else self._most_energy()
        return least_within(groups, heaviest if limit is None else limit, route)

    def _most_energy(self) -> int | None:
        """The limit on energy in units; points of fronts may stand for mappings with a little less."""
        limit = self._goal.max_energy_pj
        return None if limit is None else int(self._units.of(limit) / self._least_share)

    def _value(self, value: Fraction) -> Fraction:
        """A least sum in the objective's unit."""
        return value if self._goal.objective == "latency" else self._units.pj(value) * self._least_share

    def _that_may_be_missing(self, least: LeastSum, runs: Sequence[Sequence[Run]]) -> list[tuple[FrontCheck, Run]]:
        """The open steps that the least sum is made of."""
        return [
            (check, own[position - len(check.steps.points)])
            for check, own, used in zip(self._fronts, runs, least.used, strict=True)
            for position in used
            if position >= len(check.steps.points)
        ]

    def _refute(self, check: FrontCheck, run: Run) -> bool:
        """Look into one step of a run; says whether that is possible still."""
        step = check.step_in(run, self._pj_per_cycle) if check.left_s > 0 and check.missing is None else None
        if step is not None:
            check.look_into(step, self._workers)
        return step is not None

    def _checked(self, value: Fraction | None, route: Route) -> BoundVerification:
        steps = sum(len(check.steps.refuted) for check in self._fronts)
        what = (
            "no choice keeps the limit, or a layer has no mapping" if value is None else "no choice is below the bound"
        )
        text = f"{what}, by {ROUTES[route]}; {steps} steps of fronts refuted for that"
        return BoundVerification(outcome="checked", route=route, proved=_float(value), text=text)

    def _disproved(self, value: Fraction, route: Route) -> BoundVerification:
        text = f"DISPROVED: points of the fronts sum to {float(value)}, below the bound, by {ROUTES[route]}"
        if self._result.status == "infeasible":
            text = f"DISPROVED: points of the fronts keep what is said to be infeasible, by {ROUTES[route]}"
        return BoundVerification(outcome="disproved", route=route, proved=_float(value), text=text)


def _not_checked(why: str, proved: float | None, route: Route) -> BoundVerification:
    text = f"bound not checked: {why} ({ROUTES[route]})"
    return BoundVerification(outcome="not checked", route=route, proved=proved, text=text)


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float_below(value)


def _pj_per_cycle(result: NetworkResult) -> float:
    """The exchange rate at which missing mappings are looked for; only its own metric counts for a limit."""
    if result.status == "infeasible":
        return 0.0 if result.goal.max_energy_pj is not None else ONLY_CYCLES
    if result.goal.objective == "edp" and result.total is not None and result.total.cycles:
        return float(result.total.energy_pj) / result.total.cycles
    return result.pj_per_cycle or 1.0
