"""Specs of small sweeps, and what of a sweep's result must not depend on how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builders import Specs, gemm, write_json
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.model.reading.sweep_loading import resolve_sweep
from reference import REFERENCE

DIARY_FILE, NAP_S = "DMAZE_TEST_DIARY", "DMAZE_TEST_NAP_S"
"""Environment variables that say what to do to the back ends of ``dmaze_sweep_fakes``."""

MACHINE = REFERENCE.model_dump(mode="json")

VOLATILE = {
    "wall_s", "statistics", "certificate", "cached", "cached_from", "versions", "counts", "workers", "time_limit_s",
}  # fmt: skip
"""Fields that say how an answer was found."""

MEMORIES = ({"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [4, 16, 64]})
"""Six designs; register files of 4 bytes hold no three elements."""


PRODUCTS = (gemm(8, 6, 4, name="a"), gemm(8, 6, 4, name="again"), gemm(6, 6, 6, name="b", count=3))
"""Two of the three layers are the same."""


def document(*layers: dict[str, Any], axes: Sequence[dict[str, Any]] = MEMORIES, **fields: Any) -> dict[str, Any]:
    """The JSON of a spec; ``pareto`` and other fields of ``sweep`` are recognised by their names."""
    own = {
        name: fields.pop(name)
        for name in ("pareto", "access_energy_pj", "area_weights", "front_tolerance")
        if name in fields
    }
    spec = Specs(*PRODUCTS, name="test sweep", architecture=MACHINE)
    return {**spec.document(*layers, **fields), "sweep": {"axes": list(axes), **own}}


def sweep_spec(*layers: dict[str, Any], **fields: Any) -> SweepSpec:
    """The same, read and resolved."""
    spec = SweepSpec.model_validate(document(*layers, **fields))
    return resolve_sweep(spec, Path()).document


def write_spec(folder: Path, *layers: dict[str, Any], **fields: Any) -> Path:
    return write_json(folder / "sweep.json", document(*layers, **fields))


def essence(result: SweepResult) -> Any:
    """All of a result but how it was found."""
    return _without_volatile(result.model_dump(mode="json"))


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_volatile(inner) for key, inner in value.items() if key not in VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value


def unchanged_prices(spec: Path) -> str:
    """What standard error says of a sweep over memory sizes in a file that states no rule for prices."""
    return (
        f"warning: {spec}: sweep.axes: access_energy_pj.spm and access_energy_pj.rf are unchanged, though a memory of "
        "another size takes another energy per access\n"
    )
