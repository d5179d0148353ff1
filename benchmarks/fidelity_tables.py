"""The tables of docs/fidelity.md, from the last line of results/gemmini_fidelity.jsonl.

python benchmarks/fidelity_tables.py [--results FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from common import RESULTS
from published_tables import table

Record = dict[str, Any]
MEASURES = ("roofline", "walk", "overhead")
FOUND = {"proved": "proved by the roofline", "searched": "searched with the option on"}
SAME = 1e-3
"""Relative difference within which two mappings count as equally fast."""


def percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def predictor_table(record: Record) -> str:
    """How well every predictor does."""
    header = ("predictor", "RTL / predicted: least", "median", "most", "median error")
    return table(
        (*header, "within 10 %", "within 25 %", "rank correlation", "pairs right", "wrong", "ties"),
        (
            (
                one["name"],
                *(f"{one['ratio'][name]:.3f}" for name in ("min", "median", "max")),
                percent(one["median_error"], 1),
                percent(one["within_10_percent"]),
                percent(one["within_25_percent"]),
                f"{one['spearman']:.3f}",
                *(str(one["pairs"][name]) if one["pairs"] else "" for name in ("right", "wrong", "ties")),
            )
            for one in record["predictors"]
        ),
    )


def fit_table(record: Record) -> str:
    """What was fitted on two thirds, and its errors on them and on the others."""
    header = ("held out", "of", "`start_cycles`", "`cycles_per_word`", "`block_cycles`", "`load_cycles`")
    return table((*header, "median error on the others", "on those held out"), _fit_rows(record))


def _fit_rows(record: Record) -> Iterator[Sequence[str]]:
    for fit in record["fits"]:
        for fold in fit["folds"]:
            option = fold["option"]
            yield (
                f"{fit['name']} ({fold['others']} rows)",
                str(record["rows"]),
                *(str(option[name]) for name in ("start_cycles", "cycles_per_word", "block_cycles", "load_cycles")),
                percent(fold["median_error_of_fitted"], 1),
                percent(fold["median_error_of_others"], 1),
            )


def better_table(record: Record) -> str:
    """The table's cycles over those of better mappings, by three measures."""
    header = ("mapping", "cycles by", "median", "geometric mean", "most", "faster", "as fast", "slower")
    return table(header, _better_rows(record))


def _better_rows(record: Record) -> Iterator[Sequence[str]]:
    names = {"roofline": "roofline", "walk": "walk, two buffers", "overhead": "roofline with overhead"}
    for found, title in FOUND.items():
        for measure in MEASURES:
            gains = [row["table"][measure] / row[found][measure] for row in record["better"]]
            yield (
                title,
                names[measure],
                f"{statistics.median(gains):.3f}",
                f"{math.exp(statistics.fmean(map(math.log, gains))):.3f}",
                f"{max(gains):.3f}",
                str(sum(gain > 1 + SAME for gain in gains)),
                str(sum(1 - SAME <= gain <= 1 + SAME for gain in gains)),
                str(sum(gain < 1 - SAME for gain in gains)),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS / "gemmini_fidelity.jsonl", help="file to read")
    lines = parser.parse_args().results.read_text(encoding="utf-8").splitlines()
    record: Record = json.loads(lines[-1])
    print("\n\n".join(made(record) for made in (predictor_table, fit_table, better_table)))


if __name__ == "__main__":
    main()
