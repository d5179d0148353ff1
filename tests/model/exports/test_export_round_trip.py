"""What leaves comes back: mappings of results through ``evaluate``, exports to Timeloop through the import."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.model import EvaluateRequest, Result, evaluate
from dmaze.model.dmazerunner.cost import cost_of_mapping
from dmaze.model.exports import timeloop
from dmaze.model.exports.mapped_layer import MappedLayer
from dmaze.model.layers import LoopNestLayer
from dmaze.model.loop_nest import AffineIndex
from dmaze.model.mapping import Mapping, order_from_document, tiling_from_document
from dmaze.model.reading.builtin_data import builtin_names, builtin_path
from dmaze.model.reading.interop.foreign_layers import read_layer
from dmaze.model.reading.loading import load_spec
from dmaze.solver import solve
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from interop_cases import C7, C7D, mapped, random_mapping
from random_problems import TINY, Size, random_problem

COSTS = ("energy_pj", "cycles", "edp", "energy_breakdown_pj")


def requests_of(result: Result) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """For every layer of a result a request with all its mappings, as JSON, and the costs that the result states."""
    document = json.loads(result.model_dump_json(by_alias=True, exclude_none=True))
    pairs: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for layer in document["layers"]:
        padded = {name: bound["to"] for name, bound in layer.get("padding", {}).items()}
        request = {
            "architecture": document["architecture"],
            "accounting": document.get("accounting"),
            "layer": layer["layer"],
            "padded_bounds": padded,
            "mappings": [solution["mapping"] for solution in layer["solutions"]],
        }
        pairs.append((request, [solution["cost"] for solution in layer["solutions"]]))
    return pairs


def assert_costs_come_back(result: Result) -> None:
    for request, stated in requests_of(result):
        evaluated = evaluate(EvaluateRequest.model_validate(request)).costs
        assert len(evaluated) == len(stated)
        for one, other in zip(evaluated, stated, strict=True):
            found = one.model_dump()
            assert all(found["fits"].values())
            assert [found[field] for field in COSTS] == [other[field] for field in COSTS]


@pytest.mark.parametrize("name", [name for name in builtin_names("examples") if name != "resnet18-eyeriss"])
def test_every_mapping_of_every_quick_example_costs_the_same_in_evaluate(name: str) -> None:
    spec = load_spec(builtin_path("examples", name))
    options = spec.solver.model_copy(update={"time_limit_s": 2.0, "workers": 2, "top_k": 3})
    result = solve(spec.model_copy(update={"solver": options}))
    assert any(layer.solutions for layer in result.layers)
    assert_costs_come_back(result)


@pytest.mark.filterwarnings("ignore:.*may add to one element:dmaze.model.faults.InputWarning")  # some nests overlap
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(("edp", "energy", "latency")))
def test_every_mapping_of_a_tiny_nest_costs_the_same_in_evaluate(seed: int, objective: str) -> None:
    problem = random_problem(seed, TINY, constrained=0.0)
    tensors = [
        {"name": t.name, "index": [expression(problem.nest.dims, i) for i in t.index], "shape": t.shape}
        | ({"output": True} if t.is_output else {})
        for t in problem.nest.tensors
    ]
    bounds = dict(zip(problem.nest.dims, problem.nest.bounds, strict=True))
    layer = {"type": "loop_nest", "name": "n", "bounds": bounds, "tensors": tensors}
    assert_costs_come_back(solve(Specs(layer, solver={"top_k": 4})(objective=objective)))


def expression(dims: tuple[str, ...], index: AffineIndex) -> str:
    return " ".join([*(f"{a:+d}*{dims[dim]}" for dim, a in index.terms), f"{index.constant:+d}"])


def test_the_command_line_takes_back_what_it_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = Specs(gemm(13, 6, 8), solver={"pad_bounds": True, "pad_percent": 10}).writer(tmp_path)()
    assert main([spec, "--json", "--no-cache"]) == 0
    ((request, stated),) = requests_of(Result.model_validate(json.loads(capsys.readouterr().out)))
    (tmp_path / "request.json").write_text(json.dumps(request))
    assert main(["evaluate", str(tmp_path / "request.json"), "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert costs
    assert [cost["edp"] for cost in costs] == [cost["edp"] for cost in stated]


# Timeloop: export, then import


def assert_comes_back(layer: MappedLayer, folder: Path) -> None:
    """The mapping read from a Timeloop export is the one exported, in Timeloop's names, and costs as much."""
    for name, text in timeloop.export_files(layer).items():
        (folder / name).write_text(text, encoding="utf-8")
    imported = read_layer([folder / "problem.yaml", folder / "mapping.yaml"])
    assert isinstance(imported.layer, LoopNestLayer)
    nest = imported.layer.loop_nest()
    names = timeloop.TimeloopNames.of(layer.nest)
    assert (nest.dims, nest.bounds) == (names.dims, layer.nest.bounds)
    assert imported.mapping is not None
    own = layer.mapping
    tiling = tiling_from_document(nest, imported.mapping.tiling)
    dram_order = order_from_document(nest, imported.mapping.dram_order or (), "dram_order")
    spm_order = order_from_document(nest, imported.mapping.spm_order or (), "spm_order")
    assert (tiling, dram_order, spm_order) == (own.tiling, own.dram_order, own.spm_order)
    for tensor, exported, data_space in zip(nest.tensors, layer.nest.tensors, names.data_spaces, strict=True):
        assert (tensor.name, tensor.is_output) == (data_space, exported.is_output)
        assert [i.terms for i in tensor.index] == [i.terms for i in exported.index if i.terms]
    cost = cost_of_mapping(nest, layer.architecture, Mapping(tiling, dram_order, spm_order))
    assert [(t.dram, t.spm, t.noc) for t in cost.traffic] == [(t.dram, t.spm, t.noc) for t in layer.cost.traffic]
    if all(t.shape == tuple(i.extent(nest.bounds) for i in t.index) for t in layer.nest.tensors):
        assert (cost.energy_pj, cost.cycles) == (layer.cost.energy_pj, layer.cost.cycles)


def test_the_golden_mappings_come_back_from_timeloop(tmp_path: Path) -> None:
    for mapping in (C7D, C7):
        assert_comes_back(mapped(mapping), tmp_path)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_random_mappings_of_any_nest_come_back_from_timeloop(tmp_path_factory: Any, seed: int) -> None:
    problem = random_problem(seed, Size(macs=1 << 24), constrained=0.0)
    assume(timeloop.why_not(problem.nest) is None)
    layer = random_mapping(Random(seed), problem.nest, problem.architecture)
    assert_comes_back(layer, tmp_path_factory.mktemp("timeloop"))
