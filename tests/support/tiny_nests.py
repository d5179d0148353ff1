"""Nests small enough to try every tiling of, of every kind, and a machine that does not hold all of them."""

from __future__ import annotations

from typing import Any

from builders import gemm_nest
from dmaze.model.dmazerunner.architecture import Spm
from dmaze.model.layers import Conv2d, nest_from_expressions
from dmaze.model.loop_nest import LoopNest
from reference import REFERENCE

TIGHT = REFERENCE.model_copy(
    update={"pes": 4, "rf_bytes_per_pe": 24, "spm": Spm(banks=6, bytes_per_bank=8)}
)  # small enough that each of the three capacities excludes tilings of the tiny nests
SMALL_CONV = {"batch": 1, "out_channels": 2, "in_channels": 2, "in_height": 5, "in_width": 3}
SMALL_KERNEL = {"kernel_height": 2, "kernel_width": 2, "padding": 0}


def conv(**fields: Any) -> LoopNest:
    return Conv2d.model_validate({"type": "conv2d", "name": "c", **SMALL_CONV, **SMALL_KERNEL, **fields}).loop_nest()


NESTS = {
    "gemm": gemm_nest(4, 6, 4),
    "conv": conv(in_width=2),  # Ox 4, Oy 1
    "depthwise": conv(groups=2, in_height=3),  # Ox 2, Oy 2
    "general": nest_from_expressions(
        {"i": 6, "j": 4, "k": 2}, {"s": [], "x": [{"i": 1, "j": -2}], "y": [{"j": 1}, {"j": 1}], "z": [{"i": 1}]}, "z"
    ),
}
