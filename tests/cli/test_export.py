"""``--export FORMAT DIR``: safe names, whole files, refusals in one line, and what each format says it cannot say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from builders import Specs, Write, gemm, gemm_nest
from dmaze.cli.arguments.command_line import with_pairs_joined
from dmaze.cli.main import main
from dmaze.model import Architecture, Conv2d, Gemm, LoopNestLayer
from dmaze.model.exports.formats import export_formats
from dmaze.model.exports.names import dimension_letters, file_names
from dmaze.model.exports.yaml_text import Tagged, yaml_text
from dmaze.model.reading.loading import resolve_architecture, resolve_workload
from hypothesis import given
from hypothesis import strategies as st
from interop_cases import C7D, mapped, parsed, random_mapping, reference_machine
from random_problems import Size, random_nest

FORMATS = export_formats()
GEMM = gemm(4, 6, 8)
MTTKRP = {
    "type": "loop_nest",
    "name": "mttkrp",
    "bounds": {"i": 4, "j": 2, "k": 2, "l": 3},
    "tensors": [
        {"name": "A", "index": ["i", "j"], "output": True},
        {"name": "B", "index": ["i", "k", "l"]},
        {"name": "C", "index": ["k", "j"]},
        {"name": "D", "index": ["l", "j"]},
    ],
}
Output = pytest.CaptureFixture[str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return Specs(GEMM).writer(tmp_path)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def run(*arguments: str) -> int:
    return main(["--no-cache", *arguments])


# What is written where


def test_every_format_writes_its_files_for_every_distinct_layer(write: Write, tmp_path: Path, capsys: Output) -> None:
    spec = write({**GEMM, "name": "a/b"}, {**GEMM, "name": "again", "count": 3}, {**GEMM, "name": "A?B", "m": 5})
    wanted = [part for name in FORMATS for part in ("--export", name, str(tmp_path / "out" / name))]
    assert run(spec, *wanted) == 0
    out, err = capsys.readouterr()
    assert all(re.fullmatch(r"warning: --export \w+: [\w.]+ .* there .*", line) for line in err.splitlines())
    assert "total with counts" in out
    per_layer = {
        "timeloop": ["architecture.yaml", "mapping.yaml", "problem.yaml"],
        "accelforge": ["architecture.yaml", "mapping.yaml", "workload.yaml"],
        "zigzag": ["accelerator.yaml", "accelerator_of_mapping.yaml", "mapping.yaml", "workload.yaml"],
    }
    for name, files in per_layer.items():
        folders = ("A_B-2", "a_b")
        assert files_in(tmp_path / "out" / name) == [f"{folder}/{file}" for folder in folders for file in files]
    dmazerunner = tmp_path / "out" / "dmazerunner"
    assert files_in(dmazerunner) == ["arch_spec.json", "execution_methods.txt", "network.json"]
    entries = json.loads((dmazerunner / "network.json").read_text())["GEMM"]
    assert [(entry["name"], entry.get("instances", 1)) for entry in entries] == [("a/b", 4), ("A?B", 1)]


def test_enumerate_exports_too_and_json_stays_one_document(write: Write, tmp_path: Path, capsys: Output) -> None:
    assert main(["enumerate", "--no-cache", "--json", "--export", "timeloop", str(tmp_path / "t"), write()]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "dmaze-solve/result/1"
    assert len(files_in(tmp_path / "t")) == 3


def test_existing_files_are_replaced_and_others_left_alone(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "t" / "g"
    folder.mkdir(parents=True)
    (folder / "mapping.yaml").write_text("old")
    (folder / "notes.txt").write_text("mine")
    assert run(write(), "--export", "timeloop", str(tmp_path / "t")) == 0
    assert files_in(folder) == ["architecture.yaml", "mapping.yaml", "notes.txt", "problem.yaml"]
    assert (folder / "mapping.yaml").read_text().startswith("# Layer g, ")


def test_the_same_run_writes_the_same_bytes(write: Write, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(write(), "--export", "accelforge", str(tmp_path / name)) == 0
    one, two = tmp_path / "one", tmp_path / "two"
    assert [(one / f).read_bytes() for f in files_in(one)] == [(two / f).read_bytes() for f in files_in(two)]


# What is refused


def test_a_layer_that_a_format_cannot_express_is_named_and_the_others_are_exported(
    write: Write, tmp_path: Path, capsys: Output
) -> None:
    assert run(write(GEMM, MTTKRP), "--export", "zigzag", str(tmp_path / "z")) == 0
    expected = "warning: --export zigzag: layer 'mttkrp' is left out: it has 4 tensors, and ZigZag knows 2 operands"
    assert capsys.readouterr().err.startswith(f"{expected} and an output\n")
    assert {file.split("/")[0] for file in files_in(tmp_path / "z")} == {"g"}


def test_a_layer_without_a_mapping_is_named(write: Write, tmp_path: Path, capsys: Output) -> None:
    small = gemm(2, 2, 2, name="h")  # 8 of 256 PEs at most
    spec = write(GEMM, small, constraints={"min_utilization": {"pe": 0.5}})
    assert run(spec, "--export", "timeloop", str(tmp_path / "t")) == 1
    assert "--export: layer 'h' is left out: no mapping was found" in capsys.readouterr().err
    assert {file.split("/")[0] for file in files_in(tmp_path / "t")} == {"g"}


def test_bad_exports_give_one_line_before_anything_is_searched(
    write: Write, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "dmaze.cli.verbs.solve_verb.solve_resolved", lambda *_, **__: pytest.fail("searched all the same")
    )
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "out")
    cases = [
        (["--export", "timelop", folder], "--export: unknown format 'timelop'; did you mean 'timeloop'?"),
        (["--export", "zigzag"], "--export: expected a format and a folder, got 'zigzag'"),
        (["--export", "zigzag", "--json"], "--export: expected a format and a folder, got 'zigzag'"),
        (["--export", "zigzag", str(tmp_path / "file")], f"expected a folder, but {tmp_path / 'file'} is a file"),
        (["--export", "zigzag", folder, "--export", "timeloop", folder], "expected a folder of its own for every"),
    ]
    for arguments, message in cases:
        assert run(write(), *arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
    assert run(write(MTTKRP), "--export", "zigzag", folder) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("--export zigzag: expected a layer that can be exported; of 'mttkrp', it has 4 tensors")
    assert not Path(folder).exists()


def test_a_folder_that_cannot_be_made_after_all_gives_one_line_and_the_result(
    write: Write, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert run(write(), "--export", "timeloop", str(tmp_path / "t")) == 2
    out, err = capsys.readouterr()
    assert "total with counts" in out
    (line,) = (line for line in err.splitlines() if not line.startswith("warning: --export timeloop: "))
    assert line == f"--export timeloop: cannot make the folder {tmp_path / 't' / 'g'}: No space left on device"


def nest(**indices: list[str]) -> Any:
    """A nest over a, b and c with the given tensors; the last one is the output."""
    last = list(indices)[-1]
    tensors = [{"name": name, "index": index, "output": name == last} for name, index in indices.items()]
    document = {"type": "loop_nest", "name": "n", "bounds": {"a": 2, "b": 3, "c": 4}, "tensors": tensors}
    return LoopNestLayer.model_validate(document).loop_nest()


@pytest.mark.parametrize(
    ("format_name", "indices", "why"),
    [
        ("timeloop", {"X": [], "Y": ["a", "b", "c"]}, "tensor X has no index"),
        ("timeloop", {"X": ["a - 2*b + c + 5"], "Y": ["a"]}, None),
        ("accelforge", {"X": ["a - b"], "Y": ["a", "c"]}, "tensor X has an index with a negative coefficient"),
        ("accelforge", {"X": ["a", "b"], "Y": ["a"]}, "dimension c indexes no tensor"),
        ("accelforge", {"Y": ["a", "b", "c"]}, "it has no operand that is read"),
        ("accelforge", {"X": ["3"], "Y": ["a", "b", "c"]}, "tensor X has no index"),
        ("accelforge", {"X": ["3*a + 2*b + c", "a"], "Y": ["a", "a"]}, None),
        ("zigzag", {"X": ["a + b + c"], "Z": ["a"], "Y": ["a"]}, "tensor X has an index of 3 dimensions, and ZigZag"),
        ("zigzag", {"X": ["2*a"], "Z": ["b"], "Y": ["c"]}, "tensor X has an index of one dimension times 2"),
        ("zigzag", {"X": ["a + b"], "Z": ["b + c"], "Y": ["c"]}, "tensors X and Z both have an index of several"),
        ("zigzag", {"X": ["a + b", "b"], "Z": ["b"], "Y": ["c"]}, "tensor X is indexed twice by one dimension"),
        ("zigzag", {"X": ["a - b"], "Z": ["b"], "Y": ["c"]}, "tensor X has an index with a negative coefficient"),
        ("zigzag", {"X": ["a + 2*b"], "Z": ["b"], "Y": ["c", "0"]}, None),
        ("dmazerunner", {"X": ["a"], "Z": ["b"], "Y": ["c"]}, "dMazeRunner knows convolutions without dilation"),
    ],
)
def test_what_a_format_cannot_express_is_said(format_name: str, indices: dict[str, list[str]], why: str | None) -> None:
    found = FORMATS[format_name].why_not(nest(**indices))
    assert found is None if why is None else found is not None and found.startswith(why)


def test_dmazerunner_knows_neither_dilation_nor_groups_nor_batches() -> None:
    conv = mapped(C7D).nest
    assert FORMATS["dmazerunner"].why_not(conv) is None
    size = {"in_channels": 4, "out_channels": 4, "in_height": 9, "in_width": 9, "kernel_height": 3, "kernel_width": 3}
    for fields in ({"dilation": 2}, {"groups": 2}):
        other = Conv2d.model_validate({"type": "conv2d", "name": "c", "batch": 1, **size, **fields})
        assert FORMATS["dmazerunner"].why_not(other.loop_nest()) is not None
    assert FORMATS["dmazerunner"].why_not(gemm_nest(2, 2, 2, batch=2)) is not None


# What stands in the files


def test_headers_say_what_the_format_cannot() -> None:
    layer = mapped(C7D, count=3)
    texts = {name: "\n".join(FORMATS[name].files([layer]).values()) for name in FORMATS}
    for name in ("timeloop", "accelforge", "zigzag"):
        for phrase in ("DMA start-up cycles", "SPM banks", "constants in indices"):
            assert phrase in texts[name], (name, phrase)
    assert "Ox = P, Oy = Q, Fx = R, Fy = S" in texts["timeloop"]
    assert "N = B, M = K, Ox = OY, Oy = OX, Fx = FY, Fy = FX" in texts["zigzag"]
    assert "It reads no file of this kind" in texts["dmazerunner"]
    assert "The layer occurs 3 times." in texts["timeloop"]


def test_a_skip_is_said_to_be_left_out_where_the_format_has_none() -> None:
    mapping = {"tiling": {"M": {"dram": 4}, "N": {"rf": 6}, "K": {"dram": 2, "rf": 4}}}
    orders = {"dram_order": ["N", "M", "K"], "spm_order": ["M", "N", "K"]}
    layer = mapped({**mapping, **orders}, Gemm(type="gemm", name="g", m=4, n=6, k=8))
    assert [layer.nest.tensors[t].name for t in layer.skipped] == ["C"]
    (text,) = (text for path, text in FORMATS["accelforge"].files([layer]).items() if path.endswith("mapping.yaml"))
    assert "C stays in the register files across SPM passes" in text


def test_dmazerunner_files_are_read_back_as_the_same_machine_and_network(tmp_path: Path) -> None:
    dims = {"N": {"dram": 2}, "C": {"dram": 6}, "Ox": {"rf": 7}, "Oy": {"spm": 7}, "Fx": {"rf": 3}, "Fy": {"rf": 3}}
    depthwise = Conv2d.model_validate(
        {
            "type": "conv2d",
            "name": "dw",
            "batch": 2,
            "out_channels": 6,
            "in_channels": 6,
            "groups": 6,
            "in_height": 15,
            "in_width": 14,
            "kernel_height": 3,
            "kernel_width": 3,
            "stride": 2,
            "padding": [0, 1],
        }
    )
    orders = {"dram_order": list(dims), "spm_order": list(dims)}
    layers = [mapped(C7D), mapped({"tiling": dims, **orders}, depthwise, count=2)]
    for name, text in FORMATS["dmazerunner"].files(layers).items():
        (tmp_path / name).write_text(text)
    machine = resolve_architecture("arch_spec.json", tmp_path)
    assert machine.model_copy(update={"name": reference_machine().name}) == reference_machine()
    network = resolve_workload("network.json", tmp_path)
    assert [layer.count for layer in network.layers] == [1, 2]
    assert [layer.loop_nest().key for layer in network.layers] == [layer.nest.key for layer in layers]
    methods = (tmp_path / "execution_methods.txt").read_text()
    assert "Tiling factors (DRAM, SPM, RF, SPATIAL): ((1, 32, 32, 1, 1, 1, 1), (4, 1, 1, 1, 1, 1, 1), " in methods
    assert 'layer.set_tiling("M", [1, 1, 1, 1])' in methods  # which a depthwise convolution has there


@pytest.mark.parametrize(
    ("format_name", "least"), [("timeloop", 35), ("accelforge", 25), ("zigzag", 25), ("dmazerunner", 15)]
)
def test_what_is_exported_of_any_nest_is_yaml_or_json(format_name: str, least: int) -> None:
    exported = 0
    for seed in range(40):
        random = Random(seed)
        layer = random_mapping(random, random_nest(random, Size(macs=1 << 24)))
        if FORMATS[format_name].why_not(layer.nest) is not None:
            continue
        exported += 1
        for path, text in FORMATS[format_name].files([layer]).items():
            if path.endswith(".yaml"):
                assert parsed(text), f"seed {seed}, {path}"
                comments = [line for line in text.splitlines() if line[:1] == "#"]
                assert comments, f"seed {seed}, {path}"
                assert all(line.isascii() and len(line) <= 120 for line in comments), f"seed {seed}, {path}"
            elif path.endswith(".json"):
                assert json.loads(text), f"seed {seed}, {path}"
            else:
                assert path == "execution_methods.txt"
    assert exported >= least


# Names and text


@given(st.lists(st.text(max_size=100), min_size=1, max_size=8, unique=True))
def test_file_names_are_safe_and_distinct(names: list[str]) -> None:
    chosen = list(file_names(names).values())
    assert len({name.lower() for name in chosen}) == len(names)
    for name in chosen:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert not name.startswith((".", "-"))
        assert 0 < len(name) < 100


def test_dimensions_get_their_own_letter_where_they_can() -> None:
    def letters(*names: str) -> tuple[str, ...] | None:
        tensors = [{"name": "T", "index": list(names), "output": True}]
        document = {"type": "loop_nest", "name": "n", "bounds": dict.fromkeys(names, 2), "tensors": tensors}
        return dimension_letters(LoopNestLayer.model_validate(document).loop_nest())

    assert letters("N", "Ox", "Fx", "Batch") == ("N", "P", "R", "B")
    assert letters("p", "Ox", "P", "head") == ("P", "A", "B", "C")
    assert letters(*(f"d{number}" for number in range(26))) == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert letters(*(f"d{number}" for number in range(27))) is None


SCALARS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.text())
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), st.lists(st.text(), max_size=3))
def test_yaml_text_is_read_back_as_the_same_data(document: dict[str, Any], comments: list[str]) -> None:
    assert yaml.safe_load(yaml_text(document, comments)) == document


@pytest.mark.parametrize(
    "value", [1, [1, 2], {"a": 1}, {"a": {"b": {"ı" * 200: [3, {"c": 4}]}}}, [{"ı" * 200: {"b": 5}}]]
)
@pytest.mark.parametrize("length", [1022, 1023, 5000])
def test_a_key_may_be_longer_than_yaml_takes_on_one_line(length: int, value: Any) -> None:
    key = " " * length
    for document in ({key: value, "next": 1}, {"outer": {key: value}}, {"outer": [{key: value}, 2]}):
        assert yaml.safe_load(yaml_text(document, [])) == document


def test_yaml_is_laid_out_for_readers() -> None:
    document = {"nodes": [Tagged("!Storage", {"tensors": ["I", "W"], "component": "DRAM"}), {"a": 1}], "price": 1e-9}
    assert yaml_text(document, ["a {{ b }}", ""]) == (
        "# a (( b ))\n#\nnodes:\n- !Storage {tensors: [I, W], component: DRAM}\n- {a: 1}\nprice: 1.0e-09\n"
    )


def test_pairs_are_joined_only_where_they_are_pairs() -> None:
    assert with_pairs_joined(["--export", "a", "b", "--export", "c", "d", "s"]) == [
        "--export",
        "a=b",
        "--export",
        "c=d",
        "s",
    ]
    assert with_pairs_joined(["s", "--export", "a"]) == ["s", "--export", "a"]
    assert with_pairs_joined(["--export=a=b", "s", "t"]) == ["--export=a=b", "s", "t"]


def test_a_machine_without_limits_on_its_dma_is_exported() -> None:
    free = {
        **reference_machine().model_dump(),
        "pes": 1,
        "dma": {"init_cycles": 0, "cycles_per_byte": 0, "clock_mhz": 1},
    }
    layer = random_mapping(Random(1), gemm_nest(2, 2, 2), Architecture(**free))
    texts = {name: "".join(FORMATS[name].files([layer]).values()) for name in FORMATS}
    assert "read_bandwidth: 3," in texts["timeloop"]
    assert "{name: read, energy: 200.0, throughput: inf, bits_per_action: 16}" in texts["accelforge"]
