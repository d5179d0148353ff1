"""The result of one layer of a run, whatever happens to its search."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ....model.documents.kinds.achievable_value import AchievableValue
from ....model.documents.result import LayerResult, Limit, PaddedBound, Reason, Termination
from ....model.documents.spec import SolverOptions
from ....model.error_text import error_line
from ....model.faults import BackendFault, InputError
from ....model.layers import Layer
from ..further.gap_search import GapGoal, Searched, searched_on
from ..observer import Observer, SearchRecorder
from ..padded_search import LayerAnswer, answer_all
from ..padding import choices_of_bounds, num_combinations
from ..ranking import solution
from ..status import termination
from .solve_job import SolveJob

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


@dataclass(frozen=True)
class SolveTask:
    """The best mappings of every layer: a :class:`.distinct_layers.LayerTask`."""

    job: SolveJob

    def answer(
        self, layer: Layer, position: int, total: int, workers: int, observer: Observer
    ) -> tuple[LayerResult, bool]:
        """The result of a layer, whatever happens to it."""
        return solve_guarded(self.job.part(workers, observer), layer, position, total)

    def lost(self, layer: Layer, how: str) -> LayerResult:
        """That nothing is known, and why."""
        return unsolved(layer, FAULT, fault=how)

    def unbegun(self, layer: Layer) -> LayerResult:
        """That nothing is known."""
        return unsolved(layer, INTERRUPTED, note="interrupted before this layer")

    def copied(self, first: LayerResult, layer: Layer) -> LayerResult:
        """The same result, found at no cost."""
        own = {"name": layer.name, "count": layer.count, "layer": layer, "same_as": first.name, "wall_s": 0.0}
        return first.model_copy(update=own)


def solve_guarded(job: SolveJob, layer: Layer, position: int, total: int) -> tuple[LayerResult, bool]:
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
    from ..further.achievable import achievable_values  # loaded for layers without a mapping

    try:
        return achievable_values(found.best.problem, found.best.conflicts, left_s)
    except KeyboardInterrupt:
        recorder.interrupted = True
        return {}


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
