"""Sweeps over machines: any field of any node, prices that follow, and what the area proxy adds up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model.designs import area_proxy_bytes, designs, load_sweep
from dmaze.model.documents.sweep_spec import AreaWeights, SweepSpec
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.machine import Fanout, Machine, StorageLevel
from dmaze.model.reading.builtin_data import builtin_names
from dmaze.model.reading.loading import resolve_architecture
from dmaze.model.reading.sweep_loading import resolve_sweep

MACHINE: dict[str, Any] = {
    "name": "small",
    "clock_mhz": 100,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 4, "write_pj": {"output": 5, "*": 3}},
        {"fanout": "PE", "size": 4},
        {"storage": "RF", "partitions": {"read1": 8, "output": 4}, "read_pj": 1},
    ],
}


def document(*axes: dict[str, Any], machine: dict[str, Any] = MACHINE, **sweep: Any) -> dict[str, Any]:
    workload = {"layers": [gemm(2, 2, 2)]}
    return {"architecture": machine, "workload": workload, "sweep": {"axes": list(axes), **sweep}}


def machines(*axes: dict[str, Any], **sweep: Any) -> list[Machine]:
    spec = SweepSpec.model_validate(document(*axes, **sweep))
    found = [design.architecture for design in designs(resolve_sweep(spec, Path()).document)]
    assert all(isinstance(machine, Machine) for machine in found)
    return [machine for machine in found if isinstance(machine, Machine)]


def level(machine: Machine, name: str) -> StorageLevel:
    (found,) = (node for node in machine.nodes if isinstance(node, StorageLevel) and node.name == name)
    return found


def fanout(machine: Machine, name: str) -> Fanout:
    (found,) = (node for node in machine.nodes if isinstance(node, Fanout) and node.name == name)
    return found


def test_axes_set_fields_of_nodes_by_their_names() -> None:
    found = machines({"nodes.GLB.capacity_bytes": [32, 64]}, {"nodes.PE.size": [2, 4]})
    assert [(level(m, "GLB").capacity_bytes, fanout(m, "PE").size) for m in found] == [
        (32, 2),
        (32, 4),
        (64, 2),
        (64, 4),
    ]
    assert all(m.nodes[0] == Machine.model_validate(MACHINE).nodes[0] for m in found)


def test_a_path_may_begin_with_the_architecture() -> None:
    (machine,) = machines({"architecture.nodes.GLB.capacity_bytes": [16]})
    assert level(machine, "GLB").capacity_bytes == 16


def test_fields_that_the_base_leaves_out_can_be_varied() -> None:
    names = ("init_cycles", "cycles_per_byte", "clock_mhz")
    engine = {f"nodes.GLB.dma.{name}": [number] for number, name in enumerate(names, start=1)}
    (machine,) = machines({**engine, "nodes.GLB.bandwidth": [2.5], "mac_pj": [0.5]})
    glb = level(machine, "GLB")
    assert glb.dma is not None
    assert (glb.dma.init_cycles, glb.dma.cycles_per_byte, glb.dma.clock_mhz) == (1, 2, 3)
    assert (glb.bandwidth, machine.mac_pj) == (2.5, 0.5)


def test_one_tensors_value_leaves_those_of_the_others() -> None:
    axis = {"nodes.GLB.read_pj.A": [1], "nodes.GLB.write_pj.output": [9], "bytes_per_element.output": [4]}
    (machine,) = machines(axis)
    glb = level(machine, "GLB")
    assert glb.read_pj == {"*": 4, "A": 1}
    assert glb.write_pj == {"output": 9, "*": 3}
    assert machine.bytes_per_element == {"*": 1, "output": 4}


def test_a_whole_value_is_set_before_that_of_one_tensor() -> None:
    (machine,) = machines({"nodes.GLB.read_pj.A": [1]}, {"nodes.GLB.read_pj": [7]})
    assert level(machine, "GLB").read_pj == {"*": 7, "A": 1}


def test_truth_values_and_words_can_be_varied() -> None:
    found = machines({"nodes.PE.reduce": [True, False]}, {"nodes.GLB.keep.B": ["may", "never"]})
    assert [fanout(m, "PE").reduce for m in found] == [True, True, False, False]
    assert [level(m, "GLB").keep for m in found] == [{"*": "may", "B": "may"}, {"*": "may", "B": "never"}] * 2


def test_prices_follow_capacities() -> None:
    prices = {
        "nodes.GLB.read_pj": {"by": "nodes.GLB.capacity_bytes", "base_pj": 4, "at": 64, "exponent": 0.5},
        "architecture.nodes.PE.word_pj": {"by": "nodes.PE.size", "table": {"2": 0.1, "4": 0.2}},
    }
    found = machines({"nodes.GLB.capacity_bytes": [16, 256]}, {"nodes.PE.size": [4, 2]}, prices=prices)
    assert [level(m, "GLB").read_pj for m in found] == [2, 2, 8, 8]  # 4 * sqrt(16 / 64), 4 * sqrt(256 / 64)
    assert [fanout(m, "PE").word_pj for m in found] == [0.2, 0.1, 0.2, 0.1]


def test_the_area_proxy_adds_up_all_instances_of_all_levels_inside_the_outermost() -> None:
    machine = Machine.model_validate(MACHINE)
    assert area_proxy_bytes(machine, AreaWeights()) == 64 + 4 * (8 + 4)
    assert area_proxy_bytes(machine, {"GLB": 0.5}) == 0.5 * 64 + 4 * (8 + 4)
    assert area_proxy_bytes(machine, {"GLB": 2, "RF": 0}) == 2 * 64


@pytest.mark.parametrize("level", [{"storage": "X"}, {"storage": "X", "partitions": {"read": 4}}])
def test_without_a_stated_size_there_is_no_area_proxy(level: dict[str, Any]) -> None:
    machine = Machine.model_validate({**MACHINE, "nodes": [*MACHINE["nodes"], level]})
    assert area_proxy_bytes(machine, AreaWeights()) is None
    assert area_proxy_bytes(machine, {"X": 0}) == 64 + 4 * (8 + 4)


def test_the_published_machine_can_be_swept_as_a_hierarchy() -> None:
    own = document({"nodes.SPM.capacity_bytes": [2048]}, machine="dmazerunner-256pe")  # type: ignore[arg-type]
    spec = SweepSpec.model_validate({**own, "cost_model": "hierarchy"})
    (design,) = designs(resolve_sweep(spec, Path()).document)
    assert isinstance(design.architecture, Machine)
    assert level(design.architecture, "SPM").capacity_bytes == 2048


@pytest.mark.parametrize("name", builtin_names("architectures"))
def test_every_field_of_every_built_in_machine_can_be_set_to_what_it_is(name: str) -> None:
    base = resolve_architecture(name, Path())
    if not isinstance(base, Machine):
        return
    axis = {
        f"nodes.{node.name}.{field}": [value]
        for node in base.nodes
        for field, value in node.model_dump(mode="json").items()
        if field not in ("storage", "fanout") and isinstance(value, int | float | str)
    }
    assert len(axis) >= 2 * len(base.nodes)
    (machine,) = machines(axis, machine=base.model_dump(mode="json"))
    assert machine == base


SIZE = {"nodes.GLB.capacity_bytes": [64]}
UNSIZED = {**MACHINE, "nodes": [*MACHINE["nodes"], {"storage": "REG"}]}

BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown node": (
        document({"nodes.GBL.capacity_bytes": [1]}),
        [
            "sweep.axes[0]['nodes.GBL.capacity_bytes']: unknown field of a machine; "
            "did you mean 'nodes.GLB.capacity_bytes'?"
        ],
    ),
    "a misspelt field": (
        document({"nodes.PE.sise": [1]}),
        ["sweep.axes[0]['nodes.PE.sise']: unknown field of a machine; did you mean 'nodes.PE.size'?"],
    ),
    "a name": (
        document({"nodes.PE.fanout": ["X"]}),
        ["sweep.axes[0]['nodes.PE.fanout']: unknown field of a machine; did you mean 'nodes.PE.bandwidth'?"],
    ),
    "a selector where there is one value": (
        document({"nodes.PE.size.A": [1]}),
        ["sweep.axes[0]['nodes.PE.size.A']: unknown field of a machine; did you mean 'nodes.PE.size'?"],
    ),
    "values that the field cannot have": (
        document({"nodes.GLB.capacity_bytes": [0, 1.5]}, {"nodes.GLB.keep.A": ["must", "perhaps"]}),
        [
            "sweep.axes[0]['nodes.GLB.capacity_bytes'][0]: expected an integer of at least 1, got 0",
            "sweep.axes[0]['nodes.GLB.capacity_bytes'][1]: expected an integer, got 1.5",
            "sweep.axes[1]['nodes.GLB.keep.A'][1]: expected 'must', 'may' or 'never', got 'perhaps'",
        ],
    ),
    "a size of the outermost level": (
        document({"nodes.DRAM.capacity_bytes": [64]}),
        [
            "sweep.axes[0]['nodes.DRAM.capacity_bytes'][0]: expected none, for the outermost level keeps everything, "
            "without limits"
        ],
    ),
    "half a DMA engine": (
        document({"nodes.GLB.dma.init_cycles": [3]}),
        [
            "sweep.axes: nodes[1].dma.cycles_per_byte: expected, but missing on the design nodes.GLB.dma.init_cycles 3",
            "sweep.axes: nodes[1].dma.clock_mhz: expected, but missing on the design nodes.GLB.dma.init_cycles 3",
        ],
    ),
    "energies of published parts": (
        document(SIZE, access_energy_pj="dmazerunner-2019"),
        ["sweep.access_energy_pj: expected none on a hierarchy, whose prices follow by sweep.prices"],
    ),
    "a price that is none": (
        document(SIZE, prices={"nodes.GLB.read_bandwidth": {"by": "nodes.PE.size", "base_pj": 1, "at": 1}}),
        ["sweep.prices['nodes.GLB.read_bandwidth']: unknown price; did you mean 'nodes.GLB.read_pj'?"],
    ),
    "a price by nothing": (
        document(SIZE, prices={"nodes.GLB.read_pj": {"by": "nodes.GLB.bandwidth", "base_pj": 1, "at": 1}}),
        [
            "sweep.prices['nodes.GLB.read_pj']: expected nodes.GLB.bandwidth to be one that has an energy, got null",
        ],
    ),
    "a table without the capacity": (
        document(SIZE, prices={"nodes.GLB.read_pj": {"by": "nodes.PE.size", "table": {"2": 1}}}),
        ["sweep.prices['nodes.GLB.read_pj']: expected nodes.PE.size to be one of 2, got 4"],
    ),
    "a price that is swept and follows": (
        document(
            {"nodes.GLB.read_pj": [1]}, prices={"nodes.GLB.read_pj": {"by": "nodes.PE.size", "base_pj": 1, "at": 1}}
        ),
        ["sweep.axes[0]['nodes.GLB.read_pj']: expected without sweep.prices['nodes.GLB.read_pj'], which sets it"],
    ),
    "a weight of no level": (
        document(SIZE, area_weights={"GBL": 1}),
        ["sweep.area_weights.GBL: unknown storage level; did you mean 'GLB'?"],
    ),
    "a front without an area proxy": (
        document(SIZE, machine=UNSIZED, pareto=True),
        [
            "sweep.area_weights: expected 0 for REG, for a front has an area proxy, but no size is stated there",
        ],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_for_each_fault(name: str, tmp_path: Path) -> None:
    given, expected = BAD[name]
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_sweep(path)
    assert str(caught.value).splitlines() == [f"{path}: {line}" for line in expected]
