"""From a spec to a result: back end -> legality -> exact cost -> ranking -> verdict, layer by layer.

A back end only proposes. Whether its mappings are legal, what they cost, which is best and what is proved is decided
here, once for all back ends (``contract.md`` section 4).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import extract_tb

from ..model.architecture import Architecture
from ..model.constraints import Constraints
from ..model.documents import cost_to_document
from ..model.faults import BackendFault, InputError
from ..model.layers import Layer
from ..model.loading import resolve_spec
from ..model.mapping import mapping_to_document
from ..model.result import LayerResult, Result, Solution
from ..model.spec import LayerList, Objective, SolverOptions, Spec
from .backend import Backend, LayerProblem, SearchLimits, SearchOutcome
from .conflicts import find_conflicts
from .observer import Observer, SearchWatch
from .presets import resolve_preset
from .ranking import CostedMapping, faults_of_candidate, objective_value, rank
from .registry import load_backend
from .summary import totals, versions
from .verdict import bound_fault, judge

LEAST_TIME_FOR_CONFLICTS_S = 1.0
"""An infeasible layer is explained even when proving it took all its time."""


@dataclass(frozen=True)
class _Job:
    """What all layers of a run share. ``deadline`` is a reading of ``time.monotonic``, or none."""

    architecture: Architecture
    layers: tuple[Layer, ...]
    constraints: Constraints
    objective: Objective
    options: SolverOptions
    backend: Backend
    observer: Observer | None
    deadline: float | None

    def seconds_left(self) -> float:
        """Seconds that the next layer may take; not positive when the run's time is used up."""
        own = self.options.time_limit_s
        return own if self.deadline is None else min(own, self.deadline - time.monotonic())


def solve(spec: Spec, observer: Observer | None = None) -> Result:
    """The best mappings of every layer of a spec, with exact costs and certified bounds.

    Names and paths in the spec are resolved against the current folder. Identical layers are searched once. A layer
    whose search fails is reported (``fault``) and does not stop the others. Ctrl-C ends the running search; what was
    found until then is the result, with ``interrupted`` set.

    Raises:
        InputError: for names, files or constraints that do not make sense.
        BackendFault: when the back end cannot be loaded.

    Example:
        >>> from dmaze.model import load_spec
        >>> result = solve(load_spec("spec.json"))  # doctest: +SKIP
    """
    started = time.monotonic()
    spec = resolve_spec(spec, Path.cwd())
    if not isinstance(spec.architecture, Architecture) or not isinstance(spec.workload, LayerList):
        raise TypeError("resolve_spec left a name in place")
    options = spec.solver
    options = options.model_copy(update={"workers": options.workers or num_cores()})
    backend = load_backend(options.backend)
    deadline = None if options.total_time_limit_s is None else started + options.total_time_limit_s
    layers = spec.workload.layers
    job = _Job(spec.architecture, layers, spec.constraints, spec.objective, options, backend, observer, deadline)
    results, interrupted = _solve_layers(job)
    return Result(
        name=spec.name,
        objective=spec.objective,
        backend=options.backend,
        architecture=spec.architecture,
        constraints=spec.constraints,
        solver=options,
        versions=versions(options.backend),
        interrupted=interrupted,
        layers=results,
        total=totals(results),
    )


def enumerate_mappings(spec: Spec, observer: Observer | None = None) -> Result:
    """Exhaustive search of what the constraints leave: :func:`solve` with the ``exhaustive`` back end."""
    options = spec.solver.model_copy(update={"backend": "exhaustive"})
    return solve(spec.model_copy(update={"solver": options}), observer)


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _solve_layers(job: _Job) -> tuple[tuple[LayerResult, ...], bool]:
    """Results of all layers in their order, and whether the run was interrupted."""
    keys = [layer.loop_nest().key for layer in job.layers]
    total, interrupted = len(set(keys)), False
    solved: dict[tuple[object, ...], LayerResult] = {}
    results: list[LayerResult] = []
    for layer, key in zip(job.layers, keys, strict=True):
        if key in solved:
            result = _copy_for(layer, solved[key])
        elif interrupted:
            result = solved[key] = _unsolved(layer, note="interrupted before this layer")
        else:
            result, interrupted = _solve_guarded(job, layer, len(solved) + 1, total)
            solved[key] = result
        results.append(result)
        if job.observer is not None:
            job.observer.layer_finished(result)
    return tuple(results), interrupted


def _copy_for(layer: Layer, result: LayerResult) -> LayerResult:
    """The result of an identical layer that was solved before."""
    own = {"name": layer.name, "count": layer.count, "layer": layer, "same_as": result.name, "wall_s": 0.0}
    return result.model_copy(update=own)


def _unsolved(layer: Layer, *, note: str | None = None, fault: str | None = None, wall_s: float = 0.0) -> LayerResult:
    """A layer of which nothing is known."""
    return LayerResult(
        name=layer.name,
        count=layer.count,
        layer=layer,
        status="unknown",
        objective_value=None,
        bound=None,
        gap=None,
        wall_s=wall_s,
        note=note,
        fault=fault,
    )


