from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dmaze.cli.main import main
from dmaze.cli.verbs.schema_verb import schema_document
from dmaze.model.execution import output_walk
from dmaze.model.execution.agreement import requested_execution
from dmaze.model.hierarchy import hierarchy_model
from paths import ROOT

Output = pytest.CaptureFixture[str]

REQUESTS = ROOT / "specs" / "requests"
EXAMPLE, EYERISS = str(REQUESTS / "worked-example.json"), str(REQUESTS / "eyeriss-conv3.json")
PAGE = (ROOT / "docs" / "execution.md").read_text(encoding="utf-8")

LAYER: dict[str, Any] = {"type": "gemm", "name": "product", "m": 4, "n": 6, "k": 8}
FACTORS: dict[str, dict[str, int]] = {
    "M": {"dram": 2, "spatial": 2},
    "N": {"spm": 3, "rf": 2},
    "K": {"dram": 2, "spm": 2, "spatial": 2},
}
ORDERS = {"dram_order": ["K", "M", "N"], "spm_order": ["N", "K", "M"]}
PUBLISHED = {"architecture": "dmazerunner-256pe", "layer": LAYER, "mappings": [{"tiling": FACTORS, **ORDERS}]}
FIGURES = ("fill", "serve", "drain", "update")


def written(folder: Path, request: dict[str, Any], **changes: Any) -> str:
    path = folder / "request.json"
    path.write_text(json.dumps({**request, **changes}))
    return str(path)


