"""Timeloop problems and mappings and ZigZag workloads become layers and requests; what we have not is refused."""

from __future__ import annotations

import builtins
import json
import random
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from dmaze.cli.main import main
from dmaze.model import InputError, evaluate, load_request
from dmaze.model.documents.spec import LayerList
from dmaze.model.faults import InputWarning
from dmaze.model.layers import Layer
from dmaze.model.reading.interop.foreign_layers import read_layer, read_layers
from dmaze.model.reading.loading import load_spec
from interop_cases import C7D, INTEROP, mapped

Output = pytest.CaptureFixture[str]

CONV1D = """
problem:
  shape:
    name: Conv1D_OC
    dimensions: [C, K, R, P]
    data-spaces:
    - {name: Weights, projection: [[[C]], [[K]], [[R]]]}
    - {name: Inputs, projection: [[[C]], [[R], [P]]]}
    - {name: Outputs, projection: [[[K]], [[P]]], read-write: True}
  instance: {C: 32, K: 32, R: 3, P: 16}
"""
"""The layer of exercise 04 of Timeloop's ISPASS 2020 tutorial, in the words of v0.2."""

WEIGHT_STATIONARY = """
mapping:
- {target: MainMemory, type: temporal, factors: R=1 P=1 K=1 C=1, permutation: PRKC}
- {target: GlobalBuffer, type: temporal, factors: R=3 P=1 K=32 C=2, permutation: PRKC}
- {target: GlobalBuffer, type: spatial, factors: R=1 P=1 K=1 C=16, permutation: PRKC}
- {target: RegisterFile, type: temporal, factors: R=1 P=16 K=1 C=1, permutation: RPKC}
"""
"""Its weight-stationary mapping with input channels over 16 PEs."""


def written(folder: Path, **texts: str) -> list[Path]:
    """Files NAME.yaml with the given texts."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
    return [folder / f"{name}.yaml" for name in texts]


def layer_of(folder: Path, text: str) -> Layer:
    (path,) = written(folder, layer=text)
    (layer,) = read_layers(path).layers
    return layer


def nest_text(layer: Layer) -> str:
    """A layer's bounds and tensors in one line."""
    document = layer.model_dump(by_alias=True)
    tensors = [f"{t['name']}[{', '.join(t['index'])}]{' =' if t['output'] else ''}" for t in document["tensors"]]
    return f"{document['bounds']} {' '.join(tensors)}"


CONV1D_NEST = "{'C': 32, 'K': 32, 'R': 3, 'P': 16} Weights[C, K, R] Inputs[C, R + P] Outputs[K, P] ="


# Published exercises


def test_a_published_exercise_goes_into_evaluate(tmp_path: Path, capsys: Output) -> None:
    files = [str(path) for path in written(tmp_path, problem=CONV1D, map=WEIGHT_STATIONARY)]
    request = tmp_path / "request.json"
    assert main(["import", *files, "--out", str(request)]) == 0
    assert capsys.readouterr() == (f"{request}: use it with dmaze-solve evaluate {request}\n", "")
    assert main(["import", *files]) == 0
    assert capsys.readouterr() == (request.read_text(), "")
    (mapping,) = json.loads(request.read_text())["mappings"]
    assert mapping["tiling"] == {
        "C": {"dram": 1, "spm": 2, "rf": 1, "spatial": 16},
        "K": {"dram": 1, "spm": 32, "rf": 1, "spatial": 1},
        "R": {"dram": 1, "spm": 3, "rf": 1, "spatial": 1},
        "P": {"dram": 1, "spm": 1, "rf": 16, "spatial": 1},
    }
    assert mapping["spm_order"] == ["C", "K", "R", "P"]  # PRKC is innermost first
    assert main(["evaluate", str(request), "--json", "--detail"]) == 0
    (cost,) = json.loads(capsys.readouterr().out)["costs"]
    assert cost["fits"] == {"spatial": True, "rf": True, "spm": True}
    assert cost["footprint_elements"]["rf"] == {"Weights": 1, "Inputs": 16, "Outputs": 16}
    assert cost["footprint_elements"]["pe_array"] == {"Weights": 16, "Inputs": 16 * 16, "Outputs": 16}


