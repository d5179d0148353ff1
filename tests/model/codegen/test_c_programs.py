from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from c_programs import Ran, needs_compiler, run_program, run_programs
from dmaze.model.codegen.c_program import c_program
from dmaze.model.codegen.tiled_nest import TiledNest
from dmaze.model.hierarchy.exact.geometry import Geometry
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.layers import AttentionScores, Conv2d, Gemm, Mttkrp
from dmaze.model.loop_nest import LoopNest
from golden import Golden
from hierarchy_cases import HierarchyCase, builtin_machines, hierarchy_cases, nest_of
from random_hierarchies import random_cases, random_mapping
from reference import load

TWO_LEVELS = Machine.model_validate(
    {
        "name": "two-level",
        "bytes_per_element": {"output": 4, "*": 2},
        "nodes": [
            {"storage": "DRAM"},
            {"fanout": "PE", "size": 8},
            {"storage": "RF", "capacity_bytes": 64},
        ],
    }
)
MACHINES = {machine.name: machine for machine in (TWO_LEVELS, *builtin_machines())}

CONV: dict[str, Any] = {
    "type": "conv2d",
    "name": "conv",
    "batch": 2,
    "in_channels": 4,
    "out_channels": 6,
    "in_height": 6,
    "in_width": 8,
    "kernel_height": 3,
    "kernel_width": 2,
}
LAYERS = {
    "conv": Conv2d(**CONV, padding=1),
    "strided": Conv2d(**CONV, stride=[2, 3], dilation=[2, 1]),
    "depthwise": Conv2d(**{**CONV, "out_channels": 4}, groups=4),
    "gemm": Gemm(type="gemm", name="gemm", m=8, n=6, k=12),
    "attention": AttentionScores(
        type="attention_scores", name="scores", heads=4, kv_heads=2, queries=6, keys=4, head_dim=8
    ),
    "mttkrp": Mttkrp(type="mttkrp", name="mttkrp", shape=(4, 6, 4), rank=3),
}

SMALL: dict[str, Any] = {
    "bounds": {"M": 4, "K": 6},
    "tensors": [
        {"name": "A", "index": ["M", "K"]},
        {"name": "x", "index": ["K"]},
        {"name": "y", "index": ["M"], "output": True},
    ],
}
MATRIX_VECTOR = nest_of(SMALL)
TILED = {
    "tiling": {"M": {"DRAM": 2, "PE": 2}, "K": {"DRAM": 2, "PE": 3}},
    "orders": {"DRAM": ["K", "M"]},
}


def program(nest: LoopNest, machine: Machine, mapping: dict[str, Any], name: str = "layer") -> str:
    known = resolved_machine(machine, nest)
    return c_program(name, nest, known, level_mapping(nest, known, LevelMappingDocument.model_validate(mapping)))


def ok(nest: LoopNest) -> Ran:
    output = nest.tensors[nest.output]
    elements = math.prod(axis.extent(nest.bounds) for axis in output.index)
    macs = "1 multiply-accumulate" if nest.num_macs == 1 else f"{nest.num_macs} multiply-accumulates"
    words = "1 element" if elements == 1 else f"{elements} elements"
    return Ran(0, f"OK: {output.name} equals the plain loop nest's ({macs}, {words})\n")


def all_ok(folder: Path, programs: list[tuple[LoopNest, str]]) -> None:
    ran = run_programs(folder, [text for _, text in programs])
    assert ran == [ok(nest) for nest, _ in programs]


@needs_compiler
@pytest.mark.parametrize("machine", MACHINES)
def test_layers_of_every_kind_are_computed_as_mapped(machine: str, tmp_path: Path) -> None:
    random = Random(machine)
    programs: list[tuple[LoopNest, str]] = []
    for layer in LAYERS.values():
        nest = layer.loop_nest()
        known = resolved_machine(MACHINES[machine], nest)
        for _ in range(2 if machine in ("two-level", "simba-chiplet") else 1):
            mapping = level_mapping(nest, known, random_mapping(random, nest, known))
            programs.append((nest, c_program(layer.name, nest, known, mapping)))
    all_ok(tmp_path, programs)


