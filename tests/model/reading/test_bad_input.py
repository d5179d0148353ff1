"""Every malformed spec gives exactly one line for each fault: its file, its place, and what was expected."""

from __future__ import annotations

import copy
import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alterations import JUNK, altered
from dmaze.model.faults import DmazeError, InputError
from dmaze.model.reading.loading import load_spec
from machines import SMALL

ARCHITECTURE: dict[str, Any] = {
    **SMALL,
    "pes": 16,
    "rf_bytes_per_pe": 64,
    "spm": {"banks": 8, "bytes_per_bank": 256},
}
CONV: dict[str, Any] = {
    "type": "conv2d",
    "name": "conv",
    "batch": 4,
    "out_channels": 64,
    "in_channels": 32,
    "in_height": 7,
    "in_width": 7,
    "kernel_height": 3,
    "kernel_width": 3,
    "padding": 1,
}
GEMM: dict[str, Any] = {"type": "gemm", "name": "gemm", "m": 6, "n": 8, "k": 10}
NEST: dict[str, Any] = {
    "type": "loop_nest",
    "name": "nest",
    "bounds": {"i": 4, "j": 6},
    "tensors": [
        {"name": "A", "index": ["i + j"]},
        {"name": "B", "index": ["i"], "output": True},
    ],
}
LAYER = "workload.layers[0]"


def spec(**fields: Any) -> dict[str, Any]:
    return {"architecture": ARCHITECTURE, "workload": {"layers": [CONV]}, **fields}


def layers(*given: dict[str, Any]) -> dict[str, Any]:
    return spec(workload={"layers": list(given)})


def conv(**fields: Any) -> dict[str, Any]:
    return layers({**CONV, **fields})


def gemm(**fields: Any) -> dict[str, Any]:
    return layers({**GEMM, **fields})


def nest(**fields: Any) -> dict[str, Any]:
    return layers({**NEST, **fields})


def tensors(*given: dict[str, Any]) -> dict[str, Any]:
    return nest(tensors=list(given))


def architecture(**fields: Any) -> dict[str, Any]:
    return spec(architecture={**ARCHITECTURE, **fields})


def constraints(*given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**layers(*(given or (CONV,))), "constraints": fields}


def without(document: dict[str, Any], *path: str | int) -> dict[str, Any]:
    """The document without the member at a path."""
    changed: Any = copy.deepcopy(document)
    owner = changed
    for part in path[:-1]:
        owner = owner[part]
    del owner[path[-1]]
    return changed


Line = tuple[str, str] | tuple[str, str, str]
"""Place and a fragment of the message; before them the file, where it is not the spec."""


@dataclass(frozen=True)
class Case:
    name: str
    spec: Any
    lines: tuple[Line, ...]
    files: dict[str, Any] = field(default_factory=dict)


def case(name: str, document: Any, *lines: Line, **files: Any) -> Case:
    return Case(name, document, lines, {key.replace("_json", ".json"): content for key, content in files.items()})


FILE_CASES = [
    case("empty file", b"", ("", "expected a JSON object, but the file is empty")),
    case("blank file", b" \n\n", ("", "the file is empty")),
    case("not JSON", b'{"name": "x",\n  "workload" = 3}', ("line 2 column 14", "expected JSON (Expecting ':'")),
    case("text after the object", b"{} {}", ("line 1 column 4", "expected JSON (Extra data)")),
    case("binary", b"\x7fELF\x02\x01\x00\xff\xfe", ("", "expected JSON in UTF-8, but byte 7 is not UTF-8")),
    case("zero bytes", b"\x00\x00\x00", ("line 1 column 1", "expected JSON")),
    case("a list", b"[1, 2]", ("", "expected an object at the top level, got a list")),
    case("a number", b"3", ("", "expected an object at the top level, got 3")),
    case("null", b"null", ("", "expected an object at the top level, got null")),
    case("lists nested without end", b'{"name": ' + b"[" * 100_000, ("", "nested at most 50 deep")),
    case("deep nesting", b'{"name": ' + b"[" * 60 + b"]" * 60 + b"}", ("", "nested at most 50 deep")),
    case(
        "keys given twice",
        b'{"name": "a", "solver": {"seed": 1, "seed": 2}, "name": "b"}',
        ("name", "expected once, but given more than once"),
        ("solver.seed", "expected once, but given more than once"),
    ),
]

