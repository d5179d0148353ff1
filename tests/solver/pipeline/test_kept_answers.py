"""Which kept answers serve whom, and how a search goes on from one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import Specs, gemm, only
from dmaze.cli.main import main
from dmaze.model.documents.result import LayerResult
from dmaze.solver import Cache, LayerProblem, Progress, SearchLimits, SearchOutcome, enumerate_mappings, solve
from dmaze.solver.enumeration import BACKEND
from dmaze.solver.pipeline import layer_cache
from machines import SMALL

GEMM = gemm(4, 3, 6)
spec = Specs(GEMM, architecture=SMALL, backend="fake-scripted")
Search = Callable[[LayerProblem, SearchLimits, Any], SearchOutcome]


class Searches:
    """What the back end ``fake-scripted`` finds: one mapping by its rank among all, a bound; and what it was asked."""

    def __init__(self) -> None:
        self.rank, self.bound, self.exhausted, self.number = 0, None, True, 0
        self.warm_starts: tuple[Any, ...] = ()

    def __call__(self, problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
        self.number += 1
        self.warm_starts = problem.warm_starts
        every = BACKEND.search(problem, SearchLimits(top_k=40), None).candidates
        found = every[self.rank : self.rank + limits.top_k]
        report(Progress(None, self.bound, found))
        return SearchOutcome(found, self.bound, self.exhausted)


@pytest.fixture
def searches(fakes: ModuleType) -> Searches:
    fakes.SCRIPTED.script = script = Searches()
    return script


@pytest.fixture
def unproved(searches: Searches) -> Searches:
    """Nothing but the fifth best mapping is found, and a bound far below it."""
    searches.rank, searches.bound, searches.exhausted = 4, 1.0, False
    return searches


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr(layer_cache, "_digest_of_sources", lambda: "ours")
    return Cache(tmp_path / "kept")


def asked(cache: Cache | None, **options: Any) -> LayerResult:
    return only(solve(spec(solver={"time_limit_s": 10.0, "workers": 1, "top_k": 1, **options}), cache=cache))


def values(layer: LayerResult) -> list[float]:
    return [solution.cost.edp for solution in layer.solutions]


# Proofs


def test_a_proof_of_the_best_five_serves_who_asks_for_fewer(cache: Cache, searches: Searches) -> None:
    five = asked(cache, top_k=5)
    for top_k in (1, 3, 5):
        layer = asked(cache, top_k=top_k)
        assert (layer.cached, layer.status, values(layer)) == (True, "optimal", values(five)[:top_k])
    assert searches.number == 1


def test_who_asks_for_more_is_searched_for_from_the_best_that_is_known(cache: Cache, searches: Searches) -> None:
    first = asked(cache)
    five = asked(cache, top_k=5)
    assert (five.cached, searches.number, len(searches.warm_starts)) == (False, 2, 1)
    assert values(five)[0] == values(first)[0]
    assert asked(cache, top_k=2).cached


def test_a_certificate_speaks_of_no_more_ranks_than_are_asked_for(cache: Cache) -> None:
    ranks = []
    for top_k in (4, 2):
        layer = only(enumerate_mappings(spec(solver={"top_k": top_k}), cache=cache))
        assert layer.certificate is not None
        assert all(solution.proved for solution in layer.solutions)
        ranks.append((layer.cached, layer.certificate.ranks_settled))
    assert ranks == [(False, 4), (True, 2)]


@pytest.mark.parametrize(
    ("found_at", "asked_for", "served"), [(1e-6, 0.05, True), (0.0, 1e-6, True), (0.05, 1e-6, False), (0.05, 0.1, True)]
)
def test_a_proof_serves_who_asks_for_no_smaller_gap(
    cache: Cache, searches: Searches, found_at: float, asked_for: float, served: bool
) -> None:
    before = asked(cache, relative_gap=found_at)
    layer = asked(cache, relative_gap=asked_for)
    assert (layer.cached, layer.status, searches.number) == (served, "optimal", 1 if served else 2)
    assert values(layer) == values(before)
    assert layer.gap == pytest.approx(found_at if served else asked_for)


def test_what_is_left_open_at_a_small_gap_may_be_a_proof_at_a_large_one(cache: Cache, unproved: Searches) -> None:
    optimum = only(solve(spec(backend="exhaustive"))).objective_value
    assert optimum is not None
    unproved.rank, unproved.bound = 0, optimum * 0.9
    assert asked(cache).status == "feasible"
    layer = asked(cache, relative_gap=0.2, time_limit_s=100.0)
    assert (layer.cached, layer.status) == (True, "optimal")
    assert layer.gap == pytest.approx(0.1)


def test_that_there_is_no_mapping_serves_everybody(cache: Cache, searches: Searches) -> None:
    full = {"min_utilization": {"rf": 1.0, "spm": 1.0}}
    for options in ({"top_k": 1}, {"top_k": 9}, {"relative_gap": 0.0}):
        layer = only(solve(spec(constraints=full, solver=options), cache=cache))
        assert layer.status == "infeasible"
    assert (layer.cached, searches.number) == (True, 1)


def test_answers_that_a_proof_stands_in_for_are_not_kept(cache: Cache, unproved: Searches) -> None:
    for top_k in (1, 2, 3):
        asked(cache, top_k=top_k)
    assert kept_kinds(cache) == [1, 2, 3]
    unproved.rank, unproved.exhausted = 0, True
    asked(cache, top_k=2, time_limit_s=20.0)
    assert kept_kinds(cache) == [2, 3]


def kept_kinds(cache: Cache) -> list[int]:
    (path,) = cache.folder.iterdir()
    return sorted(answer["origin"]["top_k"] for answer in json.loads(path.read_bytes().splitlines()[2])["answers"])


# What is not proved


def test_more_time_searches_on_from_the_mapping_and_the_bound(cache: Cache, unproved: Searches) -> None:
    before = asked(cache)
    unproved.rank, unproved.bound = 9, 0.5
    after = asked(cache, time_limit_s=20.0)
    assert (before.cached, after.cached, unproved.number) == (False, False, 2)
    assert len(unproved.warm_starts) == 1
    assert (after.objective_value, after.bound, after.gap) == (before.objective_value, before.bound, before.gap)
    assert after.cached_from is not None
    assert (after.cached_from.seconds, after.cached_from.top_k) == (10.0, 1)


def test_the_bound_of_one_search_and_the_mapping_of_another_are_a_proof(cache: Cache, unproved: Searches) -> None:
    optimum = only(solve(spec(backend="exhaustive"))).objective_value
    unproved.rank = 0
    assert asked(cache).status == "feasible"
    unproved.rank, unproved.bound = 7, optimum
    layer = asked(cache, time_limit_s=20.0)
    assert (layer.status, layer.objective_value, layer.bound) == ("optimal", optimum, optimum)


def test_an_unproved_answer_knows_what_other_searches_have_proved(cache: Cache, unproved: Searches) -> None:
    assert asked(cache, top_k=3).status == "feasible"
    unproved.rank, unproved.exhausted, unproved.bound = 0, True, None
    best = asked(cache)
    layer = asked(cache, top_k=3)
    assert (best.status, layer.status, layer.cached, unproved.number) == ("optimal", "optimal", True, 2)
    assert (layer.objective_value, layer.bound, len(layer.solutions)) == (best.objective_value, best.bound, 3)


def test_a_search_that_is_cut_short_loses_nothing_that_was_known(
    cache: Cache, unproved: Searches, fakes: ModuleType
) -> None:
    before = asked(cache)

    def interrupted(*_: Any) -> SearchOutcome:
        raise KeyboardInterrupt

    fakes.SCRIPTED.script = interrupted
    layer = asked(cache, time_limit_s=20.0)
    assert (layer.status, layer.objective_value, layer.bound) == ("feasible", before.objective_value, before.bound)
    fakes.SCRIPTED.script = unproved
    assert asked(cache, time_limit_s=20.0).cached is False


def test_progress_starts_where_the_kept_answer_ended(cache: Cache, unproved: Searches) -> None:
    from dmaze.solver.pipeline.observer import SilentObserver

    class Listening(SilentObserver):
        def progressed(self, name: str, progress: Progress) -> None:  # noqa: ARG002
            heard.append((progress.objective_value, progress.bound))

    heard: list[tuple[Any, Any]] = []
    before = asked(cache)
    unproved.bound = 0.5
    longer = spec(solver={"time_limit_s": 20.0, "workers": 1, "top_k": 1})
    solve(longer, Listening(), cache=cache)
    assert heard == [(before.objective_value, before.bound)]


def test_a_kept_bound_that_a_mapping_disproves_is_forgotten(cache: Cache, unproved: Searches) -> None:
    before = asked(cache)
    assert before.objective_value is not None
    forge(cache, {"bound": before.objective_value})
    unproved.rank, unproved.bound = 0, 1.0
    layer = asked(cache, time_limit_s=20.0)
    assert (layer.status, layer.bound) == ("feasible", 1.0)
    assert layer.objective_value is not None
    assert layer.objective_value < before.objective_value
    assert asked(cache).bound == 1.0


def test_a_bound_that_a_kept_mapping_disproves_is_a_fault_of_the_back_end(cache: Cache, unproved: Searches) -> None:
    best = asked(cache).objective_value
    assert best is not None
    unproved.rank, unproved.bound = 30, best * 1.01
    layer = asked(cache, time_limit_s=20.0)
    assert layer.fault is not None
    assert "lies above the exact objective" in layer.fault


def test_a_back_end_of_ours_goes_on_from_what_is_known(cache: Cache) -> None:
    portfolio = spec(backend="portfolio", solver={"workers": 1})
    alone = only(solve(portfolio, cache=cache))
    forge(cache, {"proved": False, "exhausted": False, "bound": 1.0, "gap": 0.9})
    longer = spec(backend="portfolio", solver={"workers": 1, "time_limit_s": 70.0})
    layer = only(solve(longer, cache=cache))
    assert (layer.cached, layer.status, layer.solutions) == (False, "optimal", alone.solutions)
    assert layer.cached_from is not None


def forge(cache: Cache, changes: dict[str, Any]) -> None:
    """Alter the only answer that is kept."""
    (path,) = cache.folder.iterdir()
    question, answer = path.read_text().splitlines()[1:]
    document = json.loads(answer)
    document["answers"][0].update(changes)
    cache.write(question, json.dumps(document))


# What is said of it


def test_a_cached_answer_says_when_and_by_whom_it_was_found(cache: Cache, searches: Searches) -> None:
    fresh, cached = (asked(cache, top_k=2) for _ in range(2))
    assert fresh.cached_from is None
    origin = cached.cached_from
    assert origin is not None
    assert len(origin.found) == len("2026-11-27T09:41:00+00:00")
    assert origin.found.endswith("+00:00")
    assert (origin.version, origin.seconds, origin.workers) == ("0.1.0", 10.0, 1)
    assert (origin.top_k, origin.relative_gap) == (2, 1e-6)
    assert searches.number == 1


def test_the_report_says_what_comes_from_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.json"
    path.write_text(spec(GEMM, {**GEMM, "name": "again"}, backend="exhaustive").model_dump_json(by_alias=True))
    reports = []
    for _ in range(2):
        assert main([str(path), "--cache", str(tmp_path / "kept")]) == 0
        reports.append(capsys.readouterr().out)
    assert "cache" not in reports[0]
    said = next(line for line in reports[1].splitlines() if line.startswith("from the cache"))
    assert said.startswith("from the cache: 1 of 1 distinct layers, found 20")
    assert said.endswith("by version 0.1.0; --no-cache searches anew")
