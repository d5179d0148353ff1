"""How many tilings the exact model scores in a second, and in how much memory.

``python benchmarks/model_speed.py`` prints a table and appends one line to ``results/model_speed.jsonl``; the protocol
is in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from random import Random

from common import RESULTS, append_result, machine, versions
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.dmazerunner.reuse import all_reuse_classes, reuse_classes
from dmaze.model.dmazerunner.vectorised.batch import to_array
from dmaze.model.dmazerunner.vectorised.batch_cost import BatchModel
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.reading.loading import resolve_architecture, resolve_workload

ARCHITECTURE, WORKLOAD = "dmazerunner-256pe", "resnet-study"
NUM_TILINGS = 1 << 15
"""Tilings per call of the vectorised model: one array of the exhaustive back end."""

NUM_TILINGS_ALL_CLASSES = 1 << 12
NUM_TILINGS_SCALAR = 200
"""Fewer where a tiling costs more, so that every measured call takes between a tenth of a second and a few seconds."""


@dataclass(frozen=True)
class Speed:
    """Tilings that one form of the model scores in a second: the median over the repeats, per layer and over layers."""

    model: str
    class_pairs: int
    tilings: int
    by_layer: dict[str, int]
    median: int


def random_tilings(nest: LoopNest, number: int, seed: int) -> list[Tiling]:
    """Tilings drawn dimension by dimension, whether they fit or not (the model costs both alike)."""
    random = Random(seed)
    choices = [random.choices(factorisations(bound), k=number) for bound in nest.bounds]
    return [Tiling.from_levels(zip(*rows, strict=True)) for rows in zip(*choices, strict=True)]


def rate(call: Callable[[], object], number: int, repeats: int) -> float:
    """Median rate of a call that scores a number of tilings, in seconds of one core, after one call to warm up.

    Processor time, not elapsed time, so that other work on the machine counts little.
    """
    call()
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return number / statistics.median(seconds)


def calls(nest: LoopNest, architecture: Architecture) -> Iterator[tuple[str, int, int, Callable[[], object]]]:
    """The forms of the model: name, pairs of classes, tilings per call, the call."""
    kept, everything = reuse_classes(nest), all_reuse_classes(nest)
    for name, classes, number in (
        ("vectorised", kept, NUM_TILINGS),
        ("vectorised, all classes", everything, NUM_TILINGS_ALL_CLASSES),
    ):
        model, levels = BatchModel(nest, architecture, classes), to_array(random_tilings(nest, number, seed=0))
        yield name, len(classes) ** 2, number, lambda model=model, levels=levels: model.minima(levels)
    tilings = random_tilings(nest, NUM_TILINGS_SCALAR, seed=0)
    run = lambda: [costs_of_tiling(nest, architecture, tiling) for tiling in tilings]  # noqa: E731 - yielded
    yield "one at a time", len(kept) ** 2, NUM_TILINGS_SCALAR, run


def measure(repeats: int) -> list[Speed]:
    """Speeds of every form of the model over the layers of the study."""
    architecture = resolve_architecture(ARCHITECTURE, Path())
    found: dict[tuple[str, int, int], dict[str, int]] = {}
    for layer in resolve_workload(WORKLOAD, Path()).layers:
        for name, pairs, number, call in calls(layer.loop_nest(), architecture):
            found.setdefault((name, pairs, number), {})[layer.name] = round(rate(call, number, repeats))
    return [Speed(*key, by_layer, round(statistics.median(by_layer.values()))) for key, by_layer in found.items()]


def peak_memory_mib() -> float:
    """Largest resident size of this process so far (Linux counts it in KiB, macOS in bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="calls per figure, of which the median is taken")
    parser.add_argument("--results", type=Path, default=RESULTS / "model_speed.jsonl", help="file to append to")
    options = parser.parse_args()
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    imported = peak_memory_mib()
    speeds = measure(options.repeats)
    peak = peak_memory_mib()
    print(f"{'model':<25}{'pairs':>7}{'tilings':>9}{'tilings/s':>12}   slowest to fastest layer")
    for s in speeds:
        slowest, fastest = min(s.by_layer.values()), max(s.by_layer.values())
        print(f"{s.model:<25}{s.class_pairs:>7}{s.tilings:>9}{s.median:>12,}   {slowest:,} to {fastest:,}")
    print(f"peak memory {peak} MiB, of which {imported} MiB after the imports")
    figures = {"speeds": [asdict(s) for s in speeds], "peak_memory_mib": peak, "memory_after_imports_mib": imported}
    line = {
        **before,
        "versions": versions("numpy"),
        "instances": {"architecture": ARCHITECTURE, "workload": WORKLOAD},
        "repeats": options.repeats,
        **figures,
    }
    append_result(options.results, line)


if __name__ == "__main__":
    main()
