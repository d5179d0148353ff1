"""Progress of a run on standard error, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as ProgressBar
from rich.progress import SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..model.result import LayerResult
from ..model.spec import Objective
from ..solver import Observer, Progress
from .report import bound_text, edp_text, gap_text
from .tables import name_text


@contextmanager
def shown_progress(objective: Objective) -> Generator[Observer | None]:
    """An observer that shows the search while it runs; none where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    wrapped = TextColumn("{task.description}", markup=False, table_column=Column())  # its own would cut the line
    columns = (SpinnerColumn(), wrapped, TimeElapsedColumn())
    with ProgressBar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Display(bar, bar.add_task("starting"), objective)


@contextmanager
def shown_checking() -> Generator[Callable[[str], None] | None]:
    """What shows which layer is being checked; none where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with Console(stderr=True).status("reading") as status:
        yield lambda name: status.update(Text(f"checking {name_text(name)}"))


class _Display:
    """One line: which layer of how many, the best value so far, the bound, the gap between them."""

    def __init__(self, bar: ProgressBar, task: TaskID, objective: Objective) -> None:
        self._bar = bar
        self._task = task
        self._objective: Objective = objective
        self._layer = ""

    def layer_started(self, name: str, position: int, total: int) -> None:
        self._layer = f"layer {position} of {total}, {name_text(name)}"
        self._bar.update(self._task, description=self._layer)

    def progressed(self, name: str, progress: Progress) -> None:  # noqa: ARG002 (one layer at a time)
        self._bar.update(self._task, description=": ".join((self._layer, progress_text(self._objective, progress))))

    def layer_finished(self, result: LayerResult) -> None:
        """The next layer's start replaces the line."""


def progress_text(objective: Objective, progress: Progress) -> str:
    """The best value so far, the bound and the gap, as far as they are known."""
    value, bound = progress.objective_value, progress.bound
    parts: list[str] = []
    if value is not None:
        parts.append(f"best {objective} {edp_text(value) if objective == 'edp' else f'{value:,.0f}'}")
    if bound is not None:
        parts.append(f"bound {bound_text(objective, bound)}")
    if value and bound is not None:
        parts.append(f"gap {gap_text((value - bound) / value)}")
    return ", ".join([*parts, progress.note] if progress.note else parts) or "searching"
