"""What documents show of themselves, by the name of their type: a few facts, and rows of named figures.

Names of figures are those of the JSON documents, with dots where one stands inside another. Documents are read by
their fields alone: what they are made of lies above this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ...base import Model
from ...faults import escaped, shortened
from ...objectives import OBJECTIVES, Objective

Row = dict[str, object]

LONGEST_NAME = 60

BESIDES = frozenset(
    (
        *("layer", "solution", "solutions", "points", "best", "mapping", "result", "fronts"),
        *("certificate", "steps", "padding_variants", "counterexample"),
    )
)
"""Fields that are no figures of a row: what was asked, what has rows of its own, and proofs."""


@dataclass(frozen=True)
class Shown:
    """What is said of a kind of documents.

    ``facts`` go into the line that stands for one, ``rows`` into tables. A notebook shows the rows that are ``brief``,
    and of them the figures in ``columns``, where a name that ends with a dot is that of all figures below it.
    """

    facts: Callable[[Any], Iterable[str]]
    rows: Callable[[Any], Iterable[Row]]
    columns: tuple[str, ...]
    brief: Callable[[Row], bool] = lambda _: True


def flat(value: Model) -> Row:
    """The figures in a document: numbers, words and flags by their dotted names; lists of words as one text."""
    return dict(_flat(value.model_dump(mode="json", by_alias=True, exclude=set(BESIDES)), ""))


def _flat(fields: Mapping[str, object], above: str) -> Iterator[tuple[str, object]]:
    for name, value in fields.items():
        if name in BESIDES:
            continue
        if isinstance(value, dict):
            yield from _flat(cast("Mapping[str, object]", value), f"{above}{name}.")
        elif not isinstance(value, list):
            yield f"{above}{name}", value
        elif all(isinstance(member, str) for member in cast("list[object]", value)):
            yield f"{above}{name}", "|".join(cast("list[str]", value))


def of_layer(layer: Any) -> Row:
    """The figures of a layer's document; its name is the figure ``layer``."""
    own = flat(layer)
    return {"layer": own.pop("name"), **own}


def solution_rows(layer: Any, solutions: Iterable[Any]) -> Iterator[Row]:
    """A row for each mapping of a layer, with its cost; one without a rank for a layer that has none."""
    own, found = of_layer(layer), False
    for solution in solutions:
        found = True
        yield {**own, "rank": solution.rank, "rank_proved": solution.proved, **flat(solution.cost)}
    if not found:
        yield {**own, "rank": None}


def is_best(row: Row) -> bool:
    """Whether a row is of the best mapping of a layer, or of a layer that has none."""
    return row.get("rank") in (1, None)


def quoted(name: str | None) -> str:
    """A name from the input in a line."""
    return "" if name is None else f" '{shortened(escaped(name), LONGEST_NAME)}'"


def counted(number: int, what: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "layer"), counted(2, "layer")
        ('1 layer', '2 layers')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def energy_text(energy_pj: float) -> str:
    """An energy in pJ to five digits."""
    return f"energy {energy_pj:.4e} pJ"


def total_facts(total: Any) -> Iterator[str]:
    """Sums over layers, where every layer has a mapping."""
    if total is not None and total.energy_pj is not None:
        yield f"total {energy_text(total.energy_pj)}, {total.cycles:,} cycles, EDP {total.edp:.4e} pJ*cycles"


def value_text(objective: Objective, value: float | None) -> str:
    """The value of an objective with its unit."""
    rule = OBJECTIVES[objective]
    return "no value" if value is None else f"{rule.title} {rule.value_text(value)} {rule.unit}"
