"""The tables of docs/published_against_executed.md, from the last line of results/published_against_executed.jsonl.

python benchmarks/published_tables.py [--results FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from common import RESULTS

Record = dict[str, Any]
SPREAD = ("min", "median", "max")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratio(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:,.1f}"


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def best_table(record: Record) -> str:
    """Every best mapping: energies, then cycles."""
    header = ("objective", "layer", "published mJ", "executed mJ", "ratio", "published cycles", "roofline", "bound by")
    return table((*header, "walk", "walk, two buffers"), _best_rows(record))


def _best_rows(record: Record) -> Iterator[Sequence[str]]:
    for objective, layers in record["best"].items():
        for name, row in layers.items():
            energies = row["published_energy_pj"] / 1e9, row["executed_energy_pj"] / 1e9
            yield (
                objective,
                name,
                *(f"{energy:.3f}" for energy in energies),
                ratio(row["ratios"]["published energy / executed"]),
                f"{row['published_cycles']:,}",
                f"{row['roofline_cycles']:,}",
                row["bound_by"],
                f"{row['walk_cycles']:,}",
                f"{row['buffered_walk_cycles']:,}",
            )


def known_table(record: Record) -> str:
    """What every known difference is worth, as a share of the executed energy."""
    num_best = sum(len(layers) for layers in record["best"].values())
    header = ("known difference", *(f"best: {name}" for name in SPREAD), f"of {num_best}")
    best, drawn = record["best_known"], record["random_known"]
    nothing = {**dict.fromkeys(SPREAD, 0.0), "mappings": 0}
    number = len(record["random"]) * record["mappings"]
    rows = (
        (reason, *_shares(best.get(reason, nothing)), *_shares(drawn.get(reason, nothing)))
        for reason in sorted({**best, **drawn})
    )
    return table((*header, *(f"random: {name}" for name in SPREAD), f"of {number:,}"), rows)


def _shares(row: Record) -> Iterator[str]:
    yield from (percent(row[name]) for name in SPREAD)
    yield f"{row['mappings']:,}"


def rule_table(record: Record) -> str:
    """Published cycles over the roofline, by the rule that parts them."""
    rows = (
        (name, f"{row['mappings']:,}", *(ratio(row[value]) for value in SPREAD))
        for name, row in record["cycles_by_rule"].items()
    )
    return table(("published rule", "mappings", *SPREAD), rows)


def ratio_table(record: Record) -> str:
    """All ratios of the best and of the random mappings."""
    header = ("ratio", *(f"best: {name}" for name in SPREAD), *(f"random: {name}" for name in SPREAD))
    both = record["best_ratios"], record["random_ratios"]
    return table(header, ((name, *(ratio(of[name][s]) for of in both for s in SPREAD)) for name in both[0]))


def agreement_table(record: Record) -> str:
    """How the models rank the random mappings of each layer."""
    header = ("quantity", "layer", "pairs in opposite order", "of the best tenth", "Kendall's tau", "lost by choosing")
    layers = record["agreement"]
    rows = (
        (
            quantity,
            name,
            percent(layers[name][quantity]["opposite"], 1),
            percent(layers[name][quantity]["opposite_of_best"], 1),
            f"{layers[name][quantity]['tau']:.3f}",
            percent(layers[name][quantity]["loss"], 1),
        )
        for quantity in next(iter(layers.values()))
        for name in layers
    )
    return table(header, rows)


def tables(record: Record) -> list[str]:
    """All tables of the page, in its order."""
    return [of(record) for of in (best_table, known_table, rule_table, ratio_table, agreement_table)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS / "published_against_executed.jsonl")
    options = parser.parse_args()
    last = options.results.read_text(encoding="utf-8").splitlines()[-1]
    print("\n\n".join(tables(json.loads(last))))


if __name__ == "__main__":
    main()
