"""The readable report of ``explain``: what bounds a layer, why arrays are used as they are, what else it could cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console

from ....model.documents.explaining.explanation import (
    ArrayUse,
    CostFactors,
    Explanation,
    FactorDifference,
    LargerFactor,
    OtherRank,
    WhatIf,
)
from ....model.faults import escaped
from ....model.objectives import OBJECTIVES
from ...solved_layers import utilization_by_part
from ...tables import Column, Row, name_text, print_line, print_tables, title_text

UNPROVED = "not proved"


@dataclass(frozen=True)
class TermRow:
    """A term of the time with its cycles, and its share of the layer's."""

    term: str
    cycles: int
    share: float


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print the bottleneck, the arrays, what more of one thing would bring, and the other ranks."""
    print_line(console, _heading(explanation))
    print_line(console, f"\n{bottleneck_line(explanation)}\n")
    print_tables(console, term_rows(explanation), Column("term", lambda row: name_text(row.term), left=True), _TERMS)
    for array in explanation.arrays:
        _print_array(console, explanation, array)
    if explanation.what_if:
        print_line(console, "\nWhat more of one thing would bring, at the same prices for each access:\n")
        name = Column[WhatIf]("with", lambda row: name_text(row.what), left=True)
        print_tables(console, explanation.what_if, name, _what_if_columns(explanation))
    for line in (*rank_lines(explanation), *closing_lines(explanation)):
        print_line(console, line)


def _heading(explanation: Explanation) -> str:
    of = "" if explanation.name is None else f" of {title_text(explanation.name)}"
    proof = "" if explanation.status == "optimal" else f", {UNPROVED}"
    where = name_text(explanation.architecture)
    return f"{name_text(explanation.layer)}{of}: least {explanation.objective} on {where}, {explanation.status}{proof}"


def bottleneck_line(explanation: Explanation) -> str:
    """What decides the time, and what part of the network the layer is."""
    found = explanation.bottleneck
    decides = "What decides is not known" if found.bound_by is None else f"Bound by {name_text(found.bound_by)}"
    parts = [f"{decides}: {found.cycles:,} cycles"]
    if found.ideal_cycles:
        times = f"{found.cycles / found.ideal_cycles:.2f} times"
        parts.append(f"{times} the {found.ideal_cycles:,} that it would take with everything busy")
    if found.share is not None and found.share.cycles < 1:  # else it is the whole network
        parts.append(f"{found.share.energy:.1%} of the network's energy and {found.share.cycles:.1%} of its cycles")
    return f"{', '.join(parts)}."


def term_rows(explanation: Explanation) -> list[TermRow]:
    """The terms of the time, the largest first."""
    found = explanation.bottleneck
    terms = sorted(found.roofline.items(), key=lambda item: -item[1])
    return [TermRow(term, cycles, cycles / found.cycles) for term, cycles in terms]


_TERMS: tuple[Column[TermRow], ...] = (
    Column("cycles, if nothing else took time", lambda row: f"{row.cycles:,}"),
    Column("of all", lambda row: f"{row.share:.1%}"),
)


def _print_array(console: Console, explanation: Explanation, array: ArrayUse) -> None:
    print_line(console, f"\n{array_line(array)}")
    if array.larger_factors and array.used < array.size:
        print_line(console, "The next larger factor of one dimension, the others as they are:\n")
        name = Column[LargerFactor]("dimension", lambda row: name_text(row.dimension), left=True)
        print_tables(console, array.larger_factors, name, _factor_columns(explanation, array))
    lines = list(use_lines(explanation, array))
    for line in ("", *lines) if lines else ():
        print_line(console, line)


def array_line(array: ArrayUse) -> str:
    """How much of an array is in use, and by which factors."""
    unrolled = ", ".join(f"{name_text(dim)} {factor}" for dim, factor in array.unrolled.items())
    by = f" ({unrolled})" if unrolled else ""
    return f"{name_text(array.name)}: {array.used:,} of {array.size:,} in use, {array.utilization:.1%}{by}."


def _factor_columns(explanation: Explanation, array: ArrayUse) -> tuple[Column[LargerFactor], ...]:
    return (
        Column("factor", lambda row: f"{row.old} -> {row.new}", priority=0),
        Column("in use", lambda row: f"{row.used:,} of {array.size:,}", priority=1),
        Column("stopped by", lambda row: escaped(", ".join(row.stopped_by)) or "nothing", left=True, priority=0),
        *_cost_columns(explanation, lambda row: row.factors),
    )


def use_lines(explanation: Explanation, array: ArrayUse) -> Iterator[str]:
    """What numbers of instances there are, and what the best mapping with more of them in use costs."""
    if array.next_used is None:
        if array.used < array.size:
            yield f"No allowed factors multiply to more than {array.used:,}: divisors and constraints stop there."
        return
    yield f"Allowed factors multiply to {array.next_used:,} next, and to {array.most_used:,} at most."
    if array.forced is not None:
        yield _forced_line(explanation, array, array.forced)


def _forced_line(explanation: Explanation, array: ArrayUse, forced: WhatIf) -> str:
    """What forcing more use comes to."""
    proof = "proved" if forced.proved else UNPROVED
    asked = f"With more than {array.used:,} in use"
    if forced.solution is None or forced.factors is None:
        why = f": {', '.join(forced.conflicts)} clash" if forced.conflicts else ""
        return escaped(f"{asked} there is no mapping ({proof}){why}." if forced.status == "infeasible" else _no(forced))
    share = utilization_by_part(forced.solution.cost).get(array.name) or 0.0
    costs = _factor_words(explanation, forced.factors)
    verdict = "gains nothing" if forced.factors.objective == 1.0 else "does not pay"
    if forced.proved:
        asked = f"Using more than {array.used:,} {verdict}:"
    return f"{asked} the best mapping that does takes {costs} ({proof}); it uses {round(share * array.size):,}."


def _no(answer: WhatIf) -> str:
    """That a question has no answer, and why."""
    return f"{answer.what}: no answer, {answer.note or 'nothing was found in time'}"


def _factor_words(explanation: Explanation, factors: CostFactors) -> str:
    by_metric = {OBJECTIVES[explanation.objective].title: factors.objective}
    by_metric |= {"energy": factors.energy, "cycles": factors.cycles}
    return ", ".join(f"{metric} {factor_text(factor)}" for metric, factor in by_metric.items())


def factor_text(factor: float | None) -> str:
    """A cost over another one.

    Example:
        >>> factor_text(0.65255)
        'x0.653'
    """
    return "-" if factor is None else f"x{factor:.3f}"


def _cost_columns(explanation: Explanation, factors: Callable[[Row], CostFactors | None]) -> tuple[Column[Row], ...]:
    """The objective, energy and cycles over the present ones."""

    def column(heading: str, of: Callable[[CostFactors], float | None], priority: int) -> Column[Row]:
        def cell(row: Row) -> str | None:
            found = factors(row)
            return None if found is None else factor_text(of(found))

        return Column(heading, cell, priority=priority)

    return (
        column(OBJECTIVES[explanation.objective].title, lambda found: found.objective, 0),
        column("energy", lambda found: found.energy, 1),
        column("cycles", lambda found: found.cycles, 1),
    )


def _what_if_columns(explanation: Explanation) -> tuple[Column[WhatIf], ...]:
    return (
        Column("status", lambda row: row.status if row.proved else f"{row.status}, {UNPROVED}", left=True, priority=0),
        *_cost_columns(explanation, lambda row: row.factors),
        Column("at least", _least, optional=True, priority=3),
        Column("bound by", _bound_by, left=True, optional=True, priority=2),
        *(Column(name_text(array.name), _use_of(array.name), priority=4) for array in explanation.arrays),
        Column("change", _changes, left=True, priority=5),
    )


def _least(answer: WhatIf) -> str | None:
    """Below what the objective cannot be, where that is not what was found."""
    return None if answer.proved or answer.least_factor is None else factor_text(answer.least_factor)


def _bound_by(answer: WhatIf) -> str | None:
    return answer.solution and answer.solution.cost.bound_by and name_text(answer.solution.cost.bound_by)


def _use_of(array: str) -> Callable[[WhatIf], str | None]:
    def cell(answer: WhatIf) -> str | None:
        share = None if answer.solution is None else utilization_by_part(answer.solution.cost).get(array)
        return None if share is None else f"{share:.1%}"

    return cell


def _changes(answer: WhatIf) -> str:
    return escaped(", ".join(f"{each.field} {each.old:,} -> {each.new:,}" for each in answer.changes))


def rank_lines(explanation: Explanation) -> Iterator[str]:
    """Every other solution of the result: what it costs beside rank 1, and in what it differs."""
    if not explanation.ranks:
        yield "\nThe result has no other mappings of this layer (--top-k of the search)."
        return
    yield "\nOther mappings of the result, beside rank 1:\n"
    for other in explanation.ranks:
        proof = "" if other.proved else f" ({UNPROVED})"
        yield f"rank {other.rank}{proof}: {_factor_words(explanation, other.factors)}"
        yield f"  {escaped('; '.join(_differences(other)))}"


def _differences(other: OtherRank) -> list[str]:
    """The dimensions whose factors differ, then what else does."""
    by_dim: dict[str, list[FactorDifference]] = {}
    for each in other.tiling:
        by_dim.setdefault(each.dimension, []).append(each)
    parts = [
        f"{dim} {', '.join(f'{each.level} {each.best} -> {each.other}' for each in found)}"
        for dim, found in by_dim.items()
    ]
    return [*parts, *(field.replace("_", " ") for field in other.differs_in)]


def closing_lines(explanation: Explanation) -> Iterator[str]:
    """Questions without an answer, and those whose answer is not proved."""
    forced = (array.forced for array in explanation.arrays if array.forced is not None)
    answers = [*forced, *explanation.what_if]
    silent = [answer for answer in answers if answer.solution is None and answer.status == "unknown"]
    yield from (f"\n{escaped(_no(answer))}" for answer in silent)
    if any(not answer.proved for answer in answers if answer not in silent):
        yield f"\nWhat is {UNPROVED} is the best that was found in {explanation.time_limit_s:g} s (--time-limit)."
    if cached := sum(answer.cached for answer in answers):
        yield f"\nFrom the cache: {cached} of {len(answers)} answers (--no-cache searches again)."
    if explanation.interrupted:
        yield "\ninterrupted"
