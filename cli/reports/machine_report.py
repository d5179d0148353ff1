"""A machine as a drawing: a box for every level of memory, branches for every fanout, and where figures come from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from textwrap import wrap
from typing import TypeVar, cast

from rich.console import Console

from ...model.faults import escaped
from ...model.hierarchy.machine import DmaEngine, Fanout, Keep, Machine, StorageLevel, TileOverhead
from ...model.hierarchy.per_tensor import RESERVED_NAMES, PerTensor
from ..tables import name_text, print_line, title_text

V = TypeVar("V")

WIDTH = 78
"""Columns of the drawing: a terminal of 80 shows it with room to spare."""

LABEL = 9
BRANCHES = 8
GUESSES = "guesses"
"""The entry of a machine's sources that holds what nobody has measured."""

ROLES = (
    "output: what is written; read1, read2: the first and second tensor that is read (a convolution's input, weights)"
)


def print_machine(console: Console, machine: Machine, note: str | None) -> None:
    """Print the drawing, with a note below."""
    lines = machine_lines(machine)
    if note is not None:
        lines += ["", *wrap(note, WIDTH)]
    for line in lines:
        print_line(console, line)


def machine_lines(machine: Machine) -> list[str]:
    """The lines of the drawing, from the outermost level to the multiply-accumulate units, and of the sources."""
    lines = [*wrap(_heading(machine), WIDTH), ""]
    instances = 1
    for node in machine.nodes:
        outermost = node is machine.nodes[0]
        if isinstance(node, Fanout):
            instances *= node.size
            lines += _branches(node)
        else:
            rows = [*_level_rows(node, outermost=outermost), *_tile_rows(node, machine.tile_overhead)]
            lines += _box(node.name, instances, rows, joined=not outermost)
    lines += _box("MAC", instances, [("energy", _energy(machine.mac_pj))], joined=True, last=True)
    if _has_roles(machine):
        lines += ["", *wrap(ROLES, WIDTH)]
    return [*lines, *source_lines(machine)]


def source_lines(machine: Machine) -> Iterator[str]:
    """Where the figures come from; what is guessed stands under that word."""
    given = machine.sources or {}
    by_subject = {"sources": given} if isinstance(given, str) else given
    for subject, words in by_subject.items():
        yield ""
        yield "guessed, without a source:" if subject == GUESSES else f"{name_text(subject)}:"
        yield from wrap(escaped(words), WIDTH, initial_indent="  ", subsequent_indent="  ")


def num_units(machine: Machine) -> int:
    """Multiply-accumulate units: instances of all fanouts together."""
    return math.prod(node.size for node in machine.nodes if isinstance(node, Fanout))


def _heading(machine: Machine) -> str:
    units = num_units(machine)
    parts = [f"{units:,} multiply-accumulate unit{'s' if units > 1 else ''}"]
    if machine.clock_mhz is not None:
        parts.append(f"{machine.clock_mhz:,g} MHz")
    parts.append(f"{_values(machine.bytes_per_element, lambda size: f'{size} B')} per element")
    return f"{title_text(machine.name)}: {', '.join(parts)}"


