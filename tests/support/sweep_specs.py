"""Specs of small sweeps, and what of a sweep's result must not depend on how it came about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dmaze.model.designs import resolve_rules
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.model.reading.loading import resolve_spec

DIARY_FILE, NAP_S = "DMAZE_TEST_DIARY", "DMAZE_TEST_NAP_S"
"""What the environment tells the back ends of ``dmaze_sweep_fakes``."""

REFERENCE: dict[str, Any] = {
    "name": "reference",
    "pes": 256,
    "rf_bytes_per_pe": 512,
    "spm": {"banks": 32, "bytes_per_bank": 2048},
    "bytes_per_element": 2,
    "clock_mhz": 500,
    "dma": {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200},
    "access_energy_pj": {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.075},
}

VOLATILE = {"wall_s", "statistics", "certificate", "cached", "versions", "counts", "workers", "time_limit_s"}
"""Fields that say how an answer was found."""

MEMORIES = ({"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [4, 16, 64]})
"""Six designs; register files of 4 bytes hold no three elements."""


def gemm(name: str, m: int, n: int, k: int, **fields: Any) -> dict[str, Any]:
    return {"type": "gemm", "name": name, "m": m, "n": n, "k": k, **fields}


PRODUCTS = (gemm("a", 8, 6, 4), gemm("again", 8, 6, 4), gemm("b", 6, 6, 6, count=3))
"""Two of the three layers are the same."""


def document(*layers: dict[str, Any], axes: Sequence[dict[str, Any]] = MEMORIES, **fields: Any) -> dict[str, Any]:
    """The JSON of a spec; ``pareto`` and other fields of ``sweep`` are told by their names."""
    own = {
        name: fields.pop(name)
        for name in ("pareto", "access_energy_pj", "area_weights", "front_tolerance")
        if name in fields
    }
    solver = {"backend": "exhaustive", "workers": 1, **fields.pop("solver", {})}
    workload = {"layers": list(layers or PRODUCTS)}
    return {
        "name": "test sweep",
        "architecture": REFERENCE,
        "workload": workload,
        "sweep": {"axes": list(axes), **own},
        "solver": solver,
        **fields,
    }


def sweep_spec(*layers: dict[str, Any], **fields: Any) -> SweepSpec:
    """The same, read and resolved."""
    spec = SweepSpec.model_validate(document(*layers, **fields))
    return resolve_rules(resolve_spec(spec, Path()), Path())


def write_spec(folder: Path, *layers: dict[str, Any], **fields: Any) -> Path:
    path = folder / "sweep.json"
    path.write_text(json.dumps(document(*layers, **fields)), encoding="utf-8")
    return path


def essence(result: SweepResult) -> Any:
    """All of a result but how it was found."""
    return _without_volatile(result.model_dump(mode="json"))


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(inner) for key, inner in value.items() if key not in VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value
