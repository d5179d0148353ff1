"""From the spec of a sweep to its result."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...model.designs import designs_of, resolved_sweep_source
from ...model.documents.sweep_results import AnswerT, SweepResult
from ...model.documents.sweep_spec import SweepSpec
from ...model.faults import InputError
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ...model.reading.sweep_loading import ResolvedSweep
from ..deadline import NEVER, Deadline
from ..pipeline.cache import CacheSource, cache_of
from ..pipeline.observer import Observer, SilentObserver, observed
from ..pipeline.runs.solve_job import num_cores
from ..registry import load_backend
from .agenda import Agenda, InOrder
from .executors import BorrowedExecutor, ProcessPool, TaskExecutor, Workforce
from .goals import Fronts, Goal, Optima
from .plan import Plan
from .proving.best_first import BestFirst
from .results_file import results_file
from .run import SWEEP_PARAMETERS, SweepJob, SweepParameters, SweepRun
from .sweep_document import header_of, sweep_result

if TYPE_CHECKING:
    from typing import Unpack


def sweep(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    results: Path | str | None = None,
    executor: TaskExecutor | None = None,
    num_tasks: Callable[[], int] | None = None,
    cache: CacheSource | None = None,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> SweepResult:
    """Every layer of a workload on every design of a sweep, each distinct problem searched once.

    The spec is given as for :func:`dmaze.model.load_sweep`: a ``SweepSpec``, a dict, text, a path, or the name of a
    built-in sweep; ``options`` and ``progress`` as :func:`dmaze.solver.solve` takes them. Answers are appended to the
    file ``results`` as they come; what it holds from an earlier run of the same sweep is not searched again. Without an
    ``executor`` the work is done by ``solver.workers`` processes of this machine (by default one for each core), which
    import the main module: a script must call this under ``if __name__ == "__main__"``. With one, ``num_tasks`` is
    asked again and again how many tasks to submit at a time, by default that same number. ``cache`` as for ``solve``.

    A search that fails (``faults``) stops no other. Ctrl-C (``interrupted``) ends the sweep with what was found.

    Raises:
        InputError: for a spec that makes no sense, a results file of another sweep, or one that cannot be written.
        BackendFault: when the back end cannot be loaded.

    Example:
        >>> sweep("sweep.json", results=Path("sweep.jsonl")).best.values  # doctest: +SKIP
        {'spm_kib_double_buffered': 128, 'rf_bytes_per_pe': 64}
    """
    opened, file = cache_of(cache), None if results is None else Path(results)
    folder = None if opened is None else opened.folder
    with (
        resolved_sweep_source(spec, options) as known,
        observed(observer, None, progress=progress) as observers,
    ):
        return sweep_resolved(known, observers, results=file, executor=executor, num_tasks=num_tasks, cache=folder)


def sweep_resolved(
    known: ResolvedSweep,
    observer: Observer | None = None,
    *,
    results: Path | None = None,
    executor: TaskExecutor | None = None,
    num_tasks: Callable[[], int] | None = None,
    cache: Path | None = None,
) -> SweepResult:
    """What :func:`sweep` gives, of a spec that is resolved already."""
    _check(known.document)
    workers = known.document.solver.workers or num_cores()
    known = known.with_workers(workers)
    deadline = Deadline.of_limit(known.document.solver.total_time_limit_s)
    with _workforce(workers, executor, num_tasks) as workforce:
        return sweep_on(workforce, known, SweepSetting(results, cache, deadline, observer or SilentObserver()))


@dataclass(frozen=True)
class SweepSetting:
    """Where a sweep keeps its answers, when it must end, where progress is reported, and what it puts up with."""

    results: Path | None = None
    cache: Path | None = None
    deadline: Deadline = NEVER
    observer: Observer = field(default_factory=SilentObserver)
    parameters: SweepParameters = SWEEP_PARAMETERS


def sweep_on(workforce: Workforce, known: ResolvedSweep, setting: SweepSetting) -> SweepResult:
    """A sweep whose tasks are worked on by somebody given."""
    plan = Plan(designs_of(known), known.spec.layers)
    numbers = range(len(plan.problems))
    if known.document.sweep.pareto:
        return _swept(known, plan, Fronts(), InOrder(Fronts(), numbers), setting, workforce)
    agenda = BestFirst(known.spec, plan) if known.document.sweep.prove_best else InOrder(Optima(), numbers)
    return _swept(known, plan, Optima(), agenda, setting, workforce)


def _swept(
    known: ResolvedSweep,
    plan: Plan,
    goal: Goal[AnswerT],
    agenda: Agenda[AnswerT],
    setting: SweepSetting,
    workforce: Workforce,
) -> SweepResult:
    """Run a sweep for one kind of answer."""
    job = SweepJob(known.spec, plan, goal, setting.cache, setting.deadline, setting.observer, setting.parameters)
    with (
        nullcontext()
        if setting.results is None
        else results_file(setting.results, header_of(job), goal.record_type) as file
    ):
        run = SweepRun(job, workforce, file, agenda)
        run.run()
        return sweep_result(job, run)


@contextmanager
def _workforce(
    workers: int, executor: TaskExecutor | None, num_tasks: Callable[[], int] | None
) -> Generator[Workforce]:
    """The caller's executor, or processes of this machine, which end with the sweep."""
    if executor is not None:
        yield BorrowedExecutor(executor, num_tasks or (lambda: workers))
        return
    with ProcessPool(workers) as pool:
        yield pool


def _check(spec: SweepSpec) -> None:
    """Find out in this process what would fail in every other one.

    Raises:
        InputError: for options that a sweep cannot have, or an unknown back end.
        BackendFault: when the back end cannot be loaded.
    """
    options, preset = spec.solver, spec.constraints.preset
    against = "sweep.pareto, whose fronts are of the bounds as given" if spec.sweep.pareto else None
    if preset is not None:
        against = f"constraints.preset '{preset}', which does not pad"
    if options.pad_bounds and against is not None:
        raise InputError.single(None, "solver.pad_bounds", f"expected false beside {against}")
    load_backend(options.backend)
