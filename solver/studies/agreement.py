"""Whether what several searches of one layer claim can all be true, and what a pruned search loses."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ...model.documents.result import Number
from ...model.documents.study_results import LayerGap, StudySearch

FINISHED = ("optimal", "infeasible")
"""What a search ends with that leaves no question open."""


def finished(search: StudySearch | None) -> bool:
    """Whether a search ran and left no question open."""
    return search is not None and search.status in FINISHED


def whole_searches(layer: LayerGap) -> tuple[StudySearch, ...]:
    """The searches of a layer's whole space, as far as they ran: their bounds hold for every mapping."""
    searches = (layer.solver, layer.bounded, layer.full.search if layer.full is not None else None)
    return tuple(search for search in searches if search is not None)


def with_agreement(layer: LayerGap) -> LayerGap:
    """The layer with what its searches prove together: the optimum, and whether they agree.

    They agree when every mapping that one of them found is possible by the bounds of all others (two optima are then
    exactly equal, unless a relative gap was allowed), and full enumeration costed as many tilings as there are.
    """
    whole = whole_searches(layer)
    proved = [search for search in whole if search.status == "optimal"]
    faults = (*_disagreements(layer), *_miscounts(layer))
    agree = True if sum(finished(search) for search in whole) > 1 else None
    return layer.model_copy(
        update={
            "optimum": min((s.objective_value for s in proved if s.objective_value is not None), default=None),
            "proved_by": tuple(dict.fromkeys(search.backend for search in proved)),
            "agree": False if faults else agree,
            "disagreements": faults,
        }
    )


def _disagreements(layer: LayerGap) -> Iterator[str]:
    """A line for each mapping that one search found and another one claims not to exist."""
    whole = whole_searches(layer)
    finders = [*whole, layer.pruned.search] if layer.pruned is not None else whole
    for finder in finders:
        if finder.objective_value is not None:
            for prover in whole:
                for claim in contradicted(prover, finder.objective_value):
                    yield f"{finder.backend} found {finder.objective_value}, but {prover.backend} claims {claim}"


def _miscounts(layer: LayerGap) -> Iterator[str]:
    """Whether the full enumeration costed another number of tilings than there are."""
    full, space = layer.full, layer.space_tilings
    if full is not None and full.search is not None and full.outcome == "finished":
        costed = full.search.tilings_costed
        if None not in (costed, space) and costed != space:
            yield f"{full.search.backend} costed {costed} tilings, but there are {space}"


def contradicted(prover: StudySearch, value: Number) -> Iterator[str]:
    """What a search of the whole space claims that a mapping of the given objective value contradicts."""
    if prover.status == "infeasible":
        yield "that there is no mapping"
    elif prover.bound is not None and value < prover.bound:
        yield f"a bound of {prover.bound}"


def loss(value: Number, optimum: Number) -> float | None:
    """value / optimum - 1; ``None`` where a loss against an optimum of 0 has no size.

    Example:
        >>> loss(11, 10)
        0.1
    """
    if value == optimum:
        return 0.0
    return None if optimum == 0 else float(Fraction(value) / Fraction(optimum) - 1)
