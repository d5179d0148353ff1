"""Figures that a notebook shows by themselves, without pyplot. Imported only where something is drawn."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure

NOTEBOOK_DOTS_PER_INCH = 120


class ShownFigure(Figure):
    """A figure that is its own picture at the end of a notebook's cell."""

    def _repr_png_(self) -> bytes:
        stream = BytesIO()
        self.savefig(stream, format="png", dpi=NOTEBOOK_DOTS_PER_INCH)
        return stream.getvalue()
