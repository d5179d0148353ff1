"""What a layer would cost with one thing changed: each question is a small search of its own, all share one time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...model.documents.explaining.explanation import FieldChangeDocument, WhatIf
from ...model.documents.result import LayerResult, Reason
from ...model.documents.spec import LayerList, Spec
from ...model.explaining.explainable import FieldChange
from ...model.reading.loading import ResolvedSpec
from ..deadline import Deadline
from ..pipeline.cache import Cache
from ..pipeline.observer import Observer
from ..pipeline.solve import solve_layer
from .explained_layer import ExplainedLayer

WORTH_IT = 1.5
"""So many times the seconds of a search that proved nothing must be left for another one."""

LEAST_S = 0.001
"""A search with less time than this is not begun."""


@dataclass(frozen=True)
class Question:
    """A change in words and by fields, with the machine and the constraints that it makes."""

    what: str
    changes: tuple[FieldChange, ...]
    architecture: Any
    constraints: Any


class Questions:
    """Asks one question after the other, and remembers whether Ctrl-C came: then nothing more is asked."""

    def __init__(self, explained: ExplainedLayer, deadline: Deadline, cache: Cache | None, observer: Observer) -> None:
        self.interrupted = False
        self._explained, self._deadline = explained, deadline
        self._cache, self._observer = cache, observer

    def answers(self, questions: Iterable[Question]) -> list[WhatIf]:
        """The answers in their order; the time left is shared by those that are still to be asked.

        What is not proved with its share is asked once more, with a share of what the others have left.
        """
        asked = list(questions)
        found = [self._answer(question, number, len(asked)) for number, question in enumerate(asked)]
        doubtful = [number for number, answer in enumerate(found) if answer.status in ("feasible", "unknown")]
        for position, number in enumerate(doubtful):
            if self._deadline.share(len(doubtful) - position).left_s > WORTH_IT * found[number].wall_s:
                again = self._answer(asked[number], position, len(doubtful))
                found[number] = found[number] if again.status == "unknown" else again
        return found

    def _answer(self, question: Question, number: int, total: int) -> WhatIf:
        seconds = self._deadline.share(total - number).left_s
        if self.interrupted or seconds < LEAST_S:
            return self._unanswered(question, "interrupted" if self.interrupted else "time was up before this search")
        try:
            self._observer.layer_started(f"{self._explained.layer.name}: {question.what}", number + 1, total)
            found = self._search(question, seconds)
        except KeyboardInterrupt:
            self.interrupted = True
            return self._unanswered(question, "interrupted")
        if found.termination is not None and found.termination.reason == Reason.INTERRUPTED:
            self.interrupted = True
        return self._told(question, found)

    def _search(self, question: Question, seconds: float) -> LayerResult:
        result, layer = self._explained.result, self._explained.layer
        options = {"time_limit_s": seconds, "total_time_limit_s": None, "top_k": 1}
        workload = LayerList(layers=(layer.layer,))
        document = Spec(
            architecture=question.architecture,
            workload=workload,
            cost_model=result.cost_model,
            accounting=result.accounting,
            objective=result.objective,
            constraints=question.constraints,
            solver=result.solver.model_copy(update=options),
        )
        spec = ResolvedSpec(document, self._explained.problem.cost_model, question.architecture, workload)
        present = self._explained.solution.mapping
        return solve_layer(spec, layer.layer, warm_starts=(present,), cache=self._cache)

    def _told(self, question: Question, found: LayerResult) -> WhatIf:
        explained, best = self._explained, found.solutions[0] if found.solutions else None
        own = explained.layer.objective_value
        return self._said(
            question,
            status=found.status,
            proved=explained.layer.status == "optimal" and found.status in ("optimal", "infeasible"),
            factors=None if best is None else explained.factors(best.cost),
            least_factor=None if found.bound is None or not own else found.bound / own,
            solution=best,
            conflicts=found.conflicts,
            note=found.fault or found.note,
            cached=found.cached,
            wall_s=found.wall_s,
        )

    def _unanswered(self, question: Question, note: str) -> WhatIf:
        return self._said(question, status="unknown", proved=False, note=note, wall_s=0.0)

    def _said(self, question: Question, **fields: Any) -> WhatIf:
        changes = (FieldChangeDocument(field=each.field, old=each.old, new=each.new) for each in question.changes)
        return WhatIf(what=question.what, changes=tuple(changes), **fields)
