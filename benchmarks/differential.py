"""Proofs against enumeration: the back ends on thousands of random tiny layer problems, under every objective.

See README.md. A mismatch is a mapping or a bound that enumeration disproves, an illegal candidate, a search that ends
without a proof, or an exception. Ends with status 1 when there was one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import RESULTS, append_result, machine, versions
from dmaze.model.dmazerunner.reuse import has_more_classes
from dmaze.solver.backend import Backend, LayerProblem, SearchLimits, SearchOutcome
from dmaze.solver.cpsat import BACKEND as CP_SAT
from dmaze.solver.enumeration import BACKEND as EXHAUSTIVE
from dmaze.solver.enumeration.first_mappings import first_by_local_search
from dmaze.solver.pipeline.ranking import faults_of_candidate, objective_value, rank
from dmaze.solver.portfolio import PortfolioBackend, PortfolioParameters
from random_problems import OBJECTIVES, TINY, TINY_GENERAL, Size, optimum_of_all_orders, random_problem
from starts import STARTS, starting

SMALL = Size(macs=1 << 14, tilings=30_000, class_pairs=20)
LIMITS = SearchLimits(time_limit_s=120, workers=1, top_k=3)

MOST_CLASSES = 6
"""Reuse classes of a general nest up to which CP-SAT, which closes every pair of them, is compared."""

WEIGHTS = ("no start", "poor start", "no start", "poor start", "local search")
"""What the searches begin with, in turn: mostly little, so that the proof finds the optimum by itself."""


@dataclass
class Tally:
    """What was compared so far."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    mismatches: list[dict[str, Any]] = field(default_factory=list)


def problem_of(number: int, seed: int, *, general: bool) -> LayerProblem:
    """The problem with a number: tiny, every tenth (not of general ones) larger; six in ten have constraints."""
    size = TINY_GENERAL if general else SMALL if number % 10 == 9 else TINY
    return random_problem(seed + number, size, constrained=0.6)


def optimum_of(problem: LayerProblem, tally: Tally, *, general: bool) -> float | None:
    """The least objective by full enumeration; of general nests under all orders, not only those that are kept."""
    if general:
        least = optimum_of_all_orders(problem)
        return None if least == math.inf else least
    expected = timed(EXHAUSTIVE, problem, tally)
    assert expected.exhausted
    tally.counts["tilings"] += int(expected.statistics["evaluated"])
    return best_value(problem, expected)


def backends_for(problem: LayerProblem, start: str, *, general: bool) -> list[Backend]:
    """What is compared, beginning with a start; CP-SAT only where there are few enough class pairs."""
    few = not has_more_classes(problem.nest, MOST_CLASSES)
    portfolio = PortfolioBackend(PortfolioParameters(first=partial(first_by_local_search, make=STARTS[start])))
    return [*([EXHAUSTIVE] if general else []), *([starting(CP_SAT, start)] if few else []), portfolio]


def timed(backend: Backend, problem: LayerProblem, tally: Tally) -> SearchOutcome:
    started = time.process_time()
    try:
        return backend.search(problem, LIMITS, None)
    finally:
        spent = time.process_time() - started
        tally.seconds[backend.name] = tally.seconds.get(backend.name, 0.0) + spent


def best_value(problem: LayerProblem, outcome: SearchOutcome) -> float | None:
    """The exact objective of the best candidate, none without candidates.

    Raises:
        ValueError: for an illegal candidate.
    """
    for candidate in outcome.candidates:
        broken = faults_of_candidate(problem, candidate)
        if broken:
            raise ValueError(f"an illegal candidate breaks {', '.join(broken)}")
    ranked = rank(problem, outcome.candidates, 1)
    return float(objective_value(problem.objective, ranked[0].cost)) if ranked else None


def fault_of(backend: Backend, problem: LayerProblem, optimum: float | None, tally: Tally) -> str | None:
    """How a back end contradicts enumeration; none when it does not."""
    try:
        outcome = timed(backend, problem, tally)
        best = best_value(problem, outcome)
    except Exception as error:  # whatever a back end does is to be written down
        return f"{type(error).__name__}: {error}"
    tally.counts["optima" if best is not None else "infeasible"] += 1
    if not outcome.exhausted:
        return f"no proof within {LIMITS.time_limit_s:g} s: best {best}, bound {outcome.bound}"
    if best != optimum or outcome.bound != optimum:
        return f"best {best}, bound {outcome.bound}; enumeration found {optimum}"
    return None


def compare(number: int, seed: int, tally: Tally, *, general: bool) -> None:
    """The back ends against enumeration on one problem, under every objective."""
    start = WEIGHTS[number % len(WEIGHTS)]
    for objective in OBJECTIVES:
        problem = replace(problem_of(number, seed, general=general), objective=objective)
        optimum = optimum_of(problem, tally, general=general)
        for backend in backends_for(problem, start, general=general):
            tally.counts["comparisons"] += 1
            fault = fault_of(backend, problem, optimum, tally)
            if fault is not None:
                found = {"seed": seed + number, "objective": objective, "backend": backend.name, "start": start}
                tally.mismatches.append({**found, "fault": fault})
                print(json.dumps(tally.mismatches[-1]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=10_000, help="the first problem's seed; the others follow")
    parser.add_argument(
        "--general", action="store_true", help="general nests only, of up to 12 dimensions and 6 tensors"
    )
    parser.add_argument("--results", type=Path, default=RESULTS / "differential.jsonl")
    options = parser.parse_args()
    record = {"benchmark": "differential", "date": datetime.datetime.now(datetime.timezone.utc).isoformat()}
    where = {"machine": machine(), "versions": versions("ortools", "numpy")}
    tally, started = Tally(), time.monotonic()
    for number in range(options.nests):
        compare(number, options.seed, tally, general=options.general)
        if (number + 1) % 100 == 0:
            print(
                f"{number + 1} nests, {time.monotonic() - started:.0f} s, {len(tally.mismatches)} mismatches",
                flush=True,
            )
    done = {
        "nests": options.nests,
        "general": options.general,
        "seed": options.seed,
        "objectives": list(OBJECTIVES),
        **tally.counts,
        "mismatches": tally.mismatches,
        "wall_s": round(time.monotonic() - started, 1),
        "processor_s": {name: round(seconds, 1) for name, seconds in tally.seconds.items()},
    }
    append_result(options.results, {**record, **done, **where})
    print(json.dumps(done, indent=2))
    sys.exit(1 if tally.mismatches else 0)


if __name__ == "__main__":
    main()
