"""First mappings from bounds: legal, near the optimum, and found by other means where bounds lead nowhere."""

from dataclasses import replace
from functools import partial

import pytest
from dmaze.model.mapping import Mapping, Tiling
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.deadline import NEVER, Deadline
from dmaze.solver.enumeration import BACKEND, first_mappings
from dmaze.solver.enumeration.first_mappings import Promising, first_by_local_search, first_from_bounds
from dmaze.solver.pipeline.ranking import faults_of_candidate
from dmaze.solver.search.incumbents import Incumbents
from dmaze.solver.search.scoring import Scorer
from random_problems import describe, problems, random_problem

FIRST = partial(first_from_bounds, seed=0, keep=3, deadline=NEVER)


def levels_of(found: Incumbents) -> list[Tiling]:
    return [entry.tiling for entry in found.kept]


def solvable(block: range) -> list[tuple[LayerProblem, Mapping]]:
    answers = [(problem, BACKEND.search(problem, SearchLimits(top_k=1), None)) for problem in problems(block)]
    return [(problem, outcome.candidates[0]) for problem, outcome in answers if outcome.candidates]


@pytest.fixture
def bounds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local search finds nothing."""
    monkeypatch.setattr(first_mappings, "first_by_local_search", lambda *_, keep, **__: Incumbents(keep))


@pytest.mark.usefixtures("bounds_alone")
def test_first_mappings_are_legal_and_mostly_the_best() -> None:
    known = solvable(range(41_000, 41_080))
    hits = 0
    for problem, best in known:
        found = FIRST(problem)
        assert found.kept, describe(problem)
        for mapping in found.mappings(Scorer(problem)):
            assert not faults_of_candidate(problem, mapping), describe(problem)
        hits += found.kept[0].tiling == best.tiling
    assert len(known) > 50
    assert hits > 0.9 * len(known)


def test_a_given_mapping_is_taken_in_where_it_is_legal() -> None:
    for problem, best in solvable(range(41_100, 41_120)):
        few = Promising(subspaces=1, array_tiles=1, tries=1)
        found = first_from_bounds(replace(problem, warm_starts=(best,)), seed=0, keep=3, deadline=NEVER, promising=few)
        assert best.tiling in levels_of(found), describe(problem)


@pytest.mark.usefixtures("bounds_alone")
def test_where_all_is_promising_the_best_are_found_rank_by_rank() -> None:
    everything = Promising(subspaces=1 << 20, array_tiles=1 << 20)
    for problem in problems(range(41_200, 41_230)):
        best = BACKEND.search(problem, SearchLimits(top_k=3), None).candidates
        found = first_from_bounds(problem, seed=0, keep=3, deadline=NEVER, promising=everything)
        assert levels_of(found) == [mapping.tiling for mapping in best], describe(problem)


@pytest.mark.usefixtures("bounds_alone")
@pytest.mark.parametrize("seed", [136, 322, 409, 448])
def test_where_nothing_legal_is_found_the_next_subspaces_are_tried(seed: int) -> None:
    problem = random_problem(seed, constrained=0.9)
    once, often = (
        first_from_bounds(problem, seed=0, keep=1, deadline=NEVER, promising=Promising(subspaces=1, tries=tries))
        for tries in (1, 4)
    )
    assert not once.kept
    assert often.kept


@pytest.mark.usefixtures("bounds_alone")
def test_given_mappings_that_are_none_of_the_problem_s_are_left_out() -> None:
    for problem, best in solvable(range(41_100, 41_110)):
        ones = (1,) * len(problem.nest.dims)
        foreign = replace(best, tiling=Tiling(ones, ones, ones, ones))
        too_large = replace(best, tiling=Tiling(ones, ones, ones, problem.nest.bounds))
        if problem.nest.num_macs == 1 or not faults_of_candidate(problem, too_large):
            continue
        given = replace(problem, warm_starts=(foreign, too_large))
        assert not first_from_bounds(given, seed=0, keep=3, deadline=NEVER, promising=Promising(tries=0)).kept
        assert levels_of(FIRST(given)) == levels_of(FIRST(problem)), describe(problem)


class Midway(Deadline):
    """Passes as soon as the search looks at it."""

    def check(self) -> None:
        raise TimeoutError


def test_time_that_is_up_on_the_way_is_no_fault() -> None:
    problem, best = solvable(range(41_100, 41_110))[0]
    given, deadline = replace(problem, warm_starts=(best,)), Midway(NEVER.at)
    assert levels_of(first_from_bounds(given, seed=0, keep=3, deadline=deadline)) == [best.tiling]


@pytest.mark.parametrize(
    ("deadline", "promising"),
    [(Deadline.after(0.0), Promising()), (NEVER, Promising(most_subspaces=0)), (NEVER, Promising(tries=0))],
)
def test_where_bounds_do_not_serve_local_search_does(deadline: Deadline, promising: Promising) -> None:
    problem = random_problem(48)
    found = first_from_bounds(problem, seed=1, keep=2, deadline=deadline, promising=promising)
    expected = first_by_local_search(problem, seed=1, keep=2, deadline=deadline)
    assert found.kept == expected.kept
    assert first_from_bounds(problem, seed=1, keep=2, deadline=NEVER).kept != expected.kept