def test_the_reference_files_are_the_layer_and_mapping_that_we_export() -> None:
    imported = read_layer([INTEROP / "timeloop_problem.yaml", INTEROP / "timeloop_mapping.yaml"])
    ours = mapped(C7D)
    nest = imported.layer.loop_nest()
    assert nest.dims == ("N", "M", "C", "P", "Q", "R", "S")
    assert nest.bounds == ours.nest.bounds
    assert imported.mapping is not None
    rows = zip(*ours.mapping.tiling.levels, strict=True)
    assert [tuple(f.model_dump().values()) for f in imported.mapping.tiling.values()] == list(rows)


def test_the_reference_zigzag_workload_is_the_convolution() -> None:
    (layer,) = read_layers(INTEROP / "zigzag_workload.yaml").layers
    assert nest_text(layer) == (
        "{'B': 4, 'K': 512, 'C': 512, 'OY': 7, 'OX': 7, 'FY': 3, 'FX': 3} "
        "O[B, K, OY, OX] = W[K, C, FY, FX] I[B, C, OY + FY, OX + FX]"
    )
    assert layer.loop_nest().num_macs == mapped(C7D).nest.num_macs


# Timeloop problems


def test_all_ways_to_write_a_problem_are_read(tmp_path: Path) -> None:
    assert nest_text(layer_of(tmp_path, CONV1D)) == CONV1D_NEST
    modern = CONV1D.replace("data-spaces", "data_spaces").replace("read-write", "read_write")
    assert nest_text(layer_of(tmp_path, modern.replace("problem:", "problem:\n  version: 0.4"))) == CONV1D_NEST
    short = modern.replace("[[[C]], [[K]], [[R]]]", "[C, K, R]").replace("[[[K]], [[P]]]", "[K, P]")
    assert nest_text(layer_of(tmp_path, short)) == CONV1D_NEST


def test_coefficients_have_defaults_that_the_instance_overrides(tmp_path: Path) -> None:
    text = """
    problem:
      shape:
        dimensions: [P, R]
        coefficients: [{name: stride, default: 2}, {name: back, default: 1}, {name: none, default: 0}]
        data_spaces:
        - {name: I, projection: [[[P, stride], [R, back]], [[R, none]], [[P, 3]]]}
        - {name: O, projection: [[[P]]], read_write: true}
      instance: {P: 4, R: 3, back: -1}
    """
    assert nest_text(layer_of(tmp_path, text)) == "{'P': 4, 'R': 3} I[2*P - R, 0*R, 3*P] O[P] ="


def test_shapes_that_timeloop_ships_may_be_named(tmp_path: Path) -> None:
    text = "problem: {shape: cnn-layer, R: 3, S: 2, P: 7, Q: 5, C: 8, K: 16, N: 1, Wstride: 2, Hdilation: 3}"
    assert nest_text(layer_of(tmp_path, text)) == (
        "{'R': 3, 'S': 2, 'P': 7, 'Q': 5, 'C': 8, 'K': 16, 'N': 1} "
        "Weights[C, K, R, S] Inputs[N, C, R + 2*P, 3*S + Q] Outputs[N, K, Q, P] ="
    )


def test_includes_and_merge_keys_of_published_layer_shapes_are_carried_out(tmp_path: Path) -> None:
    base = """
    problem_base_ignore: &problem_base
      version: 0.4
      instance: {C: 1, M: 1, P: 1, stride: 1}
      shape:
        dimensions: [C, M, P]
        coefficients: [{name: stride, default: 1}]
        data_spaces:
        - {name: W, projection: [[[C]], [[M]]]}
        - {name: I, projection: [[[C]], [[P, stride]]]}
        - {name: O, projection: [[[M]], [[P]]], read_write: true}
    """
    (tmp_path / "alexnet").mkdir()
    written(tmp_path, problem_base=base)
    layer = """\
    {{include_text('../problem_base.yaml')}}
    problem:
      <<<: *problem_base
      instance: {C: 8, P: 6, stride: 2}
    """
    found = layer_of(tmp_path / "alexnet", layer)
    assert nest_text(found) == "{'C': 8, 'M': 1, 'P': 6} W[C, M] I[C, 2*P] O[M, P] ="


def test_sparsity_is_warned_about(tmp_path: Path) -> None:
    text = CONV1D.replace("P: 16}", "P: 16, densities: {Inputs: 0.5}}")
    with pytest.warns(InputWarning, match=r"layer\.yaml: problem\.instance\.densities: sparsity is not modelled"):
        layer_of(tmp_path, text)


# Timeloop mappings


