"""The readable report of ``evaluate`` on a hierarchy: one row per mapping, then the counts that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from ...model.hierarchy.hierarchy_documents import AccessCounts, EvaluatedLevels, NetworkCounts
from ..tables import Column, name_text, print_line, print_tables
from .result_report import edp_text

LARGE_PJ = 1e5
"""From this energy on, fractions of a pJ say nothing."""


@dataclass(frozen=True)
class LevelsRow:
    """A mapping's cost and its number in the request."""

    number: int
    cost: EvaluatedLevels


@dataclass(frozen=True)
class NodeRow:
    """A part of the energy: `mac` or a node."""

    name: str
    cost: EvaluatedLevels

    @property
    def share(self) -> float:
        """Its share of the whole energy."""
        return self.cost.energy_breakdown_pj[self.name] / self.cost.energy_pj if self.cost.energy_pj else 0.0


@dataclass(frozen=True)
class AccessRow:
    """What one tensor moves at one level."""

    level: str
    tensor: str
    counts: AccessCounts
    held: int
    energy_pj: float


@dataclass(frozen=True)
class NetworkRow:
    """What one tensor moves over one fanout."""

    fanout: str
    tensor: str
    counts: NetworkCounts
    energy_pj: float


@dataclass(frozen=True)
class TermRow:
    """A term of the roofline and its share of the one that decides."""

    term: str
    cycles: int
    share: float


def print_levels(console: Console, costs: Sequence[EvaluatedLevels]) -> None:
    """Print the costs of mappings onto a hierarchy, numbered from 0 as in the request."""
    rows = [LevelsRow(number, cost) for number, cost in enumerate(costs)]
    print_tables(console, rows, levels_number(), levels_columns())
    for row in rows:
        if row.cost.accesses is not None:
            _print_details(console, row)


def _print_details(console: Console, row: LevelsRow) -> None:
    print_line(console, f"\nmapping {row.number}: energy, and what is in use\n")
    print_tables(console, node_rows(row.cost), node_name(), node_columns())
    print_line(console, "\nelements held in one instance, and moved in all of them\n")
    print_tables(console, list(access_rows(row.cost)), access_level(), access_columns())
    networks = list(network_rows(row.cost))
    if networks:
        print_line(console, "\nwords and additions, all instances together\n")
        print_tables(console, networks, network_fanout(), network_columns())
    print_line(console, "\ncycles, if nothing else took time\n")
    print_tables(console, term_rows(row.cost), term_name(), term_columns())


def levels_number() -> Column[LevelsRow]:
    """The first column of the table of mappings."""
    return Column("mapping", lambda row: str(row.number))


def levels_columns() -> tuple[Column[LevelsRow], ...]:
    """Whether a mapping fits, and what it costs."""
    return (
        Column("fits", lambda row: _fits(row.cost), left=True),
        Column("energy pJ", lambda row: pj_text(row.cost.energy_pj)),
        Column("cycles", lambda row: f"{row.cost.cycles:,}"),
        Column("bound by", lambda row: name_text(row.cost.bound_by), left=True),
        Column("walk cycles", lambda row: _count(row.cost.walk_cycles), optional=True),
        Column("EDP", lambda row: edp_text(row.cost.edp)),
    )


def node_rows(cost: EvaluatedLevels) -> list[NodeRow]:
    """The parts of the energy in their order."""
    return [NodeRow(name, cost) for name in cost.energy_breakdown_pj]


def node_name() -> Column[NodeRow]:
    """The first column of the table of nodes."""
    return Column("node", lambda row: name_text(row.name), left=True)


def node_columns() -> tuple[Column[NodeRow], ...]:
    """Energy, and what is in use of a level's size or a fanout's instances."""
    return (
        Column("energy pJ", lambda row: pj_text(row.cost.energy_breakdown_pj[row.name])),
        Column("share", lambda row: f"{row.share:.1%}"),
        Column("in use", lambda row: _used(row.cost.utilization.get(row.name)), optional=True),
        Column("fits", lambda row: _flag(row.cost.fits.get(row.name)), left=True),
    )


def access_rows(cost: EvaluatedLevels) -> Iterator[AccessRow]:
    """The accesses of every level and tensor; none without details."""
    for level, by_tensor in (cost.accesses or {}).items():
        for tensor, counts in by_tensor.items():
            held, energies = (cost.held or {})[level][tensor], (cost.tensor_energy_pj or {})[level]
            yield AccessRow(level, tensor, counts, held, energies[tensor])


def access_level() -> Column[AccessRow]:
    """The first column of the table of accesses."""
    return Column("level", lambda row: name_text(row.level), left=True)


def access_columns() -> tuple[Column[AccessRow], ...]:
    """The counts of a tensor at a level; ``held`` is of one instance."""
    return (
        Column("tensor", lambda row: name_text(row.tensor), left=True),
        Column("held", lambda row: f"{row.held:,}", priority=3),
        Column("fill", lambda row: f"{row.counts.fill:,}"),
        Column("serve", lambda row: f"{row.counts.serve:,}"),
        Column("drain", lambda row: f"{row.counts.drain:,}"),
        Column("update", lambda row: f"{row.counts.update:,}"),
        Column("energy pJ", lambda row: pj_text(row.energy_pj)),
    )


def network_rows(cost: EvaluatedLevels) -> Iterator[NetworkRow]:
    """The words of every fanout and tensor; none without details."""
    for fanout, by_tensor in (cost.networks or {}).items():
        for tensor, counts in by_tensor.items():
            yield NetworkRow(fanout, tensor, counts, (cost.tensor_energy_pj or {})[fanout][tensor])


def network_fanout() -> Column[NetworkRow]:
    """The first column of the table of networks."""
    return Column("fanout", lambda row: name_text(row.fanout), left=True)


def network_columns() -> tuple[Column[NetworkRow], ...]:
    """The counts of a tensor at a fanout."""
    return (
        Column("tensor", lambda row: name_text(row.tensor), left=True),
        Column("down", lambda row: f"{row.counts.down:,}"),
        Column("up", lambda row: f"{row.counts.up:,}"),
        Column("adds", lambda row: f"{row.counts.adds:,}"),
        Column("energy pJ", lambda row: pj_text(row.energy_pj)),
    )


def term_rows(cost: EvaluatedLevels) -> list[TermRow]:
    """The terms of the roofline, the largest first."""
    terms = sorted(cost.roofline.items(), key=lambda item: -item[1])
    return [TermRow(term, cycles, cycles / cost.cycles) for term, cycles in terms]


def term_name() -> Column[TermRow]:
    """The first column of the table of terms."""
    return Column("roofline", lambda row: name_text(row.term), left=True)


def term_columns() -> tuple[Column[TermRow], ...]:
    """Cycles of a term."""
    return (
        Column("cycles", lambda row: f"{row.cycles:,}"),
        Column("of the largest", lambda row: f"{row.share:.1%}"),
    )


def pj_text(energy_pj: float) -> str:
    """An energy in pJ: whole numbers where it is large, six digits where it is small."""
    return f"{energy_pj:,.0f}" if energy_pj >= LARGE_PJ else f"{energy_pj:,.6g}"


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _flag(fits: bool | None) -> str | None:
    return None if fits is None else "yes" if fits else "no"


def _used(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _fits(cost: EvaluatedLevels) -> str:
    """Yes, or what is too small."""
    too_small = [name_text(name) for name, fits in cost.fits.items() if not fits]
    return f"no: {', '.join(too_small)}" if too_small else "yes"
