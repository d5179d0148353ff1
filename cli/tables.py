"""Tables that fit the console: columns that do not fit go to a further table instead of being cut or wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..model.faults import escaped

Row = TypeVar("Row")

ABSENT = "-"
GAP = "..."
GUTTER = 2
BETWEEN = GUTTER + 1
"""Columns of the console between two columns of a table: rich adds one to the padding."""

LONGEST_NAME = 36
KEPT_IN_FRONT = 17
"""Characters kept before the gap in a shortened name: what tells layers apart mostly stands at the end."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A heading and how to say a row's value; ``optional`` columns vanish when no row has a value."""

    heading: str
    cell: Callable[[Row], str | None]
    left: bool = False
    optional: bool = False


def print_tables(console: Console, rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]]) -> None:
    """Print one table, or several that each begin with the name column when the console is narrow."""
    groups = list(_groups(rows, name, used_columns(rows, columns), console.width))
    for group in groups:
        if group is not groups[0]:
            console.print()
        console.print(_table(rows, [name, *group]))


def used_columns(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    """The columns without optional ones that no row has a value for."""
    return [c for c in columns if not (c.optional and all(c.cell(row) is None for row in rows))]


def _table(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GUTTER, 0, 0))
    for column in columns:
        table.add_column(column.heading, justify="left" if column.left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell_text(column, row)) for column in columns))
    return table


def _groups(
    rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]], width: int
) -> Iterator[list[Column[Row]]]:
    room = width + BETWEEN - _width(rows, name)  # nothing follows the last column
    group: list[Column[Row]] = []
    left = room
    for column in columns:
        needed = _width(rows, column)
        if group and needed > left:
            yield group
            group, left = [], room
        group.append(column)
        left -= needed
    yield group


def _width(rows: Sequence[Row], column: Column[Row]) -> int:
    """Columns of the console that a table's column takes, with what separates it from the next one."""
    return max([len(column.heading), *(len(cell_text(column, row)) for row in rows)]) + BETWEEN


def cell_text(column: Column[Row], row: Row) -> str:
    """What a table shows of a row in a column."""
    value = column.cell(row)
    return ABSENT if value is None else value


def print_line(console: Console, line: str = "") -> None:
    """Print text as it is, however wide the console."""
    console.print(Text(line), soft_wrap=True)


def name_text(name: str) -> str:
    """A name from the input on one line, its middle left out where it is very long."""
    text, kept_behind = escaped(name), LONGEST_NAME - KEPT_IN_FRONT - len(GAP)
    return text if len(text) <= LONGEST_NAME else f"{text[:KEPT_IN_FRONT]}{GAP}{text[-kept_behind:]}"
