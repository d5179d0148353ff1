"""``dmaze-solve SPEC --pareto``: the energy-latency front of every layer, its report and progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from ...model.documents.pareto import LayerFront, ParetoFronts
from ...model.documents.result import Solution
from ...model.faults import InputError
from ...model.hierarchy.machine import Machine
from ...solver.fronts.layer_fronts import pareto_fronts_resolved
from ..answer import Delivery, Exit
from ..arguments.job_files import load_job
from ..arguments.overrides import Overrides, placed
from ..drawing import rendered
from ..output import check_destination, document_text, warnings_reported
from ..progress_line import shown_checking
from ..reports.result_report import edp_text, energy_text
from ..solved_layers import utilization_by_part
from ..tables import Column, name_text, print_line, print_tables, title_text


def run_pareto(paths: Sequence[Path], overrides: Overrides, delivery: Delivery, *, check: bool) -> int:
    """Find every layer's front, and prove that it is complete."""
    check_destination(delivery.out)
    with warnings_reported():
        spec = load_job(paths, overrides)
    try:
        with shown_checking() as observer:
            fronts = pareto_fronts_resolved(spec, observer, check=check, at_once=True)
    except InputError as error:
        raise InputError(placed(fault, paths[0], overrides) for fault in error.faults) from error
    delivery.deliver(document_text(fronts), lambda: rendered(partial(print_fronts, fronts)))
    if fronts.interrupted:
        return Exit.INTERRUPTED
    return Exit.SOLVED if all(layer.points for layer in fronts.layers) else Exit.UNSOLVED


def print_fronts(fronts: ParetoFronts, console: Console) -> None:
    """Print every distinct layer's front, by rising energy."""
    title = f"{name_text(fronts.name)}: " if fronts.name is not None else ""
    ended = " (interrupted)" if fronts.interrupted else ""
    prover = "shortest paths" if isinstance(fronts.architecture, Machine) else "CP-SAT"
    print_line(console, f"{title}energy-latency fronts on {title_text(fronts.architecture.name)}{ended}")
    for layer in fronts.layers:
        print_line(console, f"\n{name_text(layer.name)}: {_status_text(layer)}")
        if layer.points and layer.same_as is None:
            print_line(console)
            print_tables(console, layer.points, _POINT, _columns(layer.points))
            if layer.steps:
                refuted = sum(step.refuted for step in layer.steps)
                what = f"steps between the points refuted by {prover}, one constrained solve each"
                print_line(console, f"\n{refuted} of {len(layer.points) + 1} {what}")


def _status_text(layer: LayerFront) -> str:
    if layer.same_as is not None:
        return f"same as {name_text(layer.same_as)}"
    if layer.infeasible:
        return "no mapping (proved)"
    proof = "proved complete" if layer.complete else "not proved complete"
    points = "1 point" if len(layer.points) == 1 else f"{len(layer.points)} points"
    costed = f"{layer.tilings_costed:,} tilings costed" if layer.tilings_costed else None
    return ", ".join(part for part in (points, proof, costed, f"{layer.wall_s:.1f} s", layer.note) if part)


_POINT = Column[Solution]("point", lambda point: str(point.rank))


def _columns(points: Sequence[Solution]) -> list[Column[Solution]]:
    """What the points cost, and what they use of the machine."""
    parts = [part for part, share in utilization_by_part(points[0].cost).items() if share is not None]
    return [
        Column("energy pJ", lambda point: energy_text(point.cost.energy_pj), priority=0),
        Column("cycles", lambda point: f"{point.cost.cycles:,}", priority=0),
        Column("EDP pJ*cycles", lambda point: edp_text(point.cost.edp), priority=1),
        *(Column(name_text(part), _utilization_of(part)) for part in parts),
    ]


def _utilization_of(part: str) -> Callable[[Solution], str]:
    return lambda point: f"{utilization_by_part(point.cost).get(part) or 0.0:.1%}"
