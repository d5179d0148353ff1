"""What may be claimed of a layer: status, bound, gap, and why the work ended.

All of it follows from exact costs and from what the back end claims. The arithmetic on bounds is exact (fractions of
the binary64 values) and rounds downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ...model.documents.result import Limit, Number, Reason, Status, Termination
from ...model.objectives import float_below
from ..backend import SearchOutcome


@dataclass(frozen=True)
class LayerStatus:
    """Status of a layer, the objective value of its best mapping, a lower bound on all mappings', and the gap."""

    status: Status
    objective_value: Number | None
    bound: float | None
    gap: float | None


def bound_fault(bound: float | None, values: Sequence[Number]) -> str | None:
    """Why a claimed bound cannot be true, given exact objective values of legal mappings; ``None`` when it can."""
    if bound is None:
        return None
    if not math.isfinite(bound):
        return f"its bound {bound} is not a finite number"
    below = [value for value in values if value < bound]
    return f"its bound {bound} lies above the exact objective {min(below)} of a legal mapping" if below else None


LARGEST_EXACT = 2**53
"""Up to where the model over arrays, which counts in binary64, holds every whole number."""

ROUNDING = Fraction(1, 2**40)
"""By how much (relative) it may be wrong beyond: the error of a few thousand operations."""


def claims_beyond_exact_numbers(outcome: SearchOutcome, best: Number, parts: Sequence[Number]) -> SearchOutcome:
    """What an outcome may claim where whole numbers that it came to are larger than binary64 holds.

    ``parts`` are the best mapping's energy and cycles by the one-at-a-time model, ``best`` its objective value.
    Searches compare by the model over arrays, which is right up to its rounding there: bounds are lowered by that, and
    nothing is called exhausted.
    """
    if all(not isinstance(part, int) or part <= LARGEST_EXACT for part in parts):
        return outcome
    claimed = best if outcome.bound is None or outcome.exhausted else outcome.bound
    if outcome.bound is None and not outcome.exhausted:
        return outcome
    return replace(outcome, bound=float_below(Fraction(claimed) * (1 - ROUNDING)), exhausted=False)


def status_of(best: Number | None, outcome: SearchOutcome, relative_gap: float) -> LayerStatus:
    """The status of a layer whose best mapping has the given objective value (``None`` without a mapping).

    The outcome's bound must have passed :func:`bound_fault`. An exhausted search also claims that nothing lies more
    than the relative gap below the best mapping, which is a bound of its own.
    """
    claimed = None if outcome.bound is None else max(0.0, float_below(outcome.bound))
    if best is None:
        return (
            LayerStatus("infeasible", None, None, None)
            if outcome.exhausted
            else LayerStatus("unknown", None, claimed, None)
        )
    if outcome.exhausted and (claimed is None or gap_between(best, claimed) > relative_gap):
        claimed = float_below(Fraction(best) * (1 - Fraction(relative_gap)))
        return LayerStatus("optimal", best, claimed, min(gap_between(best, claimed), relative_gap))
    if claimed is None:
        return LayerStatus("feasible", best, None, None)
    gap = gap_between(best, claimed)
    return LayerStatus("optimal" if gap <= relative_gap else "feasible", best, claimed, gap)


USED_UP = 0.95
"""Part of its time with which a search counts as ended by the limit: back ends stop a little before it."""


def termination(status: Status, limit: Limit, share_used: float, *, interrupted: bool) -> Termination:
    """Why the work on a layer ended that took a share of the time that a limit left it."""
    if status == "optimal":
        return Termination(reason=Reason.OPTIMAL)
    if status == "infeasible":
        return Termination(reason=Reason.INFEASIBLE)
    if interrupted:
        return Termination(reason=Reason.INTERRUPTED)
    if share_used >= USED_UP:
        return Termination(reason=Reason.LIMIT, limit=limit)
    return Termination(reason=Reason.NO_PROOF)


def gap_between(value: Number, bound: float) -> float:
    """(value - bound) / value; 0 when they are equal, also at 0."""
    if value == bound:
        return 0.0
    return float((Fraction(value) - Fraction(bound)) / Fraction(value))
