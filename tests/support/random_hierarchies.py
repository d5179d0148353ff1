"""Random nests on random hierarchies under random legal mappings, reproducible by seed.

Sizes are small, so that an execution is quick; everything else comes as it may: any number of levels, fanouts in a row,
directly below DRAM or none, levels that never keep a tensor or must, storage after the last fanout, DRAM alone,
networks without multicast or reduction, every field of every node in every per-tensor form; orders and keeps given, in
part or left out; mappings that do not fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from dmaze.model.hierarchy.level_mapping import LevelMapping, LevelMappingDocument, level_mapping, why_not_unrolled
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import Level, ResolvedMachine, resolved_machine
from dmaze.model.loop_nest import AffineIndex, LoopNest
from random_layers import KINDS, random_layer, scaled

V = TypeVar("V")

MOST_MACS = 200
"""Multiply-accumulates of a nest, unless another limit is given."""

MOST_MACS_EXECUTED = 1 << 14
"""Above it, a limit is that of nests whose bounds are raised to those of real layers, which nobody executes."""

PRICES = (0, 0, 0.075, 0.25, 0.96, 1, 2, 6.0, 13.5, 200)
RATES = (0.1, 0.25, 0.5, 0.75, 1, 1, 1.5, 2, 3, 4, 7.3, 16, 1000)
SIZES = (1, 2, 2, 3, 4, 4, 6, 8)


@dataclass(frozen=True)
class Traits:
    """What a machine may have."""

    most_levels: int = 6
    halo: float = 0.3
    dma: float = 0.3
    blocks: float = 0.2
    """Probabilities that a level has each of them (a DMA engine only where there is no halo)."""


ANY = Traits()


@dataclass(frozen=True)
class RandomCase:
    """A mapping of a nest onto a machine, each as a document and as what the models take."""

    seed: int
    kind: str
    nest: LoopNest
    document: Machine
    machine: ResolvedMachine
    mapping_document: LevelMappingDocument
    mapping: LevelMapping


def random_cases(seeds: Iterable[int], most_macs: int = MOST_MACS, traits: Traits = ANY) -> Iterator[RandomCase]:
    """The cases of many seeds, kinds of nests in turn."""
    return (random_case(seed, most_macs, traits) for seed in seeds)


def random_case(seed: int, most_macs: int = MOST_MACS, traits: Traits = ANY) -> RandomCase:
    """The case of a seed."""
    return random_group(seed, 1, most_macs, traits)[0]


def random_group(
    seed: int, count: int, most_macs: int = MOST_MACS, traits: Traits = ANY, on: Machine | None = None
) -> list[RandomCase]:
    """Several mappings of one nest onto one machine, those of a seed, or ``on`` a given one.

    The first is that of the seed's case.
    """
    random = Random(seed)
    kind = list(KINDS)[seed % len(KINDS)]
    nest = random_layer(random, kind, min(most_macs, MOST_MACS_EXECUTED))
    if most_macs > MOST_MACS_EXECUTED:
        nest = scaled(random, nest, most_macs)
    document = random_machine(random, nest, traits) if on is None else on
    machine = resolved_machine(document, nest)
    mappings = [random_mapping(random, nest, machine) for _ in range(count)]
    return [
        RandomCase(seed, kind, nest, document, machine, mapping, level_mapping(nest, machine, mapping))
        for mapping in mappings
    ]


def random_machine(random: Random, nest: LoopNest, traits: Traits = ANY) -> Machine:
    """A machine of 1 to 6 storage levels and as many fanouts as come; selectors name the nest's tensors, or others."""
    return Machine.model_validate(random_machine_fields(random, nest, traits))


