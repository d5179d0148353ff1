"""What the readable reports of all studies say alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...model.documents.result import Number
from ...model.documents.study_results import StudySearch
from ...model.faults import escaped, shortened
from ...model.objectives import Objective
from ..tables import name_text
from .result_report import LONGEST_TITLE, edp_text

UNITS: Mapping[Objective, str] = {"edp": "pJ*cycles", "energy": "pJ", "latency": "cycles"}


def study_heading(name: str | None, what: str, objective: Objective, architecture: str, *, interrupted: bool) -> str:
    """The first line of a study's report."""
    title = f"{shortened(escaped(name), LONGEST_TITLE)}: " if name is not None else ""
    ended = " (interrupted)" if interrupted else ""
    return f"{title}{what} for {objective} ({UNITS[objective]}) on {name_text(architecture)}{ended}"


def value_text(objective: Objective, value: Number) -> str:
    """An objective value: an EDP to seven digits, counts in full."""
    return edp_text(value) if objective == "edp" else f"{value:,}"


def troubles(search: StudySearch | None) -> Iterator[str]:
    """Why a search has no proved mapping: what clashes, or the time, or a fault."""
    if search is None or search.status == "optimal":
        return
    reasons = [search.note or "", f"fault: {search.fault}" if search.fault is not None else "", *search.conflicts]
    told = "; ".join(escaped(reason) for reason in reasons if reason)
    yield f"{search.status}{f': {told}' if told else ''}"
