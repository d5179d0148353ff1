"""HTML as text: elements, tables and pictures. All text that comes in is escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ..tables import Column, Row, cell_text, used_columns

MANY_COLUMNS = 4
"""Columns beside the name from which on a table is wider than a phone."""

SCROLL_HINT = "More columns to the right: scroll the table \u2192"


def element(tag: str, *content: str, **attributes: str) -> str:
    """An element around ready markup; a trailing ``_`` of an attribute's name is left out.

    Example:
        >>> element("p", text("1 < 2"), class_="note")
        '<p class="note">1 &lt; 2</p>'
    """
    given = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{given}>{''.join(content)}</{tag}>"


def text(words: str) -> str:
    """Words as markup."""
    return escape(words)


def bullets(lines: Iterable[str]) -> str:
    """A list of lines of text."""
    return element("ul", *(element("li", text(line)) for line in lines))


def folded(summary: str, content: str) -> str:
    """Markup that is shown when its summary is clicked."""
    return element("details", element("summary", text(summary)), content)


def preformatted(words: str) -> str:
    """Text with its line breaks and spaces, in a box that scrolls on its own."""
    return element("pre", text(words), tabindex="0")


def table(
    rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]], meanings: Mapping[str, str] | None = None
) -> str:
    """A table, in a box that scrolls on its own where the page is narrow.

    Headings in ``meanings`` explain themselves when pointed at.
    """
    used, known = used_columns(rows, columns), meanings or {}
    head = "".join(_heading(column, known.get(column.heading)) for column in [name, *used])
    body = [
        element(
            "tr",
            element("td", element("div", text(cell_text(name, row)), class_="name"), **_side(name)),
            *(element("td", text(cell_text(column, row)), **_side(column)) for column in used),
        )
        for row in rows
    ]
    whole = element("table", element("thead", element("tr", head)), element("tbody", *body))
    hint = element("p", text(SCROLL_HINT), class_="hint") if len(used) >= MANY_COLUMNS else ""
    return hint + element("div", whole, class_="scroll", tabindex="0")


def explained_table(
    rows: Sequence[Row], name: Column[Row], columns: Sequence[Column[Row]], meanings: Mapping[str, str]
) -> str:
    """The same with what its headings mean in a list below, for those who cannot point at them."""
    headings = [column.heading for column in used_columns(rows, columns)]
    lines = [f"{heading}: {meanings[heading]}" for heading in headings if heading in meanings]
    legend = folded("What the columns mean", bullets(lines)) if lines else ""
    return table(rows, name, columns, meanings) + legend


def _heading(column: Column[Row], meaning: str | None) -> str:
    explained = {} if meaning is None else {"title": meaning}
    return element("th", text(column.heading), scope="col", **_side(column), **explained)


def _side(column: Column[Row]) -> dict[str, str]:
    return {"class_": "left"} if column.left else {}


def image(svg: bytes, description: str) -> str:
    """An SVG picture inside the page: as an image, whose identifiers and styles cannot meet those of another."""
    return f'<img src="data:image/svg+xml;base64,{b64encode(svg).decode()}" alt="{escape(description)}">'
