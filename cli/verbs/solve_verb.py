"""The verb ``solve``: the best mappings of every layer of a spec."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.documents.result import Result
from ...model.faults import InputError, escaped
from ...solver.deadline import NEVER, Deadline
from ...solver.pipeline.cache import Cache
from ...solver.pipeline.observer import Observers
from ...solver.pipeline.solve import solve_resolved
from ..answer import Action, Delivery, Exit
from ..arguments.caching import CacheOptions
from ..arguments.front_goals import FrontGoals
from ..arguments.grouping import with_groups
from ..arguments.job_files import load_job
from ..arguments.operands import ModelPaths
from ..arguments.option_groups import Padding, ProofGoals, SearchGoals, SpecValues, TimeLimits
from ..arguments.options import (
    BackendName,
    ExportTargets,
    Loops,
    TracePath,
    WithCertificate,
    Workers,
)
from ..arguments.overrides import Overrides, overrides_from_options, placed
from ..export import exports_from_options
from ..extras import Extras
from ..output import check_destination, complain, document_text, kept_for_the_answer, warnings_reported
from ..pages.delivery import PictureOptions, deliver_pictures
from ..progress_line import shown_progress
from ..trace_file import SearchTrace, TracePoint, traced

if TYPE_CHECKING:
    from ...model.documents.networks.network_result import NetworkGoal


@with_groups
def solve_verb(
    spec: ModelPaths,
    *,
    delivery: Delivery,
    loops: Loops = False,
    certificate: WithCertificate = False,
    fronts: FrontGoals,
    trace: TracePath = None,
    pictures: PictureOptions,
    export: ExportTargets = None,
    values: SpecValues,
    backend: BackendName = None,
    times: TimeLimits,
    workers: Workers = None,
    goals: SearchGoals,
    proofs: ProofGoals,
    padding: Padding,
    caching: CacheOptions,
) -> Action:
    """Find the best mappings of every layer of a spec. Options replace the spec's values.

    Exit codes: 0 all layers solved; 1 some layer infeasible or unknown, with --require-proof also not proved; 2 bad
    input; 70 a fault of ours or of a back end; 130 interrupted.
    """
    extras = Extras(loops, certificate, trace, pictures, exports_from_options(export or ()))
    given = {**values.given, "backend": backend, **times.given, "workers": workers, **goals.given, **padding.given}
    overrides = overrides_from_options(given | proofs.given, values.named)
    other = fronts.asked
    if other is None:
        cache = caching.chosen(recorded=extras.recorded)
        return partial(run_solve, spec, overrides, delivery, extras, cache, require_proof=proofs.require_proof)
    proofs.expect_none(other)
    extras.expect_none(other)
    return _of_fronts(spec, overrides, delivery, fronts.goal, check=certificate)


def _of_fronts(
    spec: Sequence[Path], overrides: Overrides, delivery: Delivery, goal: NetworkGoal | None, *, check: bool
) -> Action:
    """Every layer's front, or what they come to for the network where there is a goal; loaded where it is asked for."""
    if goal is None:
        from .pareto_fronts import run_pareto

        return partial(run_pareto, spec, overrides, delivery, check=check)
    from .network_answers import run_network

    return partial(run_network, spec, overrides, delivery, goal, check=check)


def run_solve(
    paths: Sequence[Path],
    overrides: Overrides,
    delivery: Delivery,
    extras: Extras,
    cache: Cache | None,
    *,
    require_proof: bool,
) -> int:
    """Find the best mappings for every layer of a spec; what is in the cache is not searched again."""
    started = time.monotonic()
    check_destination(delivery.out)
    extras.check()
    with warnings_reported():
        spec = load_job(paths, overrides)
    extras.check_layers(spec.layers, spec.architecture)
    total_s = spec.document.solver.total_time_limit_s
    deadline = NEVER if total_s is None else Deadline(started + total_s)
    points: list[TracePoint] = []
    recorder = SearchTrace(points.append) if extras.pictures.wanted else None
    try:
        with traced(extras.trace) as trace, shown_progress(spec.document.objective) as display:
            observers = (observer for observer in (trace, recorder, display) if observer is not None)
            with kept_for_the_answer():
                result = solve_resolved(spec, Observers(tuple(observers)), cache=cache, at_once=True)
    except InputError as error:
        raise InputError(placed(fault, paths[0], overrides) for fault in error.faults) from error
    for layer in result.layers:
        if layer.fault is not None and layer.same_as is None:
            told = f"layer {escaped(layer.name)}: {escaped(layer.fault)}"
            complain(f"dmaze-solve: {told}; please report this line with the spec")
    delivery.deliver(document_text(result), partial(extras.report, result))
    extras.exports.write(result)
    interrupted = deliver_pictures(extras.pictures, spec.document, result, points, deadline)
    return Exit.INTERRUPTED if interrupted else exit_code(result, require_proof=require_proof)


def exit_code(result: Result, *, require_proof: bool) -> Exit:
    """What a result means for the caller; a layer without a proof is solved unless one is required."""
    if result.interrupted:
        return Exit.INTERRUPTED
    if any(layer.fault is not None for layer in result.layers):
        return Exit.FAULT
    solved = all(layer.solutions and (layer.status == "optimal" or not require_proof) for layer in result.layers)
    return Exit.SOLVED if solved else Exit.UNSOLVED
