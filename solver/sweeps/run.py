"""The course of a sweep: hand out problems, take in answers as they come, survive whatever happens to a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic

from ...model.documents.sweep_results import AnswerT, SweepRecord
from ...model.documents.sweep_spec import SweepSpec
from ...model.faults import DmazeError, InputError
from ...model.reading.loading import ResolvedSpec
from ..deadline import Deadline
from ..pipeline.observer import Observer
from .agenda import Agenda
from .executors import TaskFuture, Workforce
from .goals import Goal, on_design, options_of_one
from .plan import Plan, Slot
from .record_checks import record_faults
from .results_file import ResultsFile
from .tasks import Task, software


@dataclass(frozen=True)
class SweepParameters:
    """What a run puts up with.

    Attributes:
        most_breakdowns: how often in a row workers may die without any answer in between.
        least_time_s: time limit of a task that is submitted just before the deadline.
    """

    most_breakdowns: int = 5
    least_time_s: float = 0.001


SWEEP_PARAMETERS = SweepParameters()


@dataclass(frozen=True)
class SweepJob(Generic[AnswerT]):
    """What a run is given. ``cache`` is a folder, or ``None``."""

    spec: ResolvedSpec[SweepSpec]
    plan: Plan
    goal: Goal[AnswerT]
    cache: Path | None
    deadline: Deadline
    observer: Observer
    parameters: SweepParameters = SWEEP_PARAMETERS


@dataclass(frozen=True)
class TaskUnderWay(Generic[AnswerT]):
    """A task under way, and the time that its search may take."""

    future: TaskFuture[AnswerT]
    limit_s: float


class SweepRun(Generic[AnswerT]):
    """One run of a sweep; afterwards :attr:`answers` has what is known, by the number of the problem.

    ``finished`` are the problems that need no further search, ``failed`` those whose search went wrong and how;
    ``fault`` says why the run ended early. A worker that dies takes all tasks under way with it. They are repeated one
    at a time, so that a task which kills its worker is found and blamed, and no other.
    """

    def __init__(
        self,
        job: SweepJob[AnswerT],
        workforce: Workforce,
        file: ResultsFile[AnswerT] | None,
        agenda: Agenda[AnswerT],
    ) -> None:
        self.answers: dict[int, AnswerT] = {}
        self.failed: dict[int, str] = {}
        self.fault: str | None = None
        self.interrupted = False
        self.num_searched = 0
        self.num_cached = 0
        self._job, self._workforce, self._file = job, workforce, file
        self._file_name = None if file is None else str(file.path)
        self._options = options_of_one(job.spec.document)
        self._software = software(self._options.backend)
        self._on_file: set[Slot] = set()
        self.finished: set[int] = set()
        self._num_answered, self._num_failed = 0, 0
        self._take_up(file.records if file is not None else ())
        self.num_resumed = len(self.finished)
        self.agenda = agenda
        for number in sorted(self.finished):
            agenda.submitted(number)
            agenda.answered(number, self.answers[number])
        self._suspects: deque[int] = deque()
        self._alone: int | None = None
        self._running: dict[int, TaskUnderWay[AnswerT]] = {}
        self._broken, self._why, self._num_breakdowns = False, "", 0
        self._done: SimpleQueue[int] = SimpleQueue()

    def run(self) -> None:
        """Work until everything is answered, time is up, Ctrl-C is pressed or the workforce is lost."""
        try:
            for number in sorted(self.finished):  # slots whose lines are missing: they came after a torn one
                self._keep(number)
            self._report("")
            self._hand_out()
            while self._running:
                self._take_in(self._done.get())
                self._hand_out()
        except KeyboardInterrupt:
            self.interrupted = True
            self._give_up()
            self._take_in_the_rest()
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        for running in self._running.values():
            running.future.cancel()
        self._workforce.stop()

    def _take_up(self, records: Iterable[SweepRecord[AnswerT]]) -> None:
        """What an earlier run has left; an answer that is not proved counts if it had as much time as there is now."""
        plan, goal = self._job.plan, self._job.goal
        for record in records:
            slot = plan.slots_by_name.get((tuple(record.design.items()), record.layer.name))
            if slot is None:
                continue
            number = plan.problem_of[slot]
            self._check(slot, record)
            finished = goal.is_proved(record.layer) or record.time_limit_s >= self._options.time_limit_s
            if plan.problems[number][0] == slot:
                self.answers[number] = record.layer
                if finished:
                    self._finish(number)
            if finished:
                self._on_file.add(slot)

    def _check(self, slot: Slot, record: SweepRecord[AnswerT]) -> None:
        """Find out whether what a results file says of a slot can be right.

        Raises:
            InputError: when it cannot.
        """
        job = self._job
        design, layer = job.plan.designs[slot.design], job.plan.layers[slot.layer]
        spec = on_design(job.spec, design.architecture, layer, self._options)
        wrong = next(record_faults(job.goal.record_type, spec, record.layer), None)
        if wrong is not None:
            message = f"expected what the exact model gives, but {wrong}; remove the line"
            raise InputError.single(self._file_name, f"layer {layer.name} on {design.label}", message)

    def _hand_out(self) -> None:
        """Submit as many tasks as there may be; suspects one at a time."""
        while True:
            if self._broken:
                if self._running:
                    return
                self._recover()
            if not self._may_submit():
                return
            alone = self._suspects[0] if self._suspects else None
            number = self.agenda.following() if alone is None else alone
            if number is None:
                return
            try:
                self._submit(number)
            except BrokenExecutor as error:
                self._broken, self._why = True, str(error)
                continue
            self._alone = alone
            if alone is None:
                self.agenda.submitted(number)
            else:
                self._suspects.popleft()

    def _recover(self) -> None:
        """Go on after a breakdown of the workforce, unless it keeps breaking down."""
        self._broken = False
        self._num_breakdowns += 1
        if self._num_breakdowns > self._job.parameters.most_breakdowns:
            self.fault = "worker processes keep dying; standard error has what they said"
        elif not self._workforce.renew():
            self.fault = f"the executor broke down: {self._why}"

    def _may_submit(self) -> bool:
        if self.fault is not None or self._job.deadline.passed:
            return False
        if self._suspects or self._alone is not None:
            return bool(self._suspects) and not self._running
        return len(self._running) < self._workforce.num_tasks()

    def _submit(self, number: int) -> None:
        job, slot = self._job, self._job.plan.problems[number][0]
        design, layer = job.plan.designs[slot.design], job.plan.layers[slot.layer]
        limit_s = min(self._options.time_limit_s, max(job.deadline.left_s, job.parameters.least_time_s))
        options = self._options.model_copy(update={"time_limit_s": limit_s})
        spec = on_design(job.spec, design.architecture, layer, options)
        near = (self.answers[n] for n in (number, *job.plan.neighbours(number)) if n in self.answers)
        warm_starts = tuple(start for answer in near for start in job.goal.warm_starts_of(answer))
        future = self._workforce.submit(Task(self.agenda.goal_of(number), spec, warm_starts, job.cache, self._software))
        self._running[number] = TaskUnderWay(future, limit_s)
        future.add_done_callback(lambda _: self._done.put(number))

    def _take_in(self, number: int) -> None:
        """Take in what has become of a task."""
        running, alone = self._running.pop(number), number == self._alone
        self._alone = None if alone else self._alone
        try:
            answer = running.future.result()
        except BrokenExecutor as error:
            self._broken, self._why = True, str(error)
            if alone:
                self._fail(number, "the worker process died while it searched this layer and nothing else")
            else:
                self._suspects.append(number)
            return
        except CancelledError:
            self.fault = "the executor gave up a task, as it does when its scheduler is lost"
            return
        except Exception as error:  # of a worker: it must not lose the other problems
            self._fail(number, str(error) if isinstance(error, DmazeError) else f"{type(error).__name__}: {error}")
            return
        self._num_breakdowns = 0
        fault = self._job.goal.fault_of(answer)
        if fault is not None:
            self._fail(number, fault)
        else:
            self._accept(number, answer, running.limit_s)

    def _accept(self, number: int, answer: AnswerT, limit_s: float) -> None:
        self.answers[number] = answer
        self.num_searched += 1
        if not self.agenda.answered(number, answer):
            self._report(self._name(number))
            return
        self.num_cached += self._job.goal.is_cached(answer)
        if self._job.goal.is_proved(answer) or limit_s >= self._options.time_limit_s:
            self._finish(number)
            self._keep(number)
        self._report(self._name(number))

    def _finish(self, number: int) -> None:
        if number not in self.finished:
            self.finished.add(number)
            self._num_answered += len(self._job.plan.problems[number])

    def _fail(self, number: int, message: str) -> None:
        self.failed[number] = message
        self.agenda.failed(number)
        self._num_failed += len(self._job.plan.problems[number])
        self._report(self._name(number))

    def _take_in_the_rest(self) -> None:
        """After Ctrl-C, what has been finished and not yet been taken in."""
        try:
            while True:
                number = self._done.get_nowait()
                if number in self._running:
                    self._take_in(number)
        except Empty:
            self.fault, self._broken = None, False

    def _keep(self, number: int) -> None:
        """Write what the results file lacks of an answer, the slot that was searched first."""
        plan = self._job.plan
        missing = [slot for slot in plan.problems[number] if slot not in self._on_file]
        if self._file is None or not missing:
            return
        self._file.append(
            self._job.goal.record_type(
                design=dict(plan.designs[slot.design].values),
                time_limit_s=self._options.time_limit_s,
                layer=plan.answer_on(slot, self.answers[number]),
            )
            for slot in missing
        )
        self._on_file.update(missing)

    def _name(self, number: int) -> str:
        slot = self._job.plan.problems[number][0]
        return f"{self._job.plan.layers[slot.layer].name} on {self._job.plan.designs[slot.design].label}"

    def _report(self, latest: str) -> None:
        total = len(self._job.plan.designs) * len(self._job.plan.layers)
        self._job.observer.sweep_advanced(latest, self._num_answered, self._num_failed, total)
