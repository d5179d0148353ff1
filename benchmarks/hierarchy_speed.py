"""How many mappings onto a hierarchy the exact model costs in a second, and in how much memory.

``python benchmarks/hierarchy_speed.py`` prints tables and appends one line to ``results/hierarchy_speed.jsonl``; the
protocol is in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from common import RESULTS, append_result, machine, versions
from dmaze.model.hierarchy.accountings import EXECUTED, Accounting, accounting
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.level_mapping import why_not_unrolled
from dmaze.model.hierarchy.machine import Machine, StorageLevel
from dmaze.model.hierarchy.resolved_machine import ResolvedMachine, resolved_machine
from dmaze.model.hierarchy.vectorised.hierarchy_batch import DEFAULT_PIECE, BatchedModel, batch_cost
from dmaze.model.hierarchy.vectorised.hierarchy_batch_cost import BatchCost
from dmaze.model.hierarchy.vectorised.mapping_arrays import MappingArrays, level_mappings
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.loading import resolve_architecture, resolve_workload

FOUR_LEVELS = "gpu-4level"
"""The machine of the targets: four storage levels, three fanouts, no halo."""
MACHINES = ("eyeriss-168", "simba-chiplet", "tpu-v1", "gemmini-16x16", FOUR_LEVELS)
WORKLOADS = {"bert-base-uncased": "gemm", "resnet-study": "conv2d"}
"""Workloads with the type of the layers that are taken from them, each shape once."""
TARGETS = {"gemm": 200_000, "conv2d": 60_000}
"""Mappings per second that issue 11 asks for."""
SIZES = (512, 1024, 2048, DEFAULT_PIECE, 8192, 16384)
"""Mappings per call whose memory is measured."""
NUM_ONE_AT_A_TIME = 60


@dataclass(frozen=True)
class Speed:
    """Mappings that one form of the model costs in a second: the median over the repeats, per layer and over layers."""

    form: str
    machine: str
    layers: str
    mappings: int
    by_layer: dict[str, int]
    median: int


@dataclass(frozen=True)
class Memory:
    """Bytes that costing takes at its peak, and the costs alone, and mappings per second at that size."""

    form: str
    layers: str
    mappings: int
    peak_bytes_per_mapping: int
    bytes_per_cost: int
    per_second: int


def random_arrays(nest: LoopNest, target: ResolvedMachine, number: int, seed: int) -> MappingArrays:
    """Legal mappings at random, fitting or not: every prime factor, order and tensor kept (7 of 10) by itself."""
    random, rows = np.random.default_rng(seed), np.arange(number)
    factors = np.ones((number, target.num_nodes, len(nest.dims)), dtype=np.int64)
    for dim, bound in enumerate(nest.bounds):
        nodes = [level.node for level in target.levels]
        nodes += [network.node for network in target.networks if why_not_unrolled(nest, network, dim) is None]
        for prime in primes(bound):
            factors[rows, random.choice(nodes, number), dim] *= prime
    shape = (number, len(target.levels), len(nest.dims))
    orders = random.permuted(np.broadcast_to(np.arange(shape[-1]), shape), axis=2)
    kept = random.random((number, len(target.levels), len(nest.tensors))) < 0.7
    for place, level in enumerate(target.levels):
        for tensor, rule in enumerate(level.keep):
            if rule != "may":
                kept[:, place, tensor] = rule == "must"
    return MappingArrays(factors, orders, kept)


def primes(number: int) -> Iterator[int]:
    """The prime factors of a number, rising."""
    candidate = 2
    while number > 1:
        while number % candidate == 0:
            yield candidate
            number //= candidate
        candidate += 1


def rate(call: Callable[[], object], number: int, repeats: int) -> float:
    """Median rate of a call that costs a number of mappings, in seconds of one core, after one call to warm up."""
    call()
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return number / statistics.median(seconds)


def costing(model: BatchedModel, arrays: MappingArrays, *, walk: bool) -> Callable[[], list[BatchCost]]:
    """The call that costs all mappings of some arrays."""
    return lambda: list(model.costs(arrays, walk=walk))


def with_halo(document: Machine) -> Machine:
    """The machine with halo at every level but DRAM."""
    outermost = document.nodes[0].name
    nodes = (
        node.model_copy(update={"halo": True}) if isinstance(node, StorageLevel) and node.name != outermost else node
        for node in document.nodes
    )
    return document.model_copy(update={"nodes": tuple(nodes)})


def layers_of(workload: str, kind: str) -> dict[str, LoopNest]:
    """The nests of a workload's layers of a type, each shape once."""
    nests = {layer.name: layer.loop_nest() for layer in resolve_workload(workload, Path()).layers if layer.type == kind}
    first = {nest.key: name for name, nest in reversed(nests.items())}
    return {name: nest for name, nest in nests.items() if first[nest.key] == name}


