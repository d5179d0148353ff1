"""MAESTRO's network descriptions (``.m``): layers with their sizes; dataflows are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...documents.spec import LayerList
from ...faults import InputError
from ..json_files import JsonObject
from .foreign_convolutions import SizedConvolution, layer_list, positive_sizes, warn

_NETWORK = re.compile(r"Network\s+(\S+)\s*\{")
_LAYER = re.compile(r"Layer\s+([^\s{]+)\s*\{")
_FIELDS = re.compile(r"(Stride|Dimensions)\s*\{([^}]*)\}")
_SIZE = re.compile(r"([A-Za-z]+)\s*:\s*([^,\s]+)")
_CONVOLUTION = ("K", "C", "R", "S", "Y", "X")
_PRODUCT = ("M", "N", "K")


def read_maestro_network(text: str, file: str, name: str) -> LayerList:
    """The layers of a network; those of other types than convolutions and products are left out with a warning.

    Raises:
        InputError: where there is no network, and for sizes that are none.
    """
    plain = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)
    network = _NETWORK.search(plain)
    if network is None:
        raise InputError.single(file, "", "expected a network of MAESTRO (Network NAME { Layer NAME { ... } })")
    if "Dataflow" in plain:
        warn(file, "dataflows are left out; ask for one with constraints")
    return layer_list(_layers(plain, file), network[1] or name, "MAESTRO network", file)


def _layers(text: str, file: str) -> Iterator[JsonObject]:
    starts = list(_LAYER.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    for start, end in zip(starts, ends, strict=True):
        body, title = text[start.end() : end], start[1]
        kind = re.search(r"Type\s*:\s*(\w+)", body)
        fields = {field: dict(_SIZE.findall(sizes)) for field, sizes in _FIELDS.findall(body)}
        sizes = fields.get("Dimensions", {})
        place = f"Layer {title} Dimensions"
        if set(_CONVOLUTION) <= set(sizes):
            filters, channels, rows, columns, height, width = positive_sizes(sizes, _CONVOLUTION, file, place)
            given = {"Y": "1", "X": "1", **fields.get("Stride", {})}
            down, across = positive_sizes(given, ("Y", "X"), file, f"Layer {title} Stride")
            batch = positive_sizes(sizes, ("N",), file, place)[0] if "N" in sizes else 1
            depthwise = kind is not None and kind[1].upper() == "DSCONV"
            yield SizedConvolution(
                title, filters, channels, (height, width), (rows, columns), (down, across), batch, depthwise
            ).document()
        elif set(_PRODUCT) <= set(sizes):
            m, n, k = positive_sizes(sizes, _PRODUCT, file, place)
            yield {"type": "gemm", "name": title, "m": m, "n": n, "k": k}
        else:
            warn(file, f"layer {title} is left out: its dimensions are neither K, C, R, S, Y, X nor M, N, K")
