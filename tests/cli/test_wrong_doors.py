"""Files of other formats, and several at once, are read where that makes sense, or the message says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model.faults import InputError
from dmaze.model.reading.loading import load_spec
from onnx import helper
from onnx_models import model_of, write

Output = pytest.CaptureFixture[str]
MACHINE = ["--architecture", "dmazerunner-256pe", "--no-cache"]
ON_HIERARCHY = ["--architecture", "eyeriss-168", "--no-cache"]
NAME = "dmazerunner-256pe"


def problem(outputs: int, width: int = 16) -> str:
    return (
        "problem:\n  version: 0.4\n  shape:\n    dimensions: [K, R, P]\n    data_spaces:\n"
        "    - {name: Weights, projection: [K, R]}\n    - {name: Inputs, projection: [[[R], [P]]]}\n"
        "    - {name: Outputs, projection: [K, P], read_write: true}\n"
        f"  instance: {{K: {outputs}, R: 3, P: {width}}}\n"
    )


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """A folder of three files, two of which hold equal layers."""
    folder = tmp_path / "layers"
    folder.mkdir()
    for name, outputs in (("l1", 32), ("l2", 32), ("l10", 64)):
        (folder / f"{name}.yaml").write_text(problem(outputs))
    return folder


def solved(arguments: list[str], capsys: Output) -> list[tuple[str, int, str]]:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [(layer["name"], layer["count"], layer["status"]) for layer in json.loads(out)["layers"]]


COUNTED = [("l1", 2, "optimal"), ("l10", 1, "optimal")]


@pytest.mark.parametrize("machine", [MACHINE, ON_HIERARCHY], ids=["published", "hierarchy"])
def test_a_layer_in_yaml_is_solved_on_an_architecture_as_a_model_is(
    machine: list[str], layers: Path, capsys: Output
) -> None:
    assert solved([str(layers / "l1.yaml"), *machine], capsys) == [("l1", 1, "optimal")]


@pytest.mark.parametrize(
    "given", ["{0}", "{0}/", "{0}/*.yaml", "{0}/l1.yaml {0}/l2.yaml {0}/l10.yaml", "{0}/l?.yaml {0}/l10.yaml"]
)
def test_a_folder_a_pattern_and_several_files_are_a_network(given: str, layers: Path, capsys: Output) -> None:
    assert solved([*given.format(layers).split(), *MACHINE], capsys) == COUNTED


@pytest.mark.parametrize(
    "workload",
    [
        "layers",
        "layers/",
        "layers/*.yaml",
        "layers/l*",
        ["layers/l1.yaml", "layers/l2.yaml", "layers/l10.yaml"],
        ["layers/l[0-9].yaml", "layers/l10.yaml"],
        ["layers"],
    ],
)
def test_a_spec_names_a_folder_a_pattern_or_a_list_of_files(workload: Any, layers: Path) -> None:
    spec = layers.parent / "spec.json"
    spec.write_text(json.dumps({"architecture": NAME, "workload": workload}))
    found = load_spec(spec).workload
    assert [(layer.name, layer.count) for layer in found.layers] == [("l1", 2), ("l10", 1)]  # type: ignore[union-attr]


def test_files_of_all_kinds_are_one_network(layers: Path) -> None:
    """A model, layers in YAML and in JSON; two different layers of one name are told apart."""
    write(model_of([helper.make_node("MatMul", ["x", "x"], ["y"], name="l1")], {"x": [4, 4]}), layers)
    (layers / "own.json").write_text(json.dumps({"layers": [{"type": "gemm", "name": "g", "m": 4, "n": 4, "k": 4}]}))
    spec = layers.parent / "spec.json"
    names = ["layers/model.onnx", "layers/l1.yaml", "layers/own.json", "resnet-study"]
    spec.write_text(json.dumps({"architecture": NAME, "workload": names}))
    found = load_spec(spec).workload.layers  # type: ignore[union-attr]
    assert [(layer.name, layer.count) for layer in found[:2]] == [("l1", 2), ("l1#2", 1)]
    assert len(found) == 2 + 6


@pytest.mark.parametrize(
    ("workload", "lines"),
    [
        ([], ["spec.json: workload: expected 1 or more entries, got 0"]),
        ([3], ["spec.json: workload[0]: expected text, got 3"]),
        (["no.yaml", "none.yaml"], ["no.yaml: expected a file, but there is none", "none.yaml: expected a file, but"]),
        (["resnet81"], ["spec.json: workload[0]: unknown name 'resnet81'; did you mean 'resnet18'?"]),
        ("nothing/*.yaml", ["spec.json: workload: expected files of layers (.yaml, .yml or .onnx), but there is"]),
        ("empty", ["spec.json: workload: expected files of layers (.yaml, .yml or .onnx), but there is none at"]),
    ],
)
def test_faulty_lists_of_files_are_told_with_their_places(workload: Any, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "spec.json").write_text(json.dumps({"architecture": NAME, "workload": workload}))
    with pytest.raises(InputError) as caught:
        load_spec(tmp_path / "spec.json")
    found = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert len(found) == len(lines)
    assert all(got.startswith(wanted) for got, wanted in zip(found, lines, strict=True)), found


def test_a_network_of_files_needs_an_architecture_and_keeps_its_sizes(layers: Path, capsys: Output) -> None:
    for given in ([str(layers)], [str(layers / "l1.yaml"), str(layers / "l2.yaml")]):
        assert main(given) == 2
        assert capsys.readouterr().err.startswith(
            "--architecture: expected the name or the file of an architecture to map"
        )
    assert main([str(layers / "l1.yaml"), str(layers / "l2.yaml"), *MACHINE, "--batch", "2"]) == 2
    assert "expected one network to change sizes or inputs of, got many files" in capsys.readouterr().err


YAML = "this looks like YAML: "
CSV = "this looks like a table (CSV): "
CFG = "this looks like a configuration of [sections]: "
ONNX = "this is an ONNX model: "
TABLE = "Layer name, IFMAP Height, IFMAP Width, Filter Height,\nConv1, 224, 224, 7,\n"
SECTIONS = "[general]\nrun_name = x\n\n[architecture_presets]\nArrayHeight: 32\n"
CONTENTS = {
    "x.yaml": (problem(4), YAML),
    "x.yml": (problem(4), YAML),
    "yaml_of_no_suffix": (problem(4), YAML),
    "list_in_yaml": ("# ZigZag\n- id: 0\n  equation: O[a]+=I[a]*W[a]\n", YAML),
    "x.csv": (TABLE, CSV),
    "table": (TABLE, CSV),
    "x.cfg": (SECTIONS, CFG),
    "sections": (SECTIONS, CFG),
    "accelforge.yaml": (
        "workload:\n  rank_sizes: {M: 3}\n  einsums: []\n",
        "this looks like a file of AccelForge, which",
    ),
}
READ = {
    "yaml": ("evaluate", "sweep", "solve", "architecture"),
    "yml": ("evaluate", "sweep", "solve", "architecture"),
    "csv": ("sweep", "solve"),
    "cfg": ("evaluate", "solve"),
}
"""Where files are read, by their suffix."""
VERBS: dict[str, list[str]] = {
    "evaluate": ["evaluate", "FILE"],
    "verify": ["verify", "FILE"],
    "execute": ["execute", "FILE"],
    "sweep": ["sweep", "FILE"],
    "mapping": ["gap", "SPEC", "--mapping", "FILE"],
    "architecture": ["SPEC", "--architecture", "FILE"],
    "solve": ["FILE"],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_of_another_format_is_recognised_where_json_is_expected(
    name: str, verb: str, tmp_path: Path, capsys: Output
) -> None:
    text, hint = CONTENTS[name]
    if verb in READ.get(name.rpartition(".")[2], ()):
        pytest.skip("read as layers, as a machine, or as a design there")
    path, spec = tmp_path / name, tmp_path / "spec.json"
    path.write_text(text)
    layer = {"type": "gemm", "name": "g", "m": 2, "n": 2, "k": 2}
    spec.write_text(json.dumps({"architecture": NAME, "workload": {"layers": [layer]}}))
    assert main([{"FILE": str(path), "SPEC": str(spec)}.get(word, word) for word in VERBS[verb]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: ")
    assert "expected JSON" in line
    assert hint in line


@pytest.mark.parametrize("verb", ["evaluate", "verify", "execute", "mapping", "architecture"])
def test_a_model_is_recognised_where_json_is_expected(verb: str, tmp_path: Path, capsys: Output) -> None:
    path = write(model_of([helper.make_node("MatMul", ["x", "x"], ["y"])], {"x": [4, 4]}), tmp_path)
    spec = tmp_path / "spec.json"
    layer = {"type": "gemm", "name": "g", "m": 2, "n": 2, "k": 2}
    spec.write_text(json.dumps({"architecture": NAME, "workload": {"layers": [layer]}}))
    assert main([{"FILE": str(path), "SPEC": str(spec)}.get(word, word) for word in VERBS[verb]]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: " in line
    assert ONNX in line


def test_a_spec_in_yaml_is_told_to_be_json(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "spec.yaml").write_text("architecture: dmazerunner-256pe\nworkload: resnet18\n")
    assert main([str(tmp_path / "spec.yaml"), *MACHINE]) == 2
    assert "specs are read in JSON" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["result/1", "network/1", "front/1"])
@pytest.mark.parametrize(("verb", "expected"), [("solve", "a spec"), ("gap", "a spec"), ("execute", "a request")])
def test_answers_of_ours_are_refused_as_what_they_are(
    kind: str, verb: str, expected: str, tmp_path: Path, capsys: Output
) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"schema": f"dmaze-solve/{kind}", "name": None, "layers": [], "total": None}))
    assert main([verb, str(answer)]) == 2
    taken = {"result/1": "; explain, evaluate and verify take it", "network/1": "; verify takes it", "front/1": ""}
    line = f"{answer}: schema: expected {expected}, got 'dmaze-solve/{kind}'{taken[kind]}\n"
    assert capsys.readouterr() == ("", line)
