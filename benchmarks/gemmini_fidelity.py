"""How far predicted cycles are from those of Gemmini's RTL, on a published table of mappings.

    python benchmarks/gemmini_fidelity.py [--results FILE] [--time-limit S]

Costs all mappings of the table, fits the option ``tile_overhead`` on two thirds of them and predicts the others, and
finds better mappings of every layer on the machine of its first row. Appends one line to
results/gemmini_fidelity.jsonl, which fidelity_tables.py prints. The table is read from where
``tests/support/gemmini_rows.py`` says.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path

import numpy as np
from common import HERE, RESULTS, append_result, machine, versions
from dmaze.model import Machine
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.exact.geometry import Geometry
from dmaze.model.hierarchy.exact.roofline import tile_times
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.level_mapping import LevelMapping, LevelMappingDocument
from dmaze.model.hierarchy.machine import TileOverhead
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.reading.loading import resolve_architecture
from dmaze.solver import Tiling, tile
from numpy.typing import NDArray
from prediction_quality import Floats, Record, errors, quality

sys.path.insert(0, str(HERE.parent / "tests" / "support"))
from gemmini_rows import GemminiRow, double_buffered, gemmini_rows

FOLDS = 3
"""Of every so many rows (or layers) one is predicted by what is fitted on the others."""
BLOCK = 16
"""Iterations of a row block: the rows of the array."""
GRID = tuple(itertools.product((0, 200, 350, 500), (0.09, 0.1, 0.11, 0.12, 0.13, 0.14), (4, 6, 8, 10), (0, 4, 8, 12)))
"""Start, cycles per word, cycles of a block, cycles of a weight load that are tried."""
PROOF_S = 120.0
"""Seconds for the proof of one row, of which most take less than one."""
UNROLLED = LevelConstraints.model_validate({"dims": {"COL": ["K"], "ROW": ["C"]}})


@dataclass(frozen=True)
class Costed:
    """A row of the table, asked for its cycles."""

    row: GemminiRow

    @cached_property
    def mapping(self) -> LevelMapping:
        """The table's mapping."""
        return MODEL.mapping_of(self.row.nest, self.row.machine, self.row.mapping)

    @cached_property
    def buffered(self) -> Machine:
        """The row's machine with two buffers."""
        return double_buffered(self.row.machine)

    def named(self, found: Tiling) -> LevelMapping:
        """A mapping that was found."""
        document = LevelMappingDocument(tiling=found.factors, orders=found.orders, keep=found.keep)
        return MODEL.mapping_of(self.row.nest, self.row.machine, document)

    def cost(self, target: Machine, mapping: LevelMapping | None = None) -> HierarchyCost:
        """The cost of the table's mapping, or of another one."""
        return MODEL.cost(self.row.nest, target, mapping or self.mapping)

    @property
    def program(self) -> tuple[object, ...]:
        """What reaches the RTL: the layer, the factors at DRAM, and the order of the loops that they make."""
        factors, order = self.mapping.factors[0], self.mapping.orders[0]
        return self.row.layer, factors, tuple(dim for dim in order if factors[dim] > 1)

    def cycles(self, mapping: LevelMapping, overhead: TileOverhead) -> dict[str, int]:
        """Cycles of a mapping by every measure."""
        walked = self.cost(self.buffered, mapping)
        assert walked.walk_cycles is not None
        with_overhead = self.cost(overhead_of(self.buffered, overhead), mapping)
        return {"roofline": walked.cycles, "walk": walked.walk_cycles, "overhead": with_overhead.cycles}

    @cached_property
    def geometry(self) -> Geometry:
        """The table's mapping on the machine with two buffers and an overhead."""
        target = overhead_of(self.buffered, TileOverhead(level="SP"))
        return Geometry(self.row.nest, resolved_machine(target, self.row.nest), self.mapping)

    @cached_property
    def roofline(self) -> int:
        """Cycles without overhead."""
        return self.cost(self.row.machine).cycles

    def with_overhead(self, overhead: TileOverhead) -> int:
        """The roofline with the term of the option."""
        known = self.geometry.machine
        assert known.tiled is not None
        tiled = replace(known.tiled, **overhead.model_dump(exclude={"level"}))
        times = tile_times(replace(self.geometry, machine=replace(known, tiled=tiled)))
        assert times is not None
        return max(self.roofline, times.in_a_row(2))


