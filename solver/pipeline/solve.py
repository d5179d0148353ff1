"""From a spec to a result: every distinct layer is answered once (:mod:`.layer_search`), whatever happens."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.cost_models import AnySearchableModel
from ...model.documents.architectures import AnyArchitecture
from ...model.documents.kinds.achievable_value import AchievableValue
from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.result import LayerResult, Limit, PaddedBound, Reason, Result, Termination
from ...model.documents.spec import SolverOptions, Spec
from ...model.error_text import error_line
from ...model.faults import BackendFault, InputError
from ...model.layers import Layer
from ...model.loop_nest import LoopNest
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ..backend import AnyMapping, AnyProblem, LayerProblem
from ..deadline import Deadline
from ..registry import load_backend_for
from .cache import Cache
from .further.achievable import achievable_values
from .further.gap_search import GapGoal, Searched, searched_on
from .layer_cache import LayerCache
from .layer_search import LayerSearch
from .observer import Observer, SearchRecorder, observed
from .padded_search import LayerAnswer, answer_all
from .padding import choices_of_bounds, num_combinations
from .ranking import solution
from .status import termination
from .summary import totals, versions, with_question, with_shares

if TYPE_CHECKING:
    from typing import Unpack


@dataclass(frozen=True)
class SolveJob:
    """What all layers of a run share. ``total`` is when the run as a whole must end.

    ``until_gap`` is the gap up to which layers are searched beyond their time limit, if they are. ``explains``: for
    limits that no mapping keeps, what can be had is looked for.
    """

    spec: ResolvedSpec[Spec]
    layer_search: LayerSearch
    observer: Observer | None
    total: Deadline
    warm_starts: tuple[AnyMappingDocument, ...] = ()
    until_gap: float | None = None
    explains: bool = False

    @property
    def limit_s(self) -> float:
        """Seconds that the next layer may take; not positive when the run's time is used up."""
        return min(self.layer_search.options.time_limit_s, self.total.left_s)

    @property
    def binding_limit(self) -> Limit:
        """Which limit the next layer's time is cut by."""
        return Limit.TOTAL_TIME if self.total.left_s < self.layer_search.options.time_limit_s else Limit.TIME

    def problem(self, nest: LoopNest) -> AnyProblem:
        """The problem of one nest."""
        spec = self.spec.document
        warm_starts = tuple(_warm_starts(self.spec.cost_model, nest, self.spec.architecture, self.warm_starts))
        return LayerProblem(
            nest, self.spec.architecture, spec.constraints, spec.objective, warm_starts, self.spec.cost_model
        )


