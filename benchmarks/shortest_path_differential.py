"""The back end `shortest-path` against every mapping of random tiny problems, with and without constraints.

See README.md. A mismatch is a bound above the optimum, a value that is said to be proved and is not the optimum, a tie
said to be settled that is not, a mapping that is not allowed, or an exception. Ends with status 1 when there was one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import run_over_seeds, seeds_parser
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.accountings import ACCOUNTINGS
from dmaze.model.hierarchy.hierarchy_model import MODEL, HierarchyModel
from level_optima import TooManyError
from shortest_path_agreement import compared, drawn_in_blocks, drawn_problem

MOST, MOST_CHOICES = 10_000, 16
"""Mappings, and choices of what is kept where, above which a problem is passed over."""


def compare(model: HierarchyModel, blocks: bool, seed: int, counts: Counter[str]) -> Iterator[dict[str, Any]]:
    """What is wrong with the searches of a problem; with ``blocks``, of one in which partial blocks decide."""
    case, constraints, kind = (drawn_in_blocks if blocks else drawn_problem)(seed)
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
    parser = seeds_parser(__doc__, 20_000_000, "shortest_path_differential")
    parser.add_argument("--accounting", choices=ACCOUNTINGS, default=ACCOUNTINGS[0], help="how words are counted")
    parser.add_argument("--blocks", action="store_true", help="problems in which partial blocks decide what is best")
    options = parser.parse_args()
    record = {
        "benchmark": "shortest_path_differential",
        "accounting": options.accounting,
        **({"problems": "blocks"} if options.blocks else {}),
    }
    run_over_seeds(options, partial(compare, MODEL.under(options.accounting), options.blocks), record, "numpy")


if __name__ == "__main__":
    main()
