"""What the readable reports of all studies say alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ....model.documents.study_results import StudySearch
from ....model.faults import escaped
from ....model.objectives import OBJECTIVES, Objective
from ...tables import title_text


def study_heading(name: str | None, what: str, objective: Objective, architecture: str, *, interrupted: bool) -> str:
    """The first line of a study's report."""
    title = f"{title_text(name)}: " if name is not None else ""
    ended = " (interrupted)" if interrupted else ""
    return f"{title}{what} for {objective} ({OBJECTIVES[objective].unit}) on {title_text(architecture)}{ended}"


def published_line(figures: str, source: str) -> str:
    """What the paper says of the same question."""
    return f"published, on the authors' model, layers and machine: {figures} ({source})"


def open_ends(searches: Iterable[tuple[str, StudySearch | None]]) -> Iterator[str]:
    """Why searches, each with its heading, have no proved mapping: what clashes, or the time, or a fault."""
    for heading, search in searches:
        if search is not None and search.status != "optimal":
            fault = f"fault: {search.fault}" if search.fault is not None else ""
            reasons = "; ".join(escaped(reason) for reason in (search.note or "", fault, *search.conflicts) if reason)
            yield f"{heading}: {search.status}{f': {reasons}' if reasons else ''}"
