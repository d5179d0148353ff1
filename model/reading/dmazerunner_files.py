"""Reads dMazeRunner's own files: ``arch_spec.json`` (an architecture) and ``models/*.json`` (the layers of a network).

Fields that dMazeRunner's model does not use are skipped; what matters and is not modelled is refused or warned about.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..base import Flag, PositiveInt, Price, Rate, Text
from ..dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from ..documents.spec import LayerList
from ..faults import Fault, InputError, InputWarning, place_text
from .json_files import JsonObject
from .validation import validated

_SEARCH_OPTIONS = ("PE_UTILIZATION", "RF_UTILIZATION", "SPM_UTILIZATION", "PRUNE_NO_FEATURE_DRAM", "PRUNE_NO_REDUCTION")
"""Pruning options that ``arch_basic`` may hold; here they belong to the spec's constraints."""


class _Foreign(BaseModel):
    """A part of a file in dMazeRunner's format; fields that are not listed are skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Details(_Foreign):
    pe_pipelined: Flag = True
    pe_pipeline_stages: PositiveInt = 1
    data_type_size_in_bytes: PositiveInt
    dma_init_cycles: Price
    dma_cycles_per_byte: Price
    dma_frequency: Rate
    dataflow_accel_frequency: Rate
    rf_energy: Price
    communication_energy: Price
    spm_energy: Price
    dram_energy: Price
    mac_energy: Price

    @model_validator(mode="after")
    def _pipelined(self) -> _Details:
        if not self.pe_pipelined:
            raise ValueError("pe_pipelined: expected true; PEs that are not pipelined are not modelled")
        return self


class _Basic(_Foreign):
    pes: PositiveInt = Field(alias="CGRA_SIZE")
    rf_bytes: PositiveInt = Field(alias="RF_SIZE")
    element_bytes: PositiveInt = Field(alias="BYTES_PER_DATA")
    banks: PositiveInt = Field(alias="TOTAL_BANKS_IN_SPM")
    bank_bytes: PositiveInt = Field(alias="TOTAL_BYTES_IN_BANK")


class _ArchSpec(_Foreign):
    arch_details: _Details
    arch_basic: _Basic

    @model_validator(mode="after")
    def _one_element_size(self) -> _ArchSpec:
        size, other = self.arch_basic.element_bytes, self.arch_details.data_type_size_in_bytes
        if size != other:
            raise ValueError(f"arch_basic.BYTES_PER_DATA: expected data_type_size_in_bytes, {other}, got {size}")
        return self


def is_architecture(document: JsonObject) -> bool:
    """Whether a document is an ``arch_spec.json``."""
    return "arch_details" in document or "arch_basic" in document


def read_architecture(document: JsonObject, file: str) -> Architecture:
    """The architecture of an ``arch_spec.json``, named after its number of PEs, for the format holds no name.

    Raises:
        InputError: when it is malformed, its two element sizes differ, or its PEs are not pipelined.
    """
    read = validated(_ArchSpec, document, file)
    details, basic = read.arch_details, read.arch_basic
    if details.pe_pipeline_stages > 1:
        _warn(file, "arch_details.pe_pipeline_stages", "filling a pipeline is not modelled; stages have no effect")
    for option in _SEARCH_OPTIONS:
        if document["arch_basic"].get(option):
            _warn(file, f"arch_basic.{option}", "not read; give it in the constraints of the spec")
    return Architecture(
        name=f"dmazerunner-{basic.pes}pe",
        pes=basic.pes,
        rf_bytes_per_pe=basic.rf_bytes,
        spm=Spm(banks=basic.banks, bytes_per_bank=basic.bank_bytes),
        bytes_per_element=basic.element_bytes,
        clock_mhz=details.dataflow_accel_frequency,
        dma=Dma(
            init_cycles=details.dma_init_cycles,
            cycles_per_byte=details.dma_cycles_per_byte,
            clock_mhz=details.dma_frequency,
        ),
        access_energy_pj=AccessEnergy(
            rf=details.rf_energy,
            noc=details.communication_energy,
            spm=details.spm_energy,
            dram=details.dram_energy,
            mac=details.mac_energy,
        ),
    )


def _warn(file: str, place: str, message: str) -> None:
    warnings.warn(str(Fault(file, place, message)), InputWarning, stacklevel=2)


Sizes2 = tuple[PositiveInt, PositiveInt]
Sizes4 = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class _Layer(_Foreign):
    name: Text
    instances: PositiveInt = 1


class _Conv(_Layer):
    """``a``: N, C, padded height and width; ``b``: M, C, kernel height and width."""

    a: Sizes4 = Field(alias="size_tensor_A")
    b: Sizes4 = Field(alias="size_tensor_B")
    strides: Sizes2

    @model_validator(mode="after")
    def _same_channels(self) -> _Conv:
        if self.b[1] != self.a[1]:
            raise ValueError(f"size_tensor_B.1: expected the channels of size_tensor_A, {self.a[1]}, got {self.b[1]}")
        return self

    def fields(self) -> JsonObject:
        """The layer as our JSON; padding is 0, for the sizes hold it already."""
        (batch, channels, height, width), (out_channels, _, kernel_height, kernel_width) = self.a, self.b
        return {
            "type": "conv2d",
            "batch": batch,
            "out_channels": out_channels,
            "in_channels": channels,
            "in_height": height,
            "in_width": width,
            "kernel_height": kernel_height,
            "kernel_width": kernel_width,
            "stride": self.strides,
        }


class _DepthwiseConv(_Conv):
    """``b``: 1, C, kernel height and width."""

    @model_validator(mode="after")
    def _one_filter_each(self) -> _DepthwiseConv:
        if self.b[0] != 1:
            raise ValueError(f"size_tensor_B.0: expected 1, a filter for each channel, got {self.b[0]}")
        return self

    def fields(self) -> JsonObject:
        channels = self.a[1]
        return super().fields() | {"out_channels": channels, "groups": channels}


class _Gemm(_Layer):
    """``a``: M, K; ``b``: K, N."""

    a: Sizes2 = Field(alias="size_tensor_A")
    b: Sizes2 = Field(alias="size_tensor_B")

    @model_validator(mode="after")
    def _same_inner_size(self) -> _Gemm:
        if self.b[0] != self.a[1]:
            raise ValueError(f"size_tensor_B.0: expected the columns of size_tensor_A, {self.a[1]}, got {self.b[0]}")
        return self

    def fields(self) -> JsonObject:
        """The layer as our JSON."""
        return {"type": "gemm", "m": self.a[0], "n": self.b[1], "k": self.a[1]}


class _Network(_Foreign):
    conv: tuple[_Conv, ...] = Field(default=(), alias="CONV")
    dw_conv: tuple[_DepthwiseConv, ...] = Field(default=(), alias="DW_CONV")
    gemm: tuple[_Gemm, ...] = Field(default=(), alias="GEMM")

    def by_kind(self) -> dict[str, tuple[_Conv | _Gemm, ...]]:
        return {"CONV": self.conv, "DW_CONV": self.dw_conv, "GEMM": self.gemm}


_KINDS = ("CONV", "DW_CONV", "GEMM")
_PLACES = {"kernel_height": "size_tensor_B[2]", "kernel_width": "size_tensor_B[3]"}
"""Where the fields stand in their format that our layers may still find fault with."""


def is_network(document: JsonObject) -> bool:
    """Whether a document is one of dMazeRunner's ``models/*.json``."""
    return "layers" not in document and any(kind in document for kind in _KINDS)