FIELD_CASES = [
    case("no fields", {}, ("architecture", "expected, but missing"), ("workload", "expected, but missing")),
    case("unknown field", spec(objectve="edp"), ("objectve", "unknown field; did you mean 'objective'?")),
    case("far-off field", spec(zzz=1), ("zzz", "unknown field; expected one of name, architecture, workload")),
    case("unknown field of a layer", conv(strides=2), (f"{LAYER}.strides", "did you mean 'stride'?")),
    case("unknown field of a nested object", spec(solver={"timelimit": 3}), ("solver.timelimit", "'time_limit_s'?")),
    case("misspelt field that is needed", without(gemm(kk=10), "workload", "layers", 0, "k"), (f"{LAYER}.kk", "'k'?")),
    case("unknown field beside layers", spec(workload={"layers": [CONV], "netwrk": 1}), ("workload.netwrk", "unknown")),
    case(
        "unknown field of a network reference",
        spec(workload={"network": "resnet18", "bacth": 4}),
        ("workload.bacth", "did you mean 'batch'?"),
    ),
    case("a field with a line break", spec(**{"a\nb": 1}), ("['a\nb']", "unknown field")),
    case("an empty field", conv(**{"": 1}), (f"{LAYER}['']", "unknown field")),
    case("text for a number", conv(batch="4"), (f"{LAYER}.batch", "expected an integer, got '4'")),
    case("boolean for a number", conv(batch=True), (f"{LAYER}.batch", "expected an integer, got true")),
    case("fraction for a count", conv(batch=2.0), (f"{LAYER}.batch", "expected an integer, got 2.0")),
    case("null for a number", conv(batch=None), (f"{LAYER}.batch", "expected an integer, got null")),
    case("object for a number", architecture(pes={}), ("architecture.pes", "expected an integer, got an object")),
    case("number for a flag", constraints(no_spatial_reduction=1), ("constraints.no_spatial_reduction", "true or")),
    case("number for a name", conv(name=7), (f"{LAYER}.name", "expected text, got 7")),
    case("number for a layer", spec(workload={"layers": [5]}), (LAYER, "expected an object, got 5")),
    case("number for a workload", spec(workload=5), ("workload", "expected an object, got 5")),
    case("object for layers", spec(workload={"layers": {}}), ("workload.layers", "expected a list, got an object")),
    case("empty name", conv(name=""), (f"{LAYER}.name", "expected text of at least 1 character, got ''")),
    case("lone surrogate", conv(name="\ud800"), (f"{LAYER}.name", "expected valid Unicode, got a lone surrogate")),
    case(
        "lone surrogate in a key", spec(**{"\ud800": 1}), ("['\ud800']", "expected valid Unicode, got a lone surrogate")
    ),
    case("negative", conv(batch=-1), (f"{LAYER}.batch", "expected an integer of at least 1, got -1")),
    case("zero", architecture(pes=0), ("architecture.pes", "expected an integer of at least 1, got 0")),
    case(
        "zero clock",
        architecture(clock_mhz=0),
        ("architecture.clock_mhz", "expected a clock from 0.001 to 1,000,000 MHz, got 0.0"),
    ),
    case("NaN", architecture(clock_mhz=float("nan")), ("architecture.clock_mhz", "a finite number, got NaN")),
    case("NaN for a count", conv(batch=float("nan")), (f"{LAYER}.batch", "expected an integer, got NaN")),
    case("Infinity", architecture(clock_mhz=float("inf")), ("architecture.clock_mhz", "finite number, got Infinity")),
    case(
        "1e400",
        json.dumps(architecture()).replace("3200", "1e400").encode(),
        ("architecture.dma.clock_mhz", "expected a finite number, got Infinity (a number beyond 1.8e308)"),
    ),
    case("beyond 32 bits", conv(batch=2**31), (f"{LAYER}.batch", "of at most 2147483647, got 2147483648")),
    case("beyond 64 bits", conv(batch=10**30), (f"{LAYER}.batch", "an integer of at most 2147483647, got 1000")),
    case(
        "5,000 digits",
        json.dumps(conv()).replace('"batch": 4', '"batch": ' + "9" * 5000).encode(),
        (f"{LAYER}.batch", "expected an integer, got Infinity (a number beyond 1.8e308)"),
    ),
    case(
        "product of bounds too large",
        gemm(m=2**20, n=2**20, k=2**20),
        (LAYER, f"expected at most 2**48 = {2**48} multiply-accumulates, got {2**60}"),
    ),
    case(
        "tensor with holes too large",
        layers({**CONV, "in_height": 2**30, "in_width": 2**30, "stride": 2**29, "batch": 1, "in_channels": 1}),
        ("workload", f"expected tensors that span at most 2**48 = {2**48} elements"),
    ),
    case("utilisation above 1", constraints(min_utilization={"pe": 1.5}), ("constraints.min_utilization.pe", "most 1")),
    case("no stride", conv(stride=0), (f"{LAYER}.stride", "expected an integer of at least 1, got 0")),
    case("text for a stride", conv(stride="a"), (f"{LAYER}.stride", "expected an integer or a list, got 'a'")),
    case("negative stride in a pair", conv(stride=[1, -1]), (f"{LAYER}.stride[1]", "of at least 1, got -1")),
    case("three strides", conv(stride=[1, 2, 3]), (f"{LAYER}.stride", "expected 2 or fewer entries, got 3")),
    case("one stride in a pair", conv(stride=[1]), (f"{LAYER}.stride[1]", "expected, but missing")),
    case("unknown objective", spec(objective="epd"), ("objective", "got 'epd'; did you mean 'edp'?")),
    case("unknown layer type", conv(type="conv-2d"), (f"{LAYER}.type", "got 'conv-2d'; did you mean 'conv2d'?")),
    case("no layer type", without(conv(), "workload", "layers", 0, "type"), (f"{LAYER}.type", "expected, but missing")),
    case("no layers", spec(workload={"layers": []}), ("workload.layers", "expected 1 or more entries, got 0")),
    case("empty workload", spec(workload={}), ("workload.layers", "expected, but missing")),
    case(
        "three faults of one file",
        {**conv(batch=0), "objective": "speed", "solver": {"top_k": 0}},
        (f"{LAYER}.batch", "got 0"),
        ("objective", "got 'speed'"),
        ("solver.top_k", "at least 1, got 0"),
    ),
    case(
        "fault of a field and an unknown name",
        {"architecture": "nowhere", "workload": "resnet81", "seed": 1},
        ("seed", "unknown field"),
        ("architecture", "unknown name 'nowhere'"),
        ("workload", "unknown name 'resnet81'"),
    ),
]

