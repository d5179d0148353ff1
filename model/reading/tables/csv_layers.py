"""Tables of layers: SCALE-Sim's topologies (convolutions, matrix products) and GAMMA's models."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ...documents.spec import LayerList
from ...faults import InputError, shortened
from ..json_files import JsonObject
from .foreign_convolutions import SizedConvolution, layer_list, positive_sizes, warn

Row = tuple[str, Mapping[str, str]]
"""Where a row stands, and its cells by the column's name in small letters and digits."""

_SCALE_SIM = ("ifmapheight", "ifmapwidth", "filterheight", "filterwidth", "channels", "numfilter")
_PRODUCT = ("m", "n", "k")
_GAMMA = ("k", "c", "y", "x", "r", "s")
_DEPTHWISE = 2
"""GAMMA's number of a depthwise convolution."""

_EXPECTED = (
    "expected a table of SCALE-Sim (Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
    "Num Filter, Strides; or Layer, M, N, K) or GAMMA (K, C, Y, X, R, S, T)"
)


def read_csv_layers(text: str, file: str, name: str) -> LayerList:
    """The layers in a table, told by its columns.

    Raises:
        InputError: for a table of other columns, and sizes that are none.
    """
    lines = [cells for cells in csv.reader(text.splitlines()) if any(cell.strip() for cell in cells)]
    columns = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in lines[0]] if lines else []
    kinds: tuple[tuple[tuple[str, ...], str, Callable[[Row, str], JsonObject]], ...] = (
        (_SCALE_SIM, "SCALE-Sim topology", _scale_sim_layer),
        (_GAMMA, "GAMMA model", _gamma_layer),
        (_PRODUCT, "SCALE-Sim topology of matrix products", _product),
    )
    for wanted, source, read in kinds:
        if set(wanted) <= set(columns):
            if read is _gamma_layer:
                warn(file, "Y and X are taken for the padded input's height and width, and every stride for 1")
            return layer_list((read(row, file) for row in _rows(lines, columns)), name, source, file)
    found = shortened(", ".join(cell.strip() for cell in lines[0]), 80) if lines else "nothing"
    raise InputError.single(file, "", f"{_EXPECTED}, got {found}")


def _rows(lines: list[list[str]], columns: list[str]) -> Iterator[Row]:
    for number, cells in enumerate(lines[1:], start=1):
        yield f"row {number}", {column: cell for column, cell in zip(columns, cells, strict=False) if column}


def _scale_sim_layer(row: Row, file: str) -> JsonObject:
    """A convolution; SCALE-Sim rounds the number of outputs up, so that its input may have to be larger."""
    place, cells = row
    height, width, rows, columns, channels, filters = _sizes(cells, _SCALE_SIM, file, place)
    strides = [name for name in ("strideheight", "stridewidth", "strides", "stride") if cells.get(name, "").strip()]
    steps = _sizes(cells, strides[:2], file, place) if strides else [1]
    stride = (steps[0], steps[-1])
    title, size, kernel = _title(cells, place), (height, width), (rows, columns)
    reached = tuple(_reached(*each) for each in zip(size, kernel, stride, strict=True))
    needed = (max(height, reached[0]), max(width, reached[1]))
    if needed != size:
        warn(file, f"{title}: its input is read as {needed[0]} x {needed[1]}, for SCALE-Sim rounds outputs up")
    layer = SizedConvolution(title, filters, channels, needed, kernel, stride)
    return replace(layer, depthwise="DP" in title).document()


def _reached(size: int, kernel: int, step: int) -> int:
    """Inputs that windows reach, of which as many begin as there are steps begun in the input."""
    return -(-(size - kernel) // step) * step + kernel


def _gamma_layer(row: Row, file: str) -> JsonObject:
    place, cells = row
    filters, channels, height, width, rows, columns = _sizes(cells, _GAMMA, file, place)
    depthwise = cells.get("t", "").strip() == str(_DEPTHWISE)
    layer = SizedConvolution(_title(cells, place), filters, channels, (height, width), (rows, columns), (1, 1))
    return replace(layer, depthwise=depthwise).document()


def _product(row: Row, file: str) -> JsonObject:
    place, cells = row
    m, n, k = _sizes(cells, _PRODUCT, file, place)
    return {"type": "gemm", "name": _title(cells, place), "m": m, "n": n, "k": k}


def _sizes(cells: Mapping[str, str], names: tuple[str, ...] | list[str], file: str, place: str) -> list[int]:
    return positive_sizes({name: cells.get(name, "") for name in names}, names, file, place)


def _title(cells: Mapping[str, str], place: str) -> str:
    """What a layer is called: the cell under the layer's name, or its row."""
    found = next((cell.strip() for name, cell in cells.items() if name.startswith("layer") and cell.strip()), "")
    return found or place.replace(" ", "_")
