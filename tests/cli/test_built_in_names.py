"""Built-in networks, specs and sweeps run by their names; files of these names come first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.model.reading.builtin_data import builtin_path

Output = pytest.CaptureFixture[str]
QUICK = ("--total-time-limit", "0.001", "--json")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def layers(capsys: Output, *arguments: str) -> tuple[Any, list[str], str]:
    """The name of a result, those of its layers, and what is said besides."""
    assert main([*arguments, *QUICK]) in (0, 1)
    out, err = capsys.readouterr()
    document = json.loads(out)
    return document["name"], [layer["name"] for layer in document["layers"]], err


def names_in(kind: Any, name: str) -> list[str]:
    document = json.loads(builtin_path(kind, name).read_text(encoding="utf-8"))
    return [layer["name"] for layer in document.get("workload", document)["layers"]]


@pytest.mark.parametrize("verb", [[], ["solve"], ["enumerate"], ["gap", "--full-limit", "0"], ["dataflows"]])
def test_a_network_is_mapped_by_its_name(verb: list[str], capsys: Output) -> None:
    found = layers(capsys, *verb, "resnet-study", "--architecture", "dmazerunner-256pe")
    assert found == ("resnet-study", names_in("networks", "resnet-study"), "")


def test_an_example_is_a_spec_by_its_name(capsys: Output) -> None:
    assert layers(capsys, "conv5_2") == ("conv5_2 on the reference accelerator", ["conv5_2"], "")


def test_several_networks_are_one(capsys: Output) -> None:
    _, found, err = layers(capsys, "resnet-study", "alexnet", "--architecture", "eyeriss-168")
    assert set(found) >= {*names_in("networks", "resnet-study"), "conv1"}
    assert (len(found), err) == (len(names_in("networks", "alexnet")) + 6, "")


def test_a_sweep_is_known_by_its_name(capsys: Output) -> None:
    assert main(["sweep", "memory-design"]) == 2
    line = "memory-design: expected a file, or a built-in name; did you mean 'memory-designs'?\n"
    assert capsys.readouterr().err == line
    assert main(["sweep", "pe-arrays", "--set", "pes=3"]) == 2
    assert capsys.readouterr().err == "--set pes: expected without sweep.axes[0].pes, which varies it\n"


def test_a_network_needs_an_architecture(capsys: Output) -> None:
    assert main(["resnet18"]) == 2
    line = "--architecture: expected the name or the file of an architecture to map resnet18 onto (dmaze-solve list)\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("verb", [[], ["gap"], ["dataflows"], ["enumerate"]])
def test_of_an_unknown_name_the_nearest_is_suggested(verb: list[str], capsys: Output) -> None:
    assert main([*verb, "resnet81", "--architecture", "eyeriss-168"]) == 2
    line = "resnet81: expected a file, or a built-in name; did you mean 'resnet18'?\n"
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("path", ["resnet81.json", "no/resnet18"])
def test_what_looks_like_a_path_is_one(path: str, capsys: Output) -> None:
    assert main([path, "--architecture", "eyeriss-168"]) == 2
    assert capsys.readouterr().err == f"{path}: expected a file, but there is none\n"


def test_a_file_hides_what_is_built_in_by_its_name_and_that_is_said(capsys: Output) -> None:
    Path("resnet18").write_text(json.dumps(Specs(gemm(2, 3, 4)).document()), encoding="utf-8")
    note = "note: resnet18 is read as a file, not as what is built in by that name\n"
    assert layers(capsys, "resnet18") == (None, ["g"], note)
