"""Tables that fit the console: nothing in them is cut or wrapped.

On a terminal the columns that matter least are left out where it is too narrow, and named below the table. Elsewhere
columns that do not fit go to a further table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..model.faults import escaped, shortened

Row = TypeVar("Row")

ABSENT = "-"
GAP = "..."
GUTTER = 2
NARROW_GUTTER = 1
SEPARATOR = 1
"""Columns of the console that rich adds to the padding between two columns of a table."""

MAY_WAIT = 2
"""The priority of a column that nobody has given one."""

STATUS_STYLES: Mapping[str, str] = {
    "optimal": "green",
    "feasible": "yellow",
    "infeasible": "red",
    "unknown": "red",
}
"""Colours of statuses where the terminal has colours."""

DOUBTFUL = "yellow"
"""The colour of figures that are not proved."""

LONGEST_TITLE = 100
LONGEST_NAME = 36
KEPT_IN_FRONT = 17
"""Characters kept before the gap in a shortened name: what tells layers apart mostly stands at the end."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A heading and how to say a row's value; ``optional`` columns vanish when no row has a value.

    On a narrow terminal those with a larger ``priority`` are left out first, those with 0 never. ``style`` gives the
    colour of a row's value.
    """

    heading: str
    cell: Callable[[Row], str | None]
    left: bool = False
    optional: bool = False
    priority: int = MAY_WAIT
    style: Callable[[Row], str | None] | None = None


def print_tables(console: Console, rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]]) -> None:
    """Print one table; several that each begin with the name column where it is too wide and nothing is left out."""
    used = used_columns(rows, columns)
    gutter, kept = GUTTER, used
    if is_terminal(console) and _width(rows, [name, *used], GUTTER) > console.width:
        gutter = NARROW_GUTTER
        kept = _most_important(rows, name, used, console.width)
    groups = list(_groups(rows, name, kept, console.width, gutter))
    for group in groups:
        if group is not groups[0]:
            console.print()
        console.print(_table(rows, [name, *group], gutter))
    left_out = [column.heading for column in used if column not in kept]
    if left_out:
        line = f"left out at {console.width} columns: {', '.join(left_out)} (a wider terminal or --json has them)"
        console.print(Text(line, style="dim"))


def is_terminal(console: Console) -> bool:
    """Whether somebody reads what is printed on a terminal, which has a width that cannot be chosen."""
    return console.file.isatty()


def used_columns(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> list[Column[Row]]:
    """The columns without optional ones that no row has a value for."""
    return [c for c in columns if not (c.optional and all(c.cell(row) is None for row in rows))]


def _table(rows: Sequence[Row], columns: Sequence[Column[Row]], gutter: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gutter, 0, 0))
    for column in columns:
        table.add_column(column.heading, justify="left" if column.left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell_text(column, row), style=_style(column, row)) for column in columns))
    return table


def _style(column: Column[Row], row: Row) -> str:
    return (column.style(row) if column.style is not None else None) or ""


def _most_important(
    rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]], width: int
) -> list[Column[Row]]:
    """Those columns that fit beside the name, taken by priority and then from the left; those that must stay."""
    kept = [column for column in columns if column.priority == 0]
    for column in sorted(columns, key=lambda column: column.priority):
        if column.priority > 0 and _width(rows, [name, *kept, column], NARROW_GUTTER) <= width:
            kept.append(column)
    return [column for column in columns if column in kept]


def _groups(
    rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]], width: int, gutter: int
) -> Iterator[list[Column[Row]]]:
    group: list[Column[Row]] = []
    for column in columns:
        if group and _width(rows, [name, *group, column], gutter) > width:
            yield group
            group = []
        group.append(column)
    yield group


def _width(rows: Sequence[Row], columns: Sequence[Column[Row]], gutter: int) -> int:
    """Columns of the console that a table takes; nothing follows its last column."""
    widths = [max([len(c.heading), *(len(cell_text(c, row)) for row in rows)]) for c in columns]
    return sum(widths) + (gutter + SEPARATOR) * (len(widths) - 1)


def cell_text(column: Column[Row], row: Row) -> str:
    """What a table shows of a row in a column."""
    value = column.cell(row)
    return ABSENT if value is None else value


def print_line(console: Console, line: str = "") -> None:
    """Print a line of text: on a terminal broken between words, its parts indented as it is itself; else as it is."""
    body = line.lstrip(" ")
    indent = len(line) - len(body)
    if not is_terminal(console):
        console.print(Text(line), soft_wrap=True)
    elif 0 < indent <= console.width // 2:
        for part in Text(body).wrap(console, console.width - indent):
            console.print(Text(" " * indent) + part)
    else:
        console.print(Text(line))


def status_style(status: str | None) -> str | None:
    """The colour of a status; ``None`` for what is none.

    Example:
        >>> status_style("feasible")
        'yellow'
    """
    return STATUS_STYLES.get(status or "")


def title_text(name: str) -> str:
    """A name that heads a report, on one line; what ``--set`` adds to an architecture's name is legible there."""
    return shortened(escaped(name), LONGEST_TITLE)


def name_text(name: str) -> str:
    """A name from the input on one line, its middle left out where it is very long."""
    text, kept_behind = escaped(name), LONGEST_NAME - KEPT_IN_FRONT - len(GAP)
    return text if len(text) <= LONGEST_NAME else f"{text[:KEPT_IN_FRONT]}{GAP}{text[-kept_behind:]}"
