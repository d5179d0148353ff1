"""ZigZag's hardware, workloads and mappings as jobs of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.hierarchy.hierarchy_cost import Access
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.reading.designs.zigzag_design import read_zigzag_design
from dmaze.model.reading.designs.zigzag_parts import Part, taken_apart
from dmaze.model.reading.interop.imported_design import ImportedDesign
from interop_cases import INTEROP
from timeloop_texts import PROBLEM, written

HARDWARE = """
name: rows
memories:
  weights:
    {size: 64, r_cost: 0.5, w_cost: 1, operands: [I2], served_dimensions: [],
     ports: [{type: read, bandwidth_max: 8}, {type: write, bandwidth_max: 16}]}
  sums:
    {size: 128, r_cost: 2, w_cost: 3, operands: [O], served_dimensions: [D2],
     ports: [{type: read_write, bandwidth_max: 32}]}
  sram:
    {size: 65536, r_cost: 40, w_cost: 60, operands: [I1, O], served_dimensions: [D1, D2],
     ports: [{type: read, bandwidth_max: 64}, {type: read, bandwidth_max: 64}, {type: write, bandwidth_max: 128}]}
  dram:
    {size: 1000000, r_cost: 800, w_cost: 800, operands: [I1, I2, O], served_dimensions: [D1, D2],
     ports: [{type: read_write, bandwidth_max: 64}]}
operational_array: {unit_energy: 0.25, dimensions: [D1, D2], sizes: [4, 2]}
"""

WORKLOAD = """
- id: 0
  name: product
  operator_type: Gemm
  equation: O[m][n]+=W[k][n]*I[m][k]
  loop_dims: [M, N, K]
  loop_sizes: [8, 6, 4]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 16}
"""

MAPPING = """
- name: default
  spatial_mapping: {D1: ["N, 2"], D2: [[K, 2]]}
  memory_operand_links: {O: O, W: I2, I: I1}
