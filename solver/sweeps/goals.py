"""What a sweep looks for on every layer and design: the best mapping for one objective, or the energy-latency front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...model.designs import Design, area_proxy_bytes
from ...model.documents.architectures import AnyArchitecture
from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.pareto import LayerFront, ParetoFronts
from ...model.documents.result import LayerResult, Limit, Number, Reason, Result, Status, Termination
from ...model.documents.spec import LayerList, SolverOptions, Spec
from ...model.documents.sweep_results import AnswerT, SweepRecord, SweptDesign
from ...model.documents.sweep_spec import SweepSpec
from ...model.hierarchy.accountings import AccountingName
from ...model.layers import Layer
from ...model.objectives import OBJECTIVES, Objective, float_below
from ...model.reading.loading import ResolvedSpec
from ..fronts.layer_fronts import front_of_layer, front_problem
from ..pipeline.cache import Cache
from ..pipeline.observer import SilentObserver
from ..pipeline.runs.layer_results import unsolved
from ..pipeline.solve import solve_layer
from ..pipeline.summary import totals
from .proving.refuting import is_refuted_below

OUT_OF_TIME = Termination(reason=Reason.LIMIT, limit=Limit.TOTAL_TIME)


@dataclass(frozen=True)
class RunFacts:
    """What a design's document says of the run.

    The cost model, how it counts, versions of what computes, and whether Ctrl-C left it unfinished.
    """

    cost_model: str
    accounting: AccountingName | None
    versions: Mapping[str, str]
    interrupted: bool


class Goal(Protocol[AnswerT]):
    """A kind of answer, and all that the rest of a sweep needs to know of it."""

    @property
    def record_type(self) -> type[SweepRecord[AnswerT]]:
        """The lines of its results files."""
        ...

    def search(
        self, spec: ResolvedSpec[Spec], warm_starts: Sequence[AnyMappingDocument], cache: Cache | None
    ) -> AnswerT:
        """The answer for the spec's only layer; mappings in ``warm_starts`` may save time."""
        ...

    def unanswered(self, layer: Layer, note: str | None, fault: str | None = None) -> AnswerT:
        """A layer of which nothing is known."""
        ...

    def is_proved(self, answer: AnswerT) -> bool:
        """Whether more time would change nothing."""
        ...

    def is_cached(self, answer: AnswerT) -> bool:
        """Whether the answer is from the cache, without a search."""
        ...

    def fault_of(self, answer: AnswerT) -> str | None:
        """What went wrong, if anything did."""
        ...

    def warm_starts_of(self, answer: AnswerT) -> tuple[AnyMappingDocument, ...]:
        """Mappings from which the search of a similar problem may start."""
        ...

    def swept(self, spec: SweepSpec, design: Design, answers: Sequence[AnswerT], run: RunFacts) -> SweptDesign:
        """What is known of a design from the answers for all layers."""
        ...


@dataclass(frozen=True)
class Optima:
    """The best mapping of every layer for the spec's objective."""

    record_type = SweepRecord[LayerResult]

    def search(
        self, spec: ResolvedSpec[Spec], warm_starts: Sequence[AnyMappingDocument], cache: Cache | None
    ) -> LayerResult:
        """As :func:`..pipeline.solve.solve_layer` finds it."""
        return solve_layer(spec, spec.layers[0], warm_starts=warm_starts, cache=cache)

    def unanswered(self, layer: Layer, note: str | None, fault: str | None = None) -> LayerResult:
        """A layer of which nothing is known."""
        ended = Termination(reason=Reason.FAULT) if fault is not None else OUT_OF_TIME
        return unsolved(layer, ended, note=note, fault=fault)

    def is_proved(self, answer: LayerResult) -> bool:
        """Whether the optimum is proved, or that there is no mapping."""
        return answer.status in ("optimal", "infeasible")

    def is_cached(self, answer: LayerResult) -> bool:
        """As the answer says."""
        return answer.cached

    def fault_of(self, answer: LayerResult) -> str | None:
        """What the back end did wrong."""
        return answer.fault

    def warm_starts_of(self, answer: LayerResult) -> tuple[AnyMappingDocument, ...]:
        """The best mapping."""
        return tuple(solution.mapping for solution in answer.solutions[:1])

    def swept(self, spec: SweepSpec, design: Design, answers: Sequence[LayerResult], run: RunFacts) -> SweptDesign:
        """The design's result, with the sums that designs are compared by."""
        total = totals(answers)
        open_ones = [answer for answer in answers if answer.status != "optimal"]
        options = options_of_one(spec)
        result = Result(
            name=f"{spec.name}: {design.label}" if spec.name is not None else design.label,
            cost_model=run.cost_model,
            accounting=run.accounting,
            objective=spec.objective,
            backend=options.backend,
            architecture=design.architecture,
            constraints=spec.constraints,
            solver=options,
            versions=dict(run.versions),
            interrupted=run.interrupted,
            layers=tuple(answers),
            total=total,
        )
        return SweptDesign(
            values=dict(design.values),
            area_proxy_bytes=area_proxy_bytes(design.architecture, spec.sweep.area_weights),
            status=_worst([answer.status for answer in answers]),
            objective_value=objective_of_design(spec.objective, answers),
            bound=_bound(spec.objective, answers),
            note=_note((a.name, ", ".join(a.conflicts) or a.fault or a.note or a.status) for a in open_ones),
            result=result,
        )


