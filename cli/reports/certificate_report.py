"""What is proved of layers: ``--certificate`` says how it was excluded that something better exists.

The last line of every report on a result says where that was not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.console import Console

from ...model.documents.result import Certificate, ClassPair, LayerResult, Limit, Reason, Result
from ...model.faults import escaped
from ...model.objectives import OBJECTIVES, Objective
from ..tables import Column, name_text, print_line, print_tables
from .result_report import gap_text

USUAL_GAP = 0.01
"""The gap that is suggested to search on to, unless all gaps are that small."""

MORE_TIME = 4
"""By how much more time is suggested where time was up."""


def unproved_line(result: Result) -> str | None:
    """How many layers are proved, the largest gap, and what may prove more; nothing where all layers are proved.

    A layer that is proved to have no mapping counts as proved.
    """
    unproved = [layer for layer in result.layers if layer.status in ("feasible", "unknown")]
    if not unproved:
        return None
    told = [f"{len(result.layers) - len(unproved)} of {len(result.layers)} layers proved"]
    gaps = {name_text(layer.name): layer.gap for layer in unproved if layer.gap is not None}
    worst = max(gaps, key=lambda name: gaps[name], default=None)
    if worst is not None:
        told.append(f"largest gap {gap_text(gaps[worst])} in {worst}")
    for what, names in (
        ("no bound for", [name_text(layer.name) for layer in unproved if layer.solutions and layer.gap is None]),
        ("no mapping found for", [name_text(layer.name) for layer in unproved if not layer.solutions]),
    ):
        if names:
            told.append(f"{what} {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else ""))
    return "; ".join([*told, *_advice(result, unproved, max(gaps.values(), default=1.0))])


def _advice(result: Result, unproved: Sequence[LayerResult], largest_gap: float) -> Iterator[str]:
    """What may prove more, by why the searches ended; how long a proof takes is not known beforehand."""
    limits = {layer.termination.limit for layer in unproved if layer.termination is not None}
    own_s, total_s = result.solver.time_limit_s, result.solver.total_time_limit_s
    if Limit.TIME in limits:
        asked = USUAL_GAP if largest_gap > USUAL_GAP else 10.0 ** (math.ceil(math.log10(largest_gap)) - 1)
        yield f"to search further than {own_s:g} s: --until-gap {asked:g}, or --time-limit {MORE_TIME * own_s:g}"
    if Limit.TOTAL_TIME in limits and total_s is not None:
        yield f"--total-time-limit {total_s:g} was up; {MORE_TIME * total_s:g} may do"
    if Limit.UNTIL_GAP in limits:
        yield f"all gaps that --until-gap {result.solver.until_gap:g} asked for are reached where it ended the search"
    if any(layer.termination is not None and layer.termination.reason is Reason.NO_PROOF for layer in unproved):
        yield f"back end {escaped(result.backend)} had nothing left to try, for which more time is no help"


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
