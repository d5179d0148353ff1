"""The back end `cp-sat` on hierarchies against every mapping of random tiny problems, and the shortest path beside it.

See README.md. A mismatch is what `shortest_path_differential.py` calls one, of either search. Ends with status 1 when
there was one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import RESULTS, append_result, machine, versions
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="problems, one a seed")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no problem after so long")
    parser.add_argument("--seed", type=int, default=40_000_000, help="the first seed; the others follow")
    parser.add_argument("--results", type=Path, default=RESULTS / "hierarchy_cpsat_differential.jsonl")
    options = parser.parse_args()
    counts, mismatches = Counter[str](), list[dict[str, Any]]()
    where = {"machine": machine(), "versions": versions("numpy", "ortools")}
    started, tried = time.monotonic(), 0
    for seed in range(options.seed, options.seed + options.seeds):
        if time.monotonic() - started > options.seconds:
            break
        tried += 1
        try:
            found = list(compare(seed, counts))
        except Exception as error:  # whatever a search does is to be written down
            found = [{"seed": seed, "wrong": [f"{type(error).__name__}: {error}"]}]
        for one in found:
            print(json.dumps(one), flush=True)
        mismatches += found
    record = {
        "benchmark": "hierarchy_cpsat_differential",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "seeds": tried,
        "first_seed": options.seed,
        "counts": dict(sorted(counts.items())),
        "mismatches": mismatches,
        "wall_s": round(time.monotonic() - started, 1),
        "processor_s": round(time.process_time(), 1),
        **where,
    }
    append_result(options.results, record)
    print(json.dumps(record, indent=2))
    sys.exit(1 if mismatches else 0)


if __name__ == "__main__":
    main()
