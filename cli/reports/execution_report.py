"""The readable report of ``execute``: one row per mapping, then what moved, and what the model says otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from ...model.documents.execution import (
    CountDifference,
    ExecutedMapping,
    ExecuteResult,
    KnownDifferenceDocument,
    PublishedComparison,
    ShrunkLayer,
)
from ..tables import Column, name_text, print_line, print_tables


@dataclass(frozen=True)
class _Row:
    number: int
    executed: ExecutedMapping


@dataclass(frozen=True)
class _Place:
    """A tensor at a node, with its counts by name."""

    name: str
    counts: dict[str, int]


def print_executions(console: Console, result: ExecuteResult) -> None:
    """Print executions, numbered from 0 as in the request."""
    rows = [_Row(number, executed) for number, executed in enumerate(result.executions)]
    print_tables(console, rows, Column("mapping", lambda row: str(row.number)), _columns())
    for row in rows:
        print_line(console, f"\nmapping {row.number}:")
        if row.executed.shrunk is not None:
            _print_shrunk(console, row.executed.shrunk)
        _print_counts(console, row.executed)
        if row.executed.published is not None:
            _print_published(console, row.executed.published)
        for fault in row.executed.faults:
            print_line(console, f"  fault: {fault}")
        if row.executed.differences:
            _print_differences(console, row.executed.differences)


def _columns() -> tuple[Column[_Row], ...]:
    return (
        Column("output", lambda row: "numpy's" if row.executed.output_equals else "WRONG", left=True),
        Column("model", lambda row: "agrees" if row.executed.agrees else "DISAGREES", left=True),
        Column("fits", lambda row: _fits(row.executed), left=True),
        Column("energy pJ", lambda row: f"{row.executed.energy_pj:,.0f}"),
        Column("cycles", lambda row: f"{row.executed.cycles:,}"),
        Column("walk cycles", lambda row: f"{row.executed.walk_cycles:,}"),
    )


def _fits(executed: ExecutedMapping) -> str:
    """Yes, or what is too small."""
    too_small = [name_text(name) for name, fits in executed.fits.items() if not fits]
    return f"no: {', '.join(too_small)}" if too_small else "yes"


def _print_shrunk(console: Console, shrunk: ShrunkLayer) -> None:
    print_line(console, f"  scaled down from {shrunk.macs.was:,} to {shrunk.macs.now:,} multiply-accumulates:")
    factors = [
        f"{name_text(dim)} at {name_text(node)} {size.was} -> {size.now}"
        for dim, nodes in shrunk.factors.items()
        for node, size in nodes.items()
    ]
    print_line(console, f"    factors: {', '.join(factors) or 'as they were'}")
    for heading, claims in (("kept", shrunk.kept), ("not kept", shrunk.lost)):
        for claim in claims:
            print_line(console, f"    {heading}: {claim}")


def _print_counts(console: Console, executed: ExecutedMapping) -> None:
    print_line(console, "  words moved, all instances together; held: by one instance")
    console.print()
    places = list(_places(executed))
    names = ("fill", "serve", "drain", "update", "held", "down", "up", "adds")
    columns = [Column[_Place](name, lambda row, name=name: _count(row.counts.get(name))) for name in names]
    print_tables(console, places, Column("at", lambda row: row.name, left=True), columns)


def _places(executed: ExecutedMapping) -> Iterator[_Place]:
    """Every tensor at every level and fanout, in the machine's order."""
    accesses, networks = executed.counts.accesses, executed.counts.networks
    for node in [name for name in executed.energy_breakdown_pj if name in accesses or name in networks]:
        for tensor, moved in accesses.get(node, {}).items():
            counts: dict[str, int] = moved.model_dump()
            held = executed.held.get(node, {})
            extra = {"held": held[tensor]} if tensor in held else {}
            yield _Place(f"{name_text(node)} {name_text(tensor)}", {**counts, **extra})
        for tensor, passed in networks.get(node, {}).items():
            yield _Place(f"{name_text(node)} {name_text(tensor)}", passed.model_dump())


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _print_published(console: Console, published: PublishedComparison) -> None:
    energy, moved, cycles = published.published_energy_pj, published.executed_energy_pj, published.cycles
    share = f", {energy / moved:.3f} of it" if moved else ""
    print_line(console, f"\n  the published model says {energy:,.0f} pJ where {moved:,.0f} pJ moved{share}:\n")
    columns = (
        Column[KnownDifferenceDocument]("part", lambda known: known.part, left=True),
        Column[KnownDifferenceDocument]("tensor", lambda known: name_text(known.tensor), left=True),
        Column[KnownDifferenceDocument]("words", lambda known: f"{known.words:+,}"),
        Column[KnownDifferenceDocument]("pJ", lambda known: f"{known.energy_pj:+,.0f}"),
    )
    reason = Column[KnownDifferenceDocument]("known difference", lambda known: known.reason, left=True)
    print_tables(console, published.known_differences, reason, columns)
    print_line(console, f"\n  bytes to and from DRAM, both: {published.dram_bytes:,}")
    text = f"  cycles: published {cycles.published:,}, roofline {cycles.roofline:,}, walk {cycles.walk:,}"
    print_line(console, f"{text} (conventions of each)")


def _print_differences(console: Console, differences: Sequence[CountDifference]) -> None:
    print_line(console, "\n  the model and the execution disagree:\n")
    columns = (
        Column[CountDifference]("at", lambda found: name_text(found.place), left=True),
        Column[CountDifference]("model", lambda found: _number(found.model)),
        Column[CountDifference]("executed", lambda found: _number(found.executed)),
    )
    print_tables(console, differences, Column("quantity", lambda found: found.quantity, left=True), columns)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:,}"