def overhead_of(target: Machine, overhead: TileOverhead) -> Machine:
    """A machine with the option."""
    return target.model_copy(update={"tile_overhead": overhead})


def options() -> list[TileOverhead]:
    """All values of the option that are tried."""
    return [
        TileOverhead(
            level="SP",
            start_cycles=start,
            cycles_per_word=word,
            block_iterations=BLOCK,
            block_cycles=block,
            load_cycles=load,
        )
        for start, word, block, load in GRID
    ]


@dataclass(frozen=True)
class Folds:
    """The option fitted on all folds but one, for each fold; ``fold`` of every row."""

    name: str
    fold: NDArray[np.int64]
    fitted: tuple[TileOverhead, ...]
    errors: tuple[float, ...]

    @property
    def predictor(self) -> str:
        """What the roofline with overhead is called, fitted without the rows that it predicts."""
        return f"roofline with overhead, {self.name} held out"

    def predictions(self, rows: Sequence[Costed], of: Callable[[Costed, TileOverhead], int | None]) -> list[int | None]:
        """What each row is predicted to take by what was fitted without it."""
        return [of(row, self.fitted[fold]) for row, fold in zip(rows, self.fold, strict=True)]

    def record(self, rtl: Floats, predicted: Floats) -> Record:
        """What was fitted, and the errors on the fitted rows and on the others."""
        off = errors(predicted, rtl)
        return {
            "name": self.name,
            "folds": [
                {
                    "option": self.fitted[k].model_dump(),
                    "median_error_of_fitted": self.errors[k],
                    "median_error_of_others": float(np.median(off[self.fold == k])),
                    "others": int((self.fold == k).sum()),
                }
                for k in range(FOLDS)
            ],
        }


def best_of(tried: Floats, rtl: Floats) -> int:
    """Which option is best: the mean size of log(predicted / RTL) is least, so that twice and half weigh the same."""
    return int(np.abs(np.log(tried / rtl)).mean(axis=1).argmin())


def folds_of(name: str, groups: Sequence[object], tried: Floats, rtl: Floats) -> Folds:
    """Folds by groups of rows, numbered as they first occur; ``tried[option, row]`` are predictions."""
    order = {group: position for position, group in enumerate(dict.fromkeys(groups))}
    fold = np.array([order[group] % FOLDS for group in groups])
    off = errors(tried, rtl)
    best = [best_of(tried[:, fold != k], rtl[fold != k]) for k in range(FOLDS)]
    medians = tuple(float(np.median(off[option, fold != k])) for k, option in enumerate(best))
    known = options()
    return Folds(name, fold, tuple(known[option] for option in best), medians)


def better_mappings(row: Costed, overhead: TileOverhead, time_limit_s: float) -> Record:
    """Cycles of the table's mapping, of the proved one of least roofline, and of what a search with the option found.

    Each by roofline, by walk and by roofline with overhead, the latter two with two buffers. Where the search found
    nothing better by the last, the proved mapping stands for it.
    """
    proved = tile(row.row.nest, row.row.machine, "latency", constraints=UNROLLED, time_limit_s=PROOF_S)
    assert proved is not None
    known = {"table": row.cycles(row.mapping, overhead), "proved": row.cycles(row.named(proved), overhead)}
    options = [known["proved"]]
    with contextlib.suppress(TimeoutError):
        target = overhead_of(row.row.machine, overhead)
        searched = tile(row.row.nest, target, "latency", constraints=UNROLLED, time_limit_s=time_limit_s)
        assert searched is not None
        options.append(row.cycles(row.named(searched), overhead))
    known["searched"] = min(options, key=lambda cycles: cycles["overhead"])
    return {"is_proved": proved.proved, "bound": proved.bound, **known}


