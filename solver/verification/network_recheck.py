"""Re-checks a network's optimum: points, sums, and its bound by fronts and sums of its own.

A front is proved by what it leaves no room for (:mod:`.open_steps`). Only those steps are looked into on which the
network's bound depends: at first any mapping may be missing, and the least sum (:mod:`.least_sums`) says which of them
would matter. They are refuted one by one, until no missing mapping could take the network below its bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ...model.documents.networks.network_result import NetworkResult
from ...model.documents.networks.network_verification import BoundVerification, FrontVerification, NetworkVerification
from ...model.documents.pareto import LayerFront
from ...model.reading.results import load_network_result
from ...model.reading.sources.given_document import DocumentSource
from ..network.network_optimum import FRONT_SLACK
from ..pipeline.observer import Observer, SilentObserver
from ..pipeline.runs.solve_job import num_cores
from ..routed_backend import map_space_of
from .front_check import FrontCheck, front_check
from .network_bound_check import BoundCheck
from .network_claims import network_faults
from .recheck import VerificationLimits
from .recomputation import copy_faults

NEVER_CHECKED = (
    "what the run says of itself: versions, times, notes, why searches ended",
    "the steps of fronts as stated: those that matter are refuted anew",
    "pj_per_cycle, and names and sources of networks",
    "whether layers are missing or the question was changed",
)
"""What no verification of a network looks at."""


def verify_network(
    result: NetworkResult | DocumentSource, limits: VerificationLimits | None = None, observer: Observer | None = None
) -> NetworkVerification:
    """Check every claim of a network's optimum; ``time_limit_s`` is for the steps of each front.

    The result is given as :func:`dmaze.model.load_result` takes one of layers.

    Ctrl-C ends the checking; what was checked until then is reported, with ``interrupted`` set.
    """
    result = load_network_result(result)
    limits, hears = limits or VerificationLimits(), observer or SilentObserver()
    originals = {front.name: front for front in result.fronts if front.same_as is None}
    checks: dict[str, FrontCheck] = {}
    interrupted, bound = False, BoundVerification(outcome="not checked", text="bound not checked: interrupted")
    try:
        for number, front in enumerate(originals.values(), start=1):
            hears.layer_started(front.name, number, len(originals))
            checks[front.name] = front_check(result, front, limits.time_limit_s)
        bound = _bound_check(result, list(checks.values()), limits)
    except KeyboardInterrupt:
        interrupted = True
    faults = tuple(network_faults(result))
    layers = tuple(_layers(result, checks, originals, limits))
    sound = not faults and not any(layer.faults or layer.missing for layer in layers)
    return NetworkVerification(
        name=result.name,
        cost_model=result.cost_model,
        goal=result.goal,
        holds=sound and bound.outcome != "disproved",
        complete=not interrupted and bound.outcome in ("checked", "nothing claimed"),
        interrupted=interrupted,
        faults=faults,
        not_checked=NEVER_CHECKED,
        bound=bound,
        layers=layers,
    )


def _bound_check(result: NetworkResult, checks: Sequence[FrontCheck], limits: VerificationLimits) -> BoundVerification:
    if not checks:
        return BoundVerification(outcome="nothing claimed", text="there are no layers")
    slack = FRONT_SLACK.get(map_space_of(checks[0].problem.cost_model), Fraction(0))
    return BoundCheck(result, checks, slack, limits.workers or num_cores()).run()


def _layers(
    result: NetworkResult,
    checks: dict[str, FrontCheck],
    originals: dict[str, LayerFront],
    limits: VerificationLimits,
) -> Iterator[FrontVerification]:
    for front in result.fronts:
        check = checks.get(front.name)
        if front.same_as is not None:
            yield _unsearched(front, f"a copy of {front.same_as}", copy_faults(front, originals.get(front.same_as)))
        elif check is None:
            yield _unsearched(front, "not checked: interrupted", ())
        else:
            yield _searched(check, limits.time_limit_s)


def _unsearched(front: LayerFront, text: str, faults: Iterable[str]) -> FrontVerification:
    return FrontVerification(
        name=front.name,
        same_as=front.same_as,
        points_checked=0,
        steps_refuted=0,
        steps=0,
        faults=tuple(faults),
        text=text,
    )


def _searched(check: FrontCheck, limit_s: float) -> FrontVerification:
    front, refuted = check.front, len(check.steps.refuted)
    how = f" by {' and '.join(sorted(check.routes))}" if check.routes else ""
    return FrontVerification(
        name=front.name,
        same_as=None,
        points_checked=len(front.points),
        steps_refuted=refuted,
        steps=len(front.points) + 1,
        faults=check.faults,
        missing=check.missing,
        text=f"{refuted} of {len(front.points) + 1} steps refuted{how}",
        seconds=round(limit_s - check.left_s, 3),
    )