def mapping_of(folder: Path, text: str, problem: str = CONV1D, levels: tuple[str, ...] | None = None) -> dict[str, Any]:
    imported = read_layer(written(folder, problem=problem, map=text), levels=levels)
    assert imported.mapping is not None
    return imported.mapping.model_dump()


def test_all_ways_to_write_a_mapping_are_read(tmp_path: Path) -> None:
    expected = mapping_of(tmp_path, WEIGHT_STATIONARY)
    variants = {
        "no equals signs": WEIGHT_STATIONARY.replace("=", ""),
        "commas in permutations": WEIGHT_STATIONARY.replace("PRKC", '"P, R, K, C"').replace("RPKC", '"R,P,K,C"'),
        "trivial factors left out": WEIGHT_STATIONARY.replace("R=1 P=1 K=1 C=1,", '"",').replace("R=1 P=1 K=1 ", ""),
        "kept data spaces": WEIGHT_STATIONARY
        + "- {target: GlobalBuffer, type: dataspace, keep: [Weights], bypass: []}\n",
        "version and nodes": WEIGHT_STATIONARY.replace("mapping:", "mapping:\n  version: 0.4\n  nodes:").replace(
            "\n- ", "\n  - "
        ),
    }
    for name, text in variants.items():
        assert mapping_of(tmp_path, text) == expected, name
    lists = """
    mapping:
    - !Temporal {target: DRAM, factors: [C=1], permutation: [P, R, K, C]}
    - !Spatial {target: SPM, factors: [C=16]}
    - !Temporal {target: SPM, factors: {R: 3, K: 32, C: 2}, permutation: [P, R, K, C]}
    - !Temporal {target: RF, factors: [P=16]}
    """
    assert mapping_of(tmp_path, lists) == expected


def test_levels_are_told_by_name_number_or_option(tmp_path: Path) -> None:
    expected = mapping_of(tmp_path, WEIGHT_STATIONARY)
    numbered = WEIGHT_STATIONARY
    for name, number in (("MainMemory", 2), ("GlobalBuffer", 1), ("RegisterFile", 0)):
        numbered = numbered.replace(name, str(number))
    assert mapping_of(tmp_path, numbered) == expected
    strange = WEIGHT_STATIONARY.replace("MainMemory", "A").replace("GlobalBuffer", "B").replace("RegisterFile", "C")
    assert mapping_of(tmp_path, strange, levels=("A", "B", "C")) == expected
    spads = WEIGHT_STATIONARY.replace("MainMemory", "DRAM").replace("GlobalBuffer", "shared_glb")
    assert mapping_of(tmp_path, spads.replace("RegisterFile", "pe_spad")) == expected


def test_zero_stands_for_what_the_other_factors_leave(tmp_path: Path) -> None:
    text = WEIGHT_STATIONARY.replace("K=1 C=1,", "K=1 C=0,", 1).replace("C=2", "C=1")
    assert mapping_of(tmp_path, text)["tiling"]["C"] == {"dram": 2, "spm": 1, "rf": 1, "spatial": 16}


def test_a_machine_of_two_levels_is_ours_with_a_warning(tmp_path: Path) -> None:
    text = """
    mapping:
    - {target: MainMemory, type: temporal, factors: P=16 K=32, permutation: PKRC}
    - {target: Buffer, type: temporal, factors: R=3 C=32, permutation: RCPK}
    """
    with pytest.warns(InputWarning, match=r"map\.yaml: mapping: has no level for our rf; no loop iterates there"):
        mapping = mapping_of(tmp_path, text)
    assert mapping["tiling"]["C"] == {"dram": 1, "spm": 32, "rf": 1, "spatial": 1}
    assert (mapping["dram_order"], mapping["spm_order"]) == (("C", "R", "K", "P"), ("K", "P", "C", "R"))


def test_containers_between_the_levels_are_the_pes_with_a_warning(tmp_path: Path) -> None:
    text = """
    mapping:
    - {target: DRAM, type: temporal, factors: P=16 K=32 R=3, permutation: PKRC}
    - {target: shared_glb, type: temporal, factors: C=1, permutation: RCPK}
    - {target: PE_column, type: spatial, factors: C=4, permutation: C}
    - {target: PE, type: spatial, factors: C=8, permutation: C}
    - {target: PE, type: temporal, factors: C=1, permutation: C}
    - {target: pe_spad, type: temporal, factors: C=1, permutation: C}
    """
    with pytest.warns(InputWarning, match=r"'PE\w*' is taken to be the PEs between SPM and RF"):
        mapping = mapping_of(tmp_path, text)
    assert mapping["tiling"]["C"] == {"dram": 1, "spm": 1, "rf": 1, "spatial": 4 * 8}


