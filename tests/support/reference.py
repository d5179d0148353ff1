"""Readers for the reference data under tests/data (numbers of the published implementation)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from paths import DATA


@cache
def load(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def reference_architecture(fields: dict[str, Any]) -> Architecture:
    """An architecture of random_mappings.json."""
    return Architecture(
        name="reference",
        pes=fields["pes"],
        rf_bytes_per_pe=fields["rf_bytes_per_pe"],
        spm=Spm(banks=fields["spm_banks"], bytes_per_bank=fields["spm_bytes_per_bank"]),
        bytes_per_element=fields["bytes_per_element"],
        clock_mhz=fields["accelerator_mhz"],
        dma=Dma(
            init_cycles=fields["dma_init_cycles"],
            cycles_per_byte=fields["dma_cycles_per_byte"],
            clock_mhz=fields["dma_mhz"],
        ),
        access_energy_pj=AccessEnergy(**fields["energy_pj"]),
    )


REFERENCE = reference_architecture(load("random_mappings.json")["architectures"]["default"])
"""The published reference machine."""


def random_workload(workload: dict[str, Any]) -> dict[str, Any]:
    """A workload of random_mappings.json as the document of a layer."""
    bounds = workload["loop_bounds"]
    if workload["kind"] == "gemm":
        return {"type": "gemm", "name": "w", "m": bounds["M"], "n": bounds["N"], "k": bounds["K"]}
    assert ("M" in bounds) == (workload["kind"] != "dwconv")
    return _conv(bounds, workload["input_width"], workload)


def studied_layer(entry: dict[str, Any]) -> dict[str, Any]:
    """A layer of optima.json as the document of a layer."""
    bounds = entry["bounds"]
    if "K" in bounds:
        return {"type": "gemm", "name": "w", "m": bounds["M"], "n": bounds["N"], "k": bounds["K"]}
    return _conv(bounds, entry["in"], entry)


def _conv(bounds: dict[str, int], size: int, window: dict[str, Any]) -> dict[str, Any]:
    """A convolution of square data, depthwise where M is no bound; its ``window`` has a stride and a padding."""
    return {
        "type": "conv2d",
        "name": "w",
        "batch": bounds["N"],
        "out_channels": bounds.get("M", bounds["C"]),
        "in_channels": bounds["C"],
        "in_height": size,
        "in_width": size,
        "kernel_height": bounds["Fx"],
        "kernel_width": bounds["Fy"],
        "stride": window["stride"],
        "padding": window["padding"],
        "groups": 1 if "M" in bounds else bounds["C"],
    }
