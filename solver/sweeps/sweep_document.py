"""What a sweep's run says as a document, and what its results file begins with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ...model.design_fields.fields_of import fields_of
from ...model.documents.sweep_results import (
    AnswerT,
    BestDesign,
    SweepCounts,
    SweepFault,
    SweepHeader,
    SweepResult,
    SweptDesign,
)
from ..pipeline.summary import versions
from .goals import RunFacts, options_of_one
from .plan import Slot
from .run import SweepJob, SweepRun
from .sweep_front import sweep_front
from .tasks import software

ROUNDING = 1e-11
"""Relative distance below its optimum at which a design's bound may lie for being rounded down, and no more."""

UNREACHED = "not reached before the sweep ended"


def header_of(job: SweepJob[AnswerT]) -> SweepHeader:
    """What determines a sweep's answers, part by part; limits of time do not, nor do names of the sweep."""
    spec, options = job.spec.document, job.spec.document.solver
    accounting = job.spec.cost_model.accounting
    machines = [(dict(d.values), d.architecture.model_dump(mode="json", exclude={"name"})) for d in job.plan.designs]
    layers = [layer.model_dump(mode="json", by_alias=True) for layer in job.plan.layers]
    search = {"backend", "relative_gap", "seed", "pad_bounds", "pad_percent"}
    parts: dict[str, object] = {
        "cost model": job.spec.cost_model.name,
        **({"accounting": accounting} if accounting is not None else {}),
        "designs": machines,
        "layers": layers,
        "constraints": spec.constraints.model_dump(mode="json"),
        "objective": "front" if spec.sweep.pareto else spec.objective,
        "solver options": options.model_dump(mode="json", include=search),
        "versions": software(options.backend),
    }
    return SweepHeader(determined_by={name: _digest(part) for name, part in parts.items()})


def _digest(part: object) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()


def sweep_result(job: SweepJob[AnswerT], run: SweepRun[AnswerT]) -> SweepResult:
    """The document of a sweep from the answers of its run."""
    spec, plan, model = job.spec.document, job.plan, job.spec.cost_model
    found_versions = versions(spec.solver.backend)
    weights = fields_of(job.spec.architecture).weights(spec.sweep.area_weights)
    designs: list[SweptDesign] = []
    for number, design in enumerate(plan.designs):
        slots = [Slot(number, position) for position in range(len(plan.layers))]
        interrupted = run.interrupted and any(plan.problem_of[slot] not in run.finished for slot in slots)
        answers = [_answer(job, run, slot) for slot in slots]
        facts = RunFacts(model.name, model.accounting, found_versions, interrupted)
        swept = job.goal.swept(spec, design, answers, facts)
        designs.append(swept.model_copy(update={"excluded": run.agenda.exclusion(number)}))
    return SweepResult(
        name=spec.name,
        cost_model=model.name,
        accounting=model.accounting,
        objective=None if spec.sweep.pareto else spec.objective,
        backend=spec.solver.backend,
        architecture=job.spec.architecture,
        sweep=spec.sweep.model_copy(update={"area_weights": weights}),
        constraints=spec.constraints,
        solver=options_of_one(spec).model_copy(update={"total_time_limit_s": spec.solver.total_time_limit_s}),
        versions=found_versions,
        interrupted=run.interrupted,
        fault=run.fault,
        faults=tuple(_faults(job, run)),
        counts=_counts(job, run),
        designs=tuple(designs),
        best=_best(designs),
        front=sweep_front(designs, spec.sweep.front_tolerance) if spec.sweep.pareto else None,
    )


def _answer(job: SweepJob[AnswerT], run: SweepRun[AnswerT], slot: Slot) -> AnswerT:
    """What is known of a layer on a design."""
    number = job.plan.problem_of[slot]
    if number in run.answers:
        return job.plan.answer_on(slot, run.answers[number])
    excluded = run.agenda.excluded(number)
    if excluded is not None:
        return job.plan.answer_on(slot, excluded)
    fault = run.failed.get(number)
    return job.goal.unanswered(job.plan.layers[slot.layer], UNREACHED if fault is None else None, fault)


def _faults(job: SweepJob[AnswerT], run: SweepRun[AnswerT]) -> list[SweepFault]:
    first = {number: job.plan.problems[number][0] for number in run.failed}
    return [
        SweepFault(
            values=dict(job.plan.designs[first[number].design].values),
            layer=job.plan.layers[first[number].layer].name,
            message=message,
        )
        for number, message in sorted(run.failed.items())
    ]


def _counts(job: SweepJob[AnswerT], run: SweepRun[AnswerT]) -> SweepCounts:
    plan = job.plan
    excluded = [n for n in range(len(plan.problems)) if run.agenda.excluded(n) is not None]
    return SweepCounts(
        designs=len(plan.designs),
        layers=len(plan.designs) * len(plan.layers),
        problems=len(plan.problems),
        resumed=run.num_resumed,
        searched=run.num_searched,
        cached=run.num_cached,
        excluded=len(excluded),
        refuted=sum(number in run.answers for number in excluded),
        left=len(plan.problems) - len(run.finished) - len(excluded),
    )


def _best(designs: Sequence[SweptDesign]) -> BestDesign | None:
    """The first design with the least objective value; proved when no other one can have less, but for rounding."""
    known = [(design.objective_value, design) for design in designs if design.objective_value is not None]
    if not known:
        return None
    value, best = min(known, key=lambda pair: pair[0])
    others = [d for d in designs if d is not best and d.status != "infeasible" and d.excluded is None]
    least = value * (1 - ROUNDING)
    proved = best.status == "optimal" and all(other.bound is not None and other.bound >= least for other in others)
    return BestDesign(values=best.values, objective_value=value, proved=proved)
