"""A row of Timeloop's levels as a machine, and where each of them stands in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...faults import InputError, place_text
from ...hierarchy.machine import Fanout, Keep, Machine, StorageLevel
from ..interop.imported_design import has_prices
from ..json_files import JsonObject
from ..validation import validated
from .component_levels import ComponentLevel, warn
from .energy_tables import EnergyTables, access_prices, compute_price, leaking

_DEFAULT_WORD_BITS = 16
_NOT_MODELLED = {
    "metadata_datawidth": "sparsity is not modelled",
    "network_fill_latency": "latencies of networks are not modelled",
    "network_drain_latency": "latencies of networks are not modelled",
    "per_dataspace_bandwidth_consumption_scale": "every word takes the same bandwidth here",
    "allow_overbooking": "what does not fit is not allowed here",
}
"""Attributes that matter to Timeloop and are not modelled, unless they are 0 or false."""

_CLUSTERS = "every instance pays its own accesses here; those of a cluster share theirs in Timeloop"


@dataclass(frozen=True)
class PlacedLevel:
    """A Timeloop level in our machine.

    ``storage``: the node of its loops in time; ``None`` for a level that only carries spatial loops and needs none.
    ``along_x``, ``along_y``: the fanouts inside it, where there are several instances; ``sizes`` along X and Y.
    """

    level: ComponentLevel
    storage: str | None
    along_x: str | None
    along_y: str | None
    sizes: tuple[int, int]


@dataclass(frozen=True)
class KeepRules:
    """What the architecture says of data spaces at each level: rules of keeping, and what has no multicast."""

    keep: dict[str, dict[str, Keep]]
    no_multicast: dict[str, tuple[str, ...]]


def placed_levels(levels: Sequence[ComponentLevel]) -> tuple[PlacedLevel, ...]:
    """Where the storage levels among these stand: memories, and those that keep two spatial levels apart."""
    rows = [level for level in levels if level.kind != "compute"]
    inner = [*(level.mesh for level in rows[1:]), _compute(levels).mesh]
    taken = {level.name for level in rows}
    placed: list[PlacedLevel] = []
    follows_fanout = False
    for level, mesh in zip(rows, inner, strict=True):
        sizes = _ratio(level, mesh)
        needed = level.kind == "storage" or (follows_fanout and sizes != (1, 1))
        names = _fanout_names(level, sizes, taken)
        taken.update(name for name in names if name)
        placed.append(PlacedLevel(level, level.name if needed else None, *names, sizes))
        follows_fanout = sizes != (1, 1) or (follows_fanout and not needed)
    return tuple(placed)


def _compute(levels: Sequence[ComponentLevel]) -> ComponentLevel:
    found = [level for level in levels if level.kind == "compute"]
    if not found:
        file = levels[0].file if levels else None
        raise InputError.single(file, "architecture", "expected a component of class mac, intmac or compute, got none")
    return found[-1]


def _ratio(level: ComponentLevel, inner: tuple[int, int]) -> tuple[int, int]:
    """How many instances of the next level lie inside one of this level, along X and along Y."""
    if any(inside % own for inside, own in zip(inner, level.mesh, strict=True)):
        message = f"expected {level.mesh[0]} x {level.mesh[1]} instances to divide the {inner[0]} x {inner[1]} inside"
        raise InputError.single(level.file, place_text(level.place), f"{level.name}: {message}")
    return inner[0] // level.mesh[0], inner[1] // level.mesh[1]


def _fanout_names(level: ComponentLevel, sizes: tuple[int, int], taken: set[str]) -> tuple[str | None, str | None]:
    """Names of the fanouts inside a level: its container's, or its own with the axis; the axis where there are two."""
    names: list[str | None] = []
    for axis, size in zip("XY", sizes, strict=True):
        short = level.container if level.container is not None and 1 in sizes else None
        name = short or f"{level.container or level.name}_{axis}"
        while name in taken:
            name += "_"
        names.append(name if size > 1 else None)
    return names[0], names[1]


def machine_of_levels(
    levels: Sequence[ComponentLevel], placed: Sequence[PlacedLevel], tables: EnergyTables, rules: KeepRules, name: str
) -> Machine:
    """The machine that the levels are; what is not modelled of it is warned about."""
    compute = _compute(levels)
    outermost = placed[0].level
    if outermost.mesh != (1, 1) or placed[0].storage is None:
        message = "expected one instance of the outermost memory, which holds everything"
        raise InputError.single(outermost.file, place_text(outermost.place), message)
    word_bytes = _word_bytes(placed)
    nodes = [
        node for each in placed for node in _nodes(each, tables, rules, word_bytes, is_outermost=each is placed[0])
    ]
    if leaks := leaking(levels, tables):
        warn(compute.file, ("architecture",), f"leakage of {', '.join(leaks)} is not modelled")
    document: JsonObject = {
        "name": name,
        "nodes": nodes,
        "bytes_per_element": word_bytes or 1,
        "mac_pj": compute_price(compute, tables),
        "sources": _sources(word_bytes, tables, compute.file),
    }
    machine = validated(Machine, document, compute.file, ("architecture",))
    if not tables and not has_prices(machine):
        warn(compute.file, ("architecture",), "without an ERT nothing has a price, so that energy is 0 whatever moves")
    return machine


