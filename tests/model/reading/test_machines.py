"""Machines with any hierarchy, wherever an architecture stands: by name, by path, as the object; and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model import Architecture, EvaluateRequest, InputError, Machine, load_request, load_spec
from dmaze.model.cost_models import model_and_machine, model_for
from dmaze.model.documents.architectures import architecture_type
from dmaze.model.hierarchy.from_architecture import machine_of
from dmaze.model.reading.loading import resolve_architecture
from hierarchy_cases import builtin_machines

MACHINE: dict[str, Any] = {
    "name": "m",
    "nodes": [
        {"storage": "DRAM", "read_pj": 200},
        {"storage": "GLB", "capacity_bytes": 64},
        {"fanout": "X", "size": 4},
        {"storage": "RF"},
    ],
}
MAPPING: dict[str, Any] = {"tiling": {"M": {"GLB": 2}, "N": {"RF": 3}, "K": {"DRAM": 2, "X": 2, "RF": 2}}}


def node(position: int, **fields: Any) -> dict[str, Any]:
    """The machine with other fields of a node."""
    nodes = [{**own, **fields} if at == position else own for at, own in enumerate(MACHINE["nodes"])]
    return {**MACHINE, "nodes": nodes}


def written(tmp_path: Path, name: str, document: object) -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def lines_of(tmp_path: Path, architecture: object, **fields: Any) -> list[str]:
    """What is said of a request with an architecture, without the name of the file."""
    request = {"architecture": architecture, "layer": gemm(2, 3, 8), "mappings": [MAPPING], **fields}
    path = written(tmp_path, "request.json", request)
    with pytest.raises(InputError) as caught:
        load_request(path)
    return [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]


@pytest.mark.parametrize("machine", builtin_machines(), ids=lambda machine: machine.name)
def test_the_machines_of_the_reference_are_built_in(machine: Machine) -> None:
    found = resolve_architecture(machine.name, Path())
    own = machine_of(found) if isinstance(found, Architecture) else found
    left_out = {"sources"} if isinstance(found, Architecture) else set[str]()
    assert own.model_dump(exclude=left_out) == machine.model_dump(exclude=left_out)


def test_name_path_and_object_give_the_same_machine(tmp_path: Path) -> None:
    written(tmp_path, "m.json", MACHINE)
    expected = Machine.model_validate(MACHINE)
    for given in ("m.json", MACHINE):
        request = {"architecture": given, "layer": gemm(2, 3, 8), "mappings": [MAPPING]}
        assert load_request(written(tmp_path, "request.json", request)).architecture == expected
    assert EvaluateRequest(architecture="tpu-v1", layer=gemm(1, 1, 1), mappings=()).architecture == "tpu-v1"  # type: ignore[arg-type]


def test_the_kind_of_an_architecture_selects_its_cost_model() -> None:
    published, machine = resolve_architecture("dmazerunner-256pe", Path()), Machine.model_validate(MACHINE)
    assert [model_and_machine(a, None, None)[0].name for a in (published, machine)] == ["dmazerunner", "hierarchy"]
    model, hierarchy = model_and_machine(published, "hierarchy", "timeloop")
    assert (model.accounting, hierarchy) == ("timeloop", machine_of(published))  # type: ignore[arg-type]
    assert model_for("hierarchy").accounting == "executed"
    assert model_for("dmazerunner").accounting is None


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"nodes": []}, Machine),
        ({"name": "m", "node": []}, Machine),
        ({"name": "m"}, Architecture),
        ({"pes": 4, "modes": 1}, Architecture),
        ({}, Architecture),
    ],
)
def test_an_object_is_of_the_kind_that_it_is_meant_to_be(document: dict[str, Any], kind: type) -> None:
    assert architecture_type(document) is kind


PLACES = [
    (node(1, capacity_bytes=-1), ["architecture.nodes[1].capacity_bytes: expected an integer of at least 1, got -1"]),
    (node(1, capacity_byte=1), ["architecture.nodes[1].capacity_byte: unknown field; did you mean 'capacity_bytes'?"]),
    (
        node(2, storage="X"),
        ["architecture.nodes[2]: expected an object with either 'storage' or 'fanout', the name of the node"],
    ),
    (
        node(1, capacity_bytes="DRAM", keep={"read2": "nevr"}, buffers=3),
        [
            "architecture.nodes[1].capacity_bytes: expected an integer, got 'DRAM'",
            "architecture.nodes[1].buffers: expected an integer of at most 2, got 3",
            "architecture.nodes[1].keep.read2: expected 'must', 'may' or 'never', got 'nevr'; did you mean 'never'?",
        ],
    ),
    (node(1, read_pj="cheap"), ["architecture.nodes[1].read_pj: expected a number or an object, got 'cheap'"]),
    (
        node(1, bank_bytes=8, capacity_bytes=None),
        ["architecture.nodes[1].bank_bytes: expected capacity_bytes beside it"],
    ),
    (
        node(3, storage="GLB"),
        [f"architecture.nodes[{n}].storage: expected a name that no other node has, got 'GLB'" for n in (1, 3)],
    ),
    ({**MACHINE, "clock": 5}, ["architecture.clock: unknown field; did you mean 'clock_mhz'?"]),
    ({"name": "m", "node": MACHINE["nodes"]}, ["architecture.node: unknown field; did you mean 'nodes'?"]),
]


@pytest.mark.parametrize(("machine", "expected"), PLACES)
def test_a_fault_of_a_machine_has_its_place(tmp_path: Path, machine: dict[str, Any], expected: list[str]) -> None:
    found = lines_of(tmp_path, machine)
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True)), found
    written(tmp_path, "m.json", machine)
    in_file = lines_of(tmp_path, "m.json")
    assert in_file == [f"{tmp_path / 'm.json'}: {line.removeprefix('architecture.')}" for line in found]


def test_faults_of_the_request_and_of_its_machine_are_told_together(tmp_path: Path) -> None:
    assert lines_of(tmp_path, node(1, buffers=0), maping=1, mappings=[{"tiling": {"M": {"GLB": 0}}}]) == [
        "architecture.nodes[1].buffers: expected an integer of at least 1, got 0",
        "maping: unknown field; did you mean 'mappings'?",
    ]
    assert lines_of(tmp_path, MACHINE, mappings=[{"tiling": {"M": {"GLB": 0}}, "order": {}}, {}]) == [
        "mappings[0].tiling.M.GLB: expected an integer of at least 1, got 0",
        "mappings[0].order: unknown field; did you mean 'orders'?",
        "mappings[1].tiling: expected, but missing",
    ]


NO_SUCH = "expected 'hierarchy', for 'm' is a hierarchy, got 'dmazerunner'"
ONE_WAY = "expected none, for the cost model dmazerunner counts in one way only, got 'timeloop'"


def test_a_cost_model_says_what_it_does_not_take(tmp_path: Path) -> None:
    published = resolve_architecture("dmazerunner-256pe", Path()).model_dump()
    assert lines_of(tmp_path, MACHINE, cost_model="dmazerunner") == [f"cost_model: {NO_SUCH}"]
    assert lines_of(tmp_path, published, accounting="timeloop", mappings=[]) == [f"accounting: {ONE_WAY}"]
    assert lines_of(tmp_path, MACHINE, cost_model="dmazerunner", accounting="timeloop") == [
        f"cost_model: {NO_SUCH}",
        f"accounting: {ONE_WAY}",
    ]
    assert lines_of(tmp_path, MACHINE, cost_model="hierarchies") == [
        "cost_model: unknown cost model 'hierarchies'; did you mean 'hierarchy'?"
    ]
    assert lines_of(tmp_path, MACHINE, accounting="exeuted") == [
        "accounting: expected 'executed', 'timeloop' or 'accelforge', got 'exeuted'; did you mean 'executed'?"
    ]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"architecture": MACHINE, "cost_model": "dmazerunner"}, [f"cost_model: {NO_SUCH}"]),
        ({"architecture": "dmazerunner-256pe", "accounting": "timeloop"}, [f"accounting: {ONE_WAY}"]),
        (
            {"architecture": "eyeriss-169", "cost_model": "hierachy", "workload": "resnet"},
            [
                "cost_model: unknown cost model 'hierachy'; did you mean 'hierarchy'?",
                "architecture: unknown name 'eyeriss-169'; did you mean 'eyeriss-168'?",
                "workload: unknown name 'resnet'; did you mean",
            ],
        ),
        (
            {"architecture": node(1, buffers=0), "objectve": "edp"},
            [
                "architecture.nodes[1].buffers: expected an integer of at least 1, got 0",
                "objectve: unknown field; did you mean 'objective'?",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_spec_on_a_hierarchy_has_its_place(
    tmp_path: Path, fields: dict[str, Any], lines: list[str]
) -> None:
    path = written(tmp_path, "spec.json", {"workload": {"layers": [gemm(4, 4, 4)]}, **fields})
    with pytest.raises(InputError) as caught:
        load_spec(path)
    found = [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True)), found
