"""Interstellar's JSON files: a layer, and a machine of memories with parallel instances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from ...base import PositiveInt, Price
from ...documents.spec import LayerList
from ...hierarchy.machine import Machine
from ..json_files import JsonObject
from ..validation import validated
from .foreign_convolutions import SizedConvolution, layer_list, warn

_BITS_PER_BYTE = 8


class _Foreign(BaseModel):
    """A file of Interstellar; fields that are not listed are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Layer(_Foreign):
    input_fmap_channel: PositiveInt
    output_fmap_channel: PositiveInt
    fmap_height: PositiveInt
    fmap_width: PositiveInt
    window_height: PositiveInt
    window_width: PositiveInt
    stride_height: PositiveInt = 1
    stride_width: PositiveInt = 1
    batch_size: PositiveInt = 1


class _Machine(_Foreign):
    capacity: tuple[PositiveInt, ...]
    access_cost: tuple[Price, ...]
    parallel_count: tuple[PositiveInt, ...]
    precision: PositiveInt = 16
    static_cost: tuple[Price, ...] = ()
    parallel_cost: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _one_of_each(self) -> _Machine:
        for field, values in (("access_cost", self.access_cost), ("parallel_count", self.parallel_count)):
            if len(values) != len(self.capacity):
                raise ValueError(f"{field}: expected {len(self.capacity)} values, as capacity has, got {len(values)}")
        return self


def is_interstellar_layer(document: JsonObject) -> bool:
    """Whether a JSON object is a layer of Interstellar's."""
    return "input_fmap_channel" in document and "fmap_width" in document


def is_interstellar_machine(document: JsonObject) -> bool:
    """Whether a JSON object is a machine of Interstellar's."""
    return "mem_levels" in document and "access_cost" in document


def read_interstellar_layer(document: JsonObject, file: str) -> LayerList:
    """The layer; ``fmap`` sizes are those of its output."""
    layer = validated(_Layer, document, file)
    kernel, stride = (layer.window_height, layer.window_width), (layer.stride_height, layer.stride_width)
    outputs = (layer.fmap_height, layer.fmap_width)
    rows, columns = ((n - 1) * s + k for n, s, k in zip(outputs, stride, kernel, strict=True))
    convolution = SizedConvolution(
        Path(file).stem,
        layer.output_fmap_channel,
        layer.input_fmap_channel,
        (rows, columns),
        kernel,
        stride,
        layer.batch_size,
    )
    return layer_list([convolution.document()], Path(file).stem, "Interstellar layer", file)


def read_interstellar_machine(document: JsonObject, file: str) -> Machine:
    """Memories from the last, which has no limit here, to the first; the parallel instances of each as a fanout.

    What it costs to pass words between neighbours, static energy and multiply-accumulates have no price.
    """
    given = validated(_Machine, document, file)
    nodes: list[JsonObject] = []
    for number in reversed(range(len(given.capacity))):
        if given.parallel_count[number] > 1:
            nodes.append({"fanout": f"X{number}", "size": given.parallel_count[number]})
        price = given.access_cost[number]
        limit = {"capacity_bytes": given.capacity[number]} if number + 1 < len(given.capacity) else {}
        nodes.append({"storage": f"L{number}", "read_pj": price, "write_pj": price, **limit})
    free = "multiply-accumulates, neighbours and idle memories cost nothing"
    warn(file, f"access costs are taken for pJ an element; {free}")
    machine: JsonObject = {
        "name": Path(file).stem,
        "nodes": nodes,
        "bytes_per_element": -(-given.precision // _BITS_PER_BYTE),
        "sources": {"nodes": "Interstellar architecture", "guesses": "unit of access costs; no price of a MAC"},
    }
    return validated(Machine, machine, file)