def _solve_guarded(job: _Job, layer: Layer, position: int, total: int) -> tuple[LayerResult, bool]:
    """The result of one layer, whatever happens to it, and whether it was interrupted."""
    limit = job.seconds_left()
    if limit <= 0:
        return _unsolved(layer, note="total_time_limit_s was reached before this layer"), False
    if job.observer is not None:
        job.observer.layer_started(layer.name, position, total)
    started, watch = time.monotonic(), SearchWatch(layer.name, job.observer)
    try:
        return _solve_layer(job, layer, limit, watch), watch.interrupted
    except InputError:
        raise
    except BackendFault as fault:
        text = str(fault)
    except KeyboardInterrupt:
        return _unsolved(layer, note="interrupted", wall_s=time.monotonic() - started), True
    except Exception as error:  # a back end is third-party code: whatever it raises must not lose the other layers
        frame = extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno}, back end {job.backend.name})"
    return _unsolved(layer, fault=text, wall_s=time.monotonic() - started), watch.interrupted


def _solve_layer(job: _Job, layer: Layer, limit_s: float, watch: SearchWatch) -> LayerResult:
    """Search one layer and judge what the back end returns."""
    started = time.monotonic()
    problem = LayerProblem(layer.loop_nest(), job.architecture, job.constraints, job.objective)
    resolved = resolve_preset(problem, started + limit_s)
    problem = replace(problem, constraints=resolved.constraints)
    outcome = resolved.outcome or _search(job, problem, started + limit_s - time.monotonic(), watch)
    ranked = _checked_and_ranked(job, problem, outcome)
    best = objective_value(problem.objective, ranked[0].cost) if ranked else None
    verdict = judge(best, outcome, job.options.relative_gap)
    conflicts: tuple[str, ...] = ()
    if verdict.status == "infeasible":
        conflicts = _conflicts(job, problem, started + limit_s - time.monotonic())
    statistics = dict(outcome.statistics)
    evaluated = statistics.pop("evaluated", None)
    return LayerResult(
        name=layer.name,
        count=layer.count,
        layer=layer,
        status=verdict.status,
        objective_value=verdict.objective_value,
        bound=verdict.bound,
        gap=verdict.gap,
        wall_s=time.monotonic() - started,
        conflicts=conflicts,
        note="interrupted" if watch.interrupted else resolved.note,
        thresholds=resolved.thresholds,
        evaluated=evaluated if isinstance(evaluated, int) else None,
        statistics=statistics,
        certificate=outcome.certificate,
        solutions=tuple(_solution(problem, number, found) for number, found in enumerate(ranked, start=1)),
    )


def _search(job: _Job, problem: LayerProblem, limit_s: float, watch: SearchWatch) -> SearchOutcome:
    """What the back end finds, or has found when Ctrl-C cuts it short."""
    options = job.options
    limits = SearchLimits(limit_s, options.workers or 1, options.relative_gap, options.top_k, options.seed)
    try:
        return job.backend.search(problem, limits, watch.report)
    except KeyboardInterrupt:
        watch.interrupted = True
        return watch.outcome()


def _checked_and_ranked(job: _Job, problem: LayerProblem, outcome: SearchOutcome) -> tuple[CostedMapping, ...]:
    """The outcome's candidates with their exact costs, best first, at most ``top_k``.

    Raises:
        BackendFault: for an illegal candidate, or a bound that an exact cost disproves.
    """
    for candidate in outcome.candidates:
        broken = faults_of_candidate(problem, candidate)
        if broken:
            raise BackendFault(
                f"back end {job.backend.name} returned an illegal mapping: it breaks {', '.join(broken)}"
            )
    ranked = rank(problem, outcome.candidates, job.options.top_k)
    wrong = bound_fault(outcome.bound, [objective_value(problem.objective, found.cost) for found in ranked])
    if wrong is not None:
        raise BackendFault(f"back end {job.backend.name}: {wrong}")
    return ranked


def _conflicts(job: _Job, problem: LayerProblem, limit_s: float) -> tuple[str, ...]:
    """Why no mapping exists, by the names of the constraints and capacities that clash.

    Raises:
        BackendFault: when one does exist.
    """
    by_preset = job.constraints.preset is not None
    conflicts = find_conflicts(problem, max(limit_s, LEAST_TIME_FOR_CONFLICTS_S), by_preset=by_preset)
    if not conflicts:
        raise BackendFault(f"back end {job.backend.name} claims that no mapping exists, but one does")
    return conflicts


def _solution(problem: LayerProblem, number: int, found: CostedMapping) -> Solution:
    nest, mapping = problem.nest, found.mapping
    cost = cost_to_document(nest, problem.architecture, mapping.tiling, found.cost)
    return Solution(rank=number, mapping=mapping_to_document(nest, mapping), cost=cost)
