"""``--certificate``: for every layer, how it was excluded that something better exists."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from ...model.documents.result import Certificate, ClassPair, LayerResult, Result
from ...model.faults import escaped
from ...model.objectives import OBJECTIVES, Objective
from ..tables import Column, name_text, print_line, print_tables


def print_certificates(console: Console, result: Result) -> None:
    """Print the certificate of every distinct layer: what was enumerated exactly, then class pair by class pair."""
    for layer in result.layers:
        if layer.same_as is None:
            print_line(console, f"\n{name_text(layer.name)}, certificate ({layer.status}):")
            _print_certificate(console, result, layer)


def _print_certificate(console: Console, result: Result, layer: LayerResult) -> None:
    if layer.certificate is None:
        print_line(console, f"  none: back end {result.backend} gives no details")
        return
    for line in certificate_lines(layer.certificate):
        print_line(console, f"  {line}")
    if layer.certificate.class_pairs:
        print_line(console)
        name = Column[ClassPair]("SPM reuse", lambda pair: escaped(pair.spm_reuse), left=True)
        print_tables(console, layer.certificate.class_pairs, name, _columns(result.objective))


def certificate_lines(certificate: Certificate) -> Iterator[str]:
    """What was proved or costed over all class pairs at once."""
    proof = certificate.enumeration
    if proof is not None:
        done = "finished" if proof.finished else "not finished"
        left = (
            f"{proof.slices:,} choices of DRAM factors that bounds left open, {proof.tilings_costed:,} tilings costed"
        )
        yield f"enumeration with bounds: {done}; {left}"
    if certificate.class_pairs:
        closed = sum(pair.closed_by is not None for pair in certificate.class_pairs)
        yield f"cp-sat: {closed} of {len(certificate.class_pairs)} class pairs closed"
        yield f"slices settled: {certificate.slices_settled:,}, with {certificate.tilings_settled:,} tilings costed"
    yield f"ties settled: {'yes' if certificate.ties_settled else 'no'}"
    if certificate.ranks_settled > 1:
        yield f"the best {certificate.ranks_settled} tilings of all are settled"


def _columns(objective: Objective) -> tuple[Column[ClassPair], ...]:
    bound_text = OBJECTIVES[objective].bound_text
    return (
        Column("DRAM reuse", lambda pair: escaped(pair.dram_reuse), left=True),
        Column("skipped", lambda pair: escaped(" ".join(pair.skipped)) or None, left=True),
        Column("closed by", lambda pair: pair.closed_by or "open", left=True),
        Column(f"{objective} bound", lambda pair: None if pair.bound is None else bound_text(pair.bound)),
        Column("refuted at", lambda pair: None if pair.refuted is None else bound_text(pair.refuted)),
        Column("solver calls", lambda pair: str(pair.solver_calls)),
        Column("s", lambda pair: f"{pair.seconds:.2f}"),
    )