def cases_of_every_kind(each: int) -> list[HierarchyCase]:
    """So many reference cases of each kind of nest."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for case in load("hierarchy/executed.json"):
        by_kind[case["kind"]].append(case["id"])
    assert len(by_kind) == 11
    chosen = {case for cases in by_kind.values() for case in cases[:each]}
    return [case for case in hierarchy_cases("executed") if case.id in chosen]


@needs_compiler
def test_reference_mappings_of_every_kind_are_computed_as_mapped(tmp_path: Path) -> None:
    cases = cases_of_every_kind(4)
    all_ok(tmp_path, [(case.nest, c_program("case", case.nest, case.machine, case.mapping)) for case in cases])


@needs_compiler
def test_random_mappings_are_computed_as_mapped(tmp_path: Path) -> None:
    cases = random_cases(range(70, 95))
    all_ok(tmp_path, [(case.nest, c_program("case", case.nest, case.machine, case.mapping)) for case in cases])


def test_tiles_are_copied_as_often_as_they_were_when_the_reference_cases_were_executed() -> None:
    """Fills of what is read (whole tiles, as without halo) and drains of the output; ids of cases that have any."""
    compared = 0
    for case in hierarchy_cases("executed"):
        tiled = TiledNest(Geometry(case.nest, case.machine, case.mapping))
        for copy in tiled.copies:
            level, tensor = case.machine.level_at[copy.edge.child], case.nest.tensors[copy.edge.tensor]
            instances = math.prod(loop.trips for loop in tiled.instances(level.node))
            words = instances * copy.visits * math.prod(tiled.extents(copy.edge.tensor, level.node))
            fill, _, drain, _ = case.expect["accesses"][level.name][tensor.name]
            if tensor.is_output or not level.halo:
                compared += 1
                assert (drain if tensor.is_output else fill) == words, (case.id, level.name, tensor.name)
    assert compared > 1000


@needs_compiler
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("RF_x[M_PE][K_PE][0] = DRAM_x[3*K_DRAM + K_PE];", "RF_x[M_PE][K_PE][0] = DRAM_x[3*K_DRAM];"),
        ("+= RF_A[M_PE][K_PE][0][0]", "+= RF_A[0][K_PE][0][0]"),
        ("first = K_DRAM == 0;", "first = K_DRAM >= 0;"),
        ("K_DRAM < 2;", "K_DRAM < 1;"),
        ("DRAM_y[2*M_DRAM + M_PE] += RF_y", "DRAM_y[2*M_DRAM + M_PE] = RF_y"),
        ("first || K_PE > 0 ? 0 :", "first ? 0 :"),
        ("      fill_RF_A(K_DRAM, M_DRAM);", "      if (M_DRAM == 0) fill_RF_A(K_DRAM, M_DRAM);"),
    ],
    ids=["source", "instance", "read-back", "trips", "reduction", "twice", "stale"],
)
def test_a_wrong_program_finds_itself_out(right: str, wrong: str, tmp_path: Path) -> None:
    text = program(MATRIX_VECTOR, TWO_LEVELS, TILED)
    assert text.count(right) == 1
    ran = run_program(tmp_path, text.replace(right, wrong))
    assert ran.exit_code == 1
    assert re.fullmatch(r"first difference: y\[\d\] is -?\d+; the plain loop nest has -?\d+\n", ran.out)


@needs_compiler
def test_a_difference_is_named_by_the_indices_of_the_nest(tmp_path: Path) -> None:
    index = ["2*i - 5", "-j"]
    tensors = [{"name": "x", "index": index}, {"name": '50% "y"', "index": index, "output": True}]
    nest = nest_of({"bounds": {"i": 2, "j": 3}, "tensors": tensors})
    text = program(
        nest,
        Machine.model_validate({"name": "one", "nodes": [{"storage": "M"}]}),
        {"tiling": {"i": {"M": 2}, "j": {"M": 3}}},
    )
    assert "static elem M_x[3][3]; /* x[2*i - 5][-j]: 3 x 3 = 9 elements, 9 bytes, from x[-5][-2] on */" in text
    ran = run_program(tmp_path, text.replace("* M_x[2*i][-j + 2]", "* 1", 1).replace("+= M_x[2*i][-j + 2];", "+= i;"))
    assert ran.exit_code == 1
    assert re.match(r'first difference: 50% "y"\[-5\]\[-2\] is -?\d; the plain loop nest has 0\n', ran.out)


NAMES: dict[str, Any] = {
    "bounds": {"for": 4, "int": 3, "x0": 2, "main": 2, "_q": 2, "EOF": 2, "elem": 2},
    "tensors": [
        {"name": "my tensor", "index": ["for", "int - 5", "x0"]},
        {"name": "t", "index": ["main", "_q", "EOF", "elem"]},
        {"name": '*/ \\\n%d"??/', "index": []},
        {"name": "π", "index": ["for"]},
        {"name": "while", "index": ["-2*for + 3", "-int", "x0"], "output": True},
    ],
}
NAMED_NODES = [
    {"storage": "size"},
    {"storage": "int8"},
    {"fanout": "for", "size": 4},
    {"storage": f"3rd{' level' * 30}"},
    {"storage": f"3rd_{'level ' * 30}"},
    {"storage": "/* \u202e"},
]


@needs_compiler
def test_names_that_mean_something_in_c_are_made_safe(tmp_path: Path) -> None:
    nest = nest_of(NAMES)
    machine = Machine.model_validate({"name": "*/ 100%??/", "nodes": NAMED_NODES})
    tiling: dict[str, Any] = {
        "for": {"size": 2, "for": 2},
        "int": {"int8": 3},
        "x0": {"size": 2},
        "main": {"for": 2},
        "_q": {"size": 2},
        "EOF": {"int8": 2},
        "elem": {"int8": 2},
    }
    text = program(nest, machine, {"tiling": tiling}, "a layer */ %s")
    assert run_program(tmp_path, text) == ok(nest)
    identifiers = set(re.findall(r"static (?:elem|void) (\w+)", text))
    assert len(identifiers) == len(re.findall(r"static (?:elem|void) (\w+)", text)) == 54
    assert max(map(len, identifiers)) <= 63
    assert {"size_my_tensor", "size_t_", "int8_t_", "size_while", "fill_int8_t_"} <= identifiers
    assert {"for_", "int_", "main_", "n_q", "EOF_", "elem_"} <= set(re.findall(r"for \(idx (\w+)", text))


@needs_compiler
@pytest.mark.parametrize(
    "nest",
    [
        {"bounds": {"i": 4}, "tensors": [{"name": "s", "index": [], "output": True}]},
        {
            "bounds": {"i": 4, "f": 3},
            "tensors": [
                {"name": "x", "index": ["i"]},
                {"name": "w", "index": ["f"]},
                {"name": "y", "index": ["2*i + f"], "output": True},
            ],
        },
        {
            "bounds": {"i": 4, "j": 6},
            "tensors": [
                {"name": "x", "index": ["3*i - 2*j + 7", "i"]},
                {"name": "s", "index": []},
                {"name": "y", "index": ["5*i", "0"], "output": True},
            ],
        },
        {
            "bounds": {"i": 4},
            "tensors": [{"name": "x", "index": ["i", "i"]}, {"name": "y", "index": ["i", "-i"], "output": True}],
        },
    ],
    ids=["count", "overlapping", "negative", "diagonal"],
)
def test_odd_nests_are_computed_as_mapped(nest: dict[str, Any], tmp_path: Path) -> None:
    built, random = nest_of(nest), Random(1)
    programs: list[tuple[LoopNest, str]] = []
    for machine in ({"name": "one", "nodes": [{"storage": "DRAM"}]}, TWO_LEVELS, MACHINES["simba-chiplet"]):
        known = resolved_machine(Machine.model_validate(machine), built)
        for _ in range(3):
            mapping = level_mapping(built, known, random_mapping(random, built, known))
            programs.append((built, c_program("odd", built, known, mapping)))
    all_ok(tmp_path, programs)


def test_sums_of_many_products_cannot_overflow() -> None:
    reads = [{"name": f"t{n}", "index": ["i"]} for n in range(40)]
    for number, largest in ((2, 8), (20, 8), (21, 7), (40, 2)):
        tensors = [*reads[:number], {"name": "y", "index": ["i"], "output": True}]
        nest = nest_of({"bounds": {"i": 4}, "tensors": tensors})
        text = program(nest, TWO_LEVELS, {"tiling": {"i": {"DRAM": 4}}})
        assert largest**number * 4 < 2**63 <= (largest + 1) ** number * 4 or largest == 8
        assert f"from -{largest} to {largest} without 0" in text


def test_comments_say_what_a_network_does_with_words_that_several_instances_need() -> None:
    tiling = {"tiling": {"M": {"DRAM": 2, "PE": 2}, "K": {"DRAM": 2, "PE": 3}}}
    fields = TWO_LEVELS.model_dump(mode="json")
    fields["nodes"][1]["multicast"] = {"x": False, "*": True}
    own = Machine.model_validate(fields)
    once, each = "PE sends what several instances need once", "PE sends what several instances need to each on its own"
    row = nest_of(
        {
            "bounds": {"o": 6, "f": 2},
            "tensors": [
                {"name": "x", "index": ["o + f"]},
                {"name": "w", "index": ["f"]},
                {"name": "y", "index": ["o"], "output": True},
            ],
        }
    )
    window = {"tiling": {"o": {"PE": 6}, "f": {"RF": 2}}}
    for machine, nest, mapping, tensors in (
        (TWO_LEVELS, MATRIX_VECTOR, tiling, {"x": once}),
        (own, MATRIX_VECTOR, tiling, {"x": each}),
        (own, row, window, {"x": each, "w": once}),
    ):
        words = " ".join(program(nest, machine, mapping).split())
        said = dict(re.findall(rf"/\* (\w), DRAM -> RF: [^*]*?({once}|{each})[^*]*\*/", words))
        assert said == tensors


def test_what_does_not_fit_is_printed_with_a_warning() -> None:
    mapping = {"tiling": {"M": {"RF": 4}, "K": {"PE": 2, "RF": 3}}}
    narrow = TWO_LEVELS.model_copy(
        update={
            "nodes": (
                *TWO_LEVELS.nodes[:1],
                TWO_LEVELS.nodes[1].model_copy(update={"size": 1}),
                TWO_LEVELS.nodes[2].model_copy(update={"capacity_bytes": 8}),
            )
        }
    )
    warning = " * WARNING: the mapping does not fit the machine; too small:"
    assert f"{warning} RF, PE." in program(MATRIX_VECTOR, narrow, mapping)
    assert warning not in program(MATRIX_VECTOR, TWO_LEVELS, mapping)


def test_the_program_of_a_small_mapping_is_as_it_was_looked_at(golden: Golden) -> None:
    golden.check("codegen/matrix_vector.c", program(MATRIX_VECTOR, TWO_LEVELS, TILED, "matrix times vector"))
