"""The back end `shortest-path` against every mapping of random tiny problems, with and without constraints.

See README.md. A mismatch is a bound above the optimum, a value that is said to be proved and is not the optimum, a tie
said to be settled that is not, a mapping that is not allowed, or an exception. Ends with status 1 when there was one.
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
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.accountings import ACCOUNTINGS
from dmaze.model.hierarchy.hierarchy_model import MODEL, HierarchyModel
from level_optima import TooManyError
from shortest_path_agreement import compared, drawn_problem

MOST, MOST_CHOICES = 10_000, 16
"""Mappings, and choices of what is kept where, above which a problem is passed over."""


def compare(seed: int, model: HierarchyModel, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """What is wrong with the searches of a problem."""
    case, constraints, kind = drawn_problem(seed)
    try:
        searches = compared(case, constraints, MOST, MOST_CHOICES, model)
    except TooManyError:
        counts["passed over"] += 1
        return
    except InputError:
        counts["refused"] += 1
        return
    counts["problems"] += 1
    counts[f"problems, constraints: {kind}"] += 1
    for one in searches:
        relaxed = one.outcome.statistics.get("relaxed", "nothing") != "nothing"
        result = "infeasible" if not one.outcome.candidates else "proved"
        counts[result if one.proved else ("not proved, relaxed" if relaxed else "not proved")] += 1
        if one.wrong or not (one.proved or relaxed):
            yield {"seed": seed, "kind": case.kind, "objective": one.objective, "wrong": one.wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="problems, one a seed")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin no problem after so long")
    parser.add_argument("--seed", type=int, default=20_000_000, help="the first seed; the others follow")
    parser.add_argument("--results", type=Path, default=RESULTS / "shortest_path_differential.jsonl")
    parser.add_argument("--accounting", choices=ACCOUNTINGS, default=ACCOUNTINGS[0], help="how words are counted")
    options = parser.parse_args()
    model = MODEL.under(options.accounting)
    counts, mismatches = Counter[str](), list[dict[str, Any]]()
    where = {"machine": machine(), "versions": versions("numpy")}
    started, tried = time.monotonic(), 0
    for seed in range(options.seed, options.seed + options.seeds):
        if time.monotonic() - started > options.seconds:
            break
        tried += 1
        try:
            found = list(compare(seed, model, counts))
        except Exception as error:  # whatever a search does is to be written down
            found = [{"seed": seed, "wrong": [f"{type(error).__name__}: {error}"]}]
        for one in found:
            print(json.dumps(one), flush=True)
        mismatches += [one for one in found if one["wrong"]]
        if tried % 500 == 0:
            print(f"{tried} seeds, {time.monotonic() - started:.0f} s, {dict(counts)}", flush=True)
    record = {
        "benchmark": "shortest_path_differential",
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "accounting": options.accounting,
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
