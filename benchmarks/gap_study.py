"""The optimality-gap study and the dataflow study on the layers of the dMazeRunner paper, as a user runs them.

    python benchmarks/gap_study.py [--repeats N] [--full-limit SECONDS]

Both commands run on specs/examples/resnet-study.json in processes of their own. Figures must be the same in every
repeat; times are medians. Appends one JSON line to results/gap_study.jsonl.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

from common import HERE, RESULTS, append_result, machine, versions

INSTANCE = HERE.parent / "specs" / "examples" / "resnet-study.json"

Study = dict[str, Any]


def run(verb: str, *options: str) -> tuple[float, Study]:
    """Wall seconds of a command on the instance, and the document that it prints."""
    command = [str(Path(sys.executable).with_name("dmaze-solve")), verb, str(INSTANCE), "--json", *options]
    started = time.perf_counter()
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started, json.loads(finished.stdout)


def median_s(searches: Sequence[Study | None]) -> float | None:
    """Median seconds of one search over the repeats."""
    seconds = [search["seconds"] for search in searches if search is not None]
    return round(median(seconds), 3) if seconds else None


def the_same(figures: Sequence[Any]) -> Any:
    """A figure that no repeat changes."""
    if any(figure != figures[0] for figure in figures):
        raise SystemExit(f"repeats differ: {figures}")
    return figures[0]


def gap_row(runs: Sequence[tuple[float, Study]]) -> Study:
    studies = [study for _, study in runs]
    row = {
        "wall_s": round(median(wall for wall, _ in runs), 1),
        "backend": studies[0]["backend"],
        "full_limit_s": studies[0]["full_limit_s"],
        **{name: the_same([study[name] for study in studies]) for name in ("mean_loss", "mean_search_reduction")},
        "agree": the_same([study["agree"] for study in studies]),
    }
    layers = zip(*(study["layers"] for study in studies), strict=True)
    return row | {"layers": {repeats[0]["name"]: gap_of_layer(repeats) for repeats in layers}}


def gap_of_layer(repeats: Sequence[Study]) -> Study:
    full = repeats[-1]["full"]
    return {
        "optimum": the_same([layer["optimum"] for layer in repeats]),
        "space_tilings": the_same([layer["space_tilings"] for layer in repeats]),
        "solver_s": median_s([layer["solver"] for layer in repeats]),
        "bounded_s": median_s([layer["bounded"] for layer in repeats]),
        "bounded_tilings_costed": repeats[-1]["bounded"]["tilings_costed"],
        "pruned": the_same([layer["pruned"]["search"]["objective_value"] for layer in repeats]),
        "pruned_loss": repeats[0]["pruned"]["loss"],
        "pruned_methods": the_same([layer["pruned"]["search"]["tilings_costed"] for layer in repeats]),
        "pruned_s": median_s([layer["pruned"]["search"] for layer in repeats]),
        "full": full["outcome"],
        "full_s": median_s([layer["full"]["search"] for layer in repeats]),
        "full_done": full["done"],
        "full_projected_s": full["projected_s"],
        "proved_by": repeats[-1]["proved_by"],
    }


def dataflows_row(runs: Sequence[tuple[float, Study]]) -> Study:
    studies = [study for _, study in runs]
    layers = the_same(
        [
            {
                layer["name"]: {entry["dataflow"]: entry["ratios"] for entry in layer["restricted"]}
                for layer in study["layers"]
            }
            for study in studies
        ]
    )
    return {
        "wall_s": round(median(wall for wall, _ in runs), 1),
        "backend": studies[0]["backend"],
        "classic_mean": the_same([study["classic_mean"] for study in studies]),
        "means": the_same([study["means"] for study in studies]),
        "layers": layers,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full-limit", default="60")
    options = parser.parse_args()
    before = machine()
    gap = gap_row([run("gap", "--full-limit", options.full_limit) for _ in range(options.repeats)])
    print(json.dumps(gap), flush=True)
    dataflows = dataflows_row([run("dataflows") for _ in range(options.repeats)])
    print(json.dumps(dataflows), flush=True)
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "instance": INSTANCE.name,
        "machine": before,
        "versions": versions("ortools", "numpy"),
        "repeats": options.repeats,
        "gap": gap,
        "dataflows": dataflows,
    }
    append_result(RESULTS / "gap_study.jsonl", record)


if __name__ == "__main__":
    main()
