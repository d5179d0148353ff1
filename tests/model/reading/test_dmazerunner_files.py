"""dMazeRunner's own files are read as they are, and its malformed ones give faults in their own words."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from dmaze.model.dmazerunner.architecture import AccessEnergy, Architecture, Dma, Spm
from dmaze.model.documents.spec import LayerList
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.layers import Conv2d, Gemm
from dmaze.model.reading.loading import load_spec, resolve_architecture, resolve_workload
from paths import DATA
from reference import load

MODELS = sorted(path.stem for path in (DATA / "models").glob("*.json"))
CONV = {"name": "c", "size_tensor_A": [2, 3, 9, 8], "size_tensor_B": [4, 3, 3, 2], "strides": [2, 1], "instances": 5}
DEPTHWISE = {"name": "d", "size_tensor_A": [1, 6, 5, 5], "size_tensor_B": [1, 6, 3, 3], "strides": [1, 1]}
GEMM = {"name": "g", "size_tensor_A": [7, 11], "size_tensor_B": [11, 13]}


def read(folder: Path, document: Any) -> LayerList:
    (folder / "net.json").write_text(json.dumps(document), encoding="utf-8")
    return resolve_workload("net.json", folder)


def read_arch(folder: Path, document: Any) -> Architecture:
    (folder / "arch.json").write_text(json.dumps(document), encoding="utf-8")
    return resolve_architecture("arch.json", folder)


def without(layer: dict[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key != field}


def arch_spec(part: str, **fields: Any) -> Any:
    document = copy.deepcopy(load("arch_spec.json"))
    document[part].update(fields)
    return document


def test_the_published_architecture_is_the_built_in_one() -> None:
    published = resolve_architecture("arch_spec.json", DATA)
    assert published == resolve_architecture("dmazerunner-256pe", DATA)
    assert published == Architecture(
        name="dmazerunner-256pe",
        pes=256,
        rf_bytes_per_pe=512,
        spm=Spm(banks=32, bytes_per_bank=2048),
        bytes_per_element=2,
        clock_mhz=500,
        dma=Dma(init_cycles=291, cycles_per_byte=0.24, clock_mhz=3200),
        access_energy_pj=AccessEnergy(rf=0.96, noc=2, spm=13.5, dram=200, mac=0.075),
    )


def test_the_built_in_architecture_file_is_the_contracts_example() -> None:
    assert resolve_architecture("dmazerunner-256pe", DATA).model_dump() == {
        "name": "dmazerunner-256pe",
        "pes": 256,
        "rf_bytes_per_pe": 512,
        "spm": {"banks": 32, "bytes_per_bank": 2048},
        "bytes_per_element": 2,
        "clock_mhz": 500,
        "dma": {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200},
        "access_energy_pj": {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.075},
    }


@pytest.mark.parametrize("model", MODELS)
def test_a_published_model_has_its_layers_in_order(model: str) -> None:
    document = load(f"models/{model}.json")
    network = resolve_workload(f"models/{model}.json", DATA)
    listed = [layer for kind in document.values() for layer in kind]
    assert network.name == model
    assert network.batch == 1
    assert [layer.name for layer in network.layers] == [layer["name"] for layer in listed]
    assert [layer.count for layer in network.layers] == [layer.get("instances", 1) for layer in listed]
    for layer, published in zip(network.layers, listed, strict=True):
        sizes = {tensor.name: tensor.shape for tensor in layer.loop_nest().tensors}
        first, second = (sizes["I"], sizes["W"]) if isinstance(layer, Conv2d) else (sizes["A"], sizes["B"])
        assert list(first) == published["size_tensor_A"]
        assert list(second) in (published["size_tensor_B"], published["size_tensor_B"][1:])


def test_eight_published_models_are_read() -> None:
    assert len(MODELS) == 8


def test_sizes_mean_what_dmazerunner_means(tmp_path: Path) -> None:
    network = read(tmp_path, {"CONV": [CONV], "DW_CONV": [DEPTHWISE], "GEMM": [GEMM]})
    conv, depthwise, gemm = network.layers
    assert isinstance(conv, Conv2d)
    assert conv.bounds() == {"N": 2, "M": 4, "C": 3, "Ox": (9 - 3) // 2 + 1, "Oy": 8 - 2 + 1, "Fx": 3, "Fy": 2}
    assert (conv.count, conv.padding) == (5, 0)
    assert depthwise.bounds() == {"N": 1, "C": 6, "Ox": 3, "Oy": 3, "Fx": 3, "Fy": 3}
    assert isinstance(gemm, Gemm)
    assert gemm.bounds() == {"M": 7, "N": 13, "K": 11}


def test_layers_keep_the_order_of_the_file(tmp_path: Path) -> None:
    network = read(tmp_path, {"GEMM": [GEMM], "CONV": [CONV]})
    assert [layer.name for layer in network.layers] == ["g", "c"]


def test_the_batch_is_that_of_the_convolutions(tmp_path: Path) -> None:
    other = {**CONV, "name": "e", "size_tensor_A": [4, 3, 9, 8]}
    assert read(tmp_path, {"CONV": [CONV], "GEMM": [GEMM]}).batch == 2
    assert read(tmp_path, {"CONV": [CONV, other]}).batch == 1
    assert read(tmp_path, {"GEMM": [GEMM]}).batch == 1


def test_repeated_names_are_numbered(tmp_path: Path) -> None:
    names = ["a", "a#2", "a", "a", "b"]
    network = read(tmp_path, {"GEMM": [{**GEMM, "name": name} for name in names]})
    assert [layer.name for layer in network.layers] == ["a", "a#2", "a#3", "a#4", "b"]


def test_a_published_model_can_be_mapped_at_another_batch(tmp_path: Path) -> None:
    reference = {"network": str(DATA / "models" / "alexnet.json"), "batch": 3}
    spec = {"architecture": str(DATA / "arch_spec.json"), "workload": reference}
    (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    workload = load_spec(tmp_path / "spec.json").workload
    assert isinstance(workload, LayerList)
    assert {layer.bounds().get("N" if isinstance(layer, Conv2d) else "M") for layer in workload.layers} == {3}


BAD_NETWORKS: dict[str, tuple[Any, str, str]] = {
    "inner sizes differ": (
        {"GEMM": [GEMM, {**GEMM, "size_tensor_B": [12, 13]}]},
        "GEMM[1].size_tensor_B[0]",
        "expected the columns of size_tensor_A, 11, got 12",
    ),
    "channels differ": (
        {"CONV": [{**CONV, "size_tensor_B": [4, 4, 3, 2]}]},
        "CONV[0].size_tensor_B[1]",
        "expected the channels of size_tensor_A, 3, got 4",
    ),
    "several filters per channel": (
        {"DW_CONV": [{**DEPTHWISE, "size_tensor_B": [2, 6, 3, 3]}]},
        "DW_CONV[0].size_tensor_B[0]",
        "expected 1, a filter for each channel, got 2",
    ),
    "kernel beyond the input": (
        {"GEMM": [GEMM], "CONV": [CONV, {**CONV, "name": "e", "size_tensor_B": [4, 3, 3, 9]}]},
        "CONV[1].size_tensor_B[3]",
        "expected a kernel within the padded input of 8, but it spans 9",
    ),
    "too many operations": (
        {"GEMM": [{"name": "g", "size_tensor_A": [2**20, 2**20], "size_tensor_B": [2**20, 2**20]}]},
        "GEMM[0]",
        "expected at most 2**48",
    ),
    "a size missing": ({"CONV": [{**CONV, "size_tensor_A": [1, 2, 3]}]}, "CONV[0].size_tensor_A[3]", "but missing"),
    "a size of 0": ({"GEMM": [{**GEMM, "size_tensor_A": [0, 11]}]}, "GEMM[0].size_tensor_A[0]", "at least 1, got 0"),
    "no strides": ({"CONV": [without(CONV, "strides")]}, "CONV[0].strides", "expected, but missing"),
    "no name": ({"GEMM": [without(GEMM, "name")]}, "GEMM[0].name", "expected, but missing"),
    "half an instance": ({"GEMM": [{**GEMM, "instances": 0.5}]}, "GEMM[0].instances", "expected an integer, got 0.5"),
    "an object for a list": ({"GEMM": {"g": GEMM}}, "GEMM", "expected a list, got an object"),
    "no layers": ({"CONV": [], "GEMM": []}, "", "expected layers in CONV, DW_CONV, GEMM, but there are none"),
}


@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_a_bad_network_gives_one_fault_in_its_own_words(name: str, tmp_path: Path) -> None:
    document, place, fragment = BAD_NETWORKS[name]
    with pytest.raises(InputError) as caught:
        read(tmp_path, document)
    (fault,) = caught.value.faults
    assert (fault.file, fault.place) == (str(tmp_path / "net.json"), place)
    assert fragment in fault.message


BAD_ARCHITECTURES: dict[str, tuple[Any, str, str]] = {
    "element sizes differ": (arch_spec("arch_basic", BYTES_PER_DATA=4), "arch_basic.BYTES_PER_DATA", "2, got 4"),
    "not pipelined": (arch_spec("arch_details", pe_pipelined=False), "arch_details.pe_pipelined", "not modelled"),
    "no PEs": (arch_spec("arch_basic", CGRA_SIZE=0), "arch_basic.CGRA_SIZE", "at least 1, got 0"),
    "text for a price": (arch_spec("arch_details", rf_energy="x"), "arch_details.rf_energy", "expected a number"),
    "half of it": ({"arch_basic": load("arch_spec.json")["arch_basic"]}, "arch_details", "expected, but missing"),
}


@pytest.mark.parametrize("name", BAD_ARCHITECTURES)
def test_a_bad_architecture_gives_one_fault_in_its_own_words(name: str, tmp_path: Path) -> None:
    document, place, fragment = BAD_ARCHITECTURES[name]
    with pytest.raises(InputError) as caught:
        read_arch(tmp_path, document)
    (fault,) = caught.value.faults
    assert (fault.file, fault.place) == (str(tmp_path / "arch.json"), place)
    assert fragment in fault.message


def test_fields_that_nobody_uses_are_skipped(tmp_path: Path) -> None:
    network = read(tmp_path, {"GEMM": [{**GEMM, "comment": "x", "names_repeated_layers": []}], "source": "y"})
    assert len(network.layers) == 1
    assert read_arch(tmp_path, arch_spec("arch_details", technology_nm=28)).pes == 256


def test_what_matters_and_is_not_modelled_is_warned_about(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match=r"net\.json: POOL: layers of this kind are not modelled and left out"):
        read(tmp_path, {"GEMM": [GEMM], "POOL": [{"name": "p"}]})
    with pytest.warns(InputWarning, match=r"arch\.json: arch_details\.pe_pipeline_stages: "):
        read_arch(tmp_path, arch_spec("arch_details", pe_pipeline_stages=4))
    with pytest.warns(InputWarning, match=r"arch\.json: arch_basic\.PE_UTILIZATION: .* constraints of the spec"):
        read_arch(tmp_path, arch_spec("arch_basic", PE_UTILIZATION=0.8))
