"""Machines on which tiny layers do not fit at once."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {
    "name": "small",
    "pes": 4,
    "rf_bytes_per_pe": 32,
    "spm": {"banks": 8, "bytes_per_bank": 16},
    "bytes_per_element": 2,
    "clock_mhz": 500,
    "dma": {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200},
    "access_energy_pj": {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.075},
}