LAYER_CASES = [
    case(
        "kernel beyond the input", conv(kernel_height=10), (f"{LAYER}.kernel_height", "the padded input of 9, but it")
    ),
    case("dilated kernel beyond the input", conv(dilation=[1, 5]), (f"{LAYER}.kernel_width", "but it spans 11")),
    case("groups that do not divide", conv(groups=3), (f"{LAYER}.groups", "expected a divisor of in_channels 32")),
    case("one name twice", layers(CONV, GEMM, CONV), ("workload.layers[2].name", "no other layer has, got 'conv'")),
    case("no dimensions", nest(bounds={}), (f"{LAYER}.bounds", "expected 1 or more entries, got 0")),
    case("strange dimension", nest(bounds={"i": 2, "2j": 1}), (f"{LAYER}.bounds", "letters, digits and underscores")),
    case("no tensors", tensors(), (f"{LAYER}.tensors", "expected 1 or more entries, got 0")),
    case(
        "no output",
        tensors({"name": "A", "index": ["i"]}),
        (f"{LAYER}.tensors", "expected exactly one with output: true, got 0"),
    ),
    case(
        "two outputs",
        tensors({"name": "A", "index": ["i"], "output": True}, {"name": "B", "index": ["j"], "output": True}),
        (f"{LAYER}.tensors", "expected exactly one with output: true, got 2"),
    ),
    case(
        "one tensor twice",
        tensors({"name": "A", "index": ["i"], "output": True}, {"name": "A", "index": ["j"]}),
        (f"{LAYER}.tensors", "expected distinct names"),
    ),
    case(
        "index that is not affine",
        tensors({"name": "A", "index": ["i", "i*j"], "output": True}),
        (f"{LAYER}.tensors[0].index[1]", "expected an integer times one of i, j, got 'i*j'"),
    ),
    case(
        "index of an unknown dimension",
        tensors({"name": "A", "index": ["2*i + k"], "output": True}),
        (f"{LAYER}.tensors[0].index[0]", "expected an integer times one of i, j, got 'k'"),
    ),
    case(
        "empty term",
        tensors({"name": "A", "index": ["i + - j"], "output": True}),
        (f"{LAYER}.tensors[0].index[0]", "expected a"),
    ),
    case(
        "shape below what is reached",
        tensors({"name": "A", "index": ["i + j"], "shape": [8], "output": True}),
        (f"{LAYER}.tensors[0].shape", "expected at least [9], which the index reaches"),
    ),
    case(
        "shape of other rank",
        tensors({"name": "A", "index": ["i"], "shape": [4, 1], "output": True}),
        (f"{LAYER}.tensors[0].shape", "expected 1 sizes, one per index, got 2"),
    ),
    case(
        "multiple beyond 32 bits",
        nest(bounds={"i": 1, "j": 6}, tensors=[{"name": "A", "index": ["9000000000*i"], "output": True}]),
        ("workload", "expected multiples of dimensions of at most 2147483647 in an index, got 9000000000"),
    ),
]

