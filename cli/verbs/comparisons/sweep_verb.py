"""The verb ``sweep``: every layer on every design of a sweep, or the front over all designs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ....model.design_fields.nested_values import label_of
from ....model.design_fields.settings import Settings
from ....model.design_fields.sweep_axes import axis_of, kept_prices_of
from ....model.designs import load_resolved_sweep
from ....model.documents.sweep_results import SweepResult
from ....model.documents.sweep_spec import SweepSpec
from ....model.faults import Fault, InputError, escaped
from ....model.reading.sources.given_spec import SWEEP_KINDS
from ....model.reading.sweep_loading import ResolvedSweep
from ....solver.pipeline.cache import Cache
from ....solver.sweeps.dask_cluster import SCHEDULER, DaskCluster, dask_cluster
from ....solver.sweeps.study import sweep_resolved
from ...answer import Action, Delivery, Exit
from ...arguments.caching import CacheOptions
from ...arguments.grouping import with_groups
from ...arguments.named_files import found
from ...arguments.operands import SpecPath
from ...arguments.option_groups import SpecValues, TimeLimits
from ...arguments.options import (
    BackendName,
    CsvPath,
    ExecutorName,
    PlotPath,
    Processes,
    ProveBest,
    ResultsPath,
    SchedulerAddress,
    SweepPareto,
    SweepReportPath,
)
from ...arguments.overrides import (
    FLAGS,
    Overrides,
    options_placed,
    overrides_from_options,
    placed,
    substitutes_of,
    with_overrides,
)
from ...drawing import rendered
from ...output import check_destination, complain, document_text, kept_for_the_answer, warnings_reported, write_file
from ...pictures.files import REPORT, check_picture, require_matplotlib, write_picture
from ...progress_line import shown_sweep
from ...reports.comparisons.sweep_report import print_sweep
from ...reports.comparisons.sweep_tables import sweep_csv
from ...tables import name_text

CSV, RESULTS, EXECUTOR, SCHEDULER_FLAG = "--csv", "--results", "--executor", "--scheduler"


@dataclass(frozen=True)
class SweepFiles:
    """Files of a sweep: the one that it is resumed from, a table, a picture, a report."""

    results: ResultsPath = None
    csv: CsvPath = None
    plot: PlotPath = None
    report: SweepReportPath = None

    def check(self) -> None:
        """Find out before any work is done whether they can be written.

        Raises:
            InputError: when one cannot.
        """
        check_destination(self.results, RESULTS)
        check_destination(self.csv, CSV)
        check_picture(self.plot)
        check_destination(self.report, REPORT)
        if self.report is not None:
            require_matplotlib(REPORT)

    def write(self, result: SweepResult, spec: SweepSpec) -> None:
        """Write those that were asked for, except the results, which are written as they come."""
        if self.csv is not None:
            write_file(self.csv, sweep_csv(result).encode(), CSV)
        if self.plot is not None:
            from ...pictures.sweep_chart import sweep_figure

            write_picture(self.plot, sweep_figure(result))
        if self.report is not None:
            from ...pages.sweep_page import sweep_page

            write_file(self.report, sweep_page(result, spec).encode(), REPORT)


@dataclass(frozen=True)
class SweepGoals:
    """What is asked for besides the best mappings on every design."""

    pareto: SweepPareto = False
    prove_best: ProveBest = False

    @property
    def given(self) -> dict[str, bool]:
        """Those that were asked for, as fields of a sweep."""
        return {field: True for field in ("pareto", "prove_best") if getattr(self, field)}


@dataclass(frozen=True)
class Execution:
    """Where the work is done, and where searches are cached."""

    scheduler: str | None
    cache: Cache | None

    @contextmanager
    def cluster(self) -> Generator[DaskCluster | None]:
        """The Dask cluster, if the work is to be done by one."""
        if self.scheduler is None:
            yield None
            return
        try:
            with dask_cluster(self.scheduler) as cluster:
                yield cluster
        except InputError as error:
            raise InputError(
                replace(fault, place=SCHEDULER_FLAG) if fault.place == SCHEDULER else fault for fault in error.faults
            ) from error


@with_groups
def sweep_verb(
    spec: SpecPath,
    *,
    delivery: Delivery,
    files: SweepFiles,
    goals: SweepGoals,
    executor: ExecutorName = None,
    scheduler: SchedulerAddress = None,
    values: SpecValues,
    backend: BackendName = None,
    times: TimeLimits,
    workers: Processes = None,
    caching: CacheOptions,
) -> Action:
    """The best mappings of every layer on every design of a sweep: a spec with axes over its architecture.

    Exit codes: 0 every layer solved on every design (--prove-best: the best design proved); 1 otherwise; 2 bad input;
    70 a fault of ours, of a back end or of the executor; 130 interrupted. What is finished is reported in any case.
    """
    given = {**values.given, "backend": backend, **times.given, "workers": workers}
    overrides = overrides_from_options(given, values.named)
    address = scheduler_from_options(executor, scheduler)
    # workers on other machines have no use for this user's folder, unless it is said to be shared
    cache = None if address is not None and caching.cache is None else caching.chosen(recorded=False)
    return partial(run_sweep, spec, overrides, delivery, files, Execution(address, cache), goals)


def scheduler_from_options(executor: str | None, scheduler: str | None) -> str | None:
    """The address of the Dask scheduler; ``None`` for processes of this machine.

    Raises:
        InputError: for an unknown executor, and when one of the two options lacks the other.
    """
    if executor not in (None, "processes", "dask"):
        raise InputError.single(None, EXECUTOR, f"expected processes or dask, got {executor!r}")
    if executor == "dask" and scheduler is None:
        raise InputError.single(None, SCHEDULER_FLAG, "expected the address of the scheduler, but missing")
    if executor != "dask" and scheduler is not None:
        raise InputError.single(None, SCHEDULER_FLAG, f"expected together with {EXECUTOR} dask")
    return scheduler


def run_sweep(
    path: Path,
    overrides: Overrides,
    delivery: Delivery,
    files: SweepFiles,
    execution: Execution,
    goals: SweepGoals,
) -> int:
    """Find the best mappings of every layer on every design, the best design alone, or the front of all."""
    check_destination(delivery.out)
    files.check()
    path = found(path, SWEEP_KINDS)
    loaded = load_sweep_with_overrides(path, overrides, goals)
    cache = None if execution.cache is None else execution.cache.folder
    with execution.cluster() as cluster:
        executor, num_tasks = (None, None) if cluster is None else (cluster.executor, cluster.num_tasks)
        try:
            with shown_sweep() as observer, kept_for_the_answer():
                result = sweep_resolved(
                    loaded,
                    observer,
                    results=files.results,
                    executor=executor,
                    num_tasks=num_tasks,
                    cache=cache,
                )
        except InputError as error:
            raise InputError(placed(fault, path, overrides) for fault in error.faults) from error
    code = exit_code(result)
    delivery.deliver(document_text(result), lambda: rendered(partial(print_sweep, result=result)))
    files.write(result, loaded.document)
    return code


def load_sweep_with_overrides(path: Path, overrides: Overrides, goals: SweepGoals) -> ResolvedSweep:
    """The sweep in a file, with options in place of its own values; prices that stay are told of.

    Raises:
        InputError: for a faulty file or option.
    """
    with warnings_reported(), options_placed(overrides):
        loaded = load_resolved_sweep(path, substitutes_of(path, overrides))
        check_settings(loaded, overrides)
    spec = with_overrides(loaded.spec, overrides)
    spec = spec.with_values(sweep=spec.document.sweep.model_copy(update=goals.given))
    if spec.document.sweep.pareto and spec.document.sweep.prove_best:
        raise InputError.single(None, "--prove-best", "expected without a front (--pareto)")
    if spec.document.sweep.pareto and overrides.objective is not None:
        message = "expected none for a front, which is over energy, cycles and area proxy"
        raise InputError.single(None, FLAGS["objective"], message)
    kept = kept_prices_of(loaded)
    if kept is not None:
        complain(f"warning: {Fault(str(path), 'sweep.axes', kept)}")
    return replace(loaded, spec=spec)


def check_settings(sweep: ResolvedSweep, overrides: Overrides) -> None:
    """Refuse ``--set`` for what an axis varies.

    Raises:
        InputError: where both set a field.
    """
    settings = Settings(overrides.settings)
    varied = ((settings.place(path), axis_of(sweep, path)) for path in settings.values)
    faults = [Fault(None, place, f"expected without {axis}, which varies it") for place, axis in varied if axis]
    if faults:
        raise InputError(faults)


def exit_code(result: SweepResult) -> Exit:
    """What a sweep means for the caller; faults are reported."""
    if result.fault is not None:
        complain(f"dmaze-solve: {escaped(result.fault)}")
    for fault in result.faults:
        where = f"layer {name_text(fault.layer)} on {label_of(fault.values)}"
        complain(f"dmaze-solve: {where}: {escaped(fault.message)}; please report this line with the spec")
    if result.interrupted:
        return Exit.INTERRUPTED
    if result.faults or result.fault is not None:
        return Exit.FAULT
    if result.sweep.prove_best:
        return Exit.SOLVED if result.best is not None and result.best.proved else Exit.UNSOLVED
    solved = all(design.status in ("optimal", "feasible") for design in result.designs)
    return Exit.SOLVED if solved else Exit.UNSOLVED
