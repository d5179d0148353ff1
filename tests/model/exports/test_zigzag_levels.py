"""Mappings onto hierarchies as files of ZigZag: the way back, and what ZigZag itself counts where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dmaze.model import Machine
from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.exports.levels.zigzag_levels import export_level_files, why_not_levels
from dmaze.model.faults import InputWarning
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.reading.designs.zigzag_design import read_zigzag_design
from dmaze.model.reading.interop.imported_design import ImportedDesign
from interop_cases import CONV
from level_exports import MACHINE, MAPPING, mapped_levels, random_mapped_levels
from zigzag_runs import (
    SHARED,
    SPLIT,
    Words,
    expected_energy_pj,
    expected_words,
    has_holes,
    our_words,
    rounding_pj,
    run_zigzag,
    shares_windows,
    without_what_zigzag_has_not,
)


def read_back(layer: MappedLevels, folder: Path, accelerator: str) -> ImportedDesign:
    for name, text in export_level_files(layer).items():
        (folder / name).write_text(text, encoding="utf-8")
    design = read_zigzag_design([folder / name for name in ("workload.yaml", f"{accelerator}.yaml", "mapping.yaml")])
    assert design is not None
    return design


def read_words(design: ImportedDesign) -> Words:
    """Words by level and operand; of a memory such as L1_i the level is L1."""
    nest, mapping, machine = design.layer.loop_nest(), design.mapping, design.machine_of_mapping
    assert mapping is not None
    assert machine is not None
    cost = MODEL.cost(nest, machine, MODEL.mapping_of(nest, machine, mapping))
    return {
        (machine.nodes[node].name.partition("_")[0], tensor.name): access
        for node, of_node in enumerate(cost.accesses)
        for tensor, access in zip(nest.tensors, of_node or (None,) * 3, strict=True)
        if access is not None
    }


def expressible(layers: Iterator[MappedLevels]) -> Iterator[MappedLevels]:
    """Those that the format can say and that have loops in time, on their machines without what it cannot say."""
    for layer in layers:
        in_time = any(layer.loops(level) for level in layer.machine.levels)
        if in_time and why_not_levels(layer.nest, layer.machine) is None:
            yield without_what_zigzag_has_not(layer)


@pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning")
def test_a_mapping_read_back_moves_the_same_words_at_every_level(tmp_path: Path) -> None:
    count = 0
    for layer in expressible(random_mapped_levels(range(100))):
        design = read_back(layer, tmp_path, SPLIT)
        assert read_words(design) == our_words(layer)
        count += 1
    assert count > 20


def test_a_machine_read_back_is_the_same(tmp_path: Path) -> None:
    nodes = [
        {"storage": "DRAM", "read_pj": 200, "write_pj": 210, "bandwidth": 8},
        {"storage": "GLB", "capacity_bytes": 65536, "buffers": 2, "read_pj": 6, "write_pj": 7},
        *({"fanout": name, "size": size} for name, size in (("X", 16), ("Y", 8))),
        {"storage": "WRF", "capacity_bytes": 512, "read_pj": 0.5},
        {"storage": "RF", "capacity_bytes": 192, "read_pj": 0.25, "write_pj": 0.5},
    ]
    for node in (nodes[1], *nodes[4:]):
        node |= {"read_bandwidth": 4, "write_bandwidth": 2}
    keep = {"GLB": ["I", "O"], "WRF": ["W"], "RF": ["I", "O"]}
    tiling = {
        dim: {"WRF" if n == "weights-RF" else n: f for n, f in of.items()} for dim, of in MAPPING["tiling"].items()
    }
    orders = {"WRF" if level == "weights-RF" else level: dims for level, dims in MAPPING["orders"].items()}
    layer = mapped_levels({**MACHINE, "nodes": nodes}, {"tiling": tiling, "orders": orders, "keep": keep})
    with pytest.warns(
        InputWarning, match="operands have different loops at a memory: the mapping is onto a level for each"
    ):
        machine = read_back(layer, tmp_path, SHARED).machine
    kept = {level: {name: "must" if name in names else "never" for name in "IWO"} for level, names in keep.items()}
    fanouts = {"X": "D1", "Y": "D2"}
    every = dict.fromkeys(("O", "W", "I"))
    expected = [
        {"fanout": fanouts[node["fanout"]], "size": node["size"]}
        if "fanout" in node
        else {
            **node,
            **{price: dict.fromkeys(every, float(node.get(price, 0))) for price in ("read_pj", "write_pj")},
            **({"keep": kept[node["storage"]]} if node["storage"] in kept else {}),
        }
        for node in nodes
    ]
    assert [node.model_dump(exclude_unset=True) for node in machine.nodes] == expected
    assert (machine.mac_pj, machine.bytes_per_element) == (0.125, {"O": 2, "W": 2, "I": 2})


def test_a_mapping_read_back_costs_the_same(tmp_path: Path) -> None:
    layer = without_what_zigzag_has_not(mapped_levels())
    design = read_back(layer, tmp_path, SPLIT)
    assert design.mapping is not None
    found = MODEL.evaluated(design.layer.loop_nest(), design.machine, design.mapping)
    assert found.energy_pj == pytest.approx(layer.cost("executed").energy_pj, rel=1e-12)


def test_what_zigzag_cannot_express_is_refused_with_its_reason() -> None:
    def refusal(*fanouts: dict[str, Any]) -> str | None:
        nest = CONV.loop_nest()
        machine = Machine.model_validate({**MACHINE, "nodes": [*MACHINE["nodes"][:2], *fanouts]})
        return why_not_levels(nest, resolved_machine(machine, nest))

    one_to_one = {"fanout": "Z", "size": 2, "multicast": {"I": False, "*": True}}
    assert refusal(one_to_one) == "Z does not multicast I"
    many = [{"fanout": f"X{number}", "size": 2} for number in range(5)]
    assert refusal(*many) == "there are 5 fanouts, and ZigZag's mappings name 4"
    assert refusal(*many[:4]) is None


needs_zigzag = pytest.mark.skipif(not importlib.util.find_spec("zigzag"), reason="zigzag-dse is not installed")


@needs_zigzag
@pytest.mark.filterwarnings("ignore")
def test_zigzag_counts_the_words_and_the_energy_that_we_say_it_counts(tmp_path: Path) -> None:
    count = 0
    for layer in [without_what_zigzag_has_not(mapped_levels()), *expressible(random_mapped_levels(range(120)))]:
        if not has_holes(layer):
            run = run_zigzag(layer, tmp_path, SPLIT)
            assert run is not None
            assert run.words == expected_words(layer)
            assert run.computing_cycles == layer.cost("executed").roofline["compute"]
            if not shares_windows(layer):
                missing_pj = expected_energy_pj(layer) - run.energy_pj
                assert -1e-6 <= missing_pj <= rounding_pj(layer)
            count += 1
    assert count > 12


@needs_zigzag
@pytest.mark.filterwarnings("ignore")
def test_the_allocator_that_we_read_orders_by_is_that_of_zigzag(tmp_path: Path) -> None:
    count = 0
    for layer in expressible(random_mapped_levels(range(120))):
        run = None if has_holes(layer) else run_zigzag(layer, tmp_path, SHARED)
        design = read_back(layer, tmp_path, SHARED)
        if run is not None and design.mapping is not None:
            read = {place: access for place, access in read_words(design).items() if place[1] != "O"}
            assert read == {place: access for place, access in run.words.items() if place[1] != "O"}
            count += 1
    assert count > 12
