"""What every study does: search one layer after the other, in one variant of the spec after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Generic, TypeVar

from ...model.documents.kinds.any_constraints import AnyConstraints
from ...model.documents.result import LayerResult
from ...model.documents.spec import Spec
from ...model.documents.study_results import LayerDataflows, LayerGap, StudySearch
from ...model.faults import InputError
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ...model.layers import Layer
from ...model.reading.loading import ResolvedSpec
from ..backend import AnyProblem, LayerProblem, Progress, published
from ..deadline import Deadline
from ..enumeration.counting import num_allowed_tilings
from ..pipeline.observer import Observer, SilentObserver
from ..pipeline.runs.distinct_layers import answers_of
from ..pipeline.runs.solve_job import num_cores
from ..pipeline.solve import solve_resolved

Studied = TypeVar("Studied", LayerGap, LayerDataflows)


@dataclass(frozen=True)
class Found:
    """What one search gave; ``done`` is the share of its space that it last reported as done, if it did."""

    backend: str
    result: LayerResult
    done: float | None

    def document(self) -> StudySearch:
        """The search as studies show it."""
        result = self.result
        costed = result.statistics.get("tilings_costed") if result.evaluated is None else result.evaluated
        return StudySearch(
            backend=self.backend,
            status=result.status,
            objective_value=result.objective_value,
            bound=result.bound,
            gap=result.gap,
            seconds=result.wall_s,
            tilings_costed=costed if isinstance(costed, int) else None,
            best=result.solutions[0] if result.solutions else None,
            conflicts=result.conflicts,
            note=result.note,
            fault=result.fault,
        )


class StudyRun:
    """Runs the searches of a study of a spec, each on one layer; after Ctrl-C (``interrupted``) no further one.

    The spec's ``total_time_limit_s`` is for all searches together, ``time_limit_s`` for each.

    Raises:
        InputError: for padded bounds.
    """

    def __init__(self, spec: ResolvedSpec[Spec], observer: Observer | None) -> None:
        self._resolved, self.spec = spec, spec.document
        options = self.spec.solver
        if options.pad_bounds:
            message = "expected false for a study: it compares searches of the same loop nest"
            raise InputError.single(None, "solver.pad_bounds", message)
        self.architecture, self.layers, self.cost_model = spec.architecture, spec.layers, spec.cost_model
        self.options = options.model_copy(update={"workers": options.workers or num_cores()})
        self.interrupted = False
        self._observer = observer
        self._deadline = Deadline.of_limit(options.total_time_limit_s)
        self._positions = _positions(self.layers)

    def search(
        self,
        layer: Layer,
        what: str,
        *,
        constraints: AnyConstraints | None = None,
        backend: str | None = None,
        time_limit_s: float | None = None,
    ) -> Found | None:
        """The best mapping of one layer; what is not given is as in the spec. None after an interruption.

        ``what`` names this search among the study's, for the observer.
        """
        if self.interrupted:
            return None
        left_s = None if self.options.total_time_limit_s is None else max(self._deadline.left_s, 0.0)
        given = {"backend": backend, "time_limit_s": time_limit_s}
        changes = {name: value for name, value in given.items() if value is not None}
        options = self.options.model_copy(update={"top_k": 1, "total_time_limit_s": left_s, **changes})
        own = _constraints_of(layer, self.spec.constraints if constraints is None else constraints)
        variant = self._resolved.variant((layer,), constraints=own, solver=options)
        recorder = _SearchObserver(self._observer, what, *self._positions[layer.loop_nest().key])
        try:
            result = solve_resolved(variant, recorder)
        except KeyboardInterrupt:  # outside the search itself, which hears Ctrl-C on its own
            self.interrupted = True
            return None
        self.interrupted = result.interrupted
        return Found(options.backend, result.layers[0], recorder.done)

    def num_tilings(self, layer: Layer, time_limit_s: float) -> int | None:
        """Number of tilings that fit and pass the spec's constraints; ``None`` where counting takes too long.

        Nor are those onto hierarchies counted.
        """
        problem = self.problem(layer)
        if self.interrupted or isinstance(problem.constraints, LevelConstraints):
            return None
        try:
            return num_allowed_tilings(published(problem), Deadline.after(time_limit_s))
        except KeyboardInterrupt:
            self.interrupted = True
            return None

    def problem(self, layer: Layer) -> AnyProblem:
        """One layer's problem, as the spec has it."""
        constraints = _constraints_of(layer, self.spec.constraints)
        return LayerProblem(
            layer.loop_nest(),
            self.architecture,
            constraints,
            self.spec.objective,
            cost_model=self.cost_model,
        )

    def over_layers(
        self,
        study: Callable[[StudyRun, Layer], Studied],
        of_search: Callable[[Layer, StudySearch], Studied],
        *,
        at_once: bool,
    ) -> tuple[Studied, ...]:
        """A study of every layer; one that is identical to a layer before has that one's figures.

        ``of_search`` makes one of a layer's first search alone, which says that its process has ended. ``at_once`` is
        as in a run that solves.
        """
        task = _StudyTask(self, study, of_search)
        workers, observer = self.options.workers or 1, self._observer or SilentObserver()
        found, self.interrupted = answers_of(task, self.layers, workers, observer, at_once=at_once)
        return found

    def part(self, workers: int, observer: Observer) -> StudyRun:
        """The same for a part of the layers, with threads and an observer of its own."""
        part = copy(self)
        part.options, part._observer = self.options.model_copy(update={"workers": workers}), observer
        return part

    def ended(self) -> StudyRun:
        """The same after an interruption: a study that finds nothing."""
        part = copy(self)
        part.interrupted = True
        return part


