from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from c_programs import Ran, needs_compiler, run_program
from dmaze.cli.main import main
from dmaze.model.codegen.generated_program import GeneratedProgram
from dmaze.model.codegen.requested_program import requested_program
from dmaze.model.documents.evaluation import EvaluateRequest
from dmaze.model.faults import InputError
from paths import ROOT

Output = pytest.CaptureFixture[str]

PAGE = (ROOT / "docs" / "codegen.md").read_text(encoding="utf-8")
EXAMPLE = str(ROOT / "specs" / "requests" / "worked-example.json")

LAYER: dict[str, Any] = {"type": "gemm", "name": "product", "m": 4, "n": 6, "k": 8}
FACTORS: dict[str, dict[str, int]] = {
    "M": {"dram": 2, "spatial": 2},
    "N": {"spm": 3, "rf": 2},
    "K": {"dram": 2, "spm": 2, "spatial": 2},
}
ORDERS = {"dram_order": ["K", "M", "N"], "spm_order": ["N", "K", "M"]}
PUBLISHED = {"architecture": "dmazerunner-256pe", "layer": LAYER}
NODES: list[dict[str, Any]] = [
    {"storage": "DRAM"},
    {"storage": "GLB", "capacity_bytes": 16, "keep": {"read2": "never", "*": "may"}},
    {"fanout": "PE", "size": 4, "reduce": False},
]
HIERARCHY = {"architecture": {"name": "small", "nodes": NODES}, "layer": LAYER}
LEVELS = {"tiling": {"M": {"GLB": 2, "PE": 2}, "N": {"DRAM": 6}, "K": {"DRAM": 2, "GLB": 4}}}


def written(folder: Path, request: dict[str, Any], *mappings: dict[str, Any]) -> str:
    path = folder / "request.json"
    path.write_text(json.dumps({**request, "mappings": mappings}))
    return str(path)