def one_entry(**fields: Any) -> str:
    """A mapping that keeps all loops at DRAM, but for one entry besides."""
    whole = {"target": "DRAM", "type": "temporal", "factors": "C=32 K=32 R=3 P=16", "permutation": "CKRP"}
    return json.dumps({"mapping": [whole, fields]})


BAD_MAPPINGS = {
    "bypass": (
        one_entry(target="SPM", type="bypass", keep=["Weights"], bypass=["Outputs"]),
        "mapping[1].bypass: expected every tensor to be kept in SPM (spm), but Outputs bypasses it",
    ),
    "several scratchpads": (
        one_entry(target="DRAM", type="spatial", factors="C=2"),
        "mapping[1].factors: expected no loops over several scratchpads below DRAM; our machine has one",
    ),
    "vector PEs": (
        one_entry(target="RF", type="spatial", factors="C=2"),
        "mapping[1].factors: expected no loops over several multipliers in a PE below RF; our machine has one",
    ),
    "a level too many": (
        one_entry(target="L7", type="temporal", factors="C=2"),
        "mapping: cannot place level 'L7' beside DRAM as dram; without an architecture it is DRAM, SPM and RF "
        "(see --levels): give the mapping's architecture file, too",
    ),
    "remainders": (
        one_entry(target="SPM", type="temporal", factors=["C=5,2"]),
        "mapping[1].factors: expected a factor without a remainder, got 'C=5,2'; imperfect factors are not modelled",
    ),
    "product": (
        one_entry(target="SPM", type="temporal", factors="C=2", permutation="C"),
        "mapping: expected factors of C that multiply to its bound 32, got 32 (dram) * 2 (spm)",
    ),
    "unknown dimension": (
        one_entry(target="SPM", type="temporal", factors="X=2"),
        "mapping[1].factors: expected a factor such as C=2 of one of C, K, R, P, got 'X=2'",
    ),
    "a comparison": (
        one_entry(target="SPM", type="temporal", factors="C<=2"),
        "mapping[1].factors: expected a factor such as C=2 of one of C, K, R, P, got 'C<=2'",
    ),
    "factor twice": (
        one_entry(target="SPM", type="temporal", factors="C=1 C=1"),
        "mapping[1].factors: expected C once, but given more than once",
    ),
    "loops twice": (
        one_entry(target="DRAM", type="temporal", factors="C=1"),
        "mapping[1]: expected loops of DRAM once, but given twice",
    ),
    "permutation": (
        one_entry(target="SPM", type="temporal", factors="C=1", permutation="CC"),
        "mapping[1].permutation: expected each of C, K, R, P at most once, got 'CC'",
    ),
    "loop not placed": (
        json.dumps({"mapping": [{"target": "DRAM", "factors": "C=32 K=32 R=3 P=16", "permutation": "CRP"}]}),
        "mapping[0].permutation: expected every dimension that iterates, but K is left out",
    ),
    "unknown type": (
        one_entry(target="SPM", type="utilization"),
        "mapping[1].type: expected temporal, spatial, datatype, dataspace or bypass, got 'utilization'",
    ),
    "no target": (one_entry(type="temporal"), "mapping[1].target: expected a name, got null"),
    "text for an entry": ("mapping: [DRAM]", "mapping[0]: expected an object, got 'DRAM'"),
    "number for factors": (
        one_entry(target="SPM", type="temporal", factors=3),
        "mapping[1].factors: expected text or a list, got 3",
    ),
}


@pytest.mark.parametrize("name", BAD_MAPPINGS)
def test_a_bad_mapping_gives_one_fault_with_place_and_reason(name: str, tmp_path: Path) -> None:
    text, message = BAD_MAPPINGS[name]
    with pytest.raises(InputError) as caught:
        mapping_of(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'map.yaml'}: {message}"