def forms(documents: Mapping[str, Machine]) -> Iterator[tuple[str, Machine, Accounting, bool]]:
    """What is measured: the form's name, the machine, the accounting, and whether the walk is asked for."""
    four = documents[FOUR_LEVELS]
    yield "counts, energy, cycles", four, EXECUTED, False
    yield "with the walk", four, EXECUTED, True
    yield "with halo", with_halo(four), EXECUTED, False
    yield "with halo and the walk", with_halo(four), EXECUTED, True
    yield "as timeloop", four, accounting("timeloop"), False
    yield "as accelforge", four, accounting("accelforge"), False
    for name, document in documents.items():
        if name != FOUR_LEVELS:
            yield "counts, energy, cycles", document, EXECUTED, False
            yield "with the walk", document, EXECUTED, True


def speeds(repeats: int) -> Iterator[Speed]:
    """Speeds of every form over the layers of every workload."""
    documents = {name: resolve_architecture(name, Path()) for name in MACHINES}
    machines = {name: document for name, document in documents.items() if isinstance(document, Machine)}
    for workload, kind in WORKLOADS.items():
        nests = layers_of(workload, kind)
        for form, document, counted, walk in forms(machines):
            found: dict[str, int] = {}
            for name, nest in nests.items():
                target = resolved_machine(document, nest)
                arrays = random_arrays(nest, target, DEFAULT_PIECE, seed=0)
                call = costing(BatchedModel(nest, target, counted), arrays, walk=walk)
                found[name] = round(rate(call, DEFAULT_PIECE, repeats))
            yield Speed(form, document.name, kind, DEFAULT_PIECE, found, round(statistics.median(found.values())))
        yield one_at_a_time(machines[FOUR_LEVELS], nests, kind, repeats)


def one_at_a_time(document: Machine, nests: Mapping[str, LoopNest], kind: str, repeats: int) -> Speed:
    """The speed of the readable model, which always costs the walk as well."""
    found: dict[str, int] = {}
    for name, nest in nests.items():
        target = resolved_machine(document, nest)
        mappings = level_mappings(nest, target, random_arrays(nest, target, NUM_ONE_AT_A_TIME, seed=0))
        call = lambda n=nest, t=target, listed=mappings: [hierarchy_cost(n, t, mapping) for mapping in listed]  # noqa: E731
        found[name] = round(rate(call, NUM_ONE_AT_A_TIME, min(repeats, 3)))
    form, median = "one at a time, with the walk", round(statistics.median(found.values()))
    return Speed(form, document.name, kind, NUM_ONE_AT_A_TIME, found, median)


def memories(repeats: int) -> Iterator[Memory]:
    """Memory by the number of mappings per call: the machine of the targets, the first layer of every workload."""
    document = resolve_architecture(FOUR_LEVELS, Path())
    assert isinstance(document, Machine)
    for workload, kind in WORKLOADS.items():
        nest = next(iter(layers_of(workload, kind).values()))
        target = resolved_machine(document, nest)
        for form, walk in (("counts, energy, cycles", False), ("with the walk", True)):
            for number in SIZES:
                arrays = random_arrays(nest, target, number, seed=0)
                peak, left = traced(lambda a=arrays, n=nest, t=target, w=walk: batch_cost(n, t, a, walk=w))
                call = costing(BatchedModel(nest, target, piece=number), arrays, walk=walk)
                yield Memory(form, kind, number, peak // number, left // number, round(rate(call, number, repeats)))


def traced(call: Callable[[], object]) -> tuple[int, int]:
    """Bytes allocated at the peak of a call, and by what it returns."""
    call()
    tracemalloc.start()
    kept = call()
    left, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return peak, left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="calls per figure, of which the median is taken")
    parser.add_argument("--results", type=Path, default=RESULTS / "hierarchy_speed.jsonl", help="file to append to")
    options = parser.parse_args()
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    print(f"{'form':<30}{'machine':<16}{'layers':<8}{'mappings/s':>12}   slowest to fastest layer")
    measured: list[Speed] = []
    for s in speeds(options.repeats):
        measured.append(s)
        slowest, fastest = min(s.by_layer.values()), max(s.by_layer.values())
        print(f"{s.form:<30}{s.machine:<16}{s.layers:<8}{s.median:>12,}   {slowest:,} to {fastest:,}", flush=True)
    met = {s.layers: s.median >= TARGETS[s.layers] for s in reversed(measured) if s.machine == FOUR_LEVELS}
    print(f"\n{'form':<30}{'layers':<8}{'mappings':>9}{'peak MiB':>10}{'peak B each':>13}{'mappings/s':>12}")
    taken: list[Memory] = []
    for m in memories(options.repeats):
        taken.append(m)
        mib = m.mappings * m.peak_bytes_per_mapping / 2**20
        print(f"{m.form:<30}{m.layers:<8}{m.mappings:>9}{mib:>10.1f}{m.peak_bytes_per_mapping:>13,}{m.per_second:>12,}")
    print("\n" + ", ".join(f"{kind}: target {'met' if done else 'missed'}" for kind, done in met.items()))
    line = {
        **before,
        "versions": versions("numpy"),
        "instances": {"machines": MACHINES, "workloads": WORKLOADS},
        "repeats": options.repeats,
        "targets": TARGETS,
        "speeds": [asdict(s) for s in measured],
        "memory": [asdict(m) for m in taken],
    }
    append_result(options.results, line)


if __name__ == "__main__":
    main()
