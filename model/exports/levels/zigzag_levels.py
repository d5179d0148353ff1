"""Exports of mappings onto hierarchies for ZigZag; ``docs/interop.md`` has the rules and what was measured.

A memory of ZigZag's serves the dimensions of the array that lie inside it, and every operand passes through all
memories that list it. Which loops run at which memory is decided by ZigZag's allocator; as for other machines
(:mod:`..zigzag`) a second architecture is written, in which it has no choice but this mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...hierarchy.resolved_machine import Level, ResolvedMachine
from ...loop_nest import LoopNest
from ..names import renaming_comments, workload_comments
from ..yaml_text import yaml_text
from ..zigzag import LINKS, OPERANDS, workload_document
from ..zigzag import why_not as why_not_nest
from .mapped_levels import MappedLevels, missing_multicast, overlapping_output
from .zigzag_memories import BITS_PER_BYTE, NO_FANOUT, UNLIMITED_BITS, ZigZagMachine, has_one_price

_MOST_DIMENSIONS = 4
"""Dimensions of the array that a mapping of ZigZag's may name: D1 to D4."""


def why_not_levels(nest: LoopNest, machine: ResolvedMachine) -> str | None:
    """Why ZigZag cannot express a nest on a machine, or ``None`` where it can."""
    objection = why_not_nest(nest) or overlapping_output(nest)
    if objection is None and len(machine.networks) > _MOST_DIMENSIONS:
        objection = f"there are {len(machine.networks)} fanouts, and ZigZag's mappings name {_MOST_DIMENSIONS}"
    return objection or missing_multicast(nest, machine)


def unsaid_by_zigzag(machine: ResolvedMachine) -> Iterator[str]:
    """What the files say otherwise than the machine, beside the fields that they leave out."""
    differing = len(set(machine.bytes_per_element)) > 1
    widest = BITS_PER_BYTE * max(machine.bytes_per_element)
    differences: tuple[tuple[str, Callable[[Level], bool]], ...] = (
        ("one port there, of bandwidth, whatever read_bandwidth and write_bandwidth say", _has_three_rates),
        (
            "bandwidths of whole bits there, rounded down",
            lambda level: any(rate * widest % 1 for rate in _rates(level)),
        ),
        ("bandwidths of bits there, those of its widest elements", lambda level: differing and bool(_rates(level))),
        ("ports as wide as the array inside takes there, instead of no limit", lambda level: not _is_limited(level)),
        ("accesses of whole blocks at every transfer there, not in all", lambda level: level.block_elements > 1),
        ("one price of a bit in accelerator.yaml, the dearest", lambda level: not has_one_price(level, machine)),
    )
    for what, applies in differences:
        names = [level.name for level in machine.levels if applies(level)]
        if names:
            yield f"{' and '.join(names)} {'have' if len(names) > 1 else 'has'} {what}"


def _rates(level: Level) -> list[float]:
    """The limits of a level that its ports have, in elements per cycle."""
    rates = [level.bandwidth] if level.bandwidth else [level.read_bandwidth, level.write_bandwidth]
    return [rate for rate in rates if rate]


def _has_three_rates(level: Level) -> bool:
    return bool(level.bandwidth and (level.read_bandwidth or level.write_bandwidth))


def _is_limited(level: Level) -> bool:
    return bool(level.bandwidth or (level.read_bandwidth and level.write_bandwidth))


def export_level_files(layer: MappedLevels) -> dict[str, str]:
    """The files of a layer that :func:`why_not_levels` has no objection to."""
    machine = ZigZagMachine(layer)
    names = machine.names
    header = (f"Layer {layer.name} on {layer.architecture.name}, written by dmaze-solve for ZigZag-DSE 3.", "")
    bits = {operand: machine.bits[t] for operand, t in zip(OPERANDS, names.operands, strict=True)}
    comments = tuple(_machine_comments(machine))
    return {
        "workload.yaml": yaml_text(
            workload_document(layer.name, layer.nest, names, bits),
            (*header, *workload_comments(layer.nest, names.dims, names.tensors, layer.count)),
        ),
        "mapping.yaml": yaml_text(_mapping(machine), (*header, *_mapping_comments(layer))),
        "accelerator.yaml": yaml_text(machine.accelerator(machine.shared), (*header, _MACHINE_COMMENT, *comments)),
        "accelerator_of_mapping.yaml": yaml_text(
            machine.accelerator(machine.split), (*header, _SPLIT_COMMENT, *comments)
        ),
    }


_MACHINE_COMMENT = "The machine as this mapping uses it: memories hold what it keeps there."
_SPLIT_COMMENT = (
    "The machine as this mapping divides it: every operand has memories of its own, just as large as its tiles, with "
    "ports of its own, which take what is unrolled at the multipliers. For words and energy of mapping.yaml; cycles "
    "are those of accelerator.yaml."
)


def _mapping(machine: ZigZagMachine) -> list[object]:
    """What is unrolled over every dimension of the array, and all loops in time, innermost first."""
    layer, names = machine.layer, machine.names.dims
    factors = layer.mapping.factors
    unrolled = {
        machine.array[network.node]: [f"{names[dim]}, {factors[network.node][dim]}" for dim in layer.spread(network)]
        for network in layer.machine.networks
    }
    order = [
        [names[dim], factors[level.node][dim]]
        for level in reversed(layer.machine.levels)
        for dim in reversed(layer.loops(level))
    ]
    return [
        {
            "name": "default",
            "spatial_mapping": unrolled or {NO_FANOUT: []},
            "temporal_ordering": order,
            "memory_operand_links": LINKS,
        }
    ]


def _machine_comments(machine: ZigZagMachine) -> Iterator[str]:
    """What is said of a machine and what is not."""
    fanouts = [network.name for network in machine.layer.machine.networks]
    yield from renaming_comments(fanouts, list(machine.array.values()), "Fanouts")
    yield (
        "Bandwidths are bits per cycle; the least width of a port is one element, or one block. Costs are those of an "
        f"access of a whole port. A memory without a limit has {UNLIMITED_BITS} bits."
    )
    yield (
        "Not said here: which levels may keep what, and which dimensions fanouts may take; limits of single tensors; "
        "banks; halos; DMA engines; energy, bandwidth and additions of networks; overheads of tiles."
    )


def _mapping_comments(layer: MappedLevels) -> Iterator[str]:
    """What the order is, and our figures beside ZigZag's."""
    cost = layer.cost("executed")
    yield (
        "The order of all loops, innermost first. With accelerator_of_mapping.yaml ZigZag's allocator ends up with "
        "this mapping; with accelerator.yaml and memories shared between operands it may not."
    )
    yield (
        f"dmaze-solve counts {cost.energy_pj:.2f} pJ and {cost.roofline['compute']} cycles of computing (accounting "
        "executed); ZigZag has no energy of networks and reads partial sums back at every visit."
    )