REFERENCE_CASES = [
    case("unknown architecture", spec(architecture="dmazerunner-265pe"), ("architecture", "mean 'dmazerunner-256pe'?")),
    case("unknown network", spec(workload="resnet_18"), ("workload", "'resnet_18'; did you mean 'resnet18'?")),
    case("unknown network by reference", spec(workload={"network": "vgg61"}), ("workload.network", "mean 'vgg16'?")),
    case(
        "missing architecture file", spec(architecture="a.json"), ("architecture", "expected a file, but there is no")
    ),
    case("missing network file", spec(workload="nets/a.json"), ("workload", "expected a file, but there is none at ")),
    case("a folder as network", spec(workload="./"), ("workload", "expected files of layers (.yaml, .yml or .onnx)")),
    case("a path that cannot be one", spec(workload="a\0b"), ("workload", "expected a readable file (embedded null")),
    case("ONNX", spec(workload="net.onnx"), ("workload", "expected an ONNX file, but there is none at ")),
    case(
        "broken network file",
        spec(workload="net.json"),
        ("net.json", "line 1 column 2", "expected JSON"),
        net_json=b"{layers}",
    ),
    case(
        "fault within a network file",
        spec(workload={"network": "net.json"}),
        ("net.json", "layers[0].stride", "expected an integer of at least 1, got -1"),
        net_json={"layers": [{**CONV, "stride": -1}]},
    ),
    case(
        "faults in both files",
        spec(architecture="arch.json", workload="net.json"),
        ("arch.json", "pes", "expected an integer of at least 1, got 0"),
        ("net.json", "layers[0].m", "expected, but missing"),
        arch_json={**ARCHITECTURE, "pes": 0},
        net_json={"layers": [{"type": "gemm", "name": "g", "n": 1, "k": 1}]},
    ),
    case("zero batch", spec(workload={"network": "resnet18", "batch": 0}), ("workload.batch", "at least 1, got 0")),
    case(
        "batch too large",
        spec(workload={"network": "vgg16", "batch": 2**30}),
        ("workload.batch", "layer 'features.0': expected at most 2**48"),
    ),
    case(
        "rows that the batch does not divide",
        spec(workload={"network": "net.json", "batch": 1}),
        ("workload.batch", "layer 'gemm': m: expected a multiple of the network's own batch 4 to change it, got 6"),
        net_json={"batch": 4, "layers": [GEMM]},
    ),
    case(
        "batch of a general nest",
        spec(workload={"network": "net.json", "batch": 2}),
        ("workload.batch", "layer 'nest': a loop_nest has no batch"),
        net_json={"layers": [NEST]},
    ),
]

