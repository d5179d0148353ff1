"""Fixed dataflows on hierarchies: only the dataflow's loops are unrolled over the PE array, all else is searched."""

from __future__ import annotations

from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.spec import Spec
from dmaze.model.documents.study_results import DataflowStudy
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.solver import dataflow_study, solve

CONV = {
    "type": "conv2d",
    "name": "c",
    "batch": 1,
    "out_channels": 4,
    "in_channels": 2,
    "in_height": 5,
    "in_width": 5,
    "kernel_height": 2,
    "kernel_width": 2,
}
OUTER = {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 4}
RF = {"storage": "RF", "capacity_bytes": 16, "read_pj": 1, "write_pj": 1}
X, Y = {"fanout": "X", "size": 4}, {"fanout": "Y", "size": 2}
PAIRS = {
    "output stationary": {"Ox", "Oy"},
    "weight stationary": {"Fx", "Fy"},
    "row stationary": {"Oy", "Fy"},
    "TPU style": {"M", "C"},
}


def spec(*layers: dict[str, Any], nodes: tuple[dict[str, Any], ...] = (OUTER, X, Y, RF), **fields: Any) -> Spec:
    machine = {"name": "m", "mac_pj": 0.5, "nodes": list(nodes)}
    return Spec.model_validate({"architecture": machine, "workload": {"layers": list(layers or (CONV,))}, **fields})


def unrolled(study: DataflowStudy, dataflow: str) -> set[str]:
    """The dimensions that the best mapping under a dataflow unrolls at any fanout."""
    (entry,) = (entry for entry in study.layers[0].restricted if entry.dataflow == dataflow)
    assert entry.search is not None
    assert entry.search.best is not None
    mapping = entry.search.best.mapping
    assert isinstance(mapping, LevelMappingDocument)
    return {dim for dim, factors in mapping.tiling.items() if {"X", "Y"} & factors.keys()}


def test_only_the_loops_of_a_dataflow_are_unrolled_and_every_ratio_is_proved() -> None:
    study = dataflow_study(spec(), more=[("M", "Ox")])
    (layer,) = study.layers
    assert layer.unrestricted is not None
    assert layer.unrestricted.status == "optimal"
    for name, dims in {**PAIRS, "M|Ox": {"M", "Ox"}}.items():
        assert unrolled(study, name) <= dims
    assert all(entry.proved for entry in layer.restricted)
    assert all(entry.ratios is not None and (entry.ratios.edp or 0) >= 1 for entry in layer.restricted)


def test_a_dataflow_costs_what_the_same_constraint_does() -> None:
    study = dataflow_study(spec())
    own = solve(spec(constraints={"dims": {"X": ["M", "C"], "Y": ["M", "C"]}})).layers[0]
    (entry,) = (entry for entry in study.layers[0].restricted if entry.dataflow == "TPU style")
    assert entry.search is not None
    assert entry.search.objective_value == own.objective_value


def test_constraints_and_the_machine_narrow_what_a_dataflow_unrolls() -> None:
    study = dataflow_study(spec(constraints={"dims": {"X": ["M", "Ox"], "Y": ["M"]}}))
    found = {entry.dataflow: entry.spatial_dims for entry in study.layers[0].restricted}
    assert found == {"output stationary": ("Ox",), "weight stationary": (), "row stationary": (), "TPU style": ("M",)}
    wired = spec(nodes=(OUTER, {**X, "dims": ["C"]}, RF))
    found = {entry.dataflow: entry.spatial_dims for entry in dataflow_study(wired).layers[0].restricted}
    assert found == {"output stationary": (), "weight stationary": (), "row stationary": (), "TPU style": ("C",)}


def test_a_product_has_what_it_has_of_a_dataflow() -> None:
    (layer,) = dataflow_study(spec(gemm(4, 4, 2))).layers
    assert [entry.spatial_dims for entry in layer.restricted] == [(), (), (), ("M",)]


@pytest.mark.parametrize(
    ("nodes", "found"),
    [((OUTER, RF), "none"), ((OUTER, X, RF, Y), "X, Y"), ((OUTER, X, Y, {"fanout": "Z", "size": 2}, RF), "X, Y, Z")],
)
def test_a_machine_without_one_pe_array_is_refused(nodes: tuple[dict[str, Any], ...], found: str) -> None:
    message = r"architecture: expected a machine with one PE array \(one fanout, or two in a row\) for dataflows, got"
    with pytest.raises(InputError, match=f"{message} {found}$"):
        dataflow_study(spec(nodes=nodes))


def test_factors_that_a_dataflow_rules_out_are_refused() -> None:
    asked = {"fixed": {"M": {"X": 2, "RF": 2}}, "min_factor": {"Ox": {"Y": 2}}}
    with pytest.raises(InputError) as caught:
        dataflow_study(spec(constraints=asked))
    assert str(caught.value).splitlines() == [
        "spec: constraints.fixed.M.X: expected 1, since dataflow Ox|Oy unrolls nothing else, got 2",
        "spec: constraints.min_factor.Ox.Y: expected 1, since dataflow Fx|Fy unrolls nothing else, got 2",
    ]
