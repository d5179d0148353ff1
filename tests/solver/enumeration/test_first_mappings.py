"""First mappings from bounds: legal, near the optimum, and found by other means where bounds lead nowhere."""

from dataclasses import replace
from functools import partial

import pytest
from dmaze.model.mapping import Mapping, Tiling
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.deadline import NEVER, Deadline
from dmaze.solver.enumeration import BACKEND
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


@pytest.mark.parametrize("factor", [2, 3])
def test_a_given_mapping_of_another_nest_is_left_out(factor: int) -> None:
    problem, best = solvable(range(41_100, 41_110))[0]
    first, *others = (list(row) for row in best.tiling.levels)
    first[0] *= factor
    foreign = replace(best, tiling=Tiling.from_levels([first, *others]))
    assert levels_of(FIRST(replace(problem, warm_starts=(foreign,)))) == levels_of(FIRST(problem))


@pytest.mark.parametrize(
    ("deadline", "promising"),
    [(Deadline.after(0.0), Promising()), (NEVER, Promising(most_subspaces=0)), (NEVER, Promising(tries=0))],
)
def test_where_bounds_do_not_serve_local_search_does(deadline: Deadline, promising: Promising) -> None:
    problem = random_problem(3)
    found = first_from_bounds(problem, seed=1, keep=2, deadline=deadline, promising=promising)
    expected = first_by_local_search(problem, seed=1, keep=2, deadline=deadline)
    assert found.kept == expected.kept