CONSTRAINT_CASES = [
    case(
        "unknown fixed dimension",
        constraints(fixed={"Fz": {"rf": 1}}),
        ("constraints.fixed.Fz", "unknown dimension 'Fz'; expected one of N, M, C, Ox, Oy, Fx, Fy"),
    ),
    case(
        "unknown spatial dimension",
        constraints(spatial_dims=["M", "ox", "K"]),
        ("constraints.spatial_dims[1]", "unknown dimension 'ox'; did you mean 'Ox'?"),
        ("constraints.spatial_dims[2]", "unknown dimension 'K'; expected one of N, M, C, Ox, Oy, Fx, Fy"),
    ),
    case("unknown level", constraints(fixed={"M": {"drma": 2}}), ("constraints.fixed.M.drma", "mean 'dram'?")),
    case(
        "a clock that is none",
        architecture(clock_mhz=1e-300),
        ("architecture.clock_mhz", "expected a clock from 0.001 to 1,000,000 MHz, got 1e-300"),
    ),
    case(
        "a DMA clock beyond all clocks",
        architecture(dma={"init_cycles": 1, "cycles_per_byte": 1, "clock_mhz": 1e9}),
        ("architecture.dma.clock_mhz", "expected a clock from 0.001 to 1,000,000 MHz, got 1000000000.0"),
    ),
    case(
        "a price beyond all prices",
        architecture(dma={"init_cycles": 1e10, "cycles_per_byte": 1, "clock_mhz": 1}),
        ("architecture.dma.init_cycles", "expected a number of at most 1e+09, got 10000000000.0"),
    ),
    case(
        "more words than can be counted",
        constraints(
            {
                "type": "loop_nest",
                "name": "x",
                "bounds": {"i": 2, "j": 2**30},
                "tensors": [
                    {"name": "A", "index": ["8388609*i + j"]},
                    {"name": "O", "index": ["j"], "output": True},
                ],
            }
        ),
        ("workload", "of which no mapping moves more than 2**53 = 9007199254740992 words, got up to 900720"),
    ),
    case("factor of 0", constraints(fixed={"M": {"dram": 0}}), ("constraints.fixed.M.dram", "at least 1, got 0")),
    case(
        "preset with what it sets",
        constraints(preset="dmazerunner-auto", no_spatial_reduction=True),
        ("constraints.preset", "expected without no_spatial_reduction, which it sets"),
    ),
    case("unknown preset", constraints(preset="auto"), ("constraints.preset", "'dmazerunner-auto', got 'auto'")),
    case(
        "clashes of several kinds",
        {
            **constraints(spatial_dims=["Q"], fixed={"M": {"rf": 7}, "P": {"rf": 1}}),
        },
        ("constraints.spatial_dims[0]", "unknown dimension 'Q'"),
        ("constraints.fixed.P", "unknown dimension 'P'"),
    ),
]

CASES = [*FILE_CASES, *FIELD_CASES, *LAYER_CASES, *REFERENCE_CASES, *CONSTRAINT_CASES]


