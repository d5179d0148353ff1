"""What is claimed of a layer follows from exact costs and the back end's claims, and never exceeds them."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from dmaze.solver.backend import SearchOutcome
from dmaze.solver.pipeline.status import (
    LARGEST_EXACT,
    ROUNDING,
    LayerStatus,
    bound_fault,
    claims_beyond_exact_numbers,
    float_below,
    gap_between,
    status_of,
)
from hypothesis import given
from hypothesis import strategies as st

GAP = 0.01


def outcome(bound: float | None, *, exhausted: bool = False) -> SearchOutcome:
    return SearchOutcome((), bound, exhausted)


@pytest.mark.parametrize(
    ("best", "claim", "expected"),
    [
        (1000, outcome(1000.0), LayerStatus("optimal", 1000, 1000.0, 0.0)),
        (1000, outcome(990.0), LayerStatus("optimal", 1000, 990.0, 0.01)),
        (1000, outcome(989.0), LayerStatus("feasible", 1000, 989.0, 0.011)),
        (1000, outcome(None), LayerStatus("feasible", 1000, None, None)),
        (1000, outcome(-5.0), LayerStatus("feasible", 1000, 0.0, 1.0)),
        (0, outcome(0.0), LayerStatus("optimal", 0, 0.0, 0.0)),
        (0, outcome(-1.0), LayerStatus("optimal", 0, 0.0, 0.0)),
        (1000, outcome(None, exhausted=True), LayerStatus("optimal", 1000, 990.0, 0.01)),
        (1000, outcome(700.0, exhausted=True), LayerStatus("optimal", 1000, 990.0, 0.01)),
        (1000, outcome(1000.0, exhausted=True), LayerStatus("optimal", 1000, 1000.0, 0.0)),
        (None, outcome(None, exhausted=True), LayerStatus("infeasible", None, None, None)),
        (None, outcome(7.0, exhausted=True), LayerStatus("infeasible", None, None, None)),
        (None, outcome(7.0), LayerStatus("unknown", None, 7.0, None)),
        (None, outcome(None), LayerStatus("unknown", None, None, None)),
    ],
)
def test_verdicts(best: int | None, claim: SearchOutcome, expected: LayerStatus) -> None:
    found = status_of(best, claim, GAP)
    assert (found.status, found.objective_value, found.gap) == (expected.status, expected.objective_value, expected.gap)
    assert found.bound == (None if expected.bound is None else pytest.approx(expected.bound, rel=1e-15))


@given(
    best=st.integers(0, 2**70),
    share=st.fractions(0, 1),
    relative_gap=st.floats(0, 0.5),
    exhausted=st.booleans(),
)
def test_bounds_never_exceed_objectives(best: int, share: Fraction, relative_gap: float, exhausted: bool) -> None:
    bound = float_below(best * share)
    assert bound_fault(bound, [best]) is None
    layer_status = status_of(best, outcome(bound, exhausted=exhausted), relative_gap)
    assert layer_status.bound is not None
    assert layer_status.gap is not None
    assert 0 <= layer_status.bound <= best
    assert 0 <= layer_status.gap <= 1
    assert (layer_status.status == "optimal") == (layer_status.gap <= relative_gap)


@given(st.integers(-(2**80), 2**80))
def test_rounding_down_is_the_nearest_number_from_below(number: int) -> None:
    below = float_below(number)
    assert below <= number
    assert math.nextafter(below, math.inf) > number


def test_gaps_are_exact_beyond_binary64() -> None:
    value = 2**60 + 1
    assert gap_between(value, float(2**60)) == 1 / (2**60 + 1)


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_bound_must_be_a_number(bound: float) -> None:
    assert "not a finite number" in (bound_fault(bound, []) or "")


def test_a_bound_above_an_exact_cost_is_refused_however_close() -> None:
    assert bound_fault(float(2**53), [2**53]) is None
    assert bound_fault(float(2**53 + 2), [2**53 + 1]) is not None
    assert bound_fault(None, [1]) is None
    assert bound_fault(5.0, []) is None


class TestBeyondExactNumbers:
    BEST = LARGEST_EXACT + 2

    def test_up_to_2_53_claims_stay_as_they_are(self) -> None:
        claimed = outcome(float(LARGEST_EXACT), exhausted=True)
        assert claims_beyond_exact_numbers(claimed, LARGEST_EXACT, (1, LARGEST_EXACT)) is claimed

    def test_energies_that_are_no_whole_numbers_anyway_do_not_count(self) -> None:
        claimed = outcome(1e20, exhausted=True)
        assert claims_beyond_exact_numbers(claimed, 1e20, (1e20, 5)) is claimed

    @pytest.mark.parametrize("claimed", [outcome(None, exhausted=True), outcome(float(BEST) * 2, exhausted=True)])
    def test_a_proof_is_one_up_to_rounding(self, claimed: SearchOutcome) -> None:
        lowered = claims_beyond_exact_numbers(claimed, self.BEST, (self.BEST, 1))
        assert lowered.bound == float_below(self.BEST * (1 - ROUNDING))
        assert not lowered.exhausted
        assert status_of(self.BEST, lowered, 1e-6).status == "optimal"
        assert status_of(self.BEST, lowered, 0.0).status == "feasible"

    def test_a_bound_is_lowered(self) -> None:
        lowered = claims_beyond_exact_numbers(outcome(1e10), self.BEST, (1, self.BEST))
        assert lowered == outcome(float_below(10**10 * (1 - ROUNDING)))

    def test_no_claim_stays_none(self) -> None:
        assert claims_beyond_exact_numbers(outcome(None), self.BEST, (self.BEST, 1)) == outcome(None)
