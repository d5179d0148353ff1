"""How all pictures look, and their bytes: readable at a phone's width, the same input giving the same bytes."""

# Matplotlib's own annotations leave keyword arguments out.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import wraps
from io import BytesIO
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

from ...model.faults import escaped, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

WIDTH_INCHES = 4.6
"""A picture this wide keeps text of 9 points readable when a page scales it to the 360 pixels of a phone."""

DOTS_PER_INCH = 160

SETTINGS: Mapping[str, object] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "dmaze-solve",
}

BLUE, SKY, ORANGE, VERMILION, GREEN, PURPLE, YELLOW = (
    "#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#f0e442",
)  # fmt: skip
"""Colours that colour-blind readers tell apart (Okabe and Ito, 2008)."""

GREY, PALE_GREEN = "#999999", "#b3dfd0"

LONGEST_LABEL = 24


@contextmanager
def house_style() -> Generator[None]:
    """Matplotlib's defaults with our settings, whatever the user's own; nothing of it stays afterwards.

    A name may hold characters that no installed font has: SVG viewers have their own, so that this is no warning.
    """
    from matplotlib import style

    with style.context(["default", dict(SETTINGS)]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ")
        yield


def in_house_style(draw: Callable[P, T]) -> Callable[P, T]:
    """Make a function draw in the style of the house."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        with house_style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(height_inches: float) -> Figure:
    """An empty figure of our width whose parts make room for each other."""
    from .library.shown_figure import ShownFigure

    return ShownFigure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


@in_house_style
def words_only(words: str) -> Figure:
    """A picture that says why there is none."""
    figure = new_figure(1.0)
    figure.text(0.5, 0.5, words, ha="center", va="center", wrap=True)
    return figure


@in_house_style
def picture_bytes(figure: Figure, suffix: str) -> bytes:
    """A figure as a PNG or SVG file (``suffix`` with its dot); text stays text in SVG."""
    stream = BytesIO()
    metadata = {"Date": None} if suffix == ".svg" else None
    figure.savefig(stream, format=suffix.removeprefix("."), dpi=DOTS_PER_INCH, metadata=metadata)
    return stream.getvalue()


def label(name: str, longest: int = LONGEST_LABEL) -> str:
    """A name from the input as a picture shows it: on one line, shortened, dollar signs without their meaning."""
    return shortened(escaped(name), longest).replace("$", r"\$")


def grid_lines(axes: Axes, axis: Literal["x", "y", "both"]) -> None:
    """Light lines behind what is drawn, at the ticks of an axis."""
    axes.set_axisbelow(True)
    axes.grid(axis=axis, color="#dddddd", linewidth=0.6)
