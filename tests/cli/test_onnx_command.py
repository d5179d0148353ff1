"""ONNX files on the command line: one answer, one line for each fault, and nothing worse from damaged files."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.cli.reports.import_report import percent
from dmaze.model import Result, load_spec
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.model.reading.onnx_files import read_network
from onnx import helper
from onnx_models import EXPORTED, SHIPPED, model_of, write

TAGGER = str(EXPORTED / "tagger.onnx")
REFERENCE = ["--architecture", "dmazerunner-256pe", "--no-cache"]
Output = pytest.CaptureFixture[str]


def test_a_model_is_solved_without_a_spec(capsys: Output) -> None:
    assert main([TAGGER, *REFERENCE, "--batch", "2", "--dim", "time=3"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("tagger: least edp on dmazerunner-256pe")
    assert lines[-4:] == [
        f"{TAGGER} (batch = 2, time = 3): 384 of 9,600 multiply-accumulates are mapped (4.0%)",
        "layers: 1, which occur 1 times in all",
        "left out: 1 LSTM, 9,216 multiply-accumulates (96.0%): each step needs the result of the one before, "
        "which is not one perfect nest",
        "left out, without multiply-accumulates: 5 Constant, 2 Transpose, 1 Add, 1 Concat, 1 ConstantOfShape, "
        "1 Gather, 1 Shape, 1 Squeeze, 1 Unsqueeze",
    ]


def test_the_result_says_what_was_imported_and_reads_back(capsys: Output) -> None:
    assert main(["solve", TAGGER, *REFERENCE, "--dim", "time=3", "--json"]) == 0
    text = capsys.readouterr().out
    imported = json.loads(text)["imported"]
    assert imported["file"] == TAGGER
    assert imported["dims"] == {"batch": 1, "time": 3}
    assert (imported["mapped_macs"], imported["total_macs"]) == (3 * 16 * 4, 3 * 4 * 16 * (8 + 16) + 3 * 16 * 4)
    assert imported["skipped"][0]["operator"] == "LSTM"
    assert Result.model_validate_json(text).imported is not None


def test_the_other_verbs_that_search_take_a_model_too(capsys: Output) -> None:
    assert main(["enumerate", TAGGER, *REFERENCE, "--dim", "time=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == "exhaustive"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            [],
            "--architecture: expected the name or the file of an architecture to map tagger.onnx onto "
            "(dmaze-solve list)",
        ),
        (["--architecture", "dmazerun"], "--architecture: unknown name 'dmazerun'; did you mean 'dmazerunner-256pe'?"),
        (["--architecture", "no/where.json"], "--architecture: expected a file, but there is none at no/where.json"),
        ([*REFERENCE, "--dim", "time"], "--dim: expected NAME=N, got 'time'"),
        ([*REFERENCE, "--dim", "=4"], "--dim: expected NAME=N, got '=4'"),
        ([*REFERENCE, "--dim", "time=-1"], "--dim: expected an integer of at least 0, got -1"),
        ([*REFERENCE, "--dim", "time=x"], "--dim: expected an integer, got 'x'"),
        ([*REFERENCE, "--dim", "time=1", "--dim", "time=2"], "--dim: expected 'time' once, but given more than once"),
        ([*REFERENCE, "--batch", "0"], "--batch: expected an integer of at least 1, got 0"),
        ([*REFERENCE, "--dim", "tim=1", "--dim", "time=1"],
         f"{TAGGER}: dims.tim: no input has a dimension of this name; did you mean 'time'?"),
        (REFERENCE, f"{TAGGER}: input input: dimension 1, time, has no size; give it with --dim 'time=N', "
         'or in a spec with "dims": {"time": N} beside the network'),
    ],
)  # fmt: skip
def test_a_faulty_option_is_one_line(options: list[str], fault: str, capsys: Output) -> None:
    assert main([TAGGER, *options]) == 2
    assert capsys.readouterr() == ("", fault + "\n")


def test_options_replace_a_specs_architecture_and_batch(tmp_path: Path, capsys: Output) -> None:
    document = {
        "architecture": "none of that name",
        "workload": {"layers": [gemm(2, 3, 4)]},
        "solver": {"backend": "exhaustive"},
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(document))
    assert main([str(path), *REFERENCE, "--batch", "3", "--json"]) == 0
    result = Result.model_validate_json(capsys.readouterr().out)
    assert result.architecture.name == "dmazerunner-256pe"
    assert result.layers[0].layer.bounds() == {"M": 6, "N": 3, "K": 4}
    assert main([str(path), *REFERENCE, "--dim", "n=3"]) == 2
    expected = f"{path}: workload.dims: expected none, for layers have no symbolic dimensions\n"
    assert capsys.readouterr() == ("", expected)


def test_an_architecture_on_the_command_line_may_be_a_file(tmp_path: Path, capsys: Output) -> None:
    fields = json.loads(builtin_path("architectures", "dmazerunner-256pe").read_text())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**fields, "name": "mine", "pes": 4}))
    assert main([TAGGER, "--architecture", str(path), "--dim", "time=1", "--no-cache", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["architecture"]["pes"] == 4


def test_a_share_is_whole_only_when_nothing_is_missing() -> None:
    assert [percent(*shares) for shares in ((1, 1), (9999, 10000), (1, 3), (0, 5), (0, 0))] == [
        "100%",
        "99.9%",
        "33.3%",
        "0.0%",
        "100%",
    ]


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main([TAGGER, *REFERENCE]) == 2
    expected = f"{TAGGER}: expected the library onnx to be installed (pip install 'dmaze-solve[onnx]')\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an ONNX model with a graph, but it has no nodes"),
        (b"no model at all", "expected an ONNX model, but this is none, or it is damaged"),
        (b'{"layers": []}', "expected an ONNX model, but this is none, or it is damaged"),
        (b"\x08\x07", "expected an ONNX model with a graph, but it has no nodes"),
        ((EXPORTED / "tagger.onnx").read_bytes()[:1000], "expected an ONNX model, but this is none, or it is damaged"),
    ],
)
def test_what_is_no_model_is_one_line(content: bytes, message: str, tmp_path: Path, capsys: Output) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    assert main([str(path), *REFERENCE]) == 2
    assert capsys.readouterr() == ("", f"{path}: {message}\n")


def test_a_path_that_leads_to_no_file_is_one_line(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "folder.onnx"
    folder.mkdir()
    assert main([str(folder), *REFERENCE]) == 2
    assert capsys.readouterr().err == f"{folder}: expected a file, but it is a directory\n"
    assert main([str(tmp_path / "none.onnx"), *REFERENCE]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.onnx'}: expected a file, but there is none\n"


def broken(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def test_models_that_contradict_themselves_are_told_in_the_librarys_words(tmp_path: Path) -> None:
    good = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)}, {"w": np.zeros((4, 3), "f")})
    loose, cut = broken(good), broken(good)
    loose.graph.node[0].input[1] = "nowhere"
    cut.graph.initializer[0].raw_data = cut.graph.initializer[0].raw_data[:-4]
    for model, reason in ((loose, "nowhere"), (cut, "raw_data|reshape")):
        with pytest.raises(InputError, match=rf"expected a valid ONNX model, but onnx [\d.]+ says: .*({reason})"):
            read_network(write(model, tmp_path))


def test_what_is_newer_than_the_library_or_not_of_the_standard_is_read_past(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], weight_size=8, act_size=16),
        helper.make_node("Moe", ["y"], "z"),
    ]
    opsets = [helper.make_opsetid("", 999)]
    model = model_of(nodes, {"x": (2, 4)}, {"w": np.zeros((4, 3), "f")}, opset_imports=opsets, ir_version=999)
    with pytest.warns(InputWarning) as caught:
        network = read_network(write(model, tmp_path))
    assert network.layers[0].bounds() == {"M": 2, "N": 3, "K": 4}
    newest = onnx.defs.onnx_opset_version()
    assert [str(warning.message).partition("model.onnx: ")[2] for warning in caught] == [
        f"operator set 999 is newer than the library and read as its last one, {newest}",
        "attributes that the standard has not are skipped: act_size (1 nodes), weight_size (1 nodes)",
    ]
    assert network.imported is not None
    (skipped,) = network.imported.skipped
    assert (skipped.operator, skipped.macs, skipped.reason) == ("Moe", None, "the library onnx does not know it")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A file cut short, with flipped bits, overwritten bytes, or a piece of itself where it does not belong."""
    changed = bytearray(content)
    place, other = chance.randrange(len(changed)), chance.randrange(len(changed))
    kind = chance.randrange(4)
    if kind == 0:
        return content[:place]
    if kind == 1:
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    elif kind == 2:
        changed[place : place + chance.randrange(1, 9)] = chance.randbytes(chance.randrange(9))
    else:
        changed[place:place] = changed[other : other + chance.randrange(1, 60)]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
@pytest.mark.parametrize("model", [SHIPPED / "light" / "light_bvlc_alexnet.onnx", EXPORTED / "grouped_query.onnx"])
def test_damaged_files_give_a_network_or_one_line_for_each_fault(model: Path, tmp_path: Path) -> None:
    chance, content, path = random.Random(1), model.read_bytes(), tmp_path / "x.onnx"
    dims = {"sequence": 5} if "grouped" in model.name else {}
    refused: list[InputError] = []
    for _ in range(300):
        path.write_bytes(damaged(content, chance))
        try:
            read_network(path, chance.choice((None, 3)), dims)
        except InputError as error:
            refused.append(error)
    lines = [line for error in refused for line in str(error).splitlines()]
    assert 200 < len(refused) < 300
    assert len(lines) == sum(len(error.faults) for error in refused)
    assert all(line.startswith(str(path)) and len(line) < 700 for line in lines)


def test_an_example_spec_still_loads_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert load_spec(builtin_path("examples", "conv5_2")).name is not None