BAD_PROBLEMS = {
    "a number for a shape": ("problem: {shape: 3, instance: {C: 1}}", "problem.shape: expected an object, got 3"),
    "unknown shape": (
        "problem: {shape: cnn-layr}",
        "problem.shape: unknown shape 'cnn-layr'; did you mean 'cnn-layer'?, or the shape itself",
    ),
    "no bound": (CONV1D.replace("C: 32, ", ""), "problem.instance.C: expected, but missing"),
    "text for a bound": (CONV1D.replace("C: 32", "C: many"), "problem.instance.C: expected an integer, got 'many'"),
    "zero for a bound": (
        CONV1D.replace("C: 32", "C: 0"),
        "problem.instance.C: expected an integer of at least 1, got 0",
    ),
    "unknown dimension": (
        CONV1D.replace("[[R], [P]]", "[[R], [X]]"),
        "problem.shape.data_spaces[1].projection[1]: expected [dimension] or [dimension, coefficient] with one of "
        "C, K, R, P, got [X]",
    ),
    "unknown coefficient": (
        CONV1D.replace("[[R], [P]]", "[[R], [P, stride]]"),
        "problem.shape.data_spaces[1].projection[1]: unknown coefficient 'stride'; expected one of (none)",
    ),
    "product of dimensions": (
        CONV1D.replace("[[R], [P]]", "[[R, P, C]]"),
        "problem.shape.data_spaces[1].projection[1]: expected [dimension] or [dimension, coefficient] with one of "
        "C, K, R, P, got [R, P, C]",
    ),
    "two outputs": (
        CONV1D.replace("[[R], [P]]]}", "[[R], [P]]], read_write: true}"),
        "problem.shape.data_spaces: expected exactly one with output: true, got 2",
    ),
    "flattened": (
        CONV1D.replace("name: Conv1D_OC", "flatten: [{name: X, dimensions: [C, K]}]"),
        "problem.shape.flatten: expected none; flattened dimensions are not affine",
    ),
    "a list for an instance": (
        CONV1D.replace("{C: 32, K: 32, R: 3, P: 16}", "[1, 2]"),
        "problem.instance: expected an object, got a list",
    ),
    "Jinja": ("problem: {{shape}}", "line 1: expected plain YAML; of Jinja templates only {{include_text('FILE')}} is"),
    "not YAML": ("problem: [", "line 2 column 1: expected YAML (did not find expected node content)"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2 column 1: expected YAML (but found another document)"),
    "something else": ("architecture: {version: 0.4}", "expected a Timeloop problem (problem: shape, instance) or a"),
    "a number": ("3", "expected a Timeloop problem"),
    "nothing": ("", "expected a Timeloop problem"),
    "a key that is no text": ("problem: {3: 4}", "problem: expected text for every key, got 3"),
    "an unhashable key": ("? [a]\n: 3\n", "line 1 column 3: expected YAML (found unhashable key)"),
    "aliases without end": ("&a [*a]", "expected at most 200000 values nested at most 50 deep"),
    "aliases of aliases": (
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "expected at most 200000 values nested at most 50 deep",
    ),
    "an include that is missing": (
        "{{include_text('no.yaml')}}",
        "include_text: expected a file, but there is none at",
    ),
    "an include in a circle": (
        "{{include_text('layer.yaml')}}",
        "include_text: expected files that do not include each other in a circle",
    ),
}


@pytest.mark.parametrize("name", BAD_PROBLEMS)
def test_a_bad_problem_gives_one_fault_with_place_and_reason(name: str, tmp_path: Path) -> None:
    text, message = BAD_PROBLEMS[name]
    with pytest.raises(InputError) as caught:
        layer_of(tmp_path, text)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"{tmp_path / 'layer.yaml'}: {message}"), str(fault)


