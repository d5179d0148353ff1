"""From a spec to a result: every distinct layer is answered once (:mod:`.layer_search`), whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.result import LayerResult, Result
from ...model.documents.spec import Spec
from ...model.layers import Layer
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ..deadline import Deadline
from .cache import Cache, CacheSource, cache_of
from .observer import Observer, SilentObserver, observed
from .runs.distinct_layers import answers_of
from .runs.layer_results import SolveTask, solve_guarded
from .runs.solve_job import SolveJob, layer_search_of
from .summary import totals, versions, with_question, with_shares

if TYPE_CHECKING:
    from typing import Unpack


def solve(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    cache: CacheSource | None = None,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> Result:
    """The best mappings of every layer of a spec, with exact costs and certified bounds.

    The spec is given as for :func:`dmaze.model.load_spec`: a ``Spec``, a dict, text, a path, or the name of a built-in
    network (with an ``architecture``) or example; ``options`` stand in place of its own values. ``progress`` writes a
    line for each layer to standard error. Identical layers are searched once. A layer whose search fails is reported
    (``fault``) and does not stop the others. Ctrl-C ends the running search; what was found until then is the result,
    with ``interrupted`` set. What an earlier run left in the ``cache`` (a :class:`Cache` or its folder) is not searched
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
        return solve_resolved(known, observers, cache=cache_of(cache))


def solve_resolved(
    spec: ResolvedSpec[Spec], observer: Observer | None = None, *, cache: Cache | None = None, at_once: bool = False
) -> Result:
    """What :func:`solve` gives, of a spec that is resolved already.

    ``at_once``: several layers are searched at a time, in processes forked from this one, where that can be done
    (:mod:`.runs.layer_processes`).
    """
    document, total = spec.document, Deadline.of_limit(spec.document.solver.total_time_limit_s)
    layer_search = layer_search_of(spec, cache)
    job = SolveJob(spec, layer_search, observer, total, until_gap=layer_search.options.until_gap, explains=True)
    results, interrupted = _solve_layers(job, at_once=at_once)
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
    layer_search = layer_search_of(spec, cache)
    job = SolveJob(spec, layer_search, None, Deadline.never(), tuple(warm_starts))
    return solve_guarded(job, layer, 1, 1)[0]


def enumerate_mappings(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    cache: CacheSource | None = None,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> Result:
    """Exhaustive search of what the constraints leave: :func:`solve` with the ``exhaustive`` back end.

    ``evaluated`` of every layer counts the tilings that fit and pass. What is given and raised is as there.
    """
    options["backend"] = "exhaustive"
    return solve(spec, observer, cache=cache, progress=progress, **options)


def _solve_layers(job: SolveJob, *, at_once: bool) -> tuple[tuple[LayerResult, ...], bool]:
    """Results of all layers in their order, and whether the run was interrupted."""
    workers, observer = job.layer_search.options.workers or 1, job.observer or SilentObserver()
    if at_once:
        job.load()
    told = partial(_told, observer)
    return answers_of(SolveTask(job), job.spec.layers, workers, observer, at_once=at_once, told=told)


def _told(observer: Observer, result: LayerResult) -> bool:
    """Tell of a final result, and say whether Ctrl-C came meanwhile: the result is final all the same."""
    try:
        observer.layer_finished(result)
    except KeyboardInterrupt:
        return True
    return False