@dataclass(frozen=True)
class OptimaBelow(Optima):
    """The same, but of layers that have no mapping with an objective below a ``limit`` no more than that."""

    limit: float = math.inf

    def search(
        self, spec: ResolvedSpec[Spec], warm_starts: Sequence[AnyMappingDocument], cache: Cache | None
    ) -> LayerResult:
        """What is proved of the limit, or the best mapping."""
        if not is_refuted_below(spec, self.limit):
            return super().search(spec, warm_starts, cache)
        excluded = unsolved(spec.layers[0], Termination(reason=Reason.EXCLUDED), note="its design was excluded")
        return excluded.model_copy(update={"bound": float_below(self.limit)})


@dataclass(frozen=True)
class Fronts:
    """The energy-latency front of every layer.

    Their searches start from nothing: which of several mappings with equal costs stands for a point must not depend
    on what was searched before.
    """

    record_type = SweepRecord[LayerFront]

    def search(
        self,
        spec: ResolvedSpec[Spec],
        warm_starts: Sequence[AnyMappingDocument],  # noqa: ARG002
        cache: Cache | None,  # noqa: ARG002
    ) -> LayerFront:
        """As :func:`..fronts.layer_fronts.front_of_layer` finds it; neither warm starts nor cache are used."""
        layer, given = spec.layers[0], spec.document
        problem = front_problem(spec, layer.loop_nest())
        return front_of_layer(layer, problem, given.solver.time_limit_s, SilentObserver())[0]

    def unanswered(self, layer: Layer, note: str | None, fault: str | None = None) -> LayerFront:
        """A layer of which nothing is known."""
        return LayerFront(name=layer.name, count=layer.count, layer=layer, complete=False, note=fault or note)

    def is_proved(self, answer: LayerFront) -> bool:
        """Whether the front is proved complete."""
        return answer.complete

    def is_cached(self, answer: LayerFront) -> bool:  # noqa: ARG002
        """Never: fronts are not kept."""
        return False

    def fault_of(self, answer: LayerFront) -> str | None:  # noqa: ARG002
        """Nothing: what goes wrong while a front is searched is raised."""
        return None

    def warm_starts_of(self, answer: LayerFront) -> tuple[AnyMappingDocument, ...]:  # noqa: ARG002
        """None."""
        return ()

    def swept(self, spec: SweepSpec, design: Design, answers: Sequence[LayerFront], run: RunFacts) -> SweptDesign:
        """The design's fronts."""
        fronts = ParetoFronts(
            name=spec.name,
            cost_model=run.cost_model,
            accounting=run.accounting,
            architecture=design.architecture,
            constraints=spec.constraints,
            versions=dict(run.versions),
            interrupted=run.interrupted,
            layers=tuple(answers),
        )
        return SweptDesign(
            values=dict(design.values),
            area_proxy_bytes=area_proxy_bytes(design.architecture, spec.sweep.area_weights),
            status=_worst([_status_of_front(answer) for answer in answers]),
            note=_note((a.name, a.note or _status_of_front(a)) for a in answers if not a.complete or a.infeasible),
            fronts=fronts,
        )


def on_design(
    spec: ResolvedSpec[SweepSpec], architecture: AnyArchitecture, layer: Layer, options: SolverOptions
) -> ResolvedSpec[Spec]:
    """One layer of a sweep on one of its designs, as a spec."""
    given, workload = spec.document, LayerList(layers=(layer,))
    document = Spec(
        architecture=architecture,
        workload=workload,
        objective=given.objective,
        constraints=given.constraints,
        solver=options,
    )
    return ResolvedSpec(document, spec.cost_model, architecture, workload)


def options_of_one(spec: SweepSpec) -> SolverOptions:
    """The options of every single search of a sweep: one worker, one mapping."""
    return spec.solver.model_copy(update={"workers": 1, "top_k": 1, "total_time_limit_s": None})


def _status_of_front(front: LayerFront) -> Status:
    if front.infeasible:
        return "infeasible"
    if not front.points:
        return "unknown"
    return "optimal" if front.complete else "feasible"


def _worst(statuses: Sequence[Status]) -> Status:
    """The status of a design: that of the layer which decides."""
    order: tuple[Status, ...] = ("infeasible", "unknown", "feasible", "optimal")
    return min(statuses, key=order.index)


def _note(reasons: Iterable[tuple[str, str]]) -> str | None:
    """The first layer that keeps a design from being proved, with the reason, and how many more there are."""
    notes = [f"{layer}: {why}" for layer, why in reasons]
    return f"{notes[0]}{f' and {len(notes) - 1} more' if len(notes) > 1 else ''}" if notes else None


def objective_of_design(objective: Objective, answers: Sequence[LayerResult]) -> Number | None:
    """The sum of the objective over layers times their counts; `None` when a layer has no mapping."""
    best = [(answer.count, answer.solutions[0].cost) for answer in answers if answer.solutions]
    if len(best) < len(answers):
        return None
    return sum(count * OBJECTIVES[objective].of_cost(cost.energy_pj, cost.cycles) for count, cost in best)


def _bound(objective: Objective, answers: Sequence[LayerResult]) -> float | None:
    """A lower bound on the sum that :func:`objective_of_design` gives; `None` when a layer has none."""
    known = [(answer.count, answer.bound) for answer in answers if answer.bound is not None]
    return OBJECTIVES[objective].sum_of_bounds(known) if len(known) == len(answers) else None