def test_files_that_are_no_text_or_not_there_give_one_fault(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name, message in (
        ("binary", "expected YAML in UTF-8, but byte 0 is not UTF-8"),
        ("no", "expected a file, but"),
    ):
        with pytest.raises(InputError, match=message):
            read_layers(tmp_path / f"{name}.yaml")


def test_the_files_of_an_import_are_one_layer_and_at_most_one_mapping(tmp_path: Path) -> None:
    problem, other, one, two = written(tmp_path, p=CONV1D, q=CONV1D, m=WEIGHT_STATIONARY, n=WEIGHT_STATIONARY)
    for paths, message in (
        ([one], "expected one file with a Timeloop problem .* got 0"),
        ([problem, other], "got 2"),
        ([problem, one, two], r"n\.yaml: mapping: expected none beside that of .*m\.yaml"),
    ):
        with pytest.raises(InputError, match=message):
            read_layer(paths)
    assert read_layer([problem]).mapping is None
    (both,) = written(tmp_path, both=CONV1D + WEIGHT_STATIONARY)
    together, apart = read_layer([both]), read_layer([problem, one])
    assert (nest_text(together.layer), together.mapping) == (nest_text(apart.layer), apart.mapping)


# ZigZag workloads

WORKLOAD = """
- id: 0
  name: first
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy = 2 * oy + fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 64, 3, 112, 112, 7, 7]
  operand_precision: {W: 8, I: 8, O: 8, O_final: 8}
  padding: [[3, 2], [3, 2]]
- id: 1
  operator_type: Pooling
  equation: O[b][g][oy][ox]+=W[fx][fy]*I[b][g][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, G, OY, OX, FX, FY]
  loop_sizes: [1, 64, 56, 56, 3, 3]
- id: 2
  operator_type: Add
  equation: O[b][g]=W[b][g]+I[b][g]
  loop_dims: [B, G]
  loop_sizes: [1, 64]
- id: 3
  operator_type: Gemm
  equation: O[b][k]+=I[b][c]*W[c][k]
  dimension_relations: []
  loop_dims: [B, C, K]
  loop_sizes: [512, 256, 128]
"""


def workload_of(folder: Path, text: str) -> LayerList:
    (path,) = written(folder, net=text)
    return read_layers(path)


def test_zigzag_layers_are_read_and_what_does_not_multiply_is_warned_about(tmp_path: Path) -> None:
    with pytest.warns(InputWarning) as caught:
        network = workload_of(tmp_path, WORKLOAD)
    assert [str(warning.message) for warning in caught] == [
        f"{tmp_path / 'net.yaml'}: 1 of operator Pooling left out: not a sum of products",
        f"{tmp_path / 'net.yaml'}: 1 of operator Add left out: not a sum of products",
    ]
    assert [layer.name for layer in network.layers] == ["first", "Gemm_3"]
    assert [nest_text(layer) for layer in network.layers] == [
        "{'B': 1, 'K': 64, 'C': 3, 'OY': 112, 'OX': 112, 'FY': 7, 'FX': 7} "
        "O[B, K, OY, OX] = W[K, C, FY, FX] I[B, C, 2*OY + FY, 2*OX + FX]",
        "{'B': 512, 'C': 256, 'K': 128} O[B, K] = I[B, C] W[C, K]",
    ]


def test_zigzag_element_sizes_that_differ_are_warned_about(tmp_path: Path) -> None:
    (layer,) = [part for part in WORKLOAD.split("\n- id") if "Gemm" in part]
    text = f"- id{layer}  operand_precision: {{W: 8, I: 8, O: 32, O_final: 8}}\n"
    with pytest.warns(InputWarning, match="operands of 8, 32 bits; every element has the architecture's size instead"):
        workload_of(tmp_path, text)


BAD_WORKLOADS = {
    "sizes": (
        "[{equation: 'O[b]+=W[b]*I[b]', loop_dims: [B], loop_sizes: [1, 2]}]",
        "[0].loop_sizes: expected 1 sizes, got 2",
    ),
    "unknown index": (
        "[{equation: 'O[b]+=W[b]*I[x]', loop_dims: [B], loop_sizes: [2]}]",
        "[0].equation: unknown index 'x'; expected one of b",
    ),
    "relation": (
        "[{equation: 'O[b]+=W[b]*I[x]', dimension_relations: [x], loop_dims: [B], loop_sizes: [2]}]",
        "[0].dimension_relations: expected a relation such as ix=1*ox+1*fx, got 'x'",
    ),
    "product": (
        "[{equation: 'O[b]+=W[b]*I[x]', dimension_relations: ['x=b*c'], loop_dims: [B, C], loop_sizes: [2, 2]}]",
        "[0].equation: expected an integer times one of B, C, got 'B*C'; a product of dimensions is not affine",
    ),
    "nothing to map": (
        "[{operator_type: Add, equation: 'O[b]=W[b]+I[b]', loop_dims: [B], loop_sizes: [2]}]",
        "expected a layer that multiplies and accumulates, but there is none",
    ),
    "bound": (
        "[{operator_type: Add, equation: 'O[b]=W[b]+I[b]', loop_dims: [B], loop_sizes: [2]},"
        " {equation: 'O[b]+=W[b]*I[b]', loop_dims: [B], loop_sizes: [0]}]",
        "[1].loop_sizes.B: expected an integer of at least 1, got 0",
    ),
    "no dims": ("[{equation: 'O[b]+=W[b]*I[b]', loop_sizes: [2]}]", "[0].loop_dims: expected, but missing"),
}


@pytest.mark.parametrize("name", BAD_WORKLOADS)
@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_a_bad_workload_gives_one_fault_with_place_and_reason(name: str, tmp_path: Path) -> None:
    text, message = BAD_WORKLOADS[name]
    with pytest.raises(InputError) as caught:
        workload_of(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / 'net.yaml'}: {message}"


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_whatever_is_broken_in_a_file_is_an_input_error(tmp_path: Path) -> None:
    texts = [CONV1D, WORKLOAD, CONV1D + WEIGHT_STATIONARY]
    draw = random.Random(0)
    for _ in range(300):
        text = draw.choice(texts)
        start = draw.randrange(len(text))
        broken = (
            text[:start]
            + draw.choice(("", "- ", "{", "]", ": ", "9", "\n", "null", "x="))
            + text[start + draw.randrange(4) :]
        )
        (path,) = written(tmp_path, broken=broken)
        with suppress(InputError):
            read_layer([path], name="first" if text is WORKLOAD else None)


# Specs and the command line


def test_a_workload_may_be_another_tools_file(tmp_path: Path) -> None:
    written(tmp_path, problem=CONV1D)
    for workload in ("problem.yaml", {"network": "problem.yaml"}):
        path = tmp_path / "spec.json"
        path.write_text(json.dumps({"architecture": "dmazerunner-256pe", "workload": workload}))
        spec = load_spec(path)
        assert isinstance(spec.workload, LayerList)
        assert [nest_text(layer) for layer in spec.workload.layers] == [CONV1D_NEST]
    path.write_text(json.dumps({"architecture": "dmazerunner-256pe", "workload": "no.yaml"}))
    with pytest.raises(InputError, match=r"no\.yaml: expected a file, but there is none"):
        load_spec(path)


def test_the_verb_prints_a_request_with_the_layer_that_is_asked_for(tmp_path: Path, capsys: Output) -> None:
    (path,) = written(tmp_path, net=WORKLOAD)
    assert main(["import", str(path), "--layer", "Gemm_3", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err.count("warning: ") == 2
    request = json.loads(out)
    assert (request["architecture"], request["layer"]["name"], request["mappings"]) == (
        "dmazerunner-256pe",
        "Gemm_3",
        [],
    )


def test_an_architecture_that_is_not_built_in_goes_into_the_request(tmp_path: Path, capsys: Output) -> None:
    machine = mapped(C7D).architecture.model_copy(update={"name": "mine", "pes": 16})
    (tmp_path / "mine.json").write_text(machine.model_dump_json())
    files = [str(path) for path in written(tmp_path, problem=CONV1D, map=WEIGHT_STATIONARY)]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    request = elsewhere / "request.json"
    assert main(["import", *files, "--architecture", str(tmp_path / "mine.json"), "--out", str(request)]) == 0
    capsys.readouterr()
    loaded = load_request(request)
    assert loaded.architecture == machine
    (cost,) = evaluate(loaded).costs
    assert cost.fits.spatial


def test_bad_imports_give_one_line_and_exit_2(tmp_path: Path, capsys: Output) -> None:
    problem, mapping, net = (str(p) for p in written(tmp_path, p=CONV1D, m=WEIGHT_STATIONARY, net=WORKLOAD))
    cases = [
        ([problem, mapping, "--levels", "A,B"], "--levels: expected three names such as DRAM,SPM,RF, got 'A,B'"),
        ([problem, mapping, "--levels", "A,B,C"], "mapping: cannot place level 'GlobalBuffer' beside none"),
        ([problem, "--architecture", "no.json"], "--architecture: expected a file, but there is none at "),
        ([problem, "--layer", "q"], "p.yaml: --layer: unknown layer 'q'; expected one of p"),
        ([net], "net.yaml: --layer: expected, for there are 2 layers: first, Gemm_3"),
        ([], "dmaze-solve: Missing argument 'FILE...'; see dmaze-solve import --help"),
    ]
    for arguments, message in cases:
        assert main(["import", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = [line for line in err.splitlines() if not line.startswith("warning: ")]
        assert message in line


def test_without_pyyaml_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_yaml(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(InputError, match=r"reading YAML needs PyYAML: pip install 'dmaze-solve\[interop\]'"):
        layer_of(tmp_path, CONV1D)
