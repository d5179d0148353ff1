"""Convolutions and products as other tools give their sizes, as layers of ours."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...documents.spec import LayerList
from ...faults import Fault, InputError, InputWarning
from ..dmazerunner_files import distinct_names
from ..json_files import JsonObject
from ..validation import validated


@dataclass(frozen=True)
class SizedConvolution:
    """A convolution over an input that is padded already; sizes are pairs of height and width."""

    name: str
    out_channels: int
    in_channels: int
    input_size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    batch: int = 1
    depthwise: bool = False

    def document(self) -> JsonObject:
        """The layer as our JSON."""
        channels = self.in_channels
        return {
            "type": "conv2d",
            "name": self.name,
            "batch": self.batch,
            "out_channels": channels if self.depthwise else self.out_channels,
            "in_channels": channels,
            "in_height": self.input_size[0],
            "in_width": self.input_size[1],
            "kernel_height": self.kernel[0],
            "kernel_width": self.kernel[1],
            "stride": list(self.stride),
            "groups": channels if self.depthwise else 1,
        }


def layer_list(documents: Iterable[JsonObject], name: str, source: str, file: str) -> LayerList:
    """Layers under names that differ.

    Raises:
        InputError: for sizes that make no layer, and where there is none at all.
    """
    layers = list(documents)
    if not layers:
        raise InputError.single(file, "", "expected at least one layer, got none")
    names = distinct_names(str(layer["name"]) for layer in layers)
    named = [{**layer, "name": unique} for layer, unique in zip(layers, names, strict=True)]
    return validated(LayerList, {"name": name, "source": source, "layers": named}, file)


def positive_sizes(fields: Mapping[str, str], names: Sequence[str], file: str, place: str) -> list[int]:
    """Positive integers under some names.

    Raises:
        InputError: for one that is none.
    """
    found: list[int] = []
    for name in names:
        text = fields[name].strip()
        if not text.isdecimal() or not 0 < len(text) < 10 or int(text) == 0:
            raise InputError.single(file, f"{place} {name}", f"expected a positive integer, got '{text}'")
        found.append(int(text))
    return found


def warn(file: str, message: str) -> None:
    """Say in one line what is guessed or left out."""
    warnings.warn(str(Fault(file, "", message)), InputWarning, stacklevel=2)
