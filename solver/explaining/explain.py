"""Why a layer of a result costs what it costs: the whole explanation, from what is known and a few small searches."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.documents.explaining.explanation import ArrayUse, BottleneckDocument, Explanation, WhatIf
from ...model.documents.result import Result
from ...model.explaining.explainable import ArrayInUse, FieldChange
from ...model.reading.results import load_result
from ...model.reading.sources.given_document import DocumentSource
from ..deadline import Deadline
from ..pipeline.cache import CacheSource, cache_of
from ..pipeline.observer import Observer, SilentObserver
from .array_use import array_use, arrays_of
from .explained_layer import ExplainedLayer, explained_layer
from .other_costs import Question, Questions
from .rank_differences import other_ranks

DEFAULT_LIMIT_S = 60.0
"""Seconds that all searches of an explanation have together."""


def explain(
    result: Result | DocumentSource,
    layer: str,
    *,
    time_limit_s: float = DEFAULT_LIMIT_S,
    workers: int | None = None,
    observer: Observer | None = None,
    cache: CacheSource | None = None,
) -> Explanation:
    """What bounds a layer of a result, why its arrays are used as they are, and what more of one thing would bring.

    The result is given as :func:`dmaze.model.load_result` takes it. Every "what if" is a search by the result's own
    back end, with ``workers`` threads (by default as many as there are cores); all of them share ``time_limit_s``
    seconds, and what is not proved in time is marked. Ctrl-C ends the searches; what was found until then is told,
    with ``interrupted`` set. ``cache`` as for :func:`dmaze.solver.solve`.

    Raises:
        InputError: for an unknown layer, one without a mapping, and a cost model that does not explain its mappings.
        BackendFault: when the back end cannot be loaded.

    Example:
        >>> explain("r.json", "layer3.0.conv1").bottleneck.bound_by  # doctest: +SKIP
        'dma'
    """
    deadline = Deadline.after(time_limit_s)
    explained = explained_layer(_with_workers(load_result(result), workers), layer)
    questions = Questions(explained, deadline, cache_of(cache), observer or SilentObserver())
    return _told(explained, questions, time_limit_s)


def _told(explained: ExplainedLayer, questions: Questions, time_limit_s: float) -> Explanation:
    result = explained.result
    arrays, what_if = _answered(explained, questions)
    return Explanation(
        name=result.name,
        layer=explained.layer.name,
        cost_model=result.cost_model,
        accounting=result.accounting,
        objective=result.objective,
        backend=result.backend,
        architecture=result.architecture.name,
        status=explained.layer.status,
        objective_value=_value(explained),
        bottleneck=_bottleneck(explained),
        arrays=arrays,
        what_if=what_if,
        ranks=tuple(other_ranks(explained)),
        time_limit_s=time_limit_s,
        interrupted=questions.interrupted,
    )


def _with_workers(result: Result, workers: int | None) -> Result:
    """The result with other threads for further searches: its own are those of the machine where it was found."""
    return result.model_copy(update={"solver": result.solver.model_copy(update={"workers": workers})})


def _answered(explained: ExplainedLayer, questions: Questions) -> tuple[tuple[ArrayUse, ...], tuple[WhatIf, ...]]:
    """The arrays, with what forcing more use comes to where that is possible; and what more of one thing brings."""
    arrays = arrays_of(explained)
    uses = [array_use(explained, array) for array in arrays]
    forced = [array for array, use in zip(arrays, uses, strict=True) if use.next_used is not None]
    answers = questions.answers([*(_more_use(explained, array) for array in forced), *_enlargements(explained)])
    by_array = dict(zip((array.name for array in forced), answers, strict=False))
    return (
        tuple(use.model_copy(update={"forced": by_array.get(use.name)}) for use in uses),
        tuple(answers[len(forced) :]),
    )


def _value(explained: ExplainedLayer) -> int | float:
    value = explained.layer.objective_value
    assert value is not None  # a layer with a mapping has one
    return value


def _bottleneck(explained: ExplainedLayer) -> BottleneckDocument:
    """What the cost says of its time; from the model, for an older result does not state it."""
    problem, best = explained.problem, explained.best
    cost = problem.cost_model.cost_document(problem.nest, problem.architecture, best.mapping, best.cost)
    return BottleneckDocument(
        cycles=cost.cycles,
        ideal_cycles=cost.ideal_cycles,
        bound_by=cost.bound_by,
        roofline=cost.roofline,
        share=explained.layer.share,
    )


def _more_use(explained: ExplainedLayer, array: ArrayInUse) -> Question:
    """More of an array than the best mapping uses."""
    present, least = array.used / array.size, (array.used + 1) / array.size
    constraints = explained.parts.with_least_use(explained.problem.constraints, array.name, least)
    change = FieldChange(f"constraints.{array.threshold}", present, least)
    what = f"more than {array.used} of {array.size} {array.name} in use"
    return Question(what, (change,), explained.problem.architecture, constraints)


def _enlargements(explained: ExplainedLayer) -> Iterator[Question]:
    """More of one thing of the machine each."""
    problem = explained.problem
    bound_by = _bottleneck(explained).bound_by
    for larger in explained.parts.enlarged(problem.architecture, bound_by):
        yield Question(larger.what, larger.changes, larger.machine, problem.constraints)