def executed(capsys: Output, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The document of a command that ends with a code."""
    assert main(["execute", *arguments, "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, schema_document("execute"))
    return document


def faults(capsys: Output, *arguments: str) -> list[str]:
    assert main(["execute", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_the_example_counted_by_hand_is_what_moves(capsys: Output) -> None:
    document = executed(capsys, EXAMPLE)
    assert (document["schema"], document["cost_model"]) == ("dmaze-solve/execute/1", "hierarchy")
    (found,) = document["executions"]
    assert (found["output_equals"], found["agrees"], found["differences"], found["faults"]) == (True, True, [], [])
    accesses = {
        level: {name: tuple(counts[kind] for kind in FIGURES) for name, counts in row.items()}
        for level, row in found["counts"]["accesses"].items()
    }
    assert accesses == {
        "DRAM": {"A": (0, 16, 0, 0), "B": (0, 24, 0, 0), "C": (0, 0, 0, 6)},
        "GLB": {"A": (16, 16, 0, 0), "B": (24, 24, 0, 0), "C": (0, 6, 6, 12)},
        "RF": {"A": (16, 48, 0, 0), "B": (24, 48, 0, 0), "C": (6, 36, 24, 48)},
    }
    assert found["counts"]["networks"] == {
        "X": {
            "A": {"down": 16, "up": 0, "adds": 0},
            "B": {"down": 24, "up": 0, "adds": 0},
            "C": {"down": 6, "up": 24, "adds": 12},
        }
    }
    assert found["held"] == {"GLB": {"A": 8, "B": 12, "C": 6}, "RF": {"A": 2, "B": 6, "C": 3}}
    assert (found["cycles"], found["roofline"], found["walk_cycles"]) == (24, {"compute": 24}, 24)
    assert (found["published"], found["shrunk"]) == (None, None)


def test_the_document_is_written_to_a_file(tmp_path: Path, capsys: Output) -> None:
    assert main(["execute", EXAMPLE, "--out", str(tmp_path / "executed.json")]) == 0
    capsys.readouterr()
    assert json.loads((tmp_path / "executed.json").read_text()) == executed(capsys, EXAMPLE)


def test_a_published_mapping_is_held_against_the_published_model(tmp_path: Path, capsys: Output) -> None:
    document = executed(capsys, written(tmp_path, PUBLISHED))
    assert document["cost_model"] == "dmazerunner"
    (found,) = document["executions"]
    assert (found["output_equals"], found["agrees"]) == (True, True)
    published = found["published"]
    known = sum(difference["energy_pj"] for difference in published["known_differences"])
    assert published["published_energy_pj"] == pytest.approx(found["energy_pj"] + known, rel=1e-12)
    assert published["executed_energy_pj"] == found["energy_pj"]
    moved = [sum(counts.values()) for counts in found["counts"]["accesses"]["DRAM"].values()]
    assert published["dram_bytes"] == 2 * sum(moved) == 2 * (2 * 16 + 48 + 24 * 3)
    assert published["cycles"]["roofline"] == found["cycles"]


def test_a_published_mapping_can_be_held_against_the_hierarchy_model(tmp_path: Path, capsys: Output) -> None:
    tiling = {
        "M": {"DRAM": 2, "PE": 2},
        "N": {"SPM": 3, "RF": 2},
        "K": {"DRAM": 2, "SPM": 2, "PE": 2},
    }
    levels = {"tiling": tiling, "orders": {"DRAM": ["K", "M"], "SPM": ["N", "K"]}}
    path = written(tmp_path, PUBLISHED, mappings=[levels])
    document = executed(capsys, path, "--cost-model", "hierarchy")
    (found,) = document["executions"]
    assert (document["cost_model"], found["agrees"], found["published"]) == ("hierarchy", True, None)
    (published,) = executed(capsys, written(tmp_path, PUBLISHED))["executions"]
    assert found["counts"] == published["counts"]


def test_shrinking_says_what_it_kept_and_what_it_executed(capsys: Output) -> None:
    document = executed(capsys, EYERISS, "--shrink")
    whole = {"N": 1, "M": 384, "C": 256, "Ox": 13, "Oy": 13, "Fx": 3, "Fy": 3}
    for found in document["executions"]:
        shrunk = found["shrunk"]
        assert found["agrees"]
        assert {dim: size["was"] for dim, size in shrunk["bounds"].items()} == whole
        assert shrunk["macs"] == {"was": 149520384, "now": 179712}
        assert (len(shrunk["kept"]), shrunk["lost"]) == (5, [])
    first = document["executions"][0]["shrunk"]
    assert first["factors"]["M"] == {"DRAM": {"was": 6, "now": 3}, "PSUM": {"was": 16, "now": 4}}
    assert first["mapping"]["tiling"]["M"] == {"DRAM": 3, "Y": 4, "PSUM": 4}


def test_shrinking_a_published_mapping_shrinks_what_the_published_model_costs(tmp_path: Path, capsys: Output) -> None:
    (found,) = executed(capsys, written(tmp_path, PUBLISHED), "--shrink-to", "150")["executions"]
    assert found["agrees"]
    assert found["shrunk"]["macs"] == {"was": 192, "now": 128}
    assert found["shrunk"]["mapping"]["tiling"]["N"] == {"dram": 1, "spm": 2, "rf": 2, "spatial": 1}
    assert found["shrunk"]["mapping"]["dram_order"] == ORDERS["dram_order"]
    assert found["published"]["dram_bytes"] > 0


def test_a_model_that_disagrees_is_reported_and_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    real = hierarchy_model.hierarchy_cost

    def one_too_many(*arguments: Any) -> Any:
        cost = real(*arguments)
        first, (a, *others), *rest = cost.accesses
        return replace(cost, accesses=(first, (replace(a, fill=a.fill + 1), *others), *rest), walk_cycles=None)

    monkeypatch.setattr(hierarchy_model, "hierarchy_cost", one_too_many)
    (found,) = executed(capsys, EXAMPLE, code=1)["executions"]
    assert (found["output_equals"], found["agrees"]) == (True, False)
    assert found["differences"] == [
        {"quantity": "fill", "place": "GLB.A", "model": 17, "executed": 16},
        {"quantity": "walk_cycles", "place": "", "model": None, "executed": 24},
    ]
    assert main(["execute", EXAMPLE]) == 1
    out = capsys.readouterr().out
    assert re.search(r"numpy's +DISAGREES", out)
    assert re.search(r"fill +GLB.A +17 +16\n", out)


def test_a_wrong_output_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    real_lookup, real_add = output_walk.lookup, output_walk.OutputWalk._add_up

    def other_words(edge: Any, *rest: Any) -> Any:
        found = real_lookup(edge, *rest)
        return replace(found, wanted=found.wanted + 1) if edge.child_name == "MAC" else found

    def other_sums(walk: output_walk.OutputWalk, sums: Any, steps: Any) -> None:
        real_add(walk, replace(sums, values=sums.values + 1), steps)

    monkeypatch.setattr(output_walk, "lookup", other_words)
    monkeypatch.setattr(output_walk.OutputWalk, "_add_up", other_sums)
    (found,) = executed(capsys, EXAMPLE, code=1)["executions"]
    assert (found["output_equals"], found["agrees"], found["differences"]) == (False, False, [])
    assert found["faults"] == ["MAC: C written back to RF, which holds another word there: 48 times"]
    assert main(["execute", EXAMPLE]) == 1
    out = capsys.readouterr().out
    assert re.search(r"WRONG +DISAGREES", out)
    assert "  fault: MAC: C written back to RF, which holds another word there: 48 times\n" in out


def test_a_published_word_that_nothing_explains_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Output
) -> None:
    real = requested_execution.cost_of_mapping

    def one_too_many(*arguments: Any) -> Any:
        cost = real(*arguments)
        a, *others = cost.traffic
        return replace(cost, traffic=(replace(a, spm=a.spm + 1), *others))

    monkeypatch.setattr(requested_execution, "cost_of_mapping", one_too_many)
    (found,) = executed(capsys, written(tmp_path, PUBLISHED), code=1)["executions"]
    assert [(d["quantity"], d["place"]) for d in found["differences"]] == [("accesses", "spm.A"), ("energy_pj", "spm")]


def test_the_page_shows_what_is_printed(tmp_path: Path, capsys: Output) -> None:
    blocks = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (request,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    path = tmp_path / "published.json"
    path.write_text(request)
    shown: list[str] = []
    for arguments in ([EXAMPLE], [EYERISS, "--shrink"], [str(path)]):
        assert main(["execute", *arguments]) == 0
        shown.append(capsys.readouterr().out)
    assert len(blocks) == 3
    assert blocks[0] == shown[0]
    assert shown[1].startswith(blocks[1])
    assert shown[2].endswith(blocks[2])


def test_what_cannot_be_executed_is_a_fault_with_its_place(tmp_path: Path, capsys: Output) -> None:
    assert faults(capsys, EYERISS) == [
        f"{EYERISS}: layer: expected at most 67108864 multiply-accumulates to execute, got 149520384; "
        "--shrink scales a layer down"
    ]
    example = json.loads(Path(EXAMPLE).read_text())
    path = written(tmp_path, example, accounting="timeloop")
    assert faults(capsys, path) == [
        f"{path}: accounting: expected 'executed', for that is what an execution counts, got 'timeloop'"
    ]
    path = written(tmp_path, example, mappings=[{"tiling": {"M": {"GLB": 3}, "N": {"RF": 3}, "K": {"X": 8}}}] * 2)
    assert faults(capsys, path) == [
        f"{path}: mappings[{position}].tiling.M: factors multiply to 3; expected the bound 2" for position in range(2)
    ]


def test_what_cannot_be_executed_of_a_published_mapping_is_a_fault_with_its_place(
    tmp_path: Path, capsys: Output
) -> None:
    path = written(tmp_path, PUBLISHED, mappings=[{"tiling": FACTORS}])
    (fault,) = faults(capsys, path)
    assert fault.startswith(f"{path}: mappings[0].dram_order: expected")
    layer = {
        "type": "loop_nest",
        "name": "diagonal",
        "bounds": {"i": 2},
        "tensors": [{"name": "A", "index": ["i", "i"]}, {"name": "B", "index": ["i"], "output": True}],
    }
    mapping = {"tiling": {"i": {"spatial": 2}}, "dram_order": ["i"], "spm_order": ["i"]}
    path = written(tmp_path, PUBLISHED, layer=layer, mappings=[mapping])
    assert faults(capsys, path) == [f"{path}: mappings[0].tiling.i.PE: expected 1, for i occurs in two axes of A"]


@pytest.mark.parametrize("option", [["--shrink-to", "0"], ["--shrink-to", "many"]])
def test_a_bad_option_is_a_fault(option: list[str], capsys: Output) -> None:
    (fault,) = faults(capsys, EXAMPLE, *option)
    assert fault.startswith("dmaze-solve: Invalid value for '--shrink-to'")
