"""Energy-latency fronts of all layers of a spec (:mod:`.front_search`), exact and proved complete."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ...model.dmazerunner.architecture import Architecture
from ...model.dmazerunner.cost import cost_of_mapping
from ...model.dmazerunner.mapping import mapping_to_document
from ...model.documents.cost_document import cost_to_document
from ...model.documents.pareto import LayerFront, ParetoFronts, StepCheck
from ...model.documents.result import Solution
from ...model.documents.spec import LayerList, Spec
from ...model.faults import BackendFault, InputError
from ...model.layers import Layer
from ...model.reading.loading import resolve_spec
from ..backend import LayerProblem
from ..pipeline.presets import Resolved, resolve_preset
from ..pipeline.ranking import faults_of_candidate
from ..pipeline.solve import num_cores
from ..pipeline.summary import versions
from .front_search import FrontSearch
from .front_steps import check_steps

BACKEND = "portfolio"
"""Whose distribution's version a document of fronts states: the search is of its kind."""

Told = Callable[[str, int], None]
"""Is told a layer's name and how many points its front has so far."""


def pareto_fronts(spec: Spec, tell: Told | None = None, *, check: bool = False) -> ParetoFronts:
    """Every layer's mappings that no other mapping beats in both energy and cycles.

    ``check`` adds a second proof by successive constrained solves (:mod:`.front_steps`), within as much time again.

    The spec's objective and back end do not matter; ``time_limit_s`` holds for each layer, ``total_time_limit_s`` for
    all. A front that was cut short is told by ``complete``; its points are legal and exact all the same. Ctrl-C ends
    the running search; what was found until then is given, with ``interrupted`` set.

    Raises:
        InputError: for names, files or constraints that do not make sense.

    Example:
        >>> from dmaze.model import load_spec
        >>> fronts = pareto_fronts(load_spec("spec.json"))  # doctest: +SKIP
        >>> [point.cost.cycles for point in fronts.layers[0].points]  # doctest: +SKIP
        [3450848, 2557840, 2458496, 2457488]
    """
    started = time.monotonic()
    spec = resolve_spec(spec, Path.cwd())
    if not isinstance(spec.architecture, Architecture) or not isinstance(spec.workload, LayerList):
        raise TypeError("resolve_spec left a name in place")
    if spec.solver.pad_bounds:
        raise InputError.single(None, "solver.pad_bounds", "expected false, since fronts are of the bounds as given")
    total = spec.solver.total_time_limit_s
    deadline = math.inf if total is None else started + total
    layers, interrupted = _fronts(spec, spec.architecture, spec.workload.layers, deadline, tell, check=check)
    return ParetoFronts(
        name=spec.name,
        architecture=spec.architecture,
        constraints=spec.constraints,
        versions=versions(BACKEND),
        interrupted=interrupted,
        layers=layers,
    )


def _fronts(
    spec: Spec, architecture: Architecture, given: Sequence[Layer], deadline: float, tell: Told | None, *, check: bool
) -> tuple[tuple[LayerFront, ...], bool]:
    """The front of every layer, each distinct one searched once, and whether Ctrl-C cut one short."""
    fronts: dict[tuple[object, ...], LayerFront] = {}
    layers: list[LayerFront] = []
    interrupted = False
    for layer in given:
        nest = layer.loop_nest()
        if nest.key in fronts:
            first = fronts[nest.key]
            own = {"name": layer.name, "count": layer.count, "layer": layer, "same_as": first.name, "wall_s": 0.0}
            layers.append(first.model_copy(update=own))
            continue
        problem = LayerProblem(nest, architecture, spec.constraints, spec.objective)
        limit_s = 0.0 if interrupted else min(spec.solver.time_limit_s, deadline - time.monotonic())
        front, cut_short = front_of_layer(layer, problem, limit_s, tell)
        if check and front.points and not cut_short:
            front, cut_short = _with_steps(front, problem, limit_s, spec.solver.workers or num_cores())
        interrupted |= cut_short
        fronts[nest.key] = front
        layers.append(front)
    return tuple(layers), interrupted


def front_of_layer(layer: Layer, problem: LayerProblem, limit_s: float, tell: Told | None) -> tuple[LayerFront, bool]:
    """One layer's front, and whether Ctrl-C cut it short; nothing is searched without time."""
    if limit_s <= 0:
        note = "no time was left for this layer"
        return LayerFront(name=layer.name, count=layer.count, layer=layer, complete=False, note=note), False
    started, interrupted = time.monotonic(), False
    resolved, search = Resolved(problem.constraints), None
    try:
        resolved = resolve_preset(problem, started + limit_s)
        problem = replace(problem, constraints=resolved.constraints)
        if resolved.outcome is None:
            search = FrontSearch(problem)
            search.run(started + limit_s, (lambda: tell(layer.name, search.front.size)) if tell else None)
    except KeyboardInterrupt:
        interrupted = True
    decided = resolved.outcome is not None and resolved.outcome.exhausted
    complete = decided or (search is not None and search.complete)
    points = () if search is None else _points(problem, search)
    return LayerFront(
        name=layer.name,
        count=layer.count,
        layer=layer,
        complete=complete,
        infeasible=complete and not points,
        points=points,
        tilings_costed=0 if search is None else search.costed,
        wall_s=time.monotonic() - started,
        thresholds=resolved.thresholds,
        note="interrupted" if interrupted else resolved.note,
    ), interrupted


def _with_steps(front: LayerFront, problem: LayerProblem, limit_s: float, workers: int) -> tuple[LayerFront, bool]:
    """The front with its second proof, as far as there is time, and whether Ctrl-C cut that short."""
    steps: list[StepCheck] = []
    points = [(point.cost.energy_pj, point.cost.cycles) for point in front.points]
    deadline, interrupted = time.monotonic() + limit_s, False
    try:
        constraints = resolve_preset(problem, deadline).constraints
        for step in check_steps(replace(problem, constraints=constraints), points, deadline, workers):
            steps.append(step)
    except KeyboardInterrupt:
        interrupted = True
    return front.model_copy(update={"steps": tuple(steps)}), interrupted


def _points(problem: LayerProblem, search: FrontSearch) -> tuple[Solution, ...]:
    """The front's points with costs of the one-at-a-time model.

    Raises:
        BackendFault: when it disagrees with the vectorised model, or a mapping is illegal: a fault of ours.
    """
    points: list[Solution] = []
    values = zip(search.front.points.energy_pj.tolist(), search.front.points.cycles.tolist(), strict=True)
    for number, (mapping, expected) in enumerate(zip(search.front.mappings(search.model), values, strict=True), 1):
        cost = cost_of_mapping(problem.nest, problem.architecture, mapping)
        broken = faults_of_candidate(problem, mapping)
        if broken or (cost.energy_pj, cost.cycles) != expected:
            raise BackendFault(f"a point of the front is wrong: {', '.join(broken) or 'its exact cost is another'}")
        document = cost_to_document(problem.nest, problem.architecture, mapping.tiling, cost)
        points.append(Solution(rank=number, mapping=mapping_to_document(problem.nest, mapping), cost=document))
    return tuple(points)
