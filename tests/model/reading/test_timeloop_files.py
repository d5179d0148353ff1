"""Timeloop's files as machines, constraints and mappings of ours."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from dmaze.model import Machine, evaluate
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.reading.interop.imported_design import ImportedDesign
from dmaze.model.reading.references import resolve_architecture
from dmaze.model.reading.timeloop_files.component_levels import ComponentLevel, Kind, Mesh, number_of
from dmaze.model.reading.timeloop_files.placed_levels import placed_levels
from dmaze.model.reading.timeloop_files.timeloop_design import read_design
from timeloop_texts import FIRST_FORMAT, FLATTENED, MAPPING, NODES, PRICES, PROBLEM, SUBTREE, written

pytestmark = pytest.mark.filterwarnings("ignore:.*without a split")


def design_of(folder: Path, **texts: str) -> ImportedDesign:
    found = read_design(written(folder, **texts))
    assert found is not None
    return found


def nodes_of(machine: Machine) -> list[dict[str, Any]]:
    return [node.model_dump(exclude_defaults=True) for node in machine.nodes]


def test_nodes_become_a_machine_with_what_is_inherited(tmp_path: Path) -> None:
    design = design_of(tmp_path, machine=NODES, problem=PROBLEM, prices=PRICES)
    assert nodes_of(design.machine) == [
        {"storage": "DRAM", "read_pj": 64.0, "write_pj": 60.0, "block_elements": 4},
        {
            "storage": "GLB",
            "capacity_bytes": 16 * 4 * 4,
            "keep": {"B": "never"},
            "read_pj": 2.5,
            "write_pj": 3.0,
            "read_bandwidth": 4.0,
            "write_bandwidth": 2.0,
            "block_elements": 4,
        },
        {"fanout": "column", "size": 4},
        {"storage": "inter_PE_spatial", "keep": "never"},
        {"fanout": "PE_X", "size": 2},
        {"fanout": "PE_Y", "size": 3},
        {
            "storage": "inputs",
            "capacity_bytes": 4,
            "keep": {"A": "must", "B": "never", "C": "never"},
            "read_pj": 0.25,
            "write_pj": 0.5,
        },
        {
            "storage": "weights",
            "capacity_bytes": 12,
            "buffers": 2,
            "keep": {"A": "never", "B": "must", "C": "never"},
            "read_pj": 0.5,
            "write_pj": 0.75,
        },
    ]
    assert (design.machine.name, design.machine.mac_pj, design.machine.bytes_per_element) == ("machine", 0.125, 1)


def test_constraints_of_nodes_become_ours(tmp_path: Path) -> None:
    design = design_of(tmp_path, machine=NODES, problem=PROBLEM, prices=PRICES)
    assert design.constraints.model_dump(exclude_defaults=True) == {
        "fixed": {
            "M": {"inter_PE_spatial": 1, "weights": 1},
            "N": {"inter_PE_spatial": 1},
            "K": {"inter_PE_spatial": 1, "column": 1},
        },
        "dims": {"PE_X": ("M",), "PE_Y": ("N", "K")},
        "orders": {"weights": ("N", "K")},
    }


def test_a_mapping_stands_where_its_targets_are(tmp_path: Path) -> None:
    design = design_of(tmp_path, machine=NODES, problem=PROBLEM, prices=PRICES, map=MAPPING)
    assert design.mapping is not None
    assert design.mapping.model_dump() == {
        "tiling": {
            "M": {"DRAM": 2, "column": 2, "PE_X": 2},
            "N": {"PE_Y": 3, "weights": 2},
            "K": {"GLB": 2, "inputs": 2},
        },
        "orders": {"DRAM": ("M",), "GLB": ("K",), "inputs": ("K",), "weights": ("N",)},
        "keep": {"GLB": ("A", "C"), "inputs": ("A",), "weights": ("B",)},
    }
    (cost,) = evaluate(design.request()).costs
    assert cost.fits == dict.fromkeys([*(node.name for node in design.machine.nodes)], True)


def test_older_trees_count_instances_by_names(tmp_path: Path) -> None:
    design = design_of(tmp_path, arch=SUBTREE, problem=PROBLEM, prices=PRICES.replace("weights", "spad"))
    assert design.machine.name == tmp_path.name
    assert nodes_of(design.machine) == [
        {"storage": "DRAM", "read_pj": 64.0, "write_pj": 60.0, "block_elements": 4},
        {
            "storage": "GLB",
            "capacity_bytes": 256,
            "read_pj": 2.5,
            "write_pj": 3.0,
            "bandwidth": 6.0,
            "block_elements": 4,
        },
        {"fanout": "GLB_X", "size": 8},
        {"fanout": "GLB_Y", "size": 3},
        {"storage": "spad", "capacity_bytes": 16, "read_pj": 0.5, "write_pj": 0.75},
    ]


def test_the_first_format_lists_memories_from_the_inside(tmp_path: Path) -> None:
    design = design_of(tmp_path, machine=FIRST_FORMAT, problem=PROBLEM)
    assert nodes_of(design.machine) == [
        {"storage": "DRAM"},
        {"storage": "GLB", "capacity_bytes": 1024, "read_bandwidth": 8.0, "block_elements": 4},
        {"fanout": "GLB_X", "size": 4},
        {"fanout": "GLB_Y", "size": 2},
        {"storage": "spad", "capacity_bytes": 32, "read_pj": 0.5, "write_pj": 0.5},
    ]


@pytest.mark.filterwarnings("ignore:.*without an ERT")
def test_levels_that_store_nothing_are_left_out_unless_they_part_two_fanouts(tmp_path: Path) -> None:
    design = design_of(tmp_path, machine=FLATTENED, problem=PROBLEM)
    assert nodes_of(design.machine) == [
        {"storage": "DRAM", "block_elements": 4},
        {"fanout": "PE", "size": 8},
        {"storage": "spad", "capacity_bytes": 16},
    ]
    assert design.constraints.model_dump(exclude_defaults=True) == {}
    assert design.spec().objective == "latency"  # nothing has a price


def test_a_level_between_two_fanouts_stays_whatever_lies_between() -> None:
    rows: list[tuple[str, Kind, Mesh]] = [
        ("DRAM", "storage", (1, 1)),
        ("A", "passing", (1, 1)),
        ("B", "passing", (8, 1)),
        ("C", "passing", (8, 1)),
        ("RF", "storage", (8, 2)),
        ("D", "passing", (8, 2)),
        ("mac", "compute", (8, 4)),
    ]
    placed = placed_levels([ComponentLevel(name, kind, mesh, {}, "arch.yaml", ()) for name, kind, mesh in rows])
    assert [(each.storage, each.along_x, each.along_y) for each in placed] == [
        ("DRAM", None, None),
        (None, "A_X", None),
        (None, None, None),
        ("C", None, "C_Y"),
        ("RF", None, None),
        (None, None, "D_Y"),
    ]


@pytest.mark.filterwarnings("ignore:.*without an ERT")
def test_words_of_different_sizes_are_counted_as_words(tmp_path: Path) -> None:
    text = FLATTENED.replace("depth: 16, datawidth: 8", "depth: 16, datawidth: 24")
    design = design_of(tmp_path, machine=text, problem=PROBLEM)
    assert (design.machine.bytes_per_element, nodes_of(design.machine)[2]["capacity_bytes"]) == (1, 16)
    same = FLATTENED.replace("datawidth: 8", "datawidth: 16")
    design = design_of(tmp_path, machine=same, problem=PROBLEM)
    assert (design.machine.bytes_per_element, nodes_of(design.machine)[2]["capacity_bytes"]) == (2, 32)


CONSTRAINTS = {
    "architecture_constraints: {targets: [{target: spad, type: bypass, bypass: [C]}]}": {},
    "mapspace_constraints: {targets: [{target: spad, type: datatype, keep: [A], bypass: [C]}]}": {
        "keep": {"spad": {"A": "must", "C": "never"}}
    },
    "mapspace: {constraints: [{target: GLB, type: spatial, factors: M=4 N=1 K=1, split: 3}]}": {
        "fixed": {"M": {"GLB_X": 4}, "N": {"GLB_X": 1}, "K": {"GLB_X": 1}},
        "dims": {"GLB_Y": ()},
    },
    "mapspace: {targets: [{target: 1, type: temporal, factors: 'M<=4,N>=2', permutation: KM}]}": {
        "max_factor": {"M": {"GLB": 4}},
        "min_factor": {"N": {"GLB": 2}},
        "orders": {"GLB": ("M", "K")},
    },
    "constraints: {targets: [{target: GLB, type: temporal, factors: [M=0], permutation: 'N M_K'}]}": {
        "fixed": {"M": {"GLB": 8}},
        "orders": {"GLB": ("K", "M", "N")},
    },
    "constraints: {targets: [{target: spad, type: temporal, factors_only: [N=2]}]}": {
        "fixed": {"N": {"spad": 2}, "M": {"spad": 1}, "K": {"spad": 1}}
    },
    "constraints: {targets: [{target: spad, type: temporal, no_iteration_over_dataspaces: [B]}]}": {
        "fixed": {"N": {"spad": 1}, "K": {"spad": 1}}
    },
    "constraints: {targets: [{target: spad, constraints: [{type: dataspace, keep_only: [A, B]}]}]}": {
        "keep": {"spad": {"A": "must", "B": "must", "C": "never"}}
    },
}


@pytest.mark.parametrize("text", CONSTRAINTS)
def test_constraints_become_ours(text: str, tmp_path: Path) -> None:
    prices = PRICES.replace("weights", "spad")
    design = design_of(tmp_path, arch=SUBTREE, problem=PROBLEM, prices=prices, constraints=text)
    assert design.constraints.model_dump(exclude_defaults=True) == CONSTRAINTS[text]


def test_what_the_architecture_bypasses_is_a_rule_of_the_machine(tmp_path: Path) -> None:
    (text, *_) = CONSTRAINTS
    prices = PRICES.replace("weights", "spad")
    assert nodes_of(design_of(tmp_path, arch=SUBTREE, problem=PROBLEM, prices=prices, c=text).machine)[4]["keep"] == {
        "C": "never"
    }


WARNINGS = {
    "no prices": ("variables: {}", "without an ERT nothing has a price, so that energy is 0 whatever moves"),
    "leakage": (PRICES.replace("{name: compute,", "{name: leak, energy: 1}, {name: compute,"), "leakage of mac is not"),
    "a component without a price": (PRICES.replace("chip.GLB", "chip.L2"), "GLB: not in the ERT, so that"),
    "fills and updates": (PRICES.replace("energy: 60}]", "energy: 61}]"), "a write costs the same from either side"),
    "utilisation": ("mapspace: [{target: weights, type: utilization, min: 0.5}]", "a least share of all multipliers"),
    "an unknown dimension": (
        "mapspace: [{target: GLB, type: temporal, permutation: MQ, factors: Q=2 L=3}]",
        "what constraints say of Q, L is left out, for the problem has no such dimension",
    ),
    "too large a factor": (
        "mapspace: [{target: GLB, type: temporal, factors: M=9}]",
        "M=9 is left out, for it exceeds",
    ),
    "outermost loops": ("mapspace: [{target: GLB, type: temporal, permutation: M_K}]", "which loops are outermost"),
    "no axis": ("mapspace: [{target: PE, type: spatial, factors: M=2}]", "M=2 is asked along X"),
    "free axes": ("variables: {}", "inter_PE_spatial: without a split a dimension may lie along X and Y at once here"),
    "overbooking": ("mapspace: [{target: GLB, type: max_overbooked_proportion}]", "max_overbooked_proportion are not"),
    "metrics": ("mapper: {optimization-metrics: [last-level-accesses]}", "only edp is minimised"),
    "sparsity": ("sparse_optimizations: {targets: [{name: GLB}]}", "sparsity is not modelled"),
    "a misspelt part": (
        "mapspace_constraint: []",
        "mapspace_constraint: not read; did you mean 'mapspace_constraints'?",
    ),
    "a misspelt field": (
        "mapspace: [{target: GLB, type: temporal, permutatoin: MK}]",
        "permutatoin: not read; did you mean 'permutation'?",
    ),
    "what is not read": ("mapspace: [{target: GLB, type: temporal, maximize_dims: [[M]]}]", "maximize_dims: not read"),
    "links": (MAPPING.replace(", no_link_transfer: [A, B, C]", ""), "words that neighbours pass to each other"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_not_modelled_is_said_in_one_line(name: str, tmp_path: Path) -> None:
    text, message = WARNINGS[name]
    prices = {} if text.startswith("\nERT") or name == "no prices" else {"prices": PRICES}
    machine = (
        NODES.replace("permutation: [M, N], split: 1", "factors: []") if name in ("no axis", "free axes") else NODES
    )
    with pytest.warns(InputWarning) as caught:
        design_of(tmp_path, machine=machine, problem=PROBLEM, other=f"version: 0.4\n{text}", **prices)
    lines = [str(each.message) for each in caught]
    if name == "no axis":
        assert "without a split" in lines.pop()
    assert len(lines) == 1
    assert message in lines[0]


FAULTS = {
    "nothing of a design": (
        {"machine": NODES, "problem": PROBLEM, "other": "- {name: conv, spatial_mapping: {}}"},
        "{0}/other.yaml: expected parts of a Timeloop design (architecture, problem, mapping, ERT, mapper, variables, "
        "architecture_constraints, mapspace_constraints, constraints, mapspace), got none",
    ),
    "no problem": ({"machine": NODES}, "expected one file with a Timeloop problem, got 0"),
    "two architectures": (
        {"machine": NODES, "arch": SUBTREE, "problem": PROBLEM},
        "expected one file with a Timeloop architecture, got 2: {0}/machine.yaml, {0}/arch.yaml",
    ),
    "no multiplier": (
        {"machine": NODES.replace("intmac", "adder"), "problem": PROBLEM},
        "{0}/machine.yaml: architecture: expected a component of class mac, intmac or compute, got none",
    ),
    "no number": (
        {"machine": NODES.replace("rows * 4", "lines * 4"), "problem": PROBLEM},
        "{0}/machine.yaml: architecture.nodes[2].attributes.depth: expected a number, got 'lines * 4'",
    ),
    "an unknown target": (
        {"machine": NODES, "problem": PROBLEM, "c": "mapspace: [{target: glb, type: temporal, factors: M=2}]"},
        "{0}/c.yaml: mapspace[0].target: unknown level 'glb'; did you mean 'GLB'?",
    ),
    "loops where nothing is stored": (
        {"machine": FLATTENED, "problem": PROBLEM, "map": "mapping: [{target: inter_PE_spatial, factors: M8 N6 K4}]"},
        "{0}/map.yaml: mapping[0].factors: expected M=1 at inter_PE_spatial, which stores nothing, got 8",
    ),
    "loops along an axis that is not there": (
        {
            "machine": FLATTENED,
            "problem": PROBLEM,
            "map": "mapping: [{target: PE, type: spatial, factors: M8, permutation: MNK, split: 0}]",
        },
        "{0}/map.yaml: mapping[0].factors: expected M=1 at inter_PE_spatial, which has one instance inside along Y, "
        "got 8",
    ),
    "a remainder": (
        {"machine": FLATTENED, "problem": PROBLEM, "map": "mapping: [{target: DRAM, factors: 'M3,2'}]"},
        "{0}/map.yaml: mapping[0].factors: expected a factor without a remainder, got 'M3,2'; imperfect factors are "
        "not modelled",
    ),
    "factors that do not multiply": (
        {"machine": FLATTENED, "problem": PROBLEM, "map": "mapping: [{target: DRAM, factors: M4 N6 K4}]"},
        "{0}/map.yaml: mapping: expected factors of M that multiply to its bound 8, got 4 (DRAM)",
    ),
    "instances that do not divide": (
        {
            "machine": FLATTENED.replace(
                'meshX: 8, meshY: 1}}\n  - {name: "top.mac', 'meshX: 3, meshY: 1}}\n  - {name: "top.mac'
            ).replace("1..8", "1..3", 1),
            "problem": PROBLEM,
        },
        "{0}/machine.yaml: architecture.local[2]: spad: expected 3 x 1 instances to divide the 8 x 1 inside",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_a_fault_is_one_line_with_file_and_place(name: str, tmp_path: Path) -> None:
    texts, message = FAULTS[name]
    with pytest.raises(InputError) as caught:
        design_of(tmp_path, **texts)
    assert str(caught.value).endswith(message.replace("{0}", str(tmp_path)))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_whatever_is_broken_in_a_file_is_an_input_error(tmp_path: Path) -> None:
    draw = random.Random(0)
    for _ in range(80):
        texts = {
            "machine": draw.choice((NODES, SUBTREE, FLATTENED)),
            "problem": PROBLEM,
            "prices": PRICES,
            "m": MAPPING,
        }
        name = draw.choice(["machine", "machine", "prices", "m"])
        text = texts[name]
        start = draw.randrange(len(text))
        cut = text[start + draw.randrange(4) :]
        texts[name] = text[:start] + draw.choice(("", "- ", "{", "]", ": ", "9", "\n", "null", "x=")) + cut
        with suppress(InputError):
            read_design(written(tmp_path, **texts))


@pytest.mark.filterwarnings("ignore:.*constraints on loops")
def test_an_architecture_may_stand_alone_where_a_machine_is_named(tmp_path: Path) -> None:
    whole = design_of(tmp_path, machine=NODES + PRICES, problem=PROBLEM).machine
    alone = resolve_architecture("machine.yaml", tmp_path)
    assert isinstance(alone, Machine)
    assert nodes_of(alone) == nodes_of(whole)
    with pytest.raises(InputError, match="Timeloop's in YAML, or one of ours in JSON; nothing of the"):
        resolve_architecture("problem.yaml", tmp_path)


def test_files_without_an_architecture_are_no_design(tmp_path: Path) -> None:
    assert read_design(written(tmp_path, problem=PROBLEM, map=MAPPING)) is None


def test_numbers_may_be_computed_from_other_attributes() -> None:
    names: dict[str, object] = {"a": 3, "b": "a * 4", "loop": "loop + 1", "text": "LPDDR4"}
    cases = {
        "2 + b / 2": 8,
        "(a + 1) * (b - 2)": 40,
        "7 // 2": 3,
        "loop": None,
        "text": None,
        "1 / 0": None,
        "2 ** 9": None,
    }
    assert {text: number_of(text, names) for text in cases} == cases