def write(path: Path, content: Any) -> None:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.parametrize("bad", CASES, ids=[bad.name for bad in CASES])
def test_a_bad_spec_gives_one_line_for_each_fault(bad: Case, tmp_path: Path) -> None:
    write(tmp_path / "spec.json", bad.spec)
    for name, content in bad.files.items():
        write(tmp_path / name, content)
    with pytest.raises(InputError) as caught:
        load_spec(tmp_path / "spec.json")
    got = sorted((Path(fault.file or "").name, fault.place, fault.message) for fault in caught.value.faults)
    expected = sorted(line if len(line) == 3 else ("spec.json", *line) for line in bad.lines)
    assert [line[:2] for line in got] == [line[:2] for line in expected]
    for (_, _, message), (_, _, fragment) in zip(got, expected, strict=True):
        assert fragment in message
    printed = str(caught.value).split("\n")
    assert len(printed) == len(bad.lines)
    assert all(line.isprintable() and line.startswith(str(tmp_path)) for line in printed)


def test_the_cases_have_distinct_names() -> None:
    assert len({bad.name for bad in CASES}) == len(CASES) >= 90


def test_the_base_documents_of_the_cases_are_good(tmp_path: Path) -> None:
    write(tmp_path / "spec.json", layers(CONV, GEMM, NEST))
    assert len(load_spec(tmp_path / "spec.json").workload.layers) == 3


def test_a_missing_file_and_a_directory_are_faults_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: expected a file, but there is none$"):
        load_spec(tmp_path / "none.json")
    with pytest.raises(InputError, match=r": architecture: expected, but missing$"):
        load_spec(tmp_path)  # a folder may hold layers
    write(tmp_path / "spec.json", spec(architecture="./"))
    with pytest.raises(InputError, match=r": architecture: expected a file, but it is a directory at "):
        load_spec(tmp_path / "spec.json")
    with pytest.raises(InputError, match=r"expected a readable file \(File name too long\)$"):
        load_spec(tmp_path / ("x" * 5000))


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "spec.json").touch()
    os.truncate(tmp_path / "spec.json", 2**26 + 1)
    with pytest.raises(InputError, match=r"spec\.json: expected a file of at most 67108864 bytes"):
        load_spec(tmp_path / "spec.json")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path / "spec.json", b"\xef\xbb\xbf" + json.dumps(spec()).encode())
    assert load_spec(tmp_path / "spec.json").name is None


ODD_KEYS = ("layers", "network", "object", "name", "conv2d", "a.b", "[key]", "")
ODD_VALUES: list[Any] = [
    *JUNK,
    *("conv2d", "network", "i + j", "resnet18", "resnet18.json", "/", ".."),
    *({"layers": []}, {"network": "alexnet"}, {"type": "gemm"}),
]


def test_whatever_is_altered_in_a_spec_no_error_but_an_input_error_comes_out(tmp_path: Path) -> None:
    rng = random.Random(0)
    good = {**layers(CONV, GEMM, NEST), "constraints": {"fixed": {"M": {"rf": 2}}, "spatial_dims": ["M", "i"]}}
    errors: list[InputError] = []
    for _ in range(500):
        write(tmp_path / "spec.json", altered(altered(good, rng, ODD_KEYS, ODD_VALUES), rng, ODD_KEYS, ODD_VALUES))
        try:
            load_spec(tmp_path / "spec.json")
        except InputError as error:
            errors.append(error)
    assert len(errors) > 400
    for error in errors:
        lines = str(error).split("\n")
        assert len(lines) == len(error.faults) > 0
        assert all(line.isprintable() for line in lines)
        assert len({(fault.file, fault.place) for fault in error.faults}) == len(error.faults)


def test_long_values_are_shortened(tmp_path: Path) -> None:
    write(tmp_path / "spec.json", spec(objective="e" * 10_000, **{"k" * 10_000: 1}))
    with pytest.raises(DmazeError) as caught:
        load_spec(tmp_path / "spec.json")
    assert all(len(line) < 800 for line in str(caught.value).splitlines())
