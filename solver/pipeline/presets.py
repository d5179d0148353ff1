"""dMazeRunner's automatic pruning: thresholds that are loosened in rounds until enough tilings pass.

Source: ``docs/model.md`` section 2, *auto*.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...model.dmazerunner.constraints import Constraints, MinUtilization
from ..backend import AnyProblem, PublishedProblem, SearchOutcome, published
from ..deadline import Deadline
from ..enumeration.stream import TilingStream

STEP = 0.1
"""By how much a threshold is lowered. Thresholds are binary floats: two steps below 0.8 lies 0.6000000000000001."""

LOW_COMPUTE, LOWEST_COMPUTE = 0.6, 0.3
"""PE or RF thresholds at which the SPM's is lowered as well, and at which the two pruning rules go off."""


@dataclass(frozen=True)
class Round:
    """One round: thresholds, whether the two pruning rules are on, how many tilings are enough."""

    thresholds: MinUtilization
    rules: bool
    minimum: int

    @property
    def enough(self) -> int:
        """Number of tilings with which the rounds end."""
        return max(1, self.minimum)

    def constraints(self, given: Constraints) -> Constraints:
        """What a tiling must keep in this round, constraints beside the preset included."""
        own = {"min_utilization": self.thresholds}
        rules = {"no_spatial_reduction": self.rules, "no_feature_from_dram": self.rules}
        return given.model_copy(update={"preset": None, **own, **rules})

    def loosened(self) -> Round | None:
        """The next round; ``None`` when the published search gives up."""
        pe, rf, spm = self.thresholds.pe, self.thresholds.rf, self.thresholds.spm
        if pe > 0 and rf > 0:
            pe, rf = pe - STEP, rf - STEP
        if min(pe, rf) <= LOW_COMPUTE:
            spm -= STEP
        if min(pe, rf, spm) < 0:
            return None
        thresholds = MinUtilization(pe=pe, rf=rf, spm=spm)
        if min(pe, rf) <= LOWEST_COMPUTE:
            return Round(thresholds, rules=False, minimum=1)
        return replace(self, thresholds=thresholds)


FIRST_ROUND = Round(MinUtilization(pe=0.8, rf=0.8, spm=0.5), rules=True, minimum=100)


def rounds() -> Iterator[Round]:
    """The rounds, strictest first, until the published search gives up."""
    current: Round | None = FIRST_ROUND
    while current is not None:
        yield current
        current = current.loosened()


@dataclass(frozen=True)
class Resolved:
    """Constraints without a preset, and the thresholds that it ended with, if there was one.

    ``outcome`` is there when counting has decided the layer: no tiling passes even the last round, or the time is up
    (``note`` says so, and the thresholds are not known).
    """

    constraints: Constraints
    thresholds: MinUtilization | None = None
    outcome: SearchOutcome | None = None
    note: str | None = None


def resolve_preset(problem: AnyProblem, deadline: Deadline) -> Resolved:
    """The constraints of a problem with its preset replaced by what the last round of it sets.

    Constraints beside the preset stay in force while tilings are counted, except for the traffic limits, which depend
    on loop orders.

    Example:
        >>> resolved = resolve_preset(problem, Deadline.after(60))  # doctest: +SKIP
        >>> resolved.thresholds  # doctest: +SKIP
        MinUtilization(pe=0.8, rf=0.8, spm=0.5)
    """
    given = problem.constraints
    if given.preset is None:
        return Resolved(given)
    constraints, thresholds = given, None
    for current in rounds():
        constraints, thresholds = current.constraints(given), current.thresholds
        if _num_tilings(published(problem), constraints, current.enough, deadline) >= current.enough:
            return Resolved(constraints, thresholds)
        if deadline.passed:
            undecided = SearchOutcome((), None, exhausted=False)
            return Resolved(constraints, None, undecided, f"out of time while counting the tilings of {given.preset}")
    return Resolved(constraints, thresholds, nothing_passes())


def nothing_passes() -> SearchOutcome:
    """The outcome of a layer of which no tiling passes even the last round."""
    return SearchOutcome((), None, exhausted=True, statistics={"evaluated": 0})


def _num_tilings(problem: PublishedProblem, constraints: Constraints, enough: int, deadline: Deadline) -> int:
    """Number of tilings that fit and pass; counting stops once there are enough."""
    number = 0
    for levels in TilingStream(replace(problem, constraints=constraints), deadline):
        number += levels.shape[2]
        if number >= enough:
            break
    return number
