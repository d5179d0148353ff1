"""Padded bounds on hierarchies: paid for in full, the best of all choices, proved and re-checked."""

from __future__ import annotations

from typing import Any

from builders import gemm
from dmaze.model.documents.spec import Spec
from dmaze.solver import solve, verify

MACHINE: dict[str, Any] = {
    "name": "m",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100},
        {"fanout": "PE", "size": 4},
        {"storage": "RF", "capacity_bytes": 8, "read_pj": 1, "write_pj": 1},
    ],
}


def spec(layer: dict[str, Any], **fields: Any) -> Spec:
    solver = {"pad_bounds": True, "pad_percent": 10, **fields.pop("solver", {})}
    return Spec.model_validate({"architecture": MACHINE, "workload": {"layers": [layer]}, "solver": solver, **fields})


def test_a_padded_layer_is_the_best_of_all_choices_and_its_proof_holds() -> None:
    result = solve(spec(gemm(11, 11, 4)))
    (layer,) = result.layers
    assert layer.status == "optimal"
    assert {name: (bound.from_, bound.to) for name, bound in (layer.padding or {}).items()} == {"N": (11, 12)}
    assert [variant.bounds for variant in layer.padding_variants] == [{}, {"M": 12, "N": 12}, {"N": 12}, {"M": 12}]
    alone = [solve(spec(gemm(m, n, 4), solver={"pad_bounds": False})).layers[0] for m in (11, 12) for n in (11, 12)]
    values = [one.objective_value for one in alone if one.objective_value is not None]
    assert layer.objective_value == min(values)
    assert layer.unpadded_objective_value == values[0]
    assert verify(result).holds


def test_fixed_factors_divide_what_is_tried() -> None:
    (layer,) = solve(spec(gemm(11, 11, 4), constraints={"fixed": {"M": {"PE": 1, "RF": 11}}})).layers
    assert [variant.bounds for variant in layer.padding_variants] == [{}, {"N": 12}]
