"""Progress of a run on standard error, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as ProgressBar
from rich.status import Status
from rich.table import Column
from rich.text import Text

from ..model.documents.result import LayerResult
from ..model.faults import escaped
from ..model.objectives import OBJECTIVES, Objective
from ..solver.backend import Progress
from ..solver.pipeline.observer import Observer, SilentObserver
from .reports.result_report import gap_text
from .tables import name_text, title_text

SWEEP_BAR = 16
"""Columns of the bar of a sweep, so that 80 have room for times and names beside it."""


@contextmanager
def shown_progress(objective: Objective) -> Generator[Observer | None]:
    """An observer that shows the search while it runs; ``None`` where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    wrapped = TextColumn("{task.description}", markup=False, table_column=Column())  # its own would cut the line
    columns = (SpinnerColumn(), wrapped, TimeElapsedColumn())
    bar = ProgressBar(*columns, console=Console(stderr=True), transient=True)
    try:
        yield _Display(bar, objective)
    finally:
        bar.stop()


@contextmanager
def shown_checking() -> Generator[Observer | None]:
    """What shows which layer is being looked at; ``None`` where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    status = Console(stderr=True).status("reading")
    try:
        yield _Checking(status)
    finally:
        status.stop()


@contextmanager
def shown_status(what: str) -> Generator[None]:
    """Say what is being done for as long as it takes; nothing where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(Text(what)):
        yield


@contextmanager
def shown_sweep() -> Generator[Observer | None]:
    """What shows how far a sweep is, and how long it will go on; ``None`` where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=SWEEP_BAR),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column()),
    )
    with ProgressBar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _SweepBar(bar, bar.add_task("", total=None))


class _Checking(SilentObserver):
    """The layer that is being looked at, and what its search says of itself."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def layer_started(self, name: str, position: int, total: int) -> None:  # noqa: ARG002 (the name is enough)
        self._status.update(Text(f"checking {title_text(name)}"))
        self._status.start()  # it has a thread of its own, beside which processes are not forked

    def progressed(self, name: str, progress: Progress) -> None:
        self._status.update(Text(f"checking {title_text(name)}, {progress.note}"))


class _SweepBar(SilentObserver):
    """How many of a sweep's layers on designs are done, and which was the last."""

    def __init__(self, bar: ProgressBar, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def sweep_advanced(self, latest: str, answered: int, failed: int, total: int) -> None:
        if not latest:  # what an earlier run has left says nothing about this one's speed
            self._bar.reset(self._task, total=total, completed=answered + failed)
            return
        failures = f"{failed} failed, " if failed else ""
        self._bar.update(self._task, completed=answered + failed, description=f"{failures}{escaped(latest)}")


class _Display(SilentObserver):
    """One line: which layer of how many, the best value so far, the bound, the gap between them, the time left.

    Where several layers are searched at once it speaks of the one that was heard of last. The line begins with the
    first layer: it has a thread of its own, beside which processes are not forked.
    """

    def __init__(self, bar: ProgressBar, objective: Objective) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._objective: Objective = objective
        self._begun: dict[str, tuple[str, float]] = {}

    def layer_started(self, name: str, position: int, total: int) -> None:
        text = f"layer {position} of {total}, {name_text(name)}"
        self._begun[name] = text, time.monotonic()
        self._show(text)

    def progressed(self, name: str, progress: Progress) -> None:
        layer, started = self._begun[name]
        parts = (
            progress_text(self._objective, progress),
            time_left_text(progress.done, time.monotonic() - started),
        )
        self._show(f"{layer}: {', '.join(part for part in parts if part)}")

    def layer_finished(self, result: LayerResult) -> None:
        """The next layer's start replaces the line."""

    def _show(self, text: str) -> None:
        if self._task is None:
            self._task = self._bar.add_task(text)
            self._bar.start()
        self._bar.update(self._task, description=text)


def progress_text(objective: Objective, progress: Progress) -> str:
    """The best value so far, the bound and the gap, as far as they are known."""
    value, bound, rule = progress.objective_value, progress.bound, OBJECTIVES[objective]
    parts: list[str] = []
    if value is not None:
        parts.append(f"best {objective} {rule.value_text(round(value) if rule.is_integer else value)}")
    if bound is not None:
        parts.append(f"bound {rule.bound_text(bound)}")
    if value and bound is not None:
        parts.append(f"gap {gap_text((value - bound) / value)}")
    return ", ".join([*parts, progress.note] if progress.note else parts) or "searching"


def time_left_text(done: float | None, elapsed_s: float) -> str:
    """The share of a layer's search that is done and the time that the rest takes at that pace; empty if not known.

    Example:
        >>> time_left_text(0.25, 30.0)
        '25% done, about 0:01:30 left'
    """
    if not done:
        return ""
    left = timedelta(seconds=round(elapsed_s * max(1 - done, 0.0) / done))
    return f"{done:.0%} done, about {left} left"
