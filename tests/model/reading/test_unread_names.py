"""What other tools' files say and we do not read is warned about where it would change something, with a remedy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from dmaze.cli.main import main
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.reading.interop.foreign_layers import read_layer, read_layers

SHAPE: dict[str, Any] = {
    "dimensions": ["C", "M", "P", "R"],
    "coefficients": [{"name": "Hstride", "default": 1}, {"name": "Wdilation", "default": 1}],
    "data_spaces": [
        {"name": "Weights", "projection": ["C", "M", "R"]},
        {"name": "Inputs", "projection": ["C", [["P", "Hstride"], ["R", "Wdilation"]]]},
        {"name": "Outputs", "projection": ["M", "P"], "read_write": True},
    ],
}
SIZES = {"C": 3, "M": 64, "P": 55, "R": 11}
NEITHER = "neither a dimension nor a coefficient of the shape, and not read"
MANY = "neither dimensions nor coefficients of the shape, and not read"


def told(tmp_path: Path, problem: Mapping[str, Any]) -> list[str]:
    """What is warned of while a problem is read."""
    path = tmp_path / "layer.yaml"
    path.write_text(yaml.safe_dump({"problem": dict(problem)}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_layers(path)
    return [str(warning.message).removeprefix(f"{path}: ") for warning in caught]


def problem(**more: Any) -> dict[str, Any]:
    return {"version": 0.4, "shape": SHAPE, "instance": {**SIZES, **more}}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("HStride", "Hstride"),
        ("hstride", "Hstride"),
        ("H_stride", "Hstride"),
        ("strideH", "Hstride"),
        ("Hstrid", "Hstride"),
        ("Hstrides", "Hstride"),
        ("WDilation", "Wdilation"),
        ("Wdilaton", "Wdilation"),
    ],
)
def test_a_misspelt_coefficient_is_warned_about_with_the_nearest_name(given: str, meant: str, tmp_path: Path) -> None:
    assert told(tmp_path, problem(**{given: 4})) == [f"problem.instance.{given}: {NEITHER}; did you mean '{meant}'?"]


def test_sizes_of_one_and_values_that_are_in_effect_are_no_warnings(tmp_path: Path) -> None:
    assert told(tmp_path, problem(H=1, W=1, Hpad=1, HStride=1)) == []
    assert told(tmp_path, problem(Hstride=2, HStride=2)) == []
    assert told(tmp_path, problem(Hstride=2, HStride=4)) == [
        f"problem.instance.HStride: {NEITHER}; did you mean 'Hstride'?"
    ]


def test_other_unknown_sizes_are_one_line_beside_those_that_are_misspelt(tmp_path: Path) -> None:
    more = {"H": 224, "W": 224, "batch": 2, "HStride": 4}
    assert told(tmp_path, problem(**more)) == [
        f"problem.instance.HStride: {NEITHER}; did you mean 'Hstride'?",
        f"problem.instance: H, W, batch: {MANY}",
    ]
    (line,) = told(tmp_path, problem(**{f"x{number}": 2 for number in range(1000)}))
    assert line == f"problem.instance: x0, x1, x10, x100, x101, x102, x103, x104 and 992 more: {MANY}"


def test_sizes_beside_the_shape_are_looked_at_as_those_in_an_instance(tmp_path: Path) -> None:
    flat = {"shape": {key.replace("_", "-"): value for key, value in SHAPE.items()}, "name": "x", **SIZES}
    assert told(tmp_path, flat) == []
    assert told(tmp_path, {**flat, "HStride": 4}) == [f"problem.HStride: {NEITHER}; did you mean 'Hstride'?"]
    assert told(tmp_path, {**flat, "H": 4}) == [f"problem: H: {MANY}"]


def test_sizes_beside_an_instance_are_not_read(tmp_path: Path) -> None:
    assert told(tmp_path, {**problem(), "Hstride": 4}) == [
        "problem.Hstride: not read beside an instance; give it there"
    ]


def test_a_problem_without_a_shape_is_the_convolution_that_timeloop_takes(tmp_path: Path) -> None:
    sizes = {"R": 3, "S": 3, "P": 14, "Q": 14, "C": 16, "K": 32, "N": 1, "Wstride": 2, "Hstride": 2}
    warning = "problem.shape: not given; cnn_layer is taken, as Timeloop does"
    for given in (sizes, {"instance": sizes}, {"version": 0.4, "instance": sizes}):
        assert told(tmp_path, given) == [warning]
    with pytest.warns(InputWarning, match="cnn_layer"):
        (layer,) = read_layers(tmp_path / "layer.yaml").layers
    assert layer.loop_nest().num_macs == 3 * 3 * 14 * 14 * 16 * 32 == 903_168
    inputs = next(tensor for tensor in layer.loop_nest().tensors if tensor.name == "Inputs")
    assert inputs.footprint(layer.loop_nest().bounds) == 16 * (2 * 13 + 3) ** 2


# Files that contribute nothing

ZIGZAG = """
- {id: 1, operator_type: Gemm, equation: "O[a][b]+=I[a][c]*W[c][b]", loop_dims: [A, B, C], loop_sizes: [4, 4, 4]}
"""
UNUSED = {
    "a mapping of ZigZag": ("- {name: default, spatial_mapping: {D1: ['K, 8']}}", "this is a mapping of ZigZag, which"),
    "AccelForge": ("workload: {rank_sizes: {M: 3}, einsums: []}", "this looks like a file of AccelForge, which is not"),
    "a rendered mapping": ("mapping: {nodes_: []}", "neither a layer nor a Timeloop mapping; leave it out"),
    "a machine": ("machine: {name: x}", "neither a layer nor a Timeloop mapping; leave it out"),
    "nothing": ("", "neither a layer nor a Timeloop mapping; leave it out"),
    "a list": ("[1, 2]", "neither a layer nor a Timeloop mapping; leave it out"),
}


@pytest.mark.parametrize("name", UNUSED)
def test_a_file_of_an_import_that_is_not_read_is_refused(name: str, tmp_path: Path) -> None:
    text, message = UNUSED[name]
    layer, other = tmp_path / "layer.yaml", tmp_path / "other.yaml"
    layer.write_text(ZIGZAG)
    other.write_text(text)
    with pytest.raises(InputError) as caught:
        read_layer([layer, other])
    assert str(caught.value).startswith(f"{other}: {message}")


def test_a_mapping_or_an_architecture_in_the_file_of_a_workload_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump({"problem": problem(), "mapping": [], "architecture": {"nodes": []}}))
    with pytest.warns(InputWarning) as caught:
        read_layers(path)
    assert [str(each.message).removeprefix(f"{path}: ").partition(";")[0] for each in caught] == [
        "mapping: not read as part of a workload",
        "architecture: not read as part of a workload",
    ]


# AccelForge, which is not read

ACCELFORGE = {
    "template": "workload:\n  rank_sizes: {M: {{M_SIZE}}}\n  einsums: []\n",
    "rendered": "workload: {rank_sizes: {M: 3}, einsums: []}",
    "einsums": 'workload:\n  einsums:\n  - einsum: "O[m] = I[m] * W[m]"\n',
    "architecture": "arch:\n  nodes:\n  - !Memory {name: DRAM, size: inf}\n",
    "architecture template": "arch:\n  nodes:\n  - !Memory {name: DRAM, size: {{SIZE}}}\n",
    "mapping": "mapping:\n  nodes:\n  - !Storage {tensors: [W], component: DRAM}\n",
    "mapping template": "mapping:\n  nodes:\n  - !Storage {tensors: [W], component: {{NAME}}}\n",
}


@pytest.mark.parametrize("name", ACCELFORGE)
def test_files_of_accelforge_are_refused_as_such_rendered_or_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(ACCELFORGE[name])
    with pytest.raises(InputError, match="this looks like a file of AccelForge, which is not read, rendered or not"):
        read_layers(path)


def test_another_template_is_told_which_ones_are_carried_out(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("problem: {{shape}}")
    with pytest.raises(InputError, match=r"line 1: expected plain YAML; of Jinja templates only"):
        read_layers(path)


def test_many_warnings_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = yaml.safe_load(ZIGZAG)
    pooling = [
        {**layers[0], "id": 10 + n, "equation": "O[a][b]+=I[a][b]", "operator_type": f"Op{n}"} for n in range(500)
    ]
    path = tmp_path / "w.yaml"
    path.write_text(yaml.safe_dump([*layers, *pooling]))
    assert main(["import", str(path), "--layer", "Gemm_1"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (21, "warning: and 480 more")
