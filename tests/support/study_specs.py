"""What the tests of studies share: tiny layers on tiny machines, figures in tables."""

from __future__ import annotations

import json
from typing import Any

from builders import gemm

TINY: dict[str, Any] = {
    "name": "tiny",
    "pes": 4,
    "rf_bytes_per_pe": 16,
    "spm": {"banks": 8, "bytes_per_bank": 16},
    "bytes_per_element": 2,
    "clock_mhz": 100.0,
    "dma": {"init_cycles": 11.0, "cycles_per_byte": 0.5, "clock_mhz": 200.0},
    "access_energy_pj": {"rf": 1.0, "noc": 10.0, "spm": 100.0, "dram": 1000.0, "mac": 0.5},
}
ONE_ELEMENT_EACH: dict[str, Any] = {
    **TINY,
    "rf_bytes_per_pe": 6,
    "spm": {"banks": 4, "bytes_per_bank": 8},
    "dma": {"init_cycles": 0.0, "cycles_per_byte": 0.0, "clock_mhz": 200.0},
}
"""Register files with room for one element of each of three tensors, and a DMA that takes no time."""

COLUMN = gemm(4, 1, 1, name="column")

CONV3X3 = {"type": "conv2d", "batch": 4, "out_channels": 512, "kernel_height": 3, "kernel_width": 3, "padding": 1}
CONV5_1 = {**CONV3X3, "name": "conv5_1", "in_channels": 256, "in_height": 14, "in_width": 14, "stride": 2}
CONV5_2 = {**CONV3X3, "name": "conv5_2", "in_channels": 512, "in_height": 7, "in_width": 7}


def value_in_table(document: dict[str, Any], column: str) -> str:
    """What a CSV table has to say of the figure at a dotted place of a JSON document."""
    value: Any = document
    for key in column.split("."):
        value = None if value is None else value.get(key)
    if value is None:
        return ""
    if isinstance(value, list):
        return "|".join(value)
    return value if isinstance(value, str) else json.dumps(value)