def read_network(document: JsonObject, file: str, name: str) -> LayerList:
    """The layers of a network in the order of the file; its batch is that of its convolutions, if they agree, or 1.

    A name that an earlier layer has gets ``#2``, ``#3`` ... appended.

    Raises:
        InputError: for malformed layers, tensors whose sizes contradict each other, or no layers at all.
    """
    by_kind = validated(_Network, document, file).by_kind()
    kinds = [kind for kind in document if kind in _KINDS]
    found = [(kind, position, layer) for kind in kinds for position, layer in enumerate(by_kind[kind])]
    if not found:
        raise InputError.single(file, "", f"expected layers in {', '.join(_KINDS)}, but there are none")
    for kind in document:
        if kind not in _KINDS and isinstance(document[kind], list):
            _warn(file, place_text((kind,)), "layers of this kind are not modelled and left out")
    names = distinct_names(layer.name for _, _, layer in found)
    layers = [
        layer.fields() | {"name": unique, "count": layer.instances}
        for (_, _, layer), unique in zip(found, names, strict=True)
    ]
    batches = {layer.a[0] for kind, _, layer in found if kind != "GEMM"}
    batch = batches.pop() if len(batches) == 1 else 1
    try:
        return validated(LayerList, {"name": name, "batch": batch, "layers": layers}, file)
    except InputError as error:
        origins = [place_text((kind, position)) for kind, position, _ in found]
        raise InputError(_in_their_words(fault, origins) for fault in error.faults) from error


def _in_their_words(fault: Fault, origins: Sequence[str]) -> Fault:
    """A fault of one of our layers, at the place in their file that it comes from."""
    place = re.sub(r"^layers\[(\d+)\]", lambda match: origins[int(match[1])], fault.place)
    for ours, theirs in _PLACES.items():
        place = place.replace(f".{ours}", f".{theirs}")
    return replace(fault, place=place)


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names, each repeated one with the first number from 2 on appended that makes it a new one."""
    given = list(names)
    taken: set[str] = set()
    next_number: dict[str, int] = {}
    for position, name in enumerate(given):
        while given[position] in taken:
            number = next_number.get(name, 2)
            given[position], next_number[name] = f"{name}#{number}", number + 1
        taken.add(given[position])
    return given