def _box(name: str, instances: int, rows: Iterable[tuple[str, str]], *, joined: bool, last: bool = False) -> list[str]:
    """A level: its name, how many instances there are, and what is known of it."""
    count = f" x {instances:,} " if instances > 1 else ""
    title = f"─ {name_text(name)} "
    top = list(f"┌{title}{'─' * (WIDTH - 3 - len(title) - len(count))}{count}─┐")
    bottom = list(f"└{'─' * (WIDTH - 2)}┘")
    if joined and top[WIDTH // 2] == "─":
        top[WIDTH // 2] = "┴"
    if not last:
        bottom[WIDTH // 2] = "┬"
    inner = [line for label, text in rows for line in _labelled(label, text, WIDTH - 4)]
    return ["".join(top), *(f"│ {line:<{WIDTH - 4}} │" for line in inner), "".join(bottom)]


def _branches(fanout: Fanout) -> list[str]:
    """A fanout: a line that splits, what is known of it below, and the stem of one of its instances."""
    step = (WIDTH - 4) // BRANCHES
    line = [" "] * WIDTH
    first, last = WIDTH // 2 - step * (BRANCHES // 2), WIDTH // 2 + step * (BRANCHES // 2)
    line[first : last + 1] = "─" * (last + 1 - first)
    for position in range(first, last + 1, step):
        line[position] = "┬"
    line[first], line[last], line[WIDTH // 2] = "┌", "┐", "┼"
    name = name_text(fanout.name)
    text = _labelled(name, "; ".join(_fanout_parts(fanout)), WIDTH - 4, max(LABEL, len(name) + 2))
    return ["".join(line).rstrip(), *(f"  {part}" for part in text), " " * (WIDTH // 2) + "│"]


def _labelled(label: str, text: str, width: int, room: int = LABEL) -> list[str]:
    """A text behind a label, further lines below its beginning."""
    return wrap(
        text, width, initial_indent=f"{label:<{room}}", subsequent_indent=" " * room, break_on_hyphens=False
    ) or [label]


def _level_rows(level: StorageLevel, *, outermost: bool) -> Iterator[tuple[str, str]]:
    """What there is to say of a level, each under its label."""
    yield "size", _size(level)
    yield "keeps", "everything" if outermost else _kept(level)
    if ports := list(_ports(level)):
        yield "ports", f"{', '.join(ports)} a cycle"
    accesses = f", for each access of {level.block_elements} elements" if level.block_elements > 1 else ""
    yield "energy", f"read {_prices(level.read_pj)}; write {_prices(level.write_pj)}{accesses}"
    if level.halo:
        yield "halo", "a tile that moves is fetched without the words that are there already"
    if level.dma is not None:
        yield "DMA", _dma(level.dma)


def _tile_rows(level: StorageLevel, overhead: TileOverhead | None) -> Iterator[tuple[str, str]]:
    """What the level's tiles cost in time besides their words, if anything."""
    if overhead is not None and overhead.level == level.name:
        parts = (
            f"{_counted(overhead.start_cycles, 'cycle')} to start",
            f"{overhead.cycles_per_word:g} for each word that is read",
            f"at least {overhead.block_cycles:,} for a block of {_counted(overhead.block_iterations, 'iteration')}",
            f"{overhead.load_cycles:,} for each tile of the innermost level",
        )
        yield "tiles", "; ".join(parts)


def _ports(level: StorageLevel) -> Iterator[str]:
    for rate, what in (
        (level.read_bandwidth, "read"),
        (level.write_bandwidth, "written"),
        (level.bandwidth, "read or written"),
    ):
        if rate is not None:
            yield f"{_counted(rate, 'element')} {what}"


def _size(level: StorageLevel) -> str:
    parts: list[str] = []
    if level.capacity_bytes is not None:
        shared = "" if _keeps_one(level) else ", shared"
        parts.append(f"{bytes_text(level.capacity_bytes)}{shared}")
    if level.partitions is not None:
        parts.append(f"for each tensor on its own: {_values(level.partitions, bytes_text)}")
    if level.bank_bytes is not None and level.capacity_bytes is not None:
        number = level.capacity_bytes // level.bank_bytes
        parts.append(f"{number:,} banks of {bytes_text(level.bank_bytes)}, each tensor in whole ones")
    if level.buffers > 1:
        parts.append("double-buffered: a tile takes twice its size")
    return "; ".join(parts) or "unlimited"


def _keeps_one(level: StorageLevel) -> bool:
    """Whether a level keeps a single tensor, whatever the mapping."""
    if not isinstance(level.keep, dict):
        return False
    rules: dict[str, Keep] = level.keep
    kept = [name for name, rule in rules.items() if rule != "never"]
    return rules.get("*") == "never" and kept not in (["read"], []) and len(kept) == 1


def _kept(level: StorageLevel) -> str:
    """What a level must, may and never keeps; what holds for tensors without a rule of their own comes last."""
    if not isinstance(level.keep, dict):
        return {"must": "everything", "may": "what the mapping chooses", "never": "nothing"}[level.keep]
    named: dict[str, Keep] = {"*": "may", **level.keep}
    others = named.pop("*")
    groups = {rule: [name_text(name) for name, own in named.items() if own == rule] for rule in named.values()}
    groups[others] = [*groups.pop(others, []), "others" if named else "all"]
    return "; ".join(f"{rule}: {', '.join(names)}" for rule, names in groups.items())


def _dma(dma: DmaEngine) -> str:
    return f"a burst takes {dma.init_cycles:g} cycles and {dma.cycles_per_byte:g} a byte, at {dma.clock_mhz:,g} MHz"


def _fanout_parts(fanout: Fanout) -> Iterator[str]:
    yield f"{fanout.size:,} instances"
    dims = ", ".join(map(name_text, fanout.dims or ()))
    yield "any dimension" if fanout.dims is None else f"only {dims}" if dims else "no dimension"
    shared = _values(fanout.multicast, lambda multicast: "yes" if multicast else "no")
    yield {"yes": "multicast", "no": "no multicast"}.get(shared, f"multicast: {shared}")
    yield "adds partial sums" if fanout.reduce else "does not add partial sums"
    if fanout.bandwidth is not None:
        yield f"{_counted(fanout.bandwidth, 'word')} a cycle each way"
    yield "words are free" if fanout.word_pj == 0 else f"a word {_prices(fanout.word_pj)}"
    if fanout.reduce and fanout.add_pj:
        yield f"an addition {_energy(fanout.add_pj)}"


def _counted(number: float, what: str) -> str:
    return f"{number:g} {what}{'' if number == 1 else 's'}"


def _prices(given: PerTensor[float]) -> str:
    return _values(given, _energy)


def bytes_text(size: int) -> str:
    """A size in bytes, in KiB or MiB where that is exact.

    Example:
        >>> bytes_text(448), bytes_text(110592), bytes_text(25165824), bytes_text(1500)
        ('448 B', '108 KiB', '24 MiB', '1,500 B')
    """
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size % unit == 0:
            return f"{size // unit:,} {name}"
    return f"{size:,} B"


def _has_roles(machine: Machine) -> bool:
    """Whether values speak of tensors by what they are in a layer."""
    values: list[object] = [machine.bytes_per_element]
    for node in machine.nodes:
        values += [value for _, value in node]
    keys = {str(key) for value in values if isinstance(value, dict) for key in cast("dict[str, object]", value)}
    return any(RESERVED_NAMES.fullmatch(key) for key in keys - {"*"})


def _energy(price_pj: float) -> str:
    return f"{price_pj:g} pJ" if price_pj else "free"


def _values(given: PerTensor[V], text: Callable[[V], str]) -> str:
    """A per-tensor value: one for all, or by selector."""
    if not isinstance(given, dict):
        return text(given)
    values = cast("dict[str, V]", given)
    return ", ".join(f"{_selector(name, values)} {text(value)}" for name, value in values.items())


def _selector(name: str, values: Mapping[str, object]) -> str:
    if name != "*":
        return name_text(name)
    return "others" if len(values) > 1 else "all"
