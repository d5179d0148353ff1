"""What the readable reports of all studies say alike."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.documents.study_results import StudySearch
from ...model.faults import escaped, shortened
from ...model.objectives import OBJECTIVES, Objective
from ..tables import name_text
from .result_report import LONGEST_TITLE


def study_heading(name: str | None, what: str, objective: Objective, architecture: str, *, interrupted: bool) -> str:
    """The first line of a study's report."""
    title = f"{shortened(escaped(name), LONGEST_TITLE)}: " if name is not None else ""
    ended = " (interrupted)" if interrupted else ""
    return f"{title}{what} for {objective} ({OBJECTIVES[objective].unit}) on {name_text(architecture)}{ended}"


def troubles(search: StudySearch | None) -> Iterator[str]:
    """Why a search has no proved mapping: what clashes, or the time, or a fault."""
    if search is None or search.status == "optimal":
        return
    reasons = [search.note or "", f"fault: {search.fault}" if search.fault is not None else "", *search.conflicts]
    told = "; ".join(escaped(reason) for reason in reasons if reason)
    yield f"{search.status}{f': {told}' if told else ''}"