def _nodes(
    placed: PlacedLevel, tables: EnergyTables, rules: KeepRules, word_bytes: int | None, *, is_outermost: bool
) -> Iterator[StorageLevel | Fanout]:
    level = placed.level
    if placed.storage is not None and level.kind == "passing":
        yield StorageLevel(storage=placed.storage, keep="never")
    elif placed.storage is not None:
        yield _storage(placed.storage, level, tables, rules, word_bytes or 1, is_outermost=is_outermost)
    for name, size in zip((placed.along_x, placed.along_y), placed.sizes, strict=True):
        if name is not None:
            single = dict.fromkeys(rules.no_multicast.get(level.name, ()), False)
            yield Fanout(fanout=name, size=size, multicast={**single, "*": True} if single else True)


def _storage(
    name: str, level: ComponentLevel, tables: EnergyTables, rules: KeepRules, word_bytes: int, *, is_outermost: bool
) -> StorageLevel:
    prices = access_prices(level, tables)
    block = _block_elements(level)
    document: JsonObject = {
        "storage": name,
        "read_pj": prices.read,
        "write_pj": prices.fill if prices.fill == prices.update else {"output": prices.update, "*": prices.fill},
        "block_elements": block,
        "read_bandwidth": level.number("read_bandwidth"),
        "write_bandwidth": level.number("write_bandwidth"),
        "bandwidth": level.number("shared_bandwidth"),
    }
    halved = level.number("bandwidth")
    if halved is not None:  # Timeloop gives half of it to either direction
        for direction in ("read_bandwidth", "write_bandwidth"):
            document[direction] = document[direction] or halved / 2
    for attribute, why in _NOT_MODELLED.items():
        if level.attributes.get(attribute):
            warn(level.file, (*level.place, "attributes", attribute), f"{level.name}: {why}")
    if (level.integer("cluster_size") or 1) > 1:
        warn(level.file, (*level.place, "attributes", "cluster_size"), f"{level.name}: {_CLUSTERS}")
    size = _size_words(level, block)
    if is_outermost:
        if size is not None:
            warn(level.file, level.place, f"{level.name}: the outermost level has no limit of its size here")
    else:
        document["keep"] = rules.keep.get(level.name) or None
        document |= _capacity(level, size, word_bytes)
    given = {field: value for field, value in document.items() if value is not None}
    return validated(StorageLevel, given, level.file, level.place)


def _capacity(level: ComponentLevel, size_words: int | None, word_bytes: int) -> JsonObject:
    """Bytes of one instance; ``multiple_buffering`` as double buffers, or as what is left of the size."""
    if size_words is None:
        return {}
    buffering = level.number("multiple_buffering") or 1
    if buffering == 2:
        return {"capacity_bytes": size_words * word_bytes, "buffers": 2}
    return {"capacity_bytes": math.floor(size_words / buffering) * word_bytes}


def _word_bits(level: ComponentLevel) -> int:
    return level.integer("word_bits", "word_width", "datawidth") or _DEFAULT_WORD_BITS


def _block_elements(level: ComponentLevel) -> int:
    """Words of one access: ``block_size``, or what is left of ``width`` by clusters and words."""
    given = level.integer("block_size", "n_words")
    width = level.integer("width", "memory_width", "data_storage_width")
    if given is not None or width is None:
        return given or 1
    words, rest = divmod(width, (level.integer("cluster_size") or 1) * _word_bits(level))
    if rest or not words:
        message = f"{level.name}: expected a width of whole words of {_word_bits(level)} bits, got {width}"
        raise InputError.single(level.file, place_text((*level.place, "attributes")), message)
    return words


def _size_words(level: ComponentLevel, block: int) -> int | None:
    """Words of one instance."""
    entries = level.integer("entries")
    if entries is not None:
        return entries
    depth = level.integer("depth", "memory_depth", "data_storage_depth")
    if depth is not None:
        return depth * block
    kilobytes = level.integer("sizeKB")
    return None if kilobytes is None else kilobytes * 1024 * 8 // _word_bits(level)


def _word_bytes(placed: Sequence[PlacedLevel]) -> int | None:
    """Bytes of a word where all memories have words of the same whole bytes; ``None`` where they have not."""
    bits = {_word_bits(each.level) for each in placed if each.level.kind == "storage"}
    return bits.pop() // 8 if len(bits) == 1 and not next(iter(bits)) % 8 else None


def _sources(word_bytes: int | None, tables: EnergyTables, file: str) -> dict[str, str]:
    prices = "the ERT that was read with it" if tables else "attributes of the architecture"
    said = {"nodes": f"Timeloop architecture in {Path(file).name}", "prices": prices}
    if word_bytes is None:
        said["bytes"] = "words, because the levels of the architecture have words of different sizes"
    return said
