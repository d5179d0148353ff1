"""The readable report of ``verify`` on a network's optimum: what was checked of every front, and of the bound."""

from __future__ import annotations

from rich.console import Console

from ....model.documents.networks.network_verification import FrontVerification, NetworkVerification
from ....model.faults import escaped
from ...tables import Column, name_text, print_line, print_tables
from ..network_report import goal_text


def print_network_verification(console: Console, verification: NetworkVerification) -> None:
    """Print a table of all fronts, what became of the bound, then one line for each thing that is wrong."""
    title = f"{name_text(verification.name)}: " if verification.name is not None else ""
    ended = " (interrupted)" if verification.interrupted else ""
    print_line(console, f"{title}{goal_text(verification.goal)}{ended}")
    print_line(console)
    print_tables(console, verification.layers, _name_column(), _columns())
    print_line(console, f"\n{escaped(verification.bound.text)}")
    for line in network_fault_lines(verification):
        print_line(console, f"wrong: {line}")
    print_line(console, _conclusion(verification))


def network_fault_lines(verification: NetworkVerification) -> list[str]:
    """Everything that is wrong, a line each."""
    lines = [escaped(fault) for fault in verification.faults]
    for layer in verification.layers:
        lines += [f"{name_text(layer.name)}: {escaped(fault)}" for fault in layer.faults]
        if layer.missing is not None:
            cost = layer.missing.cost
            lines.append(
                f"{name_text(layer.name)}: the front lacks a mapping of {cost.energy_pj} pJ, {cost.cycles} cycles"
            )
    return [*lines, *([escaped(verification.bound.text)] if verification.bound.outcome == "disproved" else [])]


def _name_column() -> Column[FrontVerification]:
    return Column("front of", lambda layer: name_text(layer.name), left=True, priority=0)


def _columns() -> tuple[Column[FrontVerification], ...]:
    return (
        Column("points checked", lambda layer: str(layer.points_checked) if layer.same_as is None else None),
        Column("wrong", lambda layer: str(len(layer.faults) + (layer.missing is not None))),
        Column("steps", lambda layer: escaped(layer.text), left=True),
        Column("s", lambda layer: f"{layer.seconds:.1f}" if layer.same_as is None else None),
    )


def _conclusion(verification: NetworkVerification) -> str:
    if not verification.holds:
        return f"{len(network_fault_lines(verification))} claims are wrong"
    return "everything holds" if verification.complete else "what was checked holds; not everything was checked"
