"""One problem of a sweep as a task for another process, on this machine or another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.spec import Spec
from ...model.documents.sweep_results import AnswerT
from ...model.faults import BackendFault
from ...model.reading.loading import ResolvedSpec
from ..pipeline.cache import Cache
from ..pipeline.summary import versions
from .goals import Goal


@dataclass(frozen=True)
class Task(Generic[AnswerT]):
    """A layer on a design, and how to search it; all of it can be pickled. ``cache`` is a folder, or ``None``."""

    goal: Goal[AnswerT]
    spec: ResolvedSpec[Spec]
    warm_starts: tuple[AnyMappingDocument, ...]
    cache: Path | None
    software: Mapping[str, str]


def run_task(task: Task[AnswerT]) -> AnswerT:
    """The answer to a task.

    Raises:
        BackendFault: where other versions of this project or of the back end are installed than where the sweep runs.
    """
    here = software(task.spec.document.solver.backend)
    if here != task.software:
        raise BackendFault(f"the worker has {_shown(here)}, but the sweep was started with {_shown(task.software)}")
    cache = None if task.cache is None else Cache(task.cache)
    return task.goal.search(task.spec, task.warm_starts, cache)


def software(backend: str) -> dict[str, str]:
    """Versions of what determines answers: this project, and the distribution that brings the back end."""
    return {name: version for name, version in versions(backend).items() if name not in ("python", "ortools", "numpy")}


def _shown(software: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in software.items()) or "nothing installed"
