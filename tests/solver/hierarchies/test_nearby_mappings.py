"""What fills the ranks after a proved optimum: legal, within all constraints, distinct, and often the next best."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.spec import Spec
from dmaze.model.hierarchy.accountings import EXECUTED
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.solver import solve
from dmaze.solver.deadline import Deadline
from dmaze.solver.hierarchies.nearby_mappings import with_nearby
from random_constraints import KINDS_OF_CONSTRAINT, random_constraints
from random_hierarchies import Traits, described, random_case
from shortest_path_agreement import search, wrong_candidates

MACHINE: dict[str, Any] = {
    "name": "m",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 16, "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 2},
        {"storage": "RF", "capacity_bytes": 6, "read_pj": 1, "write_pj": 1},
    ],
}

FIELD = {"energy": "energy_pj", "latency": "cycles", "edp": "edp"}


@pytest.mark.parametrize("objective", ["energy", "latency", "edp"])
def test_as_many_solutions_as_asked_for_close_to_the_best_of_all(objective: str) -> None:
    fields = {"architecture": MACHINE, "workload": {"layers": [gemm(4, 2, 3)]}, "objective": objective}
    found, every = (
        solve(Spec.model_validate({**fields, "solver": {"backend": backend, "workers": 1, "top_k": 8}})).layers[0]
        for backend in ("portfolio", "exhaustive")
    )
    assert [solution.rank for solution in found.solutions] == list(range(1, 9))
    values, best = ([getattr(s.cost, FIELD[objective]) for s in layer.solutions] for layer in (found, every))
    assert values == sorted(values)
    assert values[0] == best[0]
    assert values[-1] <= 1.1 * best[-1]


def test_what_is_beside_an_optimum_keeps_every_kind_of_constraint() -> None:
    more = 0
    for seed in range(71_000_000, 71_000_025):
        random, case = Random(seed), random_case(seed, 12, Traits(most_levels=3, blocks=0.0))
        constraints = random_constraints(random, case, random.sample(list(KINDS_OF_CONSTRAINT), 2))
        resolved = resolved_constraints(case.nest, case.machine, constraints)
        if sum(row.count("may") for row in resolved.keep) > 4:
            continue
        outcome = search(case, "edp", constraints)
        assert list(wrong_candidates(case, constraints, outcome, "edp")) == [], described(case)
        more += len(outcome.candidates) > 1
    assert more > 5


def test_nothing_is_beside_nothing_and_known_mappings_stay() -> None:
    case = random_case(72_000_000, 12, Traits(most_levels=3, blocks=0.0))
    (mapping, *_) = search(case, "energy").candidates
    resolved = resolved_constraints(case.nest, case.machine, random_constraints(Random(0), case, []))
    never = Deadline.after(60.0)
    assert with_nearby(resolved, EXECUTED, "energy", (), 5, never) == ()
    assert mapping in with_nearby(resolved, EXECUTED, "energy", (mapping,), 1, never)
    assert with_nearby(resolved, EXECUTED, "energy", (mapping,), 5, Deadline.after(0.0)) == (mapping,)
