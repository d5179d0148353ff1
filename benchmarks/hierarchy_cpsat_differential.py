"""The back end `cp-sat` on hierarchies against every mapping of random tiny problems, and the shortest path beside it.

See README.md. A mismatch is what `shortest_path_differential.py` calls one, of either search. Ends with status 1 when
there was one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import run_over_seeds, seeds_parser
from dmaze.solver.backend import SearchLimits
from dmaze.solver.cpsat.levels.level_cpsat import BACKEND as CP_SAT
from level_optima import TooManyError
from shortest_path_agreement import Searched, compared, drawn_problem

MOST, MOST_CHOICES = 3000, 16
"""Mappings, and choices of what is kept where, above which a problem is passed over."""
LIMITS = SearchLimits(time_limit_s=5.0)


def compare(seed: int, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """What is wrong with the searches of a problem."""
    case, constraints, kind = drawn_problem(seed)
    try:
        by_cpsat = compared(case, constraints, MOST, MOST_CHOICES, backend=CP_SAT, limits=LIMITS)
        by_programme = compared(case, constraints, MOST, MOST_CHOICES)
    except TooManyError:
        counts["passed over"] += 1
        return
    counts["problems"] += 1
    counts[f"problems, constraints: {kind}"] += 1
    for backend, searches in (("cp-sat", by_cpsat), ("shortest-path", by_programme)):
        for one in searches:
            counts[f"{backend}: {result_of(one)}"] += 1
            if one.wrong:
                yield {"seed": seed, "backend": backend, "objective": one.objective, "wrong": one.wrong}


def result_of(one: Searched) -> str:
    if one.proved:
        return "proved" if one.outcome.candidates else "infeasible"
    relaxed = one.outcome.statistics.get("relaxed", "nothing") != "nothing"
    return "not proved, relaxed" if relaxed else "not proved"


def main() -> None:
    options = seeds_parser(__doc__, 40_000_000, "hierarchy_cpsat_differential").parse_args()
    run_over_seeds(options, compare, {"benchmark": "hierarchy_cpsat_differential"}, "numpy", "ortools")


if __name__ == "__main__":
    main()
