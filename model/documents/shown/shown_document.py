"""Documents that show themselves in a line, in a notebook, and as a table of pandas (extra ``pandas``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base import Model
from ...faults import InputError
from .flat_rows import Row, quoted
from .html_table import html_table
from .shown_kinds import SHOWN

if TYPE_CHECKING:
    from pandas import DataFrame  # pyright: ignore[reportMissingTypeStubs]


class ShownDocument(Model):
    """A document whose type is one of :data:`SHOWN`; others are shown as pydantic does, by all their fields."""

    def __repr__(self) -> str:
        """A line: the type, the name, and what matters most of it."""
        kind = type(self).__name__
        if kind not in SHOWN:
            return super().__repr__()
        name: str | None = getattr(self, "name", None)
        return f"<{kind}{quoted(name)}: {'; '.join(SHOWN[kind].facts(self))}>"

    def __str__(self) -> str:
        """The same line."""
        return repr(self)

    def rows(self) -> list[Row]:
        """The document as rows of figures, by the dotted names that they have in the JSON document.

        A result has a row for each layer and rank, fronts one for each layer and point, studies one for each layer
        (and dataflow), a sweep one for each design, an explanation one for each change that was tried. Energies in pJ,
        time in cycles, EDP in pJ * cycles.

        Raises:
            InputError: for a document that is no table.
        """
        kind = type(self).__name__
        if kind not in SHOWN:
            raise InputError.single(None, kind, f"expected a document with rows: {', '.join(SHOWN)}")
        return _without_absent_groups(list(SHOWN[kind].rows(self)))

    def to_pandas(self) -> DataFrame:
        """The rows as a table of pandas.

        Raises:
            InputError: without pandas, and for a document that is no table.

        Example:
            >>> frame = result.to_pandas()  # doctest: +SKIP
            >>> frame[frame["rank"] == 1].set_index("layer")["energy_breakdown_pj.dram"]  # doctest: +SKIP
        """
        try:
            import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            message = "tables need pandas, which is not installed: pip install 'dmaze-solve[pandas]'"
            raise InputError.single(None, "to_pandas", message) from error
        return pd.DataFrame(self.rows())

    def _repr_html_(self) -> str | None:
        """The line and a small table, which a notebook shows."""
        kind = type(self).__name__
        if kind not in SHOWN:
            return None
        brief = [row for row in self.rows() if SHOWN[kind].brief(row)]
        return html_table(repr(self)[1:-1], brief, SHOWN[kind].columns)


def _without_absent_groups(rows: list[Row]) -> list[Row]:
    """The rows without figures that are null where other rows have figures below that name."""
    names = dict.fromkeys(name for row in rows for name in row)
    groups = {name for name in names if any(other.startswith(f"{name}.") for other in names)}
    return [{name: value for name, value in row.items() if name not in groups} for row in rows]