def repeated(rows: Sequence[Costed]) -> Record:
    """How well the RTL predicts itself: rows that are one program for it, each by the mean of the others.

    Nothing but the loops at DRAM and the tile sizes reaches the RTL.
    """
    groups: dict[object, list[float]] = {}
    for row in rows:
        groups.setdefault(row.program, []).append(row.row.rtl_cycles)
    twins = [row for row in rows if len(groups[row.program]) > 1]
    rtl = np.array([row.row.rtl_cycles for row in twins])
    sums = np.array([(sum(groups[row.program]), len(groups[row.program])) for row in twins])
    others = (sums[:, 0] - rtl) / (sums[:, 1] - 1)
    found = quality(f"the same program again ({len(twins)} rows)", others, rtl, [row.row.layer for row in twins])
    return {**found, "pairs": None}


def predictions(rows: Sequence[Costed], every_fold: Sequence[Folds]) -> dict[str, Floats]:
    """Predicted cycles of all rows, by predictor."""
    found: dict[str, list[int | None]] = {
        "published model": [row.row.published_cycles for row in rows],
        "roofline": [row.roofline for row in rows],
        "walk, one buffer": [row.cost(row.row.machine).walk_cycles for row in rows],
        "walk, two buffers": [row.cost(row.buffered).walk_cycles for row in rows],
    }
    for folds in every_fold:
        found[folds.predictor] = folds.predictions(rows, Costed.with_overhead)
        found[f"walk with overhead, {folds.name} held out"] = folds.predictions(
            rows, lambda row, option: row.cost(overhead_of(row.buffered, option)).walk_cycles
        )
    return {name: np.array(cycles, dtype=float) for name, cycles in found.items()}


def measured(rows: Sequence[Costed], time_limit_s: float) -> Record:
    """Everything that a line holds."""
    rtl, layers = np.array([row.row.rtl_cycles for row in rows]), [row.row.layer for row in rows]
    tried = np.array([[row.with_overhead(option) for row in rows] for option in options()], dtype=float)
    every_fold = [
        folds_of("every third row", range(len(rows)), tried, rtl),
        folds_of("every third layer", layers, tried, rtl),
    ]
    known = predictions(rows, every_fold)
    timeloop = [MODEL.under("timeloop").cost(r.row.nest, r.row.machine, r.mapping).cycles for r in rows]
    best = options()[best_of(tried, rtl)]
    first = {row.row.layer: row for row in reversed(rows)}
    return {
        "rows": len(rows),
        "layers": len(set(layers)),
        "equal_to_published": {
            "timeloop": int((np.array(timeloop) == known["published model"]).sum()),
            "executed": int((known["roofline"] == known["published model"]).sum()),
        },
        "predictors": [quality(name, predicted, rtl, layers) for name, predicted in known.items()] + [repeated(rows)],
        "fits": [folds.record(rtl, known[folds.predictor]) for folds in every_fold],
        "option": best.model_dump(),
        "better": [better_mappings(row, best, time_limit_s) for row in rows if first[row.row.layer] is row],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time-limit", type=float, default=5.0, help="seconds of a search with the option on")
    parser.add_argument("--results", type=Path, default=RESULTS / "gemmini_fidelity.jsonl", help="file to append to")
    given = parser.parse_args()
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    target = resolve_architecture("gemmini-rtl", Path())
    assert isinstance(target, Machine)
    found = measured([Costed(row) for row in gemmini_rows(target)], given.time_limit)
    line = {**before, "versions": versions("numpy"), "architecture": target.name, "time_limit_s": given.time_limit}
    append_result(given.results, line | found)


if __name__ == "__main__":
    main()