def random_machine_fields(random: Random, nest: LoopNest, traits: Traits = ANY) -> dict[str, Any]:
    """The same as JSON."""
    nodes: list[dict[str, Any]] = [{"storage": "DRAM", **_prices_and_rates(random, nest, traits)}]
    num_levels = random.choice([n for n in (1, 2, 2, 3, 3, 3, 4, 4, 5, 6) if n <= traits.most_levels])
    for level in range(1, num_levels + 1):
        nodes += (_fanout(random, nest, f"X{len(nodes)}") for _ in range(random.choice((0, 0, 1, 1, 2))))
        if level < num_levels:
            nodes.append(_storage(random, nest, f"L{level}", traits))
    fields: dict[str, Any] = {"name": "random", "nodes": nodes, "clock_mhz": random.choice((200, 500, 800.0))}
    if random.random() < 0.7:
        fields["bytes_per_element"] = _per_tensor(random, nest, (1, 1, 2, 3, 4))
    if random.random() < 0.8:
        fields["mac_pj"] = random.choice(PRICES)
    return fields


def _storage(random: Random, nest: LoopNest, name: str, traits: Traits) -> dict[str, Any]:
    fields = {"storage": name, **_prices_and_rates(random, nest, traits)}
    if random.random() < 0.5:
        fields["capacity_bytes"] = random.choice((4, 16, 40, 100, 256, 1000, 4096))
        if random.random() < 0.4:
            fields["bank_bytes"] = random.choice((1, 2, 3, 8, 16, 64))
    if random.random() < 0.3:
        fields["partitions"] = _per_tensor(random, nest, (2, 8, 24, 100, 448))
    if random.random() < 0.4:
        fields["buffers"] = random.choice((1, 2, 2))
    if random.random() < 0.5:
        fields["keep"] = _per_tensor(random, nest, ("must", "may", "may", "never"))
    if random.random() < traits.halo:
        fields["halo"] = True
    elif random.random() < traits.dma:
        clock, cost = random.choice((100.0, 500.0, 800, 3200.0)), random.choice((0.0, 0.12, 0.24, 1, 5.0))
        fields["dma"] = {
            "init_cycles": random.choice((0.0, 1.0, 7.5, 291)),
            "cycles_per_byte": cost,
            "clock_mhz": clock,
        }
    return fields


def _prices_and_rates(random: Random, nest: LoopNest, traits: Traits) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for price in ("read_pj", "write_pj"):
        if random.random() < 0.8:
            fields[price] = _per_tensor(random, nest, PRICES)
    for rate in ("read_bandwidth", "write_bandwidth", "bandwidth"):
        if random.random() < 0.4:
            fields[rate] = random.choice(RATES)
    if random.random() < traits.blocks:
        fields["block_elements"] = random.choice((1, 2, 3, 4, 16))
    return fields


def _fanout(random: Random, nest: LoopNest, name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"fanout": name, "size": random.choice(SIZES)}
    if random.random() < 0.25:
        names = [*nest.dims, "Nowhere"]
        fields["dims"] = random.sample(names, random.randint(0, len(names)))
    if random.random() < 0.5:
        fields["multicast"] = _per_tensor(random, nest, (True, False))
    if random.random() < 0.5:
        fields["reduce"] = random.random() < 0.6
    if random.random() < 0.6:
        fields["word_pj"] = _per_tensor(random, nest, PRICES)
    if random.random() < 0.6:
        fields["add_pj"] = random.choice(PRICES)
    if random.random() < 0.5:
        fields["bandwidth"] = random.choice(RATES)
    return fields


def _per_tensor(random: Random, nest: LoopNest, values: tuple[V, ...]) -> V | dict[str, V]:
    """A scalar, or values by selectors of every kind, some of which fit no tensor."""
    if random.random() < 0.4:
        return random.choice(values)
    selectors = ["output", "read", "read1", "read2", "read9", "*", "nobody", *(tensor.name for tensor in nest.tensors)]
    chosen = random.sample(selectors, random.choice((1, 2, 2, 3, 5)))
    return {selector: random.choice(values) for selector in chosen}