def printed(capsys: Output, *arguments: str) -> str:
    assert main(["codegen", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@needs_compiler
def test_a_published_mapping_is_printed_for_its_machine_as_a_hierarchy(tmp_path: Path, capsys: Output) -> None:
    code = printed(capsys, written(tmp_path, PUBLISHED, {"tiling": FACTORS, **ORDERS}))
    ok = "OK: C equals the plain loop nest's (192 multiply-accumulates, 24 elements)\n"
    assert run_program(tmp_path, code) == Ran(0, ok)
    loops = re.findall(r"^ +for \(idx (\w+) = 0; \w+ < (\d+); \w+\+\+\) \{", code, re.MULTILINE)
    assert loops == [
        ("K_DRAM", "2"),
        ("M_DRAM", "2"),
        ("N_SPM", "3"),
        ("K_SPM", "2"),
        ("M_PE", "2"),
        ("K_PE", "2"),
        ("N_RF", "2"),
    ]
    assert "product on dmazerunner-256pe: a mapping as a C99 program" in code
    assert "SPM (65536 bytes): loops N 3, K 2" in code


@needs_compiler
def test_the_mapping_at_a_position_is_printed(tmp_path: Path, capsys: Output) -> None:
    request = written(
        tmp_path, HIERARCHY, {"tiling": {dim: {"DRAM": n} for dim, n in zip("MNK", (4, 6, 8), strict=True)}}, LEVELS
    )
    first, second = (printed(capsys, request, *option) for option in ([], ["--mapping", "1"]))
    assert printed(capsys, request, "--mapping=0") == first != second
    assert "WARNING" not in first
    assert "WARNING: the mapping does not fit the machine; too small: GLB." in second
    for code in (first, second):
        assert run_program(tmp_path, code).exit_code == 0


def test_out_writes_the_program_and_says_how_to_compile_it(tmp_path: Path, capsys: Output) -> None:
    code, path = printed(capsys, EXAMPLE), tmp_path / "nest.c"
    assert printed(capsys, EXAMPLE, "--out", str(path)) == f"{path}: compile it with cc -std=c99 -O2 {path}\n"
    assert path.read_text() == code


def test_json_is_a_document_with_the_program(tmp_path: Path, capsys: Output) -> None:
    code, path = printed(capsys, EXAMPLE), tmp_path / "nest.json"
    out = printed(capsys, EXAMPLE, "--json", "--out", str(path))
    assert json.loads(out) == {"schema": "dmaze-solve/codegen/1", "code": code}
    assert path.read_text() == out
    assert GeneratedProgram.model_validate_json(out).code == code


@pytest.mark.parametrize(
    ("request_", "mapping", "option", "lines"),
    [
        (
            PUBLISHED,
            {"tiling": FACTORS},
            "0",
            ["mappings[0].dram_order: expected every one of M, N, K exactly once, got nothing"],
        ),
        (
            PUBLISHED,
            {"tiling": {**FACTORS, "Q": {"rf": 2}, "K": {"dram": 2}}, **ORDERS},
            "0",
            [
                "mappings[0].tiling.Q: unknown dimension; expected one of M, N, K",
                "mappings[0].tiling.K: factors multiply to 2; expected the bound 8",
            ],
        ),
        (
            HIERARCHY,
            {**LEVELS, "tiling": {**LEVELS["tiling"], "K": {"DRAM": 4, "PE": 2}}, "keep": {"GLB": ["B"]}},
            "0",
            [
                "mappings[0].keep.GLB: expected it without B, which the level never keeps",
                "mappings[0].tiling.K.PE: expected 1, for the fanout does not reduce and K does not index C",
            ],
        ),
        (
            HIERARCHY,
            LEVELS,
            "1",
            ["mappings: expected a mapping at position 1, counted from 0; the request has 1"],
        ),
        (
            HIERARCHY,
            LEVELS,
            "-1",
            ["mappings: expected a mapping at position -1, counted from 0; the request has 1"],
        ),
        (
            {
                **HIERARCHY,
                "layer": {
                    "type": "loop_nest",
                    "name": "l",
                    "bounds": {"i": 2},
                    "tensors": [{"name": "read1", "index": ["i"]}, {"name": "y", "index": ["i"], "output": True}],
                },
            },
            {"tiling": {"i": {"DRAM": 2}}},
            "0",
            [
                "layer: tensor 'read1': expected another name than 'output', 'read', 'read1', ... or '*', "
                "which are selectors"
            ],
        ),
    ],
    ids=["no orders", "tiling", "illegal", "no such mapping", "negative", "selector"],
)
def test_what_keeps_a_mapping_from_being_run_is_said_in_one_line_each(
    request_: dict[str, Any], mapping: dict[str, Any], option: str, lines: list[str], tmp_path: Path, capsys: Output
) -> None:
    path = written(tmp_path, request_, mapping)
    assert main(["codegen", path, "--mapping", option]) == 2
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [f"{path}: {line}" for line in lines])


def test_an_unrolled_dimension_whose_tiles_would_overlap_is_named(tmp_path: Path, capsys: Output) -> None:
    tensors = [
        {"name": "x", "index": ["i"]},
        {"name": "w", "index": ["f"]},
        {"name": "y", "index": ["2*i + f"], "output": True},
    ]
    layer = {"type": "loop_nest", "name": "up", "bounds": {"i": 4, "f": 3}, "tensors": tensors}
    mapping = {"tiling": {"i": {"spatial": 4}, "f": {"rf": 3}}, "dram_order": ["i", "f"], "spm_order": ["i", "f"]}
    path = written(tmp_path, {**PUBLISHED, "layer": layer}, mapping)
    assert main(["codegen", path]) == 2
    assert capsys.readouterr().err == (
        f"{path}: mappings[0].tiling.i.PE: expected 1, for i shares an axis of y with another dimension, "
        "so that tiles overlap\n"
    )


def test_a_position_that_is_no_number_and_a_folder_that_is_not_there_are_faults(capsys: Output) -> None:
    assert main(["codegen", EXAMPLE, "--mapping", "first"]) == 2
    assert main(["codegen", EXAMPLE, "--out", "/nowhere/nest.c"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("dmaze-solve: ")
    assert "'--mapping'" in first
    assert second == "--out: expected a file in a folder that exists, but there is no folder /nowhere"


def test_a_request_made_in_python_gives_the_same(capsys: Output) -> None:
    code = printed(capsys, EXAMPLE)
    request = EvaluateRequest.model_validate(json.loads(Path(EXAMPLE).read_text()))
    assert requested_program(request).code == code
    with pytest.raises(InputError, match="the request has 1"):
        requested_program(request, 1)


@needs_compiler
def test_the_page_shows_what_is_printed(tmp_path: Path, capsys: Output) -> None:
    code = printed(capsys, EXAMPLE)
    shown = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) == 3
    assert all(block in code for block in shown)
    assert f"```text\n{run_program(tmp_path, code).out}```" in PAGE
    commands = (
        "dmaze-solve codegen specs/requests/worked-example.json --out nest.c\ncc -std=c99 -O2 -o nest nest.c\n./nest\n"
    )
    assert f"```sh\n{commands}```" in PAGE
