"""Names, paths and inline objects lead to the same resolved spec; every shipped file loads."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from builders import gemm, write_json
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.documents.spec import LayerList, NetworkReference, Spec
from dmaze.model.faults import DmazeError, Fault, InputError
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.layers import Conv2d, Gemm
from dmaze.model.reading.builtin_data import builtin_names, builtin_path
from dmaze.model.reading.loading import load_spec, resolve_architecture, resolve_spec, resolve_workload

GEMM = gemm(6, 8, 10)
REFERENCE = resolve_architecture("dmazerunner-256pe", Path())


@pytest.mark.parametrize("name", builtin_names("examples"))
def test_every_example_loads_resolved(name: str) -> None:
    spec = load_spec(builtin_path("examples", name))
    assert isinstance(spec.architecture, Architecture | Machine)
    assert isinstance(spec.workload, LayerList)
    assert spec.name is not None


@pytest.mark.parametrize("name", builtin_names("architectures"))
def test_every_architecture_is_named_after_its_file(name: str) -> None:
    assert resolve_architecture(name, Path()).name == name


@pytest.mark.parametrize("name", builtin_names("networks"))
def test_every_network_is_named_after_its_file_and_says_where_it_is_from(name: str) -> None:
    network = resolve_workload(name, Path())
    assert network.name == name
    assert network.source


def test_the_examples_are_what_the_readme_promises() -> None:
    resnet18 = load_spec(builtin_path("examples", "resnet18"))
    assert resnet18.objective == "edp"
    assert resnet18.solver.time_limit_s == 30
    assert resnet18.workload == resolve_workload("resnet18", Path())
    assert {"resnet-study", "conv5_2", "gemm1000"} <= set(builtin_names("examples"))


def test_name_path_and_object_give_the_same_spec(tmp_path: Path) -> None:
    architecture = REFERENCE.model_dump()
    write_json(tmp_path / "archs" / "a.json", architecture)
    write_json(tmp_path / "nets" / "n.json", {"layers": [GEMM]})
    inline = {"architecture": architecture, "workload": {"layers": [GEMM]}}
    named = {"architecture": "dmazerunner-256pe", "workload": "../nets/n.json"}
    by_path = {"architecture": "../archs/a.json", "workload": {"network": "../nets/n.json"}}
    specs = [load_spec(write_json(tmp_path / "specs" / "s.json", document)) for document in (inline, named, by_path)]
    assert specs[0] == specs[1] == specs[2]


def test_paths_are_relative_to_the_specs_folder_not_to_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "there" / "net.json", {"layers": [GEMM]})
    write_json(tmp_path / "here" / "net.json", {"layers": []})
    spec = write_json(tmp_path / "there" / "s.json", {"architecture": "dmazerunner-256pe", "workload": "net.json"})
    monkeypatch.chdir(tmp_path / "here")
    assert load_spec(spec) == load_spec(Path("../there/s.json"))


def test_a_built_in_name_wins_over_a_file_of_that_name(tmp_path: Path) -> None:
    write_json(tmp_path / "resnet18", {"layers": [GEMM]})
    write_json(tmp_path / "mine", {"layers": [GEMM]})
    assert len(resolve_workload("resnet18", tmp_path).layers) == 21
    assert len(resolve_workload("mine", tmp_path).layers) == 1


def test_a_resolved_spec_stays_as_it_is() -> None:
    spec = load_spec(builtin_path("examples", "resnet18"))
    assert resolve_spec(spec, Path("/nowhere")) == spec


def test_a_spec_made_in_python_is_resolved() -> None:
    spec = Spec(architecture="dmazerunner-256pe", workload=NetworkReference(network="alexnet", batch=2))
    resolved = resolve_spec(spec, Path())
    assert resolved.architecture == REFERENCE
    assert isinstance(resolved.workload, LayerList)
    conv, fc = resolved.workload.layers[0], resolved.workload.layers[-1]
    assert isinstance(conv, Conv2d)
    assert isinstance(fc, Gemm)
    assert (resolved.workload.batch, conv.batch, fc.m) == (2, 2, 2)


def test_the_study_can_be_taken_to_batch_1() -> None:
    study = resolve_workload(NetworkReference(network="resnet-study", batch=1), Path())
    assert {layer.bounds()["N"] for layer in study.layers} == {1}


def test_faults_of_a_spec_made_in_python_name_no_file() -> None:
    spec = Spec(architecture="dmazerunner", workload="resnet19")
    with pytest.raises(InputError) as caught:
        resolve_spec(spec, Path())
    assert str(caught.value).splitlines() == [
        "architecture: unknown name 'dmazerunner'; did you mean 'dmazerunner-256pe'?",
        "workload: unknown name 'resnet19'; did you mean 'resnet18'?",
    ]


def test_a_layer_that_was_altered_unchecked_is_a_fault() -> None:
    network = resolve_workload("resnet18", Path())
    altered = network.layers[0].model_copy(update={"kernel_height": 999})
    spec = load_spec(builtin_path("examples", "resnet18"))
    spec = spec.model_copy(update={"workload": network.model_copy(update={"layers": (altered,)})})
    with pytest.raises(InputError, match=r"^workload\.layers\[0\]: kernel_height: expected a kernel within"):
        resolve_spec(spec, Path())


def test_a_fault_is_one_line_whatever_it_holds() -> None:
    assert str(Fault("a\nb", "x\x07", "got \ud800\u2028")) == r"a\nb: x\x07: got \ud800\u2028"
    assert str(Fault(None, "x", "y")) == "x: y"
    assert str(Fault("f", "", "y")) == "f: y"


def test_an_input_error_holds_its_faults_and_survives_pickling() -> None:
    error = InputError([Fault("f", "x", "y"), Fault("f", "z", "w")])
    assert isinstance(error, DmazeError)
    assert str(error) == "f: x: y\nf: z: w"
    assert pickle.loads(pickle.dumps(error)).faults == error.faults
    assert InputError.single("f", "x", "y").faults == error.faults[:1]