def random_mapping(random: Random, nest: LoopNest, machine: ResolvedMachine) -> LevelMappingDocument:
    """A legal mapping; most have room on the fanouts."""
    tiling = _tiling(random, nest, machine)
    orders = {level.name: _order(random, nest) for level in machine.levels if random.random() < 0.8}
    given = random.random() < 0.75
    keep = {
        level.name: _kept(random, nest, level)
        for level in machine.levels
        if given and random.random() < (0.8 if level.node else 0.3)
    }
    return LevelMappingDocument(tiling=tiling, orders=orders, keep=keep)


def _order(random: Random, nest: LoopNest) -> tuple[str, ...]:
    """All dimensions or some of them, in any order."""
    return tuple(random.sample(nest.dims, random.choice((len(nest.dims), random.randint(0, len(nest.dims))))))


def _kept(random: Random, nest: LoopNest, level: Level) -> tuple[str, ...]:
    rules = zip(nest.tensors, level.keep, strict=True)
    kept = [t.name for t, rule in rules if rule == "must" or (rule == "may" and random.random() < 0.65)]
    return tuple(random.sample(kept, len(kept)))


def _tiling(random: Random, nest: LoopNest, machine: ResolvedMachine) -> dict[str, dict[str, int]]:
    """Every prime factor of every bound at some node where it may stand."""
    crowded = random.random() < 0.1
    eager = random.choice((0.0, 0.4, 0.6, 0.8, 0.9))
    room = {network.node: math.inf if crowded else network.size for network in machine.networks}
    tiling: dict[str, dict[str, int]] = {}
    for d in random.sample(range(len(nest.dims)), len(nest.dims)):
        factors = tiling.setdefault(nest.dims[d], {})
        unrolled = [network.node for network in machine.networks if why_not_unrolled(nest, network, d) is None]
        for prime in _primes(nest.bounds[d]):
            fanouts = [node for node in unrolled if room[node] >= prime]
            levels = [level.node for level in machine.levels]
            node = random.choice(fanouts if fanouts and random.random() < eager else levels)
            room[node] = room.get(node, math.inf) // prime
            factors[machine.nodes[node]] = factors.get(machine.nodes[node], 1) * prime
        if not factors and random.random() < 0.3:
            factors[machine.nodes[0]] = 1
    return {dim: factors for dim, factors in tiling.items() if factors or random.random() < 0.5}


def _primes(bound: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while bound > 1:
        if bound % candidate == 0:
            found.append(candidate)
            bound //= candidate
        else:
            candidate += 1
    return found


def described(case: RandomCase) -> str:
    """Everything about a case, for the message of a failing check."""
    bounds = dict(zip(case.nest.dims, case.nest.bounds, strict=True))
    tensors = [(t.name, [(i.terms, i.constant) for i in t.index], t.shape, t.is_output) for t in case.nest.tensors]
    documents = (document.model_dump_json(exclude_defaults=True) for document in (case.document, case.mapping_document))
    return "\n".join((f"seed {case.seed} ({case.kind})", f"{bounds}\n{tensors}", *documents))


def request_of(case: RandomCase, **fields: Any) -> dict[str, Any]:
    """A case as a request for ``evaluate`` and ``execute``."""
    nest = case.nest
    tensors = [
        {
            "name": tensor.name,
            "index": [_text(nest, axis) for axis in tensor.index],
            "shape": list(tensor.shape),
            "output": tensor.is_output,
        }
        for tensor in nest.tensors
    ]
    bounds = dict(zip(nest.dims, nest.bounds, strict=True))
    return {
        "architecture": case.document.model_dump(mode="json", exclude_unset=True),
        "layer": {"type": "loop_nest", "name": "layer", "bounds": bounds, "tensors": tensors},
        "mappings": [case.mapping_document.model_dump(mode="json", exclude_defaults=True)],
        **fields,
    }


def _text(nest: LoopNest, axis: AffineIndex) -> str:
    terms = [f"{'-' if a < 0 else '+'} {abs(a)}*{nest.dims[d]}" for d, a in axis.terms]
    return " ".join([*terms, f"{'-' if axis.constant < 0 else '+'} {abs(axis.constant)}"]).removeprefix("+ ")
