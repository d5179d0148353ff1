"""Hierarchies on the command line: drawn, listed and evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.cli.reports.machine_report import WIDTH, bytes_text, machine_lines
from dmaze.model import EvaluateRequest, Machine, evaluate
from dmaze.model.reading.builtin_data import builtin_names
from hierarchy_cases import builtin_machines, hierarchy_cases

Output = pytest.CaptureFixture[str]

MACHINE: dict[str, Any] = {
    "name": "worked example",
    "bytes_per_element": 2,
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 200},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 6, "write_pj": 6},
        {"fanout": "X", "size": 4},
        {"storage": "RF", "read_pj": 1, "write_pj": 1},
    ],
}
"""The machine of ``docs/hierarchy_model.md`` section 10, with prices."""

MAPPING: dict[str, Any] = {
    "tiling": {"M": {"GLB": 2}, "N": {"RF": 3}, "K": {"DRAM": 2, "X": 2, "RF": 2}},
    "orders": {"DRAM": ["K"], "GLB": ["M"]},
}
TOO_LARGE: dict[str, Any] = {"tiling": {"M": {"RF": 2}, "N": {"RF": 3}, "K": {"X": 8}}}


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request.json"
    document = {"architecture": MACHINE, "layer": gemm(2, 3, 8), "mappings": [MAPPING, TOO_LARGE]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def answer(capsys: Output, *arguments: str | Path) -> Any:
    """The document that a command prints."""
    assert main([*map(str, arguments), "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_the_worked_example_costs_what_the_page_counts(request_file: Path, capsys: Output) -> None:
    document = answer(capsys, "evaluate", request_file, "--detail")
    assert (document["schema"], document["cost_model"]) == ("dmaze-solve/evaluate/1", "hierarchy")
    assert document["accounting"] == "executed"
    cost = document["costs"][0]
    dram = 200 * (16 + 24 + 6)
    glb = 6 * ((16 + 16) + (24 + 24) + (6 + 6 + 12))
    rf = 1 * ((16 + 48) + (24 + 48) + (6 + 36 + 24 + 48))
    assert cost["energy_breakdown_pj"] == {"mac": 48 * 0.5, "DRAM": dram, "GLB": glb, "X": 0.0, "RF": rf}
    assert cost["energy_pj"] == 24 + dram + glb + rf
    assert (cost["cycles"], cost["bound_by"], cost["roofline"]) == (24, "compute", {"compute": 24})
    assert cost["edp"] == cost["energy_pj"] * 24
    assert cost["utilization"] == {"DRAM": None, "GLB": 2 * (8 + 12 + 6) / 64, "X": 0.5, "RF": None}
    assert cost["fits"] == {"DRAM": True, "GLB": True, "X": True, "RF": True}
    assert cost["accesses"]["GLB"]["C"] == {"fill": 0, "serve": 6, "drain": 6, "update": 12}
    assert cost["networks"] == {
        "X": {
            "A": {"down": 16, "up": 0, "adds": 0},
            "B": {"down": 24, "up": 0, "adds": 0},
            "C": {"down": 6, "up": 24, "adds": 12},
        }
    }
    assert cost["tensor_energy_pj"] == {
        "DRAM": {"A": 16 * 200, "B": 24 * 200, "C": 6 * 200},
        "GLB": {"A": 32 * 6, "B": 48 * 6, "C": 24 * 6},
        "X": {"A": 0, "B": 0, "C": 0},
        "RF": {"A": 16 + 48, "B": 24 + 48, "C": 6 + 36 + 24 + 48},
    }
    assert cost["held"]["RF"] == {"A": 2, "B": 6, "C": 3}
    assert cost["dma_cycles"] == {}


def test_what_does_not_fit_is_flagged_and_costed(request_file: Path, capsys: Output) -> None:
    fitting, other = answer(capsys, "evaluate", request_file)["costs"]
    assert other["fits"] == {"DRAM": True, "GLB": False, "X": False, "RF": True}
    assert other["energy_pj"] > 0
    assert not {"tensor_energy_pj", "accesses", "networks", "held", "dma_cycles"} & {*fitting, *other}
    assert main(["evaluate", str(request_file)]) == 0
    assert "no: GLB, X" in capsys.readouterr().out


def test_an_accounting_without_a_walk_says_null(request_file: Path, capsys: Output) -> None:
    document = answer(capsys, "evaluate", request_file, "--accounting", "timeloop")
    assert document["accounting"] == "timeloop"
    assert [cost["walk_cycles"] for cost in document["costs"]] == [None, None]


@pytest.mark.parametrize("case", hierarchy_cases("executed")[::40], ids=lambda case: str(case.id))
def test_reference_cases_go_through_the_public_documents(case: Any) -> None:
    layer = {
        "type": "loop_nest",
        "name": "layer",
        "bounds": dict(zip(case.nest.dims, case.nest.bounds, strict=True)),
        "tensors": [
            {
                "name": tensor.name,
                "index": [
                    " + ".join(f"{step}*{case.nest.dims[dim]}" for dim, step in index.terms).replace("+ -", "- ") or "0"
                    for index in tensor.index
                ],
                "output": tensor.is_output,
                "shape": list(tensor.shape),
            }
            for tensor in case.nest.tensors
        ],
    }
    mapping = case.mapping_document.model_dump()
    request = EvaluateRequest.model_validate({"architecture": case.document, "layer": layer, "mappings": [mapping]})
    cost = json.loads(evaluate(request, detail=True).model_dump_json())["costs"][0]
    assert cost["cycles"] == case.expect["cycles"]
    assert cost["walk_cycles"] == case.expect["walk_cycles"]
    assert cost["energy_pj"] == pytest.approx(case.expect["total_energy_pj"], abs=1e-5)
    for level, rows in case.expect["accesses"].items():
        assert {name: list(row.values()) for name, row in cost["accesses"][level].items()} == rows


def test_a_section_1_architecture_is_costed_as_a_hierarchy_on_demand(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "request.json"
    mapping = {"tiling": {"M": {"PE": 4}, "N": {"SPM": 4}, "K": {"RF": 4}}}
    document = {"architecture": "dmazerunner-256pe", "layer": gemm(4, 4, 4), "mappings": [mapping]}
    path.write_text(json.dumps(document), encoding="utf-8")
    cost = answer(capsys, "evaluate", path, "--cost-model", "hierarchy")["costs"][0]
    assert list(cost["energy_breakdown_pj"]) == ["mac", "DRAM", "SPM", "PE", "RF"]
    assert cost["energy_breakdown_pj"]["mac"] == 64 * 0.075
    assert main(["evaluate", str(path)]) == 2
    assert f"{path}: mappings[0].tiling.M.PE: unknown field; expected one of dram" in capsys.readouterr().err


FAULTS = [
    ({"tiling": {"M": {"GLB": 2}, "N": {"RF": 3}, "K": {"DRAM": 2}}}, "tiling.K: factors multiply to 2; expected the"),
    ({**MAPPING, "keep": {"RF": ["A", "D"]}}, "keep.RF: unknown tensor 'D'; expected one of A, B, C"),
    ({**MAPPING, "orders": {"GBL": ["M"]}}, "orders.GBL: unknown storage level; did you mean 'GLB'?"),
]


@pytest.mark.parametrize(("mapping", "line"), FAULTS)
def test_an_illegal_mapping_is_one_line_with_its_place(
    tmp_path: Path, capsys: Output, mapping: dict[str, Any], line: str
) -> None:
    path = tmp_path / "request.json"
    document = {"architecture": MACHINE, "layer": gemm(2, 3, 8), "mappings": [MAPPING, mapping]}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["evaluate", str(path)]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"{path}: mappings[1].{line}")


def test_a_tensor_named_like_a_selector_is_a_fault_of_the_layer(tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "request.json"
    layer = {
        "type": "loop_nest",
        "name": "copy",
        "bounds": {"i": 4},
        "tensors": [{"name": "read1", "index": ["i"]}, {"name": "B", "index": ["i"], "output": True}],
    }
    path.write_text(json.dumps({"architecture": MACHINE, "layer": layer, "mappings": []}), encoding="utf-8")
    assert main(["evaluate", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"{path}: layer: tensor 'read1': expected another name than 'output'")


@pytest.mark.parametrize("verb", ["solve", "enumerate", "gap", "dataflows"])
def test_a_misspelt_cost_model_is_told_in_one_line(verb: str, tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "spec.json"
    spec = {"architecture": "dmazerunner-256pe", "workload": {"layers": [gemm(4, 4, 4)]}}
    path.write_text(json.dumps(spec), encoding="utf-8")
    assert main([verb, str(path), "--cost-model", "hierachy"]) == 2
    told = capsys.readouterr().err
    assert told == "--cost-model: unknown cost model 'hierachy'; did you mean 'hierarchy'?\n"


@pytest.mark.parametrize("name", builtin_names("architectures"))
def test_a_drawing_fits_80_columns_and_has_every_node(name: str, capsys: Output) -> None:
    assert main(["show", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    document = answer(capsys, "show", name)
    boxes = [line for line in lines if line.startswith("┌─ ")]
    levels = [node["storage"] for node in document["nodes"] if "storage" in node]
    assert [line.split()[1] for line in boxes] == [*levels, "MAC"]
    fanouts = [node["fanout"] for node in document["nodes"] if "fanout" in node]
    assert [line.split()[0] for line in lines if "instances;" in line] == fanouts


@pytest.mark.parametrize("machine", builtin_machines(), ids=lambda machine: machine.name)
def test_the_document_of_a_drawing_is_the_machine(machine: Machine, capsys: Output) -> None:
    document = answer(capsys, "show", machine.name)
    published = machine.name == "dmazerunner-256pe"
    left_out = {"sources"} if published else set[str]()
    found = Machine.model_validate(document)
    assert found.model_dump(exclude=left_out) == machine.model_dump(exclude=left_out)
    guesses = machine.sources["guesses"] if isinstance(machine.sources, dict) and not published else None
    assert main(["show", machine.name]) == 0
    drawn = " ".join(capsys.readouterr().out.split())
    assert (guesses is None) == ("guessed, without a source:" not in drawn)
    assert guesses is None or " ".join(guesses.split()) in drawn


def test_a_drawing_says_everything_that_a_machine_can_have() -> None:
    machine = Machine.model_validate(
        {
            "name": "all",
            "clock_mhz": 1000,
            "bytes_per_element": {"output": 4, "A": 2, "*": 1},
            "nodes": [
                {"storage": "DRAM", "write_pj": {"output": 3, "*": 2}, "bandwidth": 8},
                {
                    "storage": "SPM",
                    "capacity_bytes": 4096,
                    "bank_bytes": 1024,
                    "buffers": 2,
                    "read_pj": 1.5,
                    "block_elements": 8,
                    "dma": {"init_cycles": 10, "cycles_per_byte": 0.5, "clock_mhz": 2000},
                },
                {
                    "fanout": "X",
                    "size": 4,
                    "dims": ["M"],
                    "multicast": {"read2": False, "*": True},
                    "reduce": False,
                    "word_pj": 1,
                    "bandwidth": 1,
                },
                {"fanout": "Y", "size": 2, "dims": [], "multicast": False, "add_pj": 0.25},
                {"storage": "RF", "partitions": {"read1": 24, "*": 1500}, "keep": {"A": "must"}, "halo": True},
            ],
            "tile_overhead": {"level": "SPM", "start_cycles": 300, "cycles_per_word": 0.5, "block_iterations": 16},
            "sources": "a test",
        }
    )
    drawn = [line.strip("│ ") for line in machine_lines(machine)]
    for line in (
        "energy   read free; write output 3 pJ, others 2 pJ",
        "size     4 KiB, shared; 4 banks of 1 KiB, each tensor in whole ones;",
        "double-buffered: a tile takes twice its size",
        "energy   read 1.5 pJ; write free, for each access of 8 elements",
        "DMA      a burst takes 10 cycles and 0.5 a byte, at 2,000 MHz",
        "size     for each tensor on its own: read1 24 B, others 1,500 B",
        "keeps    must: A; may: others",
        "halo     a tile that moves is fetched without the words that are there",
    ):
        assert line in drawn
    text = " ".join(" ".join(drawn).split())
    assert "8 multiply-accumulate units, 1,000 MHz, output 4 B, A 2 B, others 1 B per element" in text
    assert (
        "X 4 instances; only M; multicast: read2 no, others yes; does not add partial sums; 1 word a cycle each way; "
        "a word 1 pJ" in text
    )
    assert "Y 2 instances; no dimension; no multicast; adds partial sums; words are free; an addition 0.25 pJ" in text
    assert (
        "tiles 300 cycles to start; 0.5 for each word that is read; at least 0 for a block of 16 iterations; "
        "0 for each tile of the innermost level" in text
    )
    assert text.endswith("sources: a test")
    assert max(map(len, machine_lines(machine))) <= WIDTH


def test_sizes_are_told_in_the_largest_unit_that_is_exact() -> None:
    assert [bytes_text(size) for size in (1, 1023, 1024, 1025, 2**20, 3 * 2**20 + 1024)] == [
        "1 B", "1,023 B", "1 KiB", "1,025 B", "1 MiB", "3,073 KiB",
    ]  # fmt: skip


def test_show_names_what_is_not_there_or_faulty(tmp_path: Path, capsys: Output) -> None:
    assert main(["show", "eyeris-168"]) == 2
    assert capsys.readouterr().err == "dmaze-solve show: unknown name 'eyeris-168'; did you mean 'eyeriss-168'?\n"
    path = tmp_path / "m.json"
    path.write_text(json.dumps({**MACHINE, "clock": 1}), encoding="utf-8")
    assert main(["show", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}: clock: unknown field; did you mean 'clock_mhz'?\n"


def test_the_list_says_what_kind_an_architecture_is(capsys: Output) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "  dmazerunner-256pe (published kind)\n  eyeriss-168 (hierarchy)\n" in out
    assert answer(capsys, "list")["architectures"] == list(builtin_names("architectures"))
    assert main(["list", "machine"]) == 2
    assert capsys.readouterr().err == "dmaze-solve list: unknown kind 'machine'; did you mean 'machines'?\n"


def test_the_list_of_machines_has_their_sources_and_guesses(capsys: Output) -> None:
    listed = answer(capsys, "list", "machines")["machines"]
    assert [machine["name"] for machine in listed] == list(builtin_names("architectures"))
    assert all(machine["sources"] for machine in listed)
    simba = next(machine for machine in listed if machine["name"] == "simba-chiplet")
    assert simba["nodes"] == "DRAM > GLB > PE x 16 > IBUF > LANE x 8 > WBUF > ACC > VEC x 8 > WREG"
    assert simba["multiply_accumulate_units"] == 16 * 8 * 8
    assert main(["list", "machines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("  GUESSED: ") for line in lines) == 6
