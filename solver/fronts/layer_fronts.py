"""Energy-latency fronts of all layers of a spec (:mod:`.search_by_space`), exact and proved complete."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...model.documents.pareto import LayerFront, ParetoFronts, StepCheck
from ...model.documents.result import Limit, Reason, Solution, Termination
from ...model.documents.spec import Spec
from ...model.faults import BackendFault, InputError
from ...model.layers import Layer
from ...model.loop_nest import LoopNest
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ..backend import AnyProblem, LayerProblem, Progress, PublishedProblem, published
from ..deadline import Deadline
from ..pipeline.observer import Observer, SilentObserver, observed
from ..pipeline.presets import Resolved, resolve_preset
from ..pipeline.ranking import cost_candidate, faults_of_candidate, solution
from ..pipeline.runs.distinct_layers import answers_of
from ..pipeline.runs.solve_job import num_cores
from ..pipeline.status import termination
from ..pipeline.summary import versions
from .front_steps import check_steps
from .search_by_space import LayerFrontSearch, front_search_of

if TYPE_CHECKING:
    from typing import Unpack

BACKEND = "portfolio"
"""Whose distribution's version a document of fronts states: the search is of its kind."""


def pareto_fronts(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    check: bool = False,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> ParetoFronts:
    """Every layer's mappings that no other mapping beats in both energy and cycles.

    Spec, ``options`` and ``progress`` as :func:`dmaze.solver.solve` takes them. ``check`` adds a second
    proof by successive constrained solves (:mod:`.front_steps`), within as much time again.

    The spec's objective and back end do not matter; ``time_limit_s`` holds for each layer, ``total_time_limit_s`` for
    all. ``complete`` is false for a front that was cut short; its points are legal and exact all the same. Ctrl-C ends
    the running search; what was found until then is given, with ``interrupted`` set.

    Raises:
        InputError: for names, files or constraints that do not make sense.

    Example:
        >>> fronts = pareto_fronts("spec.json")  # doctest: +SKIP
        >>> [point.cost.cycles for point in fronts.layers[0].points]  # doctest: +SKIP
        [3450848, 2557840, 2458496, 2457488]
    """
    with resolved_source(Spec, spec, options) as known, observed(observer, None, progress=progress) as observers:
        return pareto_fronts_resolved(known, observers, check=check)


def pareto_fronts_resolved(
    known: ResolvedSpec[Spec], observer: Observer | None = None, *, check: bool = False, at_once: bool = False
) -> ParetoFronts:
    """What :func:`pareto_fronts` gives, of a spec that is resolved already; ``at_once`` as in a run that solves."""
    spec = known.document
    if spec.solver.pad_bounds:
        raise InputError.single(None, "solver.pad_bounds", "expected false, since fronts are of the bounds as given")
    task = FrontTask(known, Deadline.of_limit(spec.solver.total_time_limit_s), check)
    workers = spec.solver.workers or num_cores()
    layers, interrupted = answers_of(task, known.layers, workers, observer or SilentObserver(), at_once=at_once)
    return ParetoFronts(
        name=spec.name,
        cost_model=known.cost_model.name,
        accounting=known.cost_model.accounting,
        architecture=known.architecture,
        constraints=spec.constraints,
        versions=versions(BACKEND),
        interrupted=interrupted,
        layers=layers,
    )


@dataclass(frozen=True)
class FrontTask:
    """The front of every layer: a :class:`..pipeline.runs.distinct_layers.LayerTask`."""

    known: ResolvedSpec[Spec]
    deadline: Deadline
    check: bool

    def answer(
        self, layer: Layer, position: int, total: int, workers: int, observer: Observer
    ) -> tuple[LayerFront, bool]:
        """A layer's front within the time that is left, with its second proof where that is asked for."""
        observer.layer_started(layer.name, position, total)
        own_s, left_s = self.known.document.solver.time_limit_s, self.deadline.left_s
        limit_s, limit = min(own_s, left_s), Limit.TIME if own_s <= left_s else Limit.TOTAL_TIME
        problem = front_problem(self.known, layer.loop_nest())
        front, cut_short = front_of_layer(layer, problem, limit_s, observer, limit)
        if self.check and front.points and not front.steps and not cut_short:
            front, cut_short = _with_steps(front, published(problem), limit_s, workers)
        return front, cut_short

    def lost(self, layer: Layer, how: str) -> LayerFront:
        """No front, and why."""
        return not_searched(layer, Termination(reason=Reason.FAULT), how)

    def unbegun(self, layer: Layer) -> LayerFront:
        """No front."""
        return not_searched(layer, Termination(reason=Reason.INTERRUPTED))

    def copied(self, first: LayerFront, layer: Layer) -> LayerFront:
        """The same front, found at no cost."""
        own = {"name": layer.name, "count": layer.count, "layer": layer, "same_as": first.name, "wall_s": 0.0}
        return first.model_copy(update=own)


def front_problem(known: ResolvedSpec[Spec], nest: LoopNest) -> AnyProblem:
    """The problem whose front is searched, for one nest of a spec."""
    spec = known.document
    return LayerProblem(nest, known.architecture, spec.constraints, spec.objective, cost_model=known.cost_model)


def front_progress(size: int) -> Progress:
    """A snapshot of a front's search, which has so many points so far."""
    return Progress(None, None, note=f"front of {size}")


def front_of_layer(
    layer: Layer, problem: AnyProblem, limit_s: float, observer: Observer, limit: Limit = Limit.TIME
) -> tuple[LayerFront, bool]:
    """One layer's front, and whether Ctrl-C cut it short; nothing is searched without time, which ``limit`` sets."""
    if limit_s <= 0:
        return not_searched(layer, Termination(reason=Reason.LIMIT, limit=Limit.TOTAL_TIME)), False
    started, deadline, interrupted = time.monotonic(), Deadline.after(limit_s), False
    resolved, search = Resolved(problem.constraints), None
    try:
        resolved = resolve_preset(problem, deadline)
        problem = replace(problem, constraints=resolved.constraints)
        if resolved.outcome is None:
            search = front_search_of(problem)
            search.run(deadline, lambda size: observer.progressed(layer.name, front_progress(size)))
    except KeyboardInterrupt:
        interrupted = True
    decided = resolved.outcome is not None and resolved.outcome.exhausted
    complete = decided or (search is not None and search.complete)
    points = () if search is None else _points(problem, search)
    wall_s = time.monotonic() - started
    status = ("optimal" if points else "infeasible") if complete else "unknown"
    return LayerFront(
        name=layer.name,
        count=layer.count,
        layer=layer,
        complete=complete,
        infeasible=complete and not points,
        points=points,
        steps=() if search is None else search.steps,
        tilings_costed=0 if search is None else search.costed,
        wall_s=wall_s,
        thresholds=resolved.thresholds,
        termination=termination(status, limit, wall_s / limit_s, interrupted=interrupted),
        note="interrupted" if interrupted else resolved.note,
    ), interrupted


def not_searched(layer: Layer, ended: Termination, note: str = "no time was left for this layer") -> LayerFront:
    """A layer whose front was not searched."""
    return LayerFront(name=layer.name, count=layer.count, layer=layer, complete=False, termination=ended, note=note)


def _with_steps(front: LayerFront, problem: PublishedProblem, limit_s: float, workers: int) -> tuple[LayerFront, bool]:
    """The front with its second proof, as far as there is time, and whether Ctrl-C cut that short."""
    steps: list[StepCheck] = []
    points = [(int(point.cost.energy_pj), point.cost.cycles) for point in front.points]
    deadline, interrupted = Deadline.after(limit_s), False
    try:
        constraints = resolve_preset(problem, deadline).constraints
        for step in check_steps(replace(problem, constraints=constraints), points, deadline, workers):
            steps.append(step)
    except KeyboardInterrupt:
        interrupted = True
    return front.model_copy(update={"steps": tuple(steps)}), interrupted


def _points(problem: AnyProblem, search: LayerFrontSearch) -> tuple[Solution, ...]:
    """The front's points with costs of the one-at-a-time model.

    Raises:
        BackendFault: when it disagrees with what the search says, or a mapping is illegal: a fault of ours.
    """
    points: list[Solution] = []
    for number, (mapping, expected) in enumerate(search.points(), start=1):
        found = cost_candidate(problem, mapping)
        rules = faults_of_candidate(problem, mapping)
        if rules or (found.cost.energy_pj, found.cost.cycles) != expected:
            raise BackendFault(f"a point of the front is wrong: {', '.join(rules) or 'its exact cost is another'}")
        points.append(solution(problem, number, found, proved=search.complete))
    return tuple(points)