@dataclass(frozen=True)
class _StudyTask(Generic[Studied]):
    """A study of every layer: a :class:`..pipeline.runs.distinct_layers.LayerTask`."""

    run: StudyRun
    study: Callable[[StudyRun, Layer], Studied]
    of_search: Callable[[Layer, StudySearch], Studied]

    def answer(self, layer: Layer, position: int, total: int, workers: int, observer: Observer) -> tuple[Studied, bool]:  # noqa: ARG002 (the searches of a study say where they are)
        part = self.run.part(workers, observer)
        return self.study(part, layer), part.interrupted

    def lost(self, layer: Layer, how: str) -> Studied:
        failed = StudySearch(
            backend=self.run.options.backend,
            status="unknown",
            objective_value=None,
            bound=None,
            gap=None,
            seconds=0.0,
            fault=how,
        )
        return self.of_search(layer, failed)

    def unbegun(self, layer: Layer) -> Studied:
        return self.study(self.run.ended(), layer)

    def copied(self, first: Studied, layer: Layer) -> Studied:
        return first.model_copy(update={"name": layer.name, "count": layer.count, "same_as": first.name})


def _positions(layers: Sequence[Layer]) -> dict[tuple[object, ...], tuple[int, int]]:
    """Which of how many distinct layers a layer is, by its key."""
    keys = list(dict.fromkeys(layer.loop_nest().key for layer in layers))
    return {key: (position, len(keys)) for position, key in enumerate(keys, start=1)}


def _constraints_of(layer: Layer, constraints: AnyConstraints) -> AnyConstraints:
    """What the constraints ask of one layer: without the dimensions that only other layers have."""
    if isinstance(constraints, LevelConstraints):
        return constraints  # what a layer does not have is ignored there
    dims = layer.loop_nest().dims
    allowed, fixed = constraints.spatial_dims, constraints.fixed
    return constraints.model_copy(
        update={
            "spatial_dims": None if allowed is None else tuple(name for name in allowed if name in dims),
            "fixed": {name: factors for name, factors in fixed.items() if name in dims},
        }
    )


class _SearchObserver(SilentObserver):
    """Tells the study's observer about one of its searches, and remembers how far that came."""

    def __init__(self, observer: Observer | None, what: str, position: int, total: int) -> None:
        self.done: float | None = None
        self._observer = observer
        self._what = what
        self._name = what
        self._place = position, total

    def layer_started(self, name: str, position: int, total: int) -> None:  # noqa: ARG002 (the study's own count)
        self._name = f"{name}, {self._what}"
        if self._observer is not None:
            self._observer.layer_started(self._name, *self._place)

    def progressed(self, name: str, progress: Progress) -> None:  # noqa: ARG002 (it goes by the search's name)
        self.done = self.done if progress.done is None else progress.done
        if self._observer is not None:
            self._observer.progressed(self._name, progress)

    def layer_finished(self, result: LayerResult) -> None:
        if self._observer is not None:
            self._observer.layer_finished(result)
