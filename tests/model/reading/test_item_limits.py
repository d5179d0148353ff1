"""Limits on what a file holds, not only on its bytes: each is answered within seconds, in few lines."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from dmaze.model.faults import MOST_LINES, InputError
from dmaze.model.reading.dmazerunner_files import distinct_names
from dmaze.model.reading.loading import load_spec

LONGEST_S = 10.0
"""What any input may take, of processor time; each of these takes a few seconds on an idle core."""


def refusal(tmp_path: Path, content: str) -> list[str]:
    (tmp_path / "spec.json").write_text(content)
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        load_spec(tmp_path / "spec.json")
    assert time.process_time() - started < LONGEST_S
    lines = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert len(lines) <= MOST_LINES + 1
    return lines


def spec(**fields: Any) -> str:
    return json.dumps({"architecture": "dmazerunner-256pe", "workload": "resnet18", **fields})


def nest(**fields: Any) -> str:
    tensors = [{"name": "O", "index": ["i"], "output": True}]
    layer = {"type": "loop_nest", "name": "x", "bounds": {"i": 2}, "tensors": tensors, **fields}
    return spec(workload={"layers": [layer]})


def test_objects_with_keys_given_twice_take_no_quadratic_time(tmp_path: Path) -> None:
    lines = refusal(tmp_path, '{"a": [' + ", ".join(['{"b": 1, "b": 2}'] * 200_000) + "]}")
    assert lines[0] == "spec.json: a[0].b: expected once, but given more than once"
    assert lines[19] == "spec.json: a[19].b: expected once, but given more than once"
    assert lines[20:] == ["and at least 981 more faults"]


@pytest.mark.parametrize("number", [25, 100_000])
def test_unknown_fields_are_counted_where_they_are_many(number: int, tmp_path: Path) -> None:
    lines = refusal(tmp_path, spec(**{f"zz{position}": 1 for position in range(number)}))
    assert lines[0].startswith("spec.json: zz0: unknown field; ")
    assert lines[20:] == ["and 5 more faults" if number == 25 else "and at least 481 more faults"]


def test_layers_that_are_none_are_counted_where_they_are_many(tmp_path: Path) -> None:
    lines = refusal(tmp_path, spec(workload={"layers": [{"type": "conv2d"}] * 200_000}))
    assert lines[0] == "spec.json: workload.layers[0].name: expected, but missing"
    assert lines[20:] == ["and at least 481 more faults"]


def test_faults_far_behind_are_found_in_a_large_file(tmp_path: Path) -> None:
    layers = [{"type": "gemm", "name": f"g{n}", "m": 1, "n": 1, "k": 1} for n in range(15_000)]
    lines = refusal(tmp_path, spec(workload={"layers": [*layers, {**layers[0], "name": "last", "kk": 1}]}))
    assert lines == ["spec.json: workload.layers[15000].kk: unknown field; did you mean 'k'?"]


def test_a_network_of_too_many_layers_is_refused(tmp_path: Path) -> None:
    layers = [{"type": "gemm", "name": f"g{n}", "m": 1, "n": 1, "k": 1} for n in range(20_001)]
    lines = refusal(tmp_path, spec(workload={"layers": layers}))
    assert lines == ["spec.json: workload.layers: expected 20000 or fewer entries, got 20001"]


def test_too_many_values_are_refused_before_they_are_read(tmp_path: Path) -> None:
    content = '{"a": [' + "1," * 2**21 + "1]}"
    assert refusal(tmp_path, content) == ["spec.json: expected at most 2097152 values"]


@pytest.mark.parametrize("num_dims", [65, 10_000])
def test_a_nest_of_too_many_dimensions_is_refused_with_its_place(num_dims: int, tmp_path: Path) -> None:
    lines = refusal(tmp_path, nest(bounds={f"d{position}": 1 for position in range(num_dims)}))
    assert lines == [f"spec.json: workload.layers[0].bounds: expected 64 or fewer entries, got {num_dims}"]


def test_too_many_tensors_and_indices_are_refused_with_their_place(tmp_path: Path) -> None:
    place = "spec.json: workload.layers[0].tensors"
    lines = refusal(tmp_path, nest(tensors=[{"name": f"T{n}", "index": ["i"]} for n in range(10_000)]))
    assert lines == [f"{place}: expected 64 or fewer entries, got 10000"]
    lines = refusal(tmp_path, nest(tensors=[{"name": "O", "index": ["i"] * 10_000, "output": True}]))
    assert lines == [f"{place}[0].index: expected 64 or fewer entries, got 10000"]


def test_constraints_on_many_unknown_dimensions_are_counted(tmp_path: Path) -> None:
    lines = refusal(tmp_path, spec(constraints={"fixed": {f"d{n}": {"rf": 1} for n in range(50_000)}}))
    assert lines[20:] == ["and at least 981 more faults"]


def test_names_that_are_all_the_same_take_no_quadratic_time() -> None:
    started = time.process_time()
    names = distinct_names(["a"] * 100_000 + ["a#2", "b"])
    assert names[:3] == ["a", "a#2", "a#3"]
    assert names[-2:] == ["a#2#2", "b"]
    assert len(set(names)) == len(names)
    assert time.process_time() - started < 2
