"""Enumeration with bounds alone: the same best mappings as full enumeration, and an account of every tiling."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import allowed_factorisations, num_tilings
from dmaze.model.dmazerunner.vectorised.batch import DRAM, RF, Array, to_array
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.documents.result import Result
from dmaze.model.layers import nest_from_expressions
from dmaze.solver.backend import LayerProblem, Progress, SearchLimits, SearchOutcome
from dmaze.solver.deadline import Deadline
from dmaze.solver.enumeration import BACKEND, BOUNDED
from dmaze.solver.enumeration.accounting import Accounting
from dmaze.solver.enumeration.bounded import BoundedBackend
from dmaze.solver.enumeration.branch_and_bound import BlockParameters, BranchAndBound
from dmaze.solver.search.scoring import Scorer, trivial_bound
from dmaze.solver.spaces.partial_tilings import PartialTilings
from random_problems import describe, every_tiling, problems, random_problem
from searches import Watched
from starts import nothing

THREE = SearchLimits(top_k=3)
WITHOUT_START = BoundedBackend(nothing)


def num_legal(problem: LayerProblem) -> int:
    """Tilings that fit and pass, by looking at every one."""
    tilings = every_tiling(problem.nest, problem.constraints)
    if not tilings:
        return 0
    levels = to_array(tilings)
    return int(allowed(problem.nest, problem.architecture, problem.constraints, levels).sum())


def account(outcome: SearchOutcome) -> tuple[int, int, int]:
    """Tilings costed, excluded by bounds, excluded by capacities and constraints."""
    numbers = (outcome.statistics[name] for name in ("evaluated", "pruned_by_bound", "pruned_by_capacity"))
    evaluated, by_bound, by_capacity = (int(number) for number in numbers)
    return evaluated, by_bound, by_capacity


@pytest.mark.parametrize("block", range(2))
def test_the_best_few_are_those_of_full_enumeration(block: int) -> None:
    for problem in problems(range(20_000 + 100 * block, 20_000 + 100 * block + 60)):
        expected, found = BACKEND.search(problem, THREE, None), BOUNDED.search(problem, THREE, None)
        assert found.exhausted, describe(problem)
        assert (found.candidates, found.bound) == (expected.candidates, expected.bound), describe(problem)


def test_without_a_start_they_are_the_same() -> None:
    for problem in problems(range(21_000, 21_060)):
        expected, found = BACKEND.search(problem, THREE, None), WITHOUT_START.search(problem, THREE, None)
        assert (found.candidates, found.bound) == (expected.candidates, expected.bound), describe(problem)


def test_every_tiling_is_costed_or_excluded_once() -> None:
    excluded = 0
    for problem in problems(range(22_000, 22_060)):
        evaluated, by_bound, by_capacity = account(BOUNDED.search(problem, THREE, None))
        whole = num_tilings(allowed_factorisations(problem.nest, problem.constraints))
        assert evaluated + by_bound + by_capacity == whole, describe(problem)
        legal = num_legal(problem)
        assert evaluated <= legal, describe(problem)
        assert by_capacity <= whole - legal or limited(problem), describe(problem)
        excluded += by_bound
    assert excluded > 1000


def limited(problem: LayerProblem) -> bool:
    """Whether there are limits that depend on loop orders: they exclude slices of tilings that fit and pass."""
    constraints = problem.constraints
    return constraints.max_dram_bytes is not None or constraints.max_dma_invocations is not None


def test_where_every_rank_is_wanted_nothing_is_left_to_bounds() -> None:
    compared = 0
    for problem in problems(range(23_000, 23_030)):
        if limited(problem):
            continue
        whole, legal = num_tilings(allowed_factorisations(problem.nest, problem.constraints)), num_legal(problem)
        found = WITHOUT_START.search(problem, SearchLimits(top_k=whole + 1), None)
        assert account(found) == (legal, 0, whole - legal), describe(problem)
        compared += legal
    assert compared > 1000


def test_spaces_with_more_tilings_than_64_bits_count_are_accounted_for_exactly() -> None:
    dims = {f"d{number}": 2 for number in range(40)}
    nest = nest_from_expressions(dims, {"x": [{name: 1} for name in dims], "y": [{"d0": 1}]}, "y")
    accounting = Accounting(nest, Constraints())
    assert accounting.whole == accounting.missing == 4**40  # a 2 may stand in each of four levels
    slices = np.ones((4, 40, 2))
    slices[DRAM, 0], slices[RF, 0] = [1, 2], [2, 1]  # all tilings: the first dimension in DRAM or not
    accounting.subspaces_do_not_fit(slices[:, :, :1], range(1, 40))
    assert (accounting.by_capacity, accounting.missing) == (3 * 4**39, 4**39)
    accounting.subspaces_excluded(slices[:, :, 1:], np.array([1.0]))  # the other dimensions are all below DRAM
    accounting.subspaces_excluded(slices[:, :, 1:], np.array([math.inf]))
    assert (accounting.by_bound, accounting.by_capacity) == (3**39, 3 * 4**39 + 3**39)


def test_tilings_that_get_lost_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    tilings = PartialTilings.tilings

    def without_some(self: PartialTilings, array_tiles: Array) -> Iterator[Array]:
        return (levels[:, :, 1:] for levels in tilings(self, array_tiles))

    monkeypatch.setattr(PartialTilings, "tilings", without_some)
    with pytest.raises(RuntimeError, match="are not accounted for"):
        WITHOUT_START.search(random_problem(3), SearchLimits(), None)


# Blocks.


SMALL_BLOCKS = BlockParameters(most_rows=4, most_bytes=1)
"""Subspaces come in arrays of at most four, and every array is a block."""


def test_blocks_change_no_answer_and_claim_nothing_of_those_to_come() -> None:
    several = 0
    for problem in problems(range(24_000, 24_060)):
        expected, best = BACKEND.search(problem, THREE, None), Watched()
        best.size = THREE.top_k
        best.search = BranchAndBound(problem, best, ranks=3, parameters=SMALL_BLOCKS)
        best.search.run(Deadline.after(60), threading.Event())
        assert best.search.finished
        assert best.mappings(Scorer(problem)) == expected.candidates, describe(problem)
        assert best.bounds == sorted(best.bounds)
        assert all(bound <= (expected.bound or math.inf) for bound in best.bounds), describe(problem)
        several += best.bounds[:2] == [trivial_bound(problem)] * 2
    assert several > 10


# Limits.


def test_a_coarse_gap_is_kept_to() -> None:
    for problem in problems(range(26_000, 26_030)):
        lowest = BACKEND.search(problem, SearchLimits(top_k=1), None).bound
        found = BOUNDED.search(problem, SearchLimits(relative_gap=0.2), None)
        assert found.exhausted
        assert (found.bound is None) == (lowest is None)
        if found.bound is not None and lowest is not None:
            assert 0.8 * 0.8 * lowest <= found.bound <= lowest, describe(problem)
            assert found.certificate is not None
            assert not found.certificate.ties_settled


def test_a_search_that_is_cut_short_claims_what_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    def hold(self: PartialTilings) -> Iterator[Array]:
        while True:
            self._go_on()  # type: ignore[attr-defined]
            time.sleep(0.001)
        yield

    monkeypatch.setattr(PartialTilings, "subspaces", hold)
    problem, reports = random_problem(3), list[Progress]()
    lowest = BACKEND.search(problem, SearchLimits(top_k=1), None).bound
    found = BOUNDED.search(problem, SearchLimits(time_limit_s=0.5), reports.append)
    assert lowest is not None
    assert not found.exhausted
    assert found.candidates
    assert (found.bound, account(found)) == (trivial_bound(problem), (0, 0, 0))
    assert trivial_bound(problem) <= lowest
    assert reports[-1].done == 0.0


def test_an_interrupt_ends_the_thread() -> None:
    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BOUNDED.search(random_problem(3), SearchLimits(), interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("enumeration")]


def test_progress_reaches_the_whole_space() -> None:
    for problem in problems(range(27_000, 27_008)):
        reports: list[Progress] = []
        found = BOUNDED.search(problem, SearchLimits(), reports.append)
        done = [report.done for report in reports if report.done is not None]
        assert done == sorted(done)
        assert all(0 <= share <= 1 for share in done)
        evaluated, by_bound, _ = account(found)
        if reports:
            assert reports[-1].note == f"{evaluated:,} tilings costed, {by_bound:,} excluded by bounds"


# The command.


def test_enumerate_with_bound_says_what_was_excluded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = gemm(64, 60, 72)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"architecture": "dmazerunner-256pe", "workload": {"layers": [layer]}}))
    assert main(["enumerate", str(path), "--bound", "--workers", "1", "--json", "--no-cache"]) == 0
    bound = Result.model_validate_json(capsys.readouterr().out)
    assert main(["enumerate", str(path), "--json", "--no-cache"]) == 0
    every = Result.model_validate_json(capsys.readouterr().out)
    assert (every.backend, bound.backend) == ("exhaustive", "exhaustive-bounded")
    assert every.layers[0].solutions == tuple(
        solution.model_copy(update={"proved": True}) for solution in bound.layers[0].solutions
    )
    assert (every.layers[0].status, bound.layers[0].status) == ("optimal", "optimal")
    assert every.layers[0].pruned_by_bound == 0
    assert (bound.layers[0].evaluated or 0) * 100 < (every.layers[0].evaluated or 0)
    # 84 = C(6 + 3, 3) ordered factorisations of 2^6; 60 = 2^2 * 3 * 5: 10 * 4 * 4; 72 = 2^3 * 3^2: 20 * 10
    for layer_result in (every.layers[0], bound.layers[0]):
        counts = (layer_result.evaluated, layer_result.pruned_by_bound, layer_result.statistics["pruned_by_capacity"])
        assert sum(int(count or 0) for count in counts) == 84 * 160 * 200
    assert main(["enumerate", str(path), "--bound", "--no-cache"]) == 0
    report = capsys.readouterr().out
    assert "pruned by bound" in report
    assert f"{bound.layers[0].pruned_by_bound:,}" in report