"""


def design_of(folder: Path, **texts: str) -> ImportedDesign:
    found = read_zigzag_design(written(folder, **texts))
    assert found is not None
    return found


def test_memories_that_serve_one_another_are_levels(tmp_path: Path) -> None:
    machine = design_of(tmp_path, hardware=HARDWARE, workload=WORKLOAD).machine
    assert [node.model_dump(exclude_unset=True) for node in machine.nodes] == [
        {
            "storage": "dram",
            "read_pj": {"O": 200.0, "W": 100.0, "I": 100.0},
            "write_pj": {"O": 200.0, "W": 100.0, "I": 100.0},
            "bandwidth": 4.0,
        },
        {
            "storage": "sram",
            "read_pj": {"O": 10.0, "W": 5.0, "I": 5.0},
            "write_pj": {"O": 7.5, "W": 3.75, "I": 3.75},
            "read_bandwidth": 8.0,
            "write_bandwidth": 8.0,
            "capacity_bytes": 8192,
            "keep": {"O": "must", "W": "never", "I": "must"},
        },
        {"fanout": "D1", "size": 4},
        {
            "storage": "sums",
            "read_pj": {"O": 1.0, "W": 0.5, "I": 0.5},
            "write_pj": {"O": 1.5, "W": 0.75, "I": 0.75},
            "bandwidth": 2.0,
            "capacity_bytes": 16,
            "keep": {"O": "must", "W": "never", "I": "never"},
        },
        {"fanout": "D2", "size": 2},
        {
            "storage": "weights",
            "read_pj": {"O": 1.0, "W": 0.5, "I": 0.5},
            "write_pj": {"O": 1.0, "W": 0.5, "I": 0.5},
            "read_bandwidth": 0.5,
            "write_bandwidth": 1.0,
            "capacity_bytes": 8,
            "keep": {"O": "never", "W": "must", "I": "never"},
        },
    ]
    assert (machine.bytes_per_element, machine.mac_pj) == ({"O": 2, "W": 1, "I": 1}, 0.25)


def test_what_a_mapping_unrolls_is_asked_for(tmp_path: Path) -> None:
    design = design_of(tmp_path, hardware=HARDWARE, workload=WORKLOAD, mapping=MAPPING)
    assert design.constraints.model_dump(exclude_defaults=True) == {
        "dims": {"D1": ("N",), "D2": ("K",)},
        "fixed": {"N": {"D1": 2}, "K": {"D2": 2}},
    }


WARNINGS = {
    "a dimension that the array has not": (
        "spatial_mapping_hint: {D1: [N, N], D3: [M]}",
        "what is unrolled over D3 is left out, which the array has not",
    ),
    "order in part": (
        "temporal_ordering: [[M, '*'], [K, 2]]",
        "temporal_ordering: not all loops are given with their trips, so that no order is asked for here and no "
        "mapping made of it",
    ),
    "order of another layer": (
        "temporal_ordering: [[M, 8]]",
        "temporal_ordering: no mapping is made of it: the loops over N multiply to 1, not 6",
    ),
    "too many loops": (
        f"temporal_ordering: {[['M', 1]] * 65}".replace("'", ""),
        "temporal_ordering: no mapping is made of it: it has 65 loops, and at most 64 are read",
    ),
    "unknown loop": (
        "temporal_ordering: [[P, 8]]",
        "temporal_ordering: no mapping is made of it: there is no dimension P",
    ),
    "remainder": (
        "spatial_mapping_hint: {D1: ['N, 4']}",
        "spatial_mapping.D1: N is unrolled as far as it divides there, for 4 divides not every layer's bound",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_not_carried_over_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    text, message = WARNINGS[name]
    with pytest.warns(InputWarning) as caught:
        design_of(
            tmp_path,
            hardware=HARDWARE,
            workload=WORKLOAD,
            mapping=f"- {{name: default, spatial_mapping: {{}}, {text}}}",
        )
    assert [str(each.message) for each in caught] == [f"{tmp_path / 'mapping.yaml'}: {message}"]


def test_the_order_of_all_loops_becomes_the_mapping_that_the_allocator_makes_of_it() -> None:
    """The words are those that ZigZag counted of these files (``docs/interop.md``, "map_c7d")."""
    design = read_zigzag_design([INTEROP / f"zigzag_{name}.yaml" for name in ("workload", "architecture", "mapping")])
    assert design is not None
    assert design.mapping is not None
    assert design.mapping.orders == {"dram": ("K", "C"), "spm": ("B",), "rf": ("OY", "OX", "FY", "FX")}
    assert design.mapping.tiling["K"] == {"dram": 32, "D1": 16}
    nest = design.layer.loop_nest()
    cost = MODEL.cost(nest, design.machine, MODEL.mapping_of(nest, design.machine, design.mapping))
    assert [tensor.name for tensor in nest.tensors] == ["O", "W", "I"]
    spm, rf = cost.accesses[1], cost.accesses[4]
    assert spm == (
        Access(update=3211264, serve=3110912, drain=100352),
        Access(fill=2359296, serve=2359296),
        Access(fill=5308416, serve=5308416),
    )
    assert [access.fill for access in rf if access is not None] == [3110912, 2359296, 84934656]


ORDERED = f"{MAPPING}  temporal_ordering: [[M, 2], [K, 2], [M, 4], [N, 3]]\n"


def test_every_memory_takes_as_many_of_the_innermost_loops_as_it_holds(tmp_path: Path) -> None:
    """2 weights hold K 2, over M as well; 8 sums hold M 2 and M 4; the SRAM has room for everything."""
    hardware = HARDWARE.replace("{size: 64,", "{size: 16,")
    mapping = design_of(tmp_path, hardware=hardware, workload=WORKLOAD, mapping=ORDERED).mapping
    assert mapping is not None
    assert mapping.tiling == {
        "M": {"weights": 2, "sums": 4},
        "N": {"sram": 3, "D1": 2},
        "K": {"weights": 2, "D2": 2},
    }
    assert mapping.orders == {"weights": ("K", "M"), "sums": ("M",), "sram": ("N",), "dram": ()}
    assert mapping.keep == {
        "weights": ("W",),
        "sums": ("O",),
        "sram": ("O", "I"),
        "dram": ("O", "W", "I"),
    }


SMALLER = {"65536": "320", "128": "32", "64": "8"}


def test_operands_with_different_loops_at_a_memory_have_a_level_each(tmp_path: Path) -> None:
    """40 bytes hold 32 elements of I, over all loops, and beside them 4 sums of 16 bits for M 2 (over K 2 as well)."""
    hardware = re.sub(r"size: (65536|128|64),", lambda size: f"size: {SMALLER[size[1]]},", HARDWARE)
    with pytest.warns(InputWarning) as caught:
        design = design_of(tmp_path, hardware=hardware, workload=WORKLOAD, mapping=ORDERED)
    message = (
        "operands have different loops at a memory: the mapping is onto a level for each of them, all with its ports"
    )
    assert [str(each.message) for each in caught] == [f"{tmp_path / 'mapping.yaml'}: temporal_ordering: {message}"]
    assert design.mapping is not None
    assert design.mapping.model_dump() == {
        "tiling": {"M": {"sums": 2, "sram_I": 4}, "N": {"dram": 3, "D1": 2}, "K": {"sram_I": 2, "D2": 2}},
        "orders": {"sums": ("M",), "sram_I": ("M", "K"), "dram": ("N",)},
        "keep": {},
    }
    request = design.request()
    assert [node.name for node in request.architecture.nodes] == [
        *("dram", "sram_I", "sram_O", "D1", "sums", "D2", "weights")
    ]
    assert [node.name for node in design.machine.nodes] == ["dram", "sram", "D1", "sums", "D2", "weights"]
    nest = design.layer.loop_nest()
    cost = MODEL.cost(nest, request.architecture, MODEL.mapping_of(nest, request.architecture, design.mapping))
    i, sums = (nest.tensors.index(next(t for t in nest.tensors if t.name == name)) for name in "IO")
    assert cost.accesses[1][i] == Access(fill=32, serve=96)  # I once; 4 x 2 words of it for each of N 3 and M 4
    assert cost.accesses[2][sums] == Access(drain=48, update=48)  # every sum once, for they stay over K


def test_a_dimension_twice_at_a_memory_is_at_a_level_that_keeps_nothing(tmp_path: Path) -> None:
    design = design_of(tmp_path, hardware=HARDWARE, workload=WORKLOAD)
    nest = design.layer.loop_nest()
    loops = tuple((nest.dims.index(dim), trips) for dim, trips in (("M", 2), ("K", 2), ("M", 2), ("M", 2), ("N", 3)))
    parts = [
        Part(*part) for part in (("weights", "W", range(1)), ("sums", "O", range(5, 6)), ("sram", "I", range(5, 6)))
    ]
    machine, mapping = taken_apart(nest, design.machine, loops, parts, {"D1": {"N": 2}, "D2": {"K": 2}})
    assert [node.name for node in machine.nodes] == ["dram", "sram", "D1", "sums", "sums_loops1", "D2", "weights"]
    assert mapping.orders == {"sums_loops1": ("K", "M"), "sums": ("N", "M")}
    assert mapping.tiling == {
        "M": {"sums_loops1": 2, "sums": 4},
        "N": {"sums": 3, "D1": 2},
        "K": {"sums_loops1": 2, "D2": 2},
    }
    assert MODEL.cost(nest, machine, MODEL.mapping_of(nest, machine, mapping)).accesses[4] == (None, None, None)


UNREADABLE = {
    "a memory called as a part of another": (
        re.sub(r"size: (65536|128|64),", lambda size: f"size: {SMALLER[size[1]]},", HARDWARE).replace(
            "sums:", "sram_I:"
        ),
        "a memory has the name that a part of another gets",
    ),
    "weights over more loops than the sums outside": (
        HARDWARE,
        "sums has fewer loops than a memory inside a fanout of it",
    ),
    "no room for the 2 words of K that are unrolled": (
        HARDWARE.replace(
            "operands: [O], served_dimensions: [D2]", "operands: [O, I1], served_dimensions: [D2]"
        ).replace("{size: 128,", "{size: 24,"),
        "sums has no room for what is unrolled inside it",
    ),
    "no room for a sum": (
        HARDWARE.replace("{size: 128,", "{size: 8,"),
        "sums has no room for what is unrolled of O",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_order_that_is_no_mapping_is_warned_about_with_the_reason(name: str, tmp_path: Path) -> None:
    hardware, reason = UNREADABLE[name]
    with pytest.warns(InputWarning) as caught:
        design = design_of(tmp_path, hardware=hardware, workload=WORKLOAD, mapping=ORDERED)
    message = f"temporal_ordering: no mapping is made of it: {reason}"
    assert [str(each.message) for each in caught] == [f"{tmp_path / 'mapping.yaml'}: {message}"]
    assert design.mapping is None


def test_memories_beside_each_other_are_one_outermost_level(tmp_path: Path) -> None:
    dram = "dram:\n    {size: 1000000, r_cost: 800, w_cost: 800, operands: [I1, I2, O]"
    assert dram in HARDWARE
    ports = "served_dimensions: [D1, D2],\n     ports: [{type: read_write, bandwidth_max: 32}]}"
    weights = f"flash:\n    {{size: 10000, r_cost: 100, w_cost: 120, operands: [I2], {ports}\n  "
    text = HARDWARE.replace(dram, weights + dram.replace("I1, I2, O", "I1, O"))
    with pytest.warns(InputWarning) as caught:
        machine = design_of(tmp_path, hardware=text, workload=WORKLOAD).machine
    message = "memories: dram, flash are taken for one outermost level, with a bandwidth that adds theirs up"
    assert [str(each.message) for each in caught] == [f"{tmp_path / 'hardware.yaml'}: {message}"]
    assert machine.nodes[0].model_dump(exclude_unset=True) == {
        "storage": "dram",
        "read_pj": {"O": 200.0, "W": 25.0, "I": 100.0},
        "write_pj": {"O": 200.0, "W": 30.0, "I": 100.0},
        "bandwidth": 6.0,
    }


def test_an_outermost_memory_is_taken_to_hold_everything(tmp_path: Path) -> None:
    text = HARDWARE.replace("w_cost: 800, operands: [I1, I2, O]", "w_cost: 800, operands: [I1, O]")
    with pytest.warns(
        InputWarning, match="memories.dram: taken to hold I2 too, for the outermost level holds everything"
    ):
        design_of(tmp_path, hardware=text, workload=WORKLOAD)


NOT_MODELLED = {
    "outputs that shrink": (
        HARDWARE,
        WORKLOAD.replace("O_final: 16", "O_final: 8"),
        "workload.yaml: finished outputs of 8 bits (O_final) are taken for 16, as partial sums are",
    ),
    "ports twice, as in the published tpu_like": (
        HARDWARE.replace(
            "ports: [{type: read, bandwidth_max: 8}", "ports: [{fh: w}],\n     ports: [{type: read, bandwidth_max: 8}"
        ),
        WORKLOAD,
        "hardware.yaml: line 7 column 6: expected 'ports' once, but given more than once (first in line 6); the last "
        "is taken, as by ZigZag",
    ),
    "a systolic array": (
        HARDWARE.replace("sizes: [4, 2]", "sizes: [4, 2], systolic_dimensions: [D1]"),
        WORKLOAD,
        "hardware.yaml: operational_array.systolic_dimensions: how the last results leave the array is not modelled",
    ),
}


@pytest.mark.parametrize("name", NOT_MODELLED)
def test_what_is_not_modelled_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    hardware, workload, message = NOT_MODELLED[name]
    with pytest.warns(InputWarning) as caught:
        design_of(tmp_path, hardware=hardware, workload=workload)
    assert [str(each.message) for each in caught] == [f"{tmp_path}/{message}"]


def test_computing_inside_of_memories_is_refused(tmp_path: Path) -> None:
    text = HARDWARE.replace("sizes: [4, 2]", "sizes: [4, 2], is_imc: true")
    with pytest.raises(InputError, match="is_imc: expected false, for computing inside of memories is not modelled"):
        design_of(tmp_path, hardware=text, workload=WORKLOAD)


def test_double_buffering_that_is_forced_is_asked_for(tmp_path: Path) -> None:
    text = HARDWARE.replace("{size: 65536,", "{size: 65536, force_double_buffering: true,")
    machine = design_of(tmp_path, hardware=text, workload=WORKLOAD).machine
    assert [getattr(node, "buffers", None) for node in machine.nodes] == [1, 2, None, 1, None, 1]


def test_what_is_no_hierarchy_is_refused(tmp_path: Path) -> None:
    text = HARDWARE.replace("operands: [I2], served_dimensions: []", "operands: [I2], served_dimensions: [D1]")
    with pytest.raises(InputError) as caught:
        design_of(tmp_path, hardware=text, workload=WORKLOAD)
    assert str(caught.value) == (
        f"{tmp_path / 'hardware.yaml'}: memories.weights.served_dimensions: expected some of D2, which the memory "
        "outside serves; memories that serve dimensions side by side are no hierarchy; got D1"
    )
    with pytest.raises(InputError, match="expected ZigZag's hardware, one workload, and at most one mapping"):
        design_of(tmp_path, hardware=HARDWARE, workload=WORKLOAD, problem=PROBLEM)


def test_a_design_is_solved_by_naming_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in written(tmp_path, hardware=HARDWARE, workload=WORKLOAD, mapping=MAPPING)]
    assert main([*files, "--no-cache", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert '"status": "optimal"' in out
