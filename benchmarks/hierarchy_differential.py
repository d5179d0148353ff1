"""The implementations of the hierarchy model against one another on random cases: formula, arrays, and an execution.

See README.md. A mismatch is a count, an energy or a number of cycles in which two of them differ, a fault on the way of
an execution, or an exception. Ends with status 1 when there was one.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import RESULTS, append_result, machine, versions
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.accountings import ACCOUNTINGS, EXECUTED, Accounting, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.vectorised.hierarchy_batch import batch_cost
from dmaze.model.hierarchy.vectorised.mapping_arrays import mapping_arrays
from hierarchy_agreement import differences_of_costs, differences_of_execution
from plain_strides import PlainStrides
from plain_walk import PlainWalk
from random_hierarchies import RandomCase, random_group

T = TypeVar("T")

MAPPINGS = 5
"""Mappings of one nest onto one machine that are compared together."""
LARGE_EVERY, LARGE = 10, 2000
"""How often a nest may have more multiply-accumulates than the generator's own limit, and how many."""
OTHERS_EVERY = 10
"""How often the accountings of other tools are compared, and the walk and the strides are counted tuple by tuple."""


@dataclass
class Tally:
    """What was compared so far."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    mismatches: list[dict[str, Any]] = field(default_factory=list)

    def timed(self, name: str, call: Callable[[], T]) -> T:
        """What a call returns, its processor time added up."""
        started = time.process_time()
        try:
            return call()
        finally:
            self.seconds[name] += time.process_time() - started


def compare_group(seed: int, tally: Tally, *, large: bool, others: bool) -> None:
    """All comparisons of the mappings of a seed."""
    cases = random_group(seed, MAPPINGS, LARGE) if large else random_group(seed, MAPPINGS)
    for place, (case, cost) in enumerate(zip(cases, compare_arrays(cases, EXECUTED, tally), strict=True)):
        tally.counts["mappings"] += 1
        tally.counts["multiply-accumulates executed"] += case.nest.num_macs
        execution = tally.timed("execution", lambda: execute(case.nest, case.machine, case.mapping))  # noqa: B023
        note(differences_of_execution(cost, execution), case, place, "execution", tally)
        if others:
            note(list(tuple_by_tuple(case, cost)), case, place, "tuple by tuple", tally)
    for name in ACCOUNTINGS if others else ():
        for mac_first_read in (False, True):
            compare_arrays(cases, accounting(name, mac_first_read=mac_first_read), tally)


def compare_arrays(cases: list[RandomCase], counted: Accounting, tally: Tally) -> list[HierarchyCost]:
    """Mappings one at a time and all at once; their costs one at a time."""
    nest, on = cases[0].nest, cases[0].machine
    arrays = mapping_arrays(nest, on, [case.mapping for case in cases])
    batch = tally.timed("arrays", lambda: batch_cost(nest, on, arrays, counted, walk=True))
    costs = tally.timed("formula", lambda: [hierarchy_cost(nest, on, case.mapping, counted) for case in cases])
    for row, (case, cost) in enumerate(zip(cases, costs, strict=True)):
        tally.counts["costs, one at a time and at once"] += 1
        note(differences_of_costs(cost, batch.row(row)), case, row, f"arrays, {counted.name}", tally)
    return costs


def tuple_by_tuple(case: RandomCase, cost: HierarchyCost) -> Iterator[str]:
    """In what the walk and the stride rule differ from their texts, carried out step by step."""
    walked = PlainWalk(case.nest, case.machine, case.mapping).cycles()
    if max(cost.cycles, walked) != cost.walk_cycles:
        yield f"walk_cycles: {cost.walk_cycles} and {walked}"
    strides = PlainStrides(case.nest, case.machine, case.mapping)
    counted = hierarchy_cost(case.nest, case.machine, case.mapping, accounting("timeloop"))
    for level in case.machine.levels:
        if strides.accesses(level.node) != counted.accesses[level.node]:
            yield f"strides at {level.name}: {counted.accesses[level.node]} and {strides.accesses(level.node)}"


def note(found: list[str], case: RandomCase, place: int, other: str, tally: Tally) -> None:
    """Record a mismatch."""
    if found:
        tally.mismatches.append({"seed": case.seed, "mapping": place, "kind": case.kind, "other": other, "in": found})
        print(json.dumps(tally.mismatches[-1]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="mappings; whole groups of five are compared")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no group after so long")
    parser.add_argument("--seed", type=int, default=10_000_000, help="the first group's seed; the others follow")
    parser.add_argument("--results", type=Path, default=RESULTS / "hierarchy_differential.jsonl")
    options = parser.parse_args()
    record = {"benchmark": "hierarchy_differential", "date": datetime.datetime.now(datetime.timezone.utc).isoformat()}
    where = {"machine": machine(), "versions": versions("numpy")}
    tally, started = Tally(), time.monotonic()
    for number in range(-(-options.cases // MAPPINGS)):
        if time.monotonic() - started > 60 * options.minutes:
            break
        seed = options.seed + number
        large, others = number % LARGE_EVERY == 0, number % OTHERS_EVERY == 1
        try:
            compare_group(seed, tally, large=large, others=others)
        except Exception as error:  # whatever an implementation does is to be written down
            tally.mismatches.append({"seed": seed, "in": [f"{type(error).__name__}: {error}"]})
            print(json.dumps(tally.mismatches[-1]), flush=True)
        if (number + 1) % 1000 == 0:
            spent = time.monotonic() - started
            print(f"{(number + 1) * MAPPINGS} mappings, {spent:.0f} s, {len(tally.mismatches)} mismatches", flush=True)
    done = {
        "groups": tally.counts["mappings"] // MAPPINGS,
        "seed": options.seed,
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
