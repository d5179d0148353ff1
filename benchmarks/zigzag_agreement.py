"""Mappings onto hierarchies exported for ZigZag: what its own cost model says of them, beside what we count.

    python benchmarks/zigzag_agreement.py [--seeds N] [--published FOLDER] [--time-limit S] [--results FILE]
    python benchmarks/zigzag_agreement.py --tables

Needs ``zigzag-dse`` and ``six``. Exports random mappings and the best ones of two layers onto every built-in hierarchy,
has ZigZag evaluate them, and appends one line to results/zigzag_agreement.jsonl. ``--published`` is the folder
``zigzag/inputs/hardware`` of ZigZag's repository: random orders of loops are read as mappings onto its machines, too.
``--tables`` prints the table of the last line. Ends with status 1 where words differ from what ``docs/interop.md``
says that ZigZag counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

from common import RESULTS, append_result, machine, versions
from dmaze.model import Conv2d, Gemm, Machine
from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.exports.levels.zigzag_levels import why_not_levels
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.reading.designs.zigzag_design import read_zigzag_design
from dmaze.model.reading.loading import resolve_architecture
from dmaze.solver import tile
from published_tables import table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from level_exports import random_mapped_levels
from zigzag_runs import (
    SHARED,
    SPLIT,
    evaluated_by_zigzag,
    expected_energy_pj,
    expected_words,
    has_holes,
    rounding_pj,
    run_zigzag,
    shares_windows,
    without_what_zigzag_has_not,
    words_agree,
)

MACHINES = ("eyeriss-168", "simba-chiplet", "tpu-v1", "gemmini-16x16", "gemmini-rtl", "gpu-4level")
PIXELS = {"in_height": 28, "in_width": 28, "kernel_height": 3, "kernel_width": 3, "padding": 1}
LAYERS = (
    Conv2d.model_validate(
        {"type": "conv2d", "name": "conv3x3", "batch": 1, "out_channels": 64, "in_channels": 64, **PIXELS}
    ),
    Gemm(type="gemm", name="gemm256", m=256, n=256, k=256),
)
ORDERS: dict[str, tuple[str, list[tuple[str, int]]]] = {
    "tpu_like": (
        '{D1: ["K, 32"], D2: ["C, 32"]}',
        [("K", 2), ("K", 2), ("C", 2), ("OX", 28), ("OY", 28), ("FX", 3), ("FY", 3)],
    ),
    "eyeriss_like": (
        '{D1: ["OY, 14"], D2: ["FY, 3"]}',
        [("OY", 2), ("K", 8), ("K", 16), ("C", 8), ("C", 8), ("OX", 28), ("FX", 3)],
    ),
    "tesla_npu_like": (
        '{D1: ["K, 32"], D2: ["OX, 4"], D3: ["OY, 4"]}',
        [("K", 4), ("C", 8), ("C", 8), ("OX", 7), ("OY", 7), ("FX", 3), ("FY", 3)],
    ),
}
"""What is unrolled over published machines, and the loops in time that are left, of a convolution of 128 channels."""

WORKLOAD = """
- id: 0
  name: conv
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix=1*ox+1*fx, iy=1*oy+1*fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 128, 64, 28, 28, 3, 3]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 16}
  operand_source: {I: 0, W: 0}
"""
ORDERS_OF_A_MACHINE = 12
Record = dict[str, Any]


def published_tally(published: Path, folder: Path) -> Record:
    """Random orders of loops on published machines: how many are mappings of ours, and move the words of ZigZag's."""
    random, tally = Random(1), dict[str, Counter[str]]()
    for name, (unrolled, loops) in ORDERS.items():
        tally[name] = Counter()
        for _ in range(ORDERS_OF_A_MACHINE):
            order = ", ".join(f"[{dim}, {trips}]" for dim, trips in random.sample(loops, len(loops)))
            mapping = f"- {{name: default, spatial_mapping: {unrolled}, temporal_ordering: [{order}]}}\n"
            texts = {
                "workload": WORKLOAD,
                "mapping": mapping,
                "machine": (published / f"{name}.yaml").read_text("utf-8"),
            }
            for file, text in texts.items():
                (folder / f"{file}.yaml").write_text(text, encoding="utf-8")
            tally[name][_outcome_of_order(folder, [folder / f"{file}.yaml" for file in texts])] += 1
    return {name: dict(of_name) for name, of_name in tally.items()}


