"""However a caller in Python gives a spec, it is the same one, and its faults are told alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from builders import gemm, write_json
from dmaze.model import (
    Architecture,
    Gemm,
    InputError,
    Machine,
    Spec,
    evaluate,
    load_request,
    load_result,
    load_spec,
)
from dmaze.model.faults import InputWarning
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.model.reading.sources.spec_options import SpecOptions, checked_options
from dmaze.solver import solve

SPEC: dict[str, Any] = {
    "name": "product",
    "architecture": "dmazerunner-256pe",
    "workload": {"layers": [gemm(24, 36, 48)]},
    "solver": {"top_k": 3, "workers": 1},
}
PLACE_OF_SIZE = "workload.layers[0].m: expected an integer of at least 1, got 0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fault_of(source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_spec(source, **options)
    return str(caught.value)


def faulty(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "workload": {"layers": [gemm(0, 36, 48)]}}


def test_all_ways_to_give_a_spec_give_the_same(folder: Path) -> None:
    path = write_json(folder / "spec.json", SPEC)
    whole = load_spec(path)
    ways = ("spec.json", SPEC, json.dumps(SPEC), yaml.dump(SPEC), whole, Spec.model_validate(SPEC))
    assert [load_spec(way) for way in ways] == [whole] * len(ways)
    assert isinstance(whole.architecture, Architecture)


def test_the_values_of_a_dict_may_be_pythons_own(folder: Path) -> None:
    architecture = write_json(folder / "machine.json", load_spec(SPEC).architecture.model_dump(mode="json"))
    layer = Gemm(type="gemm", name="g", m=24, n=36, k=48)
    sized = {"type": "gemm", "name": "g", "m": np.int64(24), "n": 36, "k": np.int32(48)}
    for layers in ((layer,), [layer], (sized,)):
        given = {**SPEC, "architecture": Path(architecture.name), "workload": {"layers": layers}}
        assert load_spec(given) == load_spec(SPEC)


def test_a_fault_is_told_at_its_place_however_the_spec_is_given(folder: Path) -> None:
    path = write_json(folder / "spec.json", faulty(SPEC))
    assert fault_of(path) == f"{path}: {PLACE_OF_SIZE}"
    assert fault_of("spec.json") == f"spec.json: {PLACE_OF_SIZE}"
    for way in (faulty(SPEC), json.dumps(faulty(SPEC)), yaml.dump(faulty(SPEC))):
        assert fault_of(way) == f"spec: {PLACE_OF_SIZE}"


def test_a_name_is_that_of_a_network_else_of_an_example(folder: Path) -> None:  # noqa: ARG001 (nothing is at a name)
    network = load_spec("resnet18", architecture="eyeriss-168", batch=4)
    assert network.name == "resnet18"
    assert isinstance(network.architecture, Machine)
    assert {layer.batch for layer in network.workload.layers if layer.type == "conv2d"} == {4}
    assert load_spec("conv5_2") == load_spec(builtin_path("examples", "conv5_2"))
    assert fault_of("resnet18") == "spec: architecture: expected, but missing"


def test_what_lies_at_a_path_comes_before_what_has_the_name(folder: Path) -> None:
    write_json(folder / "conv5_2", SPEC)
    with pytest.warns(InputWarning, match=r"^conv5_2: read as a file, not as what is built in by that name$"):
        assert load_spec("conv5_2").name == "product"
    assert load_spec(folder / "conv5_2").name == "product"


def test_an_option_stands_in_place_of_the_specs_own_value(folder: Path) -> None:
    write_json(folder / "specs" / "spec.json", SPEC)
    write_json(folder / "small.json", {**load_spec(SPEC).architecture.model_dump(mode="json"), "name": "small"})
    options: dict[str, Any] = {
        "name": "other",
        "objective": "latency",
        "top_k": np.int64(7),
        "constraints": {"no_spatial_reduction": True},
        "seed": None,
    }
    for source in ("specs/spec.json", SPEC, Spec.model_validate(SPEC)):
        for architecture in ("small.json", Path("small.json"), json.loads(Path("small.json").read_text())):
            found = load_spec(source, architecture=architecture, **options)
            assert (found.name, found.objective, found.architecture.name) == ("other", "latency", "small")
            assert (found.solver.top_k, found.solver.workers, found.solver.seed) == (7, 1, 0)
            assert found.constraints.no_spatial_reduction


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"time_limit": 3}, "time_limit: unknown option; did you mean 'time_limit_s'?"),
        ({"top_k": 0}, "top_k: expected an integer of at least 1, got 0"),
        ({"objective": "cost"}, "objective: expected 'edp', 'energy' or 'latency', got 'cost'"),
        ({"batch": "four"}, "batch: expected an integer, got 'four'"),
        ({"architecture": "eyeris"}, "architecture: unknown name 'eyeris'; did you mean 'eyeriss-168'?"),
        (
            {"constraints": {"fixed": {"Q": {"spm": 2}}}},
            "constraints.fixed.Q: unknown dimension 'Q'; expected one of M, N, K",
        ),
        (
            {"architecture": 3},
            "architecture: expected an Architecture, a Machine, a dict, a name or a path, got 3",
        ),
        (
            {"cost_model": "timeloop"},
            "cost_model: unknown cost model 'timeloop'; expected one of dmazerunner, hierarchy",
        ),
    ],
)
def test_a_fault_of_an_option_names_the_option(folder: Path, options: dict[str, Any], told: str) -> None:
    write_json(folder / "spec.json", SPEC)
    for source in ("spec.json", SPEC):
        assert fault_of(source, **options) == told


def test_faults_of_the_spec_and_of_options_are_told_together(folder: Path) -> None:
    write_json(folder / "spec.json", faulty(SPEC))
    assert fault_of("spec.json", top_k=0).splitlines() == [
        f"spec.json: {PLACE_OF_SIZE}",
        "top_k: expected an integer of at least 1, got 0",
    ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("resnet81", "resnet81: expected a file, or a built-in name; did you mean 'resnet18'?"),
        ("missing.json", "missing.json: expected a file, but there is none"),
        ("", "spec: expected a Spec, a dict, a path, a name or JSON text, got ''"),
        (None, "spec: expected a Spec, a dict, a path, a name or JSON text, got null"),
        (["spec.json"], "spec: expected a Spec, a dict, a path, a name or JSON text, got list"),
        ("{", "spec: line 1 column 2: expected JSON (Expecting property name enclosed in double quotes)"),
        ("- a\n- b", "spec: expected an object at the top level, got a list"),
        ("a: b\na: c", "spec: line 2 column 1: expected 'a' once, but given more than once (first in line 1)"),
    ],
)
def test_what_is_no_spec_is_refused(folder: Path, source: Any, told: str) -> None:  # noqa: ARG001 (nothing is there)
    assert fault_of(source) == told


def test_a_request_may_be_given_in_any_way(folder: Path) -> None:
    mapping = {"tiling": {"M": {"rf": 24}, "N": {"spatial": 36}, "K": {"dram": 48}}}
    request = {"architecture": "dmazerunner-256pe", "layer": gemm(24, 36, 48), "mappings": [mapping]}
    path = write_json(folder / "request.json", request)
    wanted = evaluate(load_request(path))
    for way in (request, "request.json", json.dumps(request), yaml.dump(request)):
        assert evaluate(way) == wanted
    mapping["tiling"]["M"] = {"rf": 23}
    with pytest.raises(InputError, match=r"^request: mappings\[0\].tiling.M: factors multiply to 23; expected"):
        evaluate(request)
    with pytest.raises(InputError, match=r"^request: layer: expected, but missing$"):
        evaluate({"architecture": "dmazerunner-256pe", "mappings": []})
    with pytest.raises(InputError, match=r"^request: expected a request, a dict, a path or JSON text, got 3$"):
        load_request(3)  # type: ignore[arg-type]


def test_a_result_may_be_given_in_any_way(folder: Path) -> None:
    result = solve(SPEC, backend="exhaustive-bounded")
    path = write_json(folder / "result.json", result.model_dump(mode="json", by_alias=True))
    for way in (path, "result.json", path.read_text(encoding="utf-8"), result.model_dump(by_alias=True)):
        assert load_result(way) == result
    assert load_result(result) is result
    with pytest.raises(InputError, match=r"^result: schema: expected 'dmaze-solve/result/1', but missing$"):
        load_result({})


def test_every_option_is_a_field_by_its_own_name() -> None:
    known = {"name", "architecture", "cost_model", "accounting", "objective", "constraints", "batch", "dims", "inputs"}
    solver = Spec.model_fields["solver"].default.model_dump()
    assert set(SpecOptions.__annotations__) == known | set(solver)
    assert checked_options(dict.fromkeys(SpecOptions.__annotations__)).given == {}
