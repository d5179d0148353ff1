"""Rows of figures as a small table of HTML, for notebooks; all text that comes in is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...faults import escaped, shortened
from .flat_rows import Row

MOST_ROWS = 60
"""Rows that are shown; further ones are counted."""

LONGEST_CELL = 60
ABSENT = "-"
_LEFT = "padding: 0.2em 0.6em; text-align: left"
_RIGHT = "padding: 0.2em 0.6em; text-align: right; font-variant-numeric: tabular-nums"


def html_table(caption: str, rows: Sequence[Row], columns: Sequence[str]) -> str:
    """A caption and a table, of which columns without any figure are left out.

    Example:
        >>> html_table("two", [{"layer": "a"}], ["layer"]).count("<td")
        1
    """
    used = _used_columns(rows, columns)
    shown = rows[:MOST_ROWS]
    left = {name for name in used if any(isinstance(row.get(name), str) for row in shown)}
    head = "".join(f'<th style="{_side(name, left)}">{escape(name)}</th>' for name in used)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_side(name, left)}">{_cell(row.get(name))}</td>' for name in used) + "</tr>"
        for row in shown
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    more = f"<p>and {len(rows) - len(shown):,} more rows</p>" if len(rows) > len(shown) else ""
    return f"<div><p>{escape(caption)}</p>{table}{more}</div>"


def _used_columns(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The columns for which some row has a figure; those that begin with a name that ends with a dot stand for it."""
    known = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
    groups = ([name for name in known if name == c or (c.endswith(".") and name.startswith(c))] for c in columns)
    return [name for group in groups for name in group]


def _side(name: str, left: set[str]) -> str:
    return _LEFT if name in left else _RIGHT


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else escape(shortened(escaped(str(value)), LONGEST_CELL))