def solve(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    cache: Cache | None = None,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> Result:
    """The best mappings of every layer of a spec, with exact costs and certified bounds.

    The spec is given as for :func:`dmaze.model.load_spec`: a ``Spec``, a dict, text, a path, or the name of a built-in
    network (with an ``architecture``) or example; ``options`` stand in place of its own values. ``progress`` writes a
    line for each layer to standard error. Identical layers are searched once. A layer
    whose search fails is reported (``fault``) and does not stop the others. Ctrl-C ends the running search; what was
    found until then is the result, with ``interrupted`` set. What an earlier run left in the ``cache`` is not searched
    again, but checked and costed again.

    Raises:
        InputError: for names, files or constraints that do not make sense.
        BackendFault: when the back end cannot be loaded.

    Example:
        >>> result = solve("resnet18", architecture="eyeriss-168", objective="energy")  # doctest: +SKIP
        >>> solve("conv5_2").layers[0].status
        'optimal'
    """
    with (
        resolved_source(Spec, spec, options) as known,
        observed(observer, known.document.objective, progress=progress) as observers,
    ):
        return solve_resolved(known, observers, cache=cache)


def solve_resolved(spec: ResolvedSpec[Spec], observer: Observer | None = None, *, cache: Cache | None = None) -> Result:
    """What :func:`solve` gives, of a spec that is resolved already."""
    document, total = spec.document, Deadline.of_limit(spec.document.solver.total_time_limit_s)
    layer_search = _layer_search(spec, cache)
    job = SolveJob(spec, layer_search, observer, total, until_gap=layer_search.options.until_gap, explains=True)
    results, interrupted = _solve_layers(job)
    options = layer_search.options
    result = Result(
        name=document.name,
        cost_model=spec.cost_model.name,
        accounting=spec.cost_model.accounting,
        objective=document.objective,
        backend=options.backend,
        architecture=spec.architecture,
        constraints=document.constraints,
        solver=options,
        versions=versions(options.backend),
        interrupted=interrupted,
        imported=spec.workload.imported,
        layers=with_shares(results),
        total=totals(results),
    )
    return with_question(result, spec.workload.name or spec.workload.source)


def solve_layer(
    spec: ResolvedSpec[Spec],
    layer: Layer,
    *,
    warm_starts: Sequence[AnyMappingDocument] = (),
    cache: Cache | None = None,
) -> LayerResult:
    """What :func:`solve` says of one layer of a spec, searched on its own.

    A mapping in ``warm_starts`` that has the layer's bounds is one to search from, legal or not: it may save time.

    Raises:
        BackendFault: when the back end cannot be loaded.

    Example:
        >>> spec = load_resolved(Spec, Path("spec.json"))  # doctest: +SKIP
        >>> solve_layer(spec, spec.layers[0]).status  # doctest: +SKIP
        'optimal'
    """
    layer_search = _layer_search(spec, cache)
    job = SolveJob(spec, layer_search, None, Deadline.never(), tuple(warm_starts))
    return _solve_guarded(job, layer, 1, 1)[0]


def enumerate_mappings(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    cache: Cache | None = None,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> Result:
    """Exhaustive search of what the constraints leave: :func:`solve` with the ``exhaustive`` back end."""
    options["backend"] = "exhaustive"
    return solve(spec, observer, cache=cache, progress=progress, **options)


def _layer_search(known: ResolvedSpec[Spec], cache: Cache | None) -> LayerSearch:
    """The back end that a spec asks for, with its options and the cache, if there is one."""
    spec = known.document
    options = spec.solver.model_copy(update={"workers": spec.solver.workers or num_cores()})
    if options.pad_bounds and spec.constraints.preset is not None:
        message = f"expected false beside constraints.preset '{spec.constraints.preset}', which does not pad"
        raise InputError.single(None, "solver.pad_bounds", message)
    if options.pad_bounds and options.until_gap is not None:
        raise InputError.single(None, "solver.until_gap", "expected none beside solver.pad_bounds")
    backend = load_backend_for(options.backend, known.cost_model)
    return LayerSearch(backend, options, None if cache is None else LayerCache.of_run(cache, options))


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _solve_layers(job: SolveJob) -> tuple[tuple[LayerResult, ...], bool]:
    """Results of all layers in their order, and whether the run was interrupted."""
    layers = job.spec.layers
    keys = [layer.loop_nest().key for layer in layers]
    total, interrupted = len(set(keys)), False
    solved: dict[tuple[object, ...], LayerResult] = {}
    results: list[LayerResult] = []
    for layer, key in zip(layers, keys, strict=True):
        try:
            if key not in solved and not interrupted:
                solved[key], interrupted = _solve_guarded(job, layer, len(solved) + 1, total)
        except KeyboardInterrupt:  # between two layers; what is found is kept
            interrupted = True
        if key not in solved:
            solved[key] = unsolved(layer, INTERRUPTED, note="interrupted before this layer")
        result = solved[key] if solved[key].layer is layer else copied(solved[key], layer)
        results.append(result)
        interrupted = _told(job.observer, result) or interrupted
    return tuple(results), interrupted


def _told(observer: Observer | None, result: LayerResult) -> bool:
    """Tell of a final result, and say whether Ctrl-C came meanwhile: the result is final all the same."""
    try:
        if observer is not None:
            observer.layer_finished(result)
    except KeyboardInterrupt:
        return True
    return False


def copied(result: LayerResult, layer: Layer) -> LayerResult:
    """The result of a layer as that of another one, which is identical."""
    own = {"name": layer.name, "count": layer.count, "layer": layer, "same_as": result.name, "wall_s": 0.0}
    return result.model_copy(update=own)


INTERRUPTED = Termination(reason=Reason.INTERRUPTED)
FAULT = Termination(reason=Reason.FAULT)


def unsolved(
    layer: Layer, termination: Termination, *, note: str | None = None, fault: str | None = None, wall_s: float = 0.0
) -> LayerResult:
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
        termination=termination,
        note=note,
        fault=fault,
    )


def _solve_guarded(job: SolveJob, layer: Layer, position: int, total: int) -> tuple[LayerResult, bool]:
    """The result of one layer, whatever happens to it, and whether it was interrupted."""
    if job.limit_s <= 0:
        out_of_time = Termination(reason=Reason.LIMIT, limit=Limit.TOTAL_TIME)
        return unsolved(layer, out_of_time, note="total_time_limit_s was reached before this layer"), False
    if job.observer is not None:
        job.observer.layer_started(layer.name, position, total)
    started, recorder = time.monotonic(), SearchRecorder(layer.name, job.observer)
    try:
        return _solve_layer(job, layer, recorder), recorder.interrupted
    except InputError:
        raise
    except BackendFault as fault:
        text = str(fault)
    except KeyboardInterrupt:
        return unsolved(layer, INTERRUPTED, note="interrupted", wall_s=time.monotonic() - started), True
    except Exception as error:  # a fault of ours must not lose the other layers
        text = error_line(error, f"back end {job.layer_search.backend.name}")
    return unsolved(layer, FAULT, fault=text, wall_s=time.monotonic() - started), recorder.interrupted


def _solve_layer(job: SolveJob, layer: Layer, recorder: SearchRecorder) -> LayerResult:
    """Answer one layer's problem, with its paddings where they are allowed."""
    started, limit_s, limit = time.monotonic(), job.limit_s, job.binding_limit
    options, nest = job.layer_search.options, layer.loop_nest()
    problems = [job.problem(each) for each in choices_of_bounds(nest, job.spec.document.constraints, options)]
    found = answer_all(job.layer_search, problems, limit_s, recorder)
    share_used = 1.0 if found.cached else (time.monotonic() - started) / limit_s
    if job.until_gap is not None:
        goal, first = GapGoal(job.until_gap, job.total), Searched(found, share_used, limit)
        last = searched_on(first, job.layer_search, problems[0], goal, limit_s, recorder)
        found, share_used, limit = last.found, last.share_used, last.limit
    wall_s = time.monotonic() - started
    ended = termination(found.layer_status.status, limit, share_used, interrupted=recorder.interrupted)
    result = _layer_result(layer, found, wall_s, ended, interrupted=recorder.interrupted)
    if job.explains and result.conflicts:
        result = result.model_copy(update={"achievable": _achievable(found, limit_s - wall_s, recorder)})
    if recorder.fault is not None:  # what a search had reported when it was stopped counts all the same
        result = result.model_copy(update={"fault": recorder.fault, "termination": FAULT})
    return _with_padding(result, found, options) if options.pad_bounds else result


def _achievable(found: LayerAnswer, left_s: float, recorder: SearchRecorder) -> dict[str, AchievableValue]:
    """What can be had of the limits that clash; nothing where Ctrl-C comes first, which loses no answer."""
    try:
        return achievable_values(found.best.problem, found.best.conflicts, left_s)
    except KeyboardInterrupt:
        recorder.interrupted = True
        return {}


def _warm_starts(
    model: AnySearchableModel, nest: LoopNest, machine: AnyArchitecture, documents: Iterable[AnyMappingDocument]
) -> Iterator[AnyMapping]:
    """Those of some mappings that tile the nest."""
    for document in documents:
        try:
            yield model.mapping_of(nest, machine, document)
        except ValueError:
            continue


def _layer_result(
    layer: Layer, found: LayerAnswer, wall_s: float, ended: Termination, *, interrupted: bool
) -> LayerResult:
    layer_status, best = found.layer_status, found.best
    statistics = dict(best.outcome.statistics)
    evaluated, pruned = (statistics.pop(name, None) for name in ("evaluated", "pruned_by_bound"))
    return LayerResult(
        name=layer.name,
        count=layer.count,
        layer=layer,
        status=layer_status.status,
        objective_value=layer_status.objective_value,
        bound=layer_status.bound,
        gap=layer_status.gap,
        wall_s=wall_s,
        termination=ended,
        conflicts=best.conflicts,
        note="interrupted" if interrupted else best.resolved.note,
        thresholds=best.resolved.thresholds,
        evaluated=evaluated if isinstance(evaluated, int) else None,
        pruned_by_bound=pruned if isinstance(pruned, int) else None,
        statistics=statistics,
        certificate=best.outcome.certificate,
        cached=found.cached,
        cached_from=best.origin,
        solutions=tuple(
            solution(best.problem, number, mapping, proved=number <= found.ranks_proved)
            for number, mapping in enumerate(best.ranked, start=1)
        ),
    )


def _with_padding(result: LayerResult, found: LayerAnswer, options: SolverOptions) -> LayerResult:
    """The result with what it says of padding."""
    note = found.note(num_combinations(found.unpadded.problem.nest, options.pad_percent))
    padding = {name: PaddedBound.model_validate({"from": own, "to": to}) for name, (own, to) in found.padding.items()}
    own: dict[str, object] = {
        "padding": padding or None,
        "unpadded_objective_value": found.unpadded.layer_status.objective_value,
        "padding_variants": found.documents(),
        "note": note if result.note is None else f"{result.note}; {note}",
    }
    return result.model_copy(update=own)