def _outcome_of_order(folder: Path, files: list[Path]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = read_zigzag_design(files)
    found = evaluated_by_zigzag(folder, "machine")
    if found is None:
        return "refused by ZigZag"
    if design is None or design.mapping is None:
        return "no mapping of ours"
    return "words equal" if words_agree(design, found) else "words differ"


def random_tally(seeds: int, folder: Path) -> Record:
    """What became of random mappings: how many ZigZag evaluates, and how many agree."""
    tally: Counter[str] = Counter()
    for layer in random_mapped_levels(range(seeds)):
        tally[_outcome(layer, folder)] += 1
    return {"seeds": seeds, **dict(sorted(tally.items()))}


def _outcome(layer: MappedLevels, folder: Path) -> str:
    if why_not_levels(layer.nest, layer.machine) is not None:
        return "refused by the export"
    if not any(layer.loops(level) for level in layer.machine.levels):
        return "no loop in time"
    plain = without_what_zigzag_has_not(layer)
    if has_holes(plain):
        return "holes between strides"
    run = run_zigzag(plain, folder, SPLIT)
    if run is None:
        return "ports narrower than what is unrolled"
    if run.words != expected_words(plain):
        return "words differ"
    if shares_windows(plain):
        return "words equal, windows shared by instances"
    missing_pj = expected_energy_pj(plain) - run.energy_pj
    return "words and energy equal" if -1e-6 <= missing_pj <= rounding_pj(plain) else "energy differs"


def measured_on(name: str, limit_s: float, folder: Path) -> Iterator[Record]:
    """The best mappings of the layers onto a built-in machine, by us and by ZigZag."""
    target = resolve_architecture(name, Path())
    assert isinstance(target, Machine)
    for layer in LAYERS:
        nest = layer.loop_nest()
        objection = why_not_levels(nest, resolved_machine(target, nest))
        try:
            found = None if objection else tile(nest, target, "edp", time_limit_s=limit_s)
        except TimeoutError:
            found = None
        if found is None:
            yield {"machine": name, "layer": layer.name, "refused": objection or "no mapping in time"}
            continue
        document = LevelMappingDocument(tiling=found.factors, orders=found.orders, keep=found.keep)
        mapped = MappedLevels.from_document(layer.name, 1, nest, target, document)
        yield {"machine": name, "layer": layer.name, **compared(without_what_zigzag_has_not(mapped), folder)}


def compared(layer: MappedLevels, folder: Path) -> Record:
    """Energy in pJ and cycles of a mapping, ours and ZigZag's, with memories of its own and with the machine's."""
    cost = layer.cost("executed")
    record: Record = {"energy_pj": cost.energy_pj, "cycles": cost.cycles, "walk_cycles": cost.walk_cycles}
    record |= {"computing_cycles": cost.roofline["compute"], "expected_pj": expected_energy_pj(layer)}
    record |= {"holes": has_holes(layer), "windows_shared": shares_windows(layer)}
    for accelerator in (SPLIT, SHARED):
        run = run_zigzag(layer, folder, accelerator)
        record[accelerator] = run and {
            "words_equal": run.words == expected_words(layer),
            "energy_pj": run.own_energy_pj,
            "energy_without_stationary_pj": run.energy_pj,
            "computing_cycles": run.computing_cycles,
            "cycles": run.cycles,
        }
    return record


def agreement_table(record: Record) -> str:
    """Every mapping that was compared; energies and cycles are ZigZag's over ours."""
    header = (
        "machine",
        "layer",
        "words",
        "energy",
        "without stationary operands",
        "as we say",
        "accelerator.yaml",
        "cycles",
    )
    return table(header, _rows(record["machines"]))


def _rows(records: list[Record]) -> Iterator[tuple[str, ...]]:
    for one in records:
        found = one.get(SPLIT)
        if found is None:
            yield one["machine"], one["layer"], one.get("refused", "ZigZag unrolls less"), "", "", "", "", ""
            continue
        shared = one[SHARED]
        yield (
            one["machine"],
            one["layer"],
            "equal" if found["words_equal"] else "differ",
            *(
                f"{value / one['energy_pj']:.3f}"
                for value in (found["energy_pj"], found["energy_without_stationary_pj"])
            ),
            f"{one['expected_pj'] / one['energy_pj']:.3f}",
            "refused" if shared is None else "the same" if shared["words_equal"] else "another mapping",
            "" if shared is None or not shared["words_equal"] else f"{shared['cycles'] / one['cycles']:.3f}",
        )


def main() -> int:
    """Measure, or print the table of what was measured last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=400, help="random mappings, one a seed")
    parser.add_argument("--published", type=Path, help="folder of ZigZag's hardware")
    parser.add_argument("--time-limit", type=float, default=30.0, help="seconds for a search")
    parser.add_argument("--results", type=Path, default=RESULTS / "zigzag_agreement.jsonl")
    parser.add_argument("--tables", action="store_true", help="print the table of the last line")
    options = parser.parse_args()
    if not options.tables:
        with tempfile.TemporaryDirectory() as folder:
            machines = [each for name in MACHINES for each in measured_on(name, options.time_limit, Path(folder))]
            record = {
                "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "machine": machine(),
                "versions": versions("zigzag-dse"),
                "random": random_tally(options.seeds, Path(folder)),
                "orders": options.published and published_tally(options.published, Path(folder)),
                "machines": machines,
            }
        append_result(options.results, record)
    record = json.loads(options.results.read_text(encoding="utf-8").splitlines()[-1])
    print(record["random"], record.get("orders"))
    print(agreement_table(record))
    compared_words = [one[SPLIT]["words_equal"] or one["holes"] for one in record["machines"] if one.get(SPLIT)]
    tallies = [record["random"], *(record.get("orders") or {}).values()]
    return 0 if all(compared_words) and not any("words differ" in tally for tally in tallies) else 1


if __name__ == "__main__":
    sys.exit(main())
