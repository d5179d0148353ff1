"""The readable report of ``verify``: what was checked of every layer, by which route, and what is wrong."""

from __future__ import annotations

from rich.console import Console

from ...model.documents.verification import LayerVerification, Verification
from ...model.faults import escaped
from ..tables import Column, name_text, print_line, print_tables


def print_verification(console: Console, verification: Verification) -> None:
    """Print a table of all layers, how each proof was checked, then one line for each thing that is wrong."""
    title = f"{name_text(verification.name)}: " if verification.name is not None else ""
    claims = f"least {verification.objective}, bounds as claimed by back end {verification.backend}"
    print_line(console, f"{title}{claims}{' (interrupted)' if verification.interrupted else ''}")
    print_line(console)
    print_tables(console, verification.layers, _name_column(), _columns())
    print_line(console)
    for layer in verification.layers:
        if layer.same_as is None:
            print_line(console, f"{name_text(layer.name)}: {escaped(layer.proof.text)}")
    for layer in verification.layers:
        for line in layer.not_checked:
            print_line(console, f"{name_text(layer.name)}: not checked: {escaped(line)}")
    print_line(console)
    for line in fault_lines(verification):
        print_line(console, f"wrong: {line}")
    print_line(console, _conclusion(verification))


def fault_lines(verification: Verification) -> list[str]:
    """Everything that is wrong, a line each."""
    lines = [escaped(fault) for fault in verification.faults]
    for layer in verification.layers:
        disproof = [layer.proof.text] if layer.proof.outcome == "disproved" else []
        lines += [f"{name_text(layer.name)}: {escaped(fault)}" for fault in (*layer.faults, *disproof)]
    return lines


def _name_column() -> Column[LayerVerification]:
    return Column("layer", lambda layer: name_text(layer.name), left=True)


def _columns() -> tuple[Column[LayerVerification], ...]:
    return (
        Column("status", lambda layer: layer.status, left=True),
        Column("solutions checked", lambda layer: str(layer.solutions_checked) if layer.same_as is None else None),
        Column("wrong", lambda layer: str(len(layer.faults) + (layer.proof.outcome == "disproved"))),
        Column("proof", _outcome, left=True),
        Column("s", lambda layer: f"{layer.proof.seconds:.1f}" if layer.same_as is None else None),
    )


def _outcome(layer: LayerVerification) -> str:
    if layer.same_as is not None:
        return f"= {name_text(layer.same_as)}"
    route = f" by {layer.proof.route}" if layer.proof.route is not None else ""
    return f"{layer.proof.outcome}{route}"


def _conclusion(verification: Verification) -> str:
    if not verification.holds:
        return f"{len(fault_lines(verification))} claims are wrong"
    return "everything holds" if verification.complete else "what was checked holds; not everything was checked"
