"""Readers for the reference data under tests/data (copied unchanged from shared/reference)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.layers import Conv2d, Gemm
from dmaze.model.loop_nest import LoopNest
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


def random_workload_nest(workload: dict[str, Any]) -> LoopNest:
    """The loop nest of a workload of random_mappings.json."""
    bounds = workload["loop_bounds"]
    if workload["kind"] == "gemm":
        return Gemm(type="gemm", name="w", m=bounds["M"], n=bounds["N"], k=bounds["K"]).loop_nest()
    depthwise = workload["kind"] == "dwconv"
    return Conv2d(
        type="conv2d",
        name="w",
        batch=bounds["N"],
        out_channels=bounds["C"] if depthwise else bounds["M"],
        in_channels=bounds["C"],
        in_height=workload["input_width"],
        in_width=workload["input_width"],
        kernel_height=bounds["Fx"],
        kernel_width=bounds["Fy"],
        stride=workload["stride"],
        padding=workload["padding"],
        groups=bounds["C"] if depthwise else 1,
    ).loop_nest()


def conv_or_gemm(entry: dict[str, Any]) -> Conv2d | Gemm:
    """A layer of optima.json."""
    bounds = entry["bounds"]
    if "K" in bounds:
        return Gemm(type="gemm", name="g", m=bounds["M"], n=bounds["N"], k=bounds["K"])
    return Conv2d(
        type="conv2d",
        name="c",
        batch=bounds["N"],
        out_channels=bounds.get("M", bounds["C"]),
        in_channels=bounds["C"],
        in_height=entry["in"],
        in_width=entry["in"],
        kernel_height=bounds["Fx"],
        kernel_width=bounds["Fy"],
        stride=entry["stride"],
        padding=entry["padding"],
        groups=1 if "M" in bounds else bounds["C"],
    )
