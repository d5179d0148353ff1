"""Mappings onto hierarchies as files of other tools: golden files, the way back, and what cannot be said."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dmaze.model import Machine
from dmaze.model.exports.accelforge import AccelForgeNames
from dmaze.model.exports.formats import export_formats
from dmaze.model.exports.levels import accelforge_levels
from dmaze.model.exports.levels.mapped_levels import MappedLevels
from dmaze.model.exports.levels.timeloop_levels import export_level_files, why_not_levels
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.reading.interop.imported_design import ImportedDesign
from dmaze.model.reading.timeloop_files.timeloop_design import read_design
from golden import Golden
from interop_cases import CONV, parsed
from level_exports import MACHINE, mapped_levels, random_mapped_levels
from timeloop_statistics import level_statistics, total_cycles

FORMATS = [name for name, each in export_formats().items() if each.hierarchies is not None]


def written(layer: MappedLevels, folder: Path) -> list[Path]:
    """The files that Timeloop gets."""
    files = export_level_files(layer)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def read_back(layer: MappedLevels, folder: Path) -> ImportedDesign:
    design = read_design(written(layer, folder))
    assert design is not None
    return design


@pytest.mark.parametrize("name", FORMATS)
def test_the_exported_files_are_the_golden_ones_to_the_letter(name: str, golden: Golden) -> None:
    hierarchies = export_formats()[name].hierarchies
    assert hierarchies is not None
    golden.check_folder(f"exports/rows/{name}", dict(hierarchies.files([mapped_levels()])))


def test_an_exported_mapping_read_back_costs_the_same_to_the_last_digit(tmp_path: Path) -> None:
    count = 0
    for layer in [mapped_levels(), *random_mapped_levels(range(150))]:
        if why_not_levels(layer.nest, layer.machine) is None:
            design = read_back(layer, tmp_path)
            assert design.mapping is not None
            read = MODEL.under("timeloop").evaluated(design.layer.loop_nest(), design.machine, design.mapping)
            ours = layer.cost("timeloop")
            assert (read.energy_pj, read.cycles) == (ours.energy_pj, ours.cycles)
            count += 1
    assert count > 50


def test_what_is_exported_has_the_sizes_that_it_had(tmp_path: Path) -> None:
    sizes = {
        node.name: (getattr(node, "capacity_bytes", None), getattr(node, "buffers", None), getattr(node, "size", None))
        for node in read_back(mapped_levels(), tmp_path).machine.nodes
    }
    assert sizes == {
        "DRAM": (None, 1, None),
        "GLB": (65536, 2, None),
        "GLB_X": (None, None, 16),
        "GLB_Y": (None, None, 8),
        "L0": (512, 1, None),
        "RF": (64 + 128, 1, None),
    }


REFUSED: list[tuple[int, dict[str, Any], str]] = [
    (1, {"read_pj": {"I": 1, "O": 2}}, "reading GLB has not the same price for every tensor"),
    (1, {"write_pj": {"I": 1, "*": 2}}, "writing GLB has not the same price for every tensor"),
    (3, {"multicast": {"I": False, "*": True}}, "X and Y differ in their multicast of I"),
]
REFUSED_BY_ACCELFORGE: list[tuple[int, dict[str, Any], str]] = [
    *REFUSED[:2],
    (3, {"multicast": {"I": False, "*": True}}, "Y does not multicast I"),
]


@pytest.mark.parametrize(("node", "fields", "message"), REFUSED)
def test_what_cannot_be_said_is_refused_with_its_reason(node: int, fields: dict[str, Any], message: str) -> None:
    nodes = [{**each, **(fields if number == node else {})} for number, each in enumerate(MACHINE["nodes"])]
    machine = Machine.model_validate({**MACHINE, "nodes": nodes})
    nest = CONV.loop_nest()
    assert why_not_levels(nest, resolved_machine(machine, nest)) == message


@pytest.mark.parametrize(("node", "fields", "message"), REFUSED_BY_ACCELFORGE)
def test_accelforge_is_refused_what_it_cannot_say(node: int, fields: dict[str, Any], message: str) -> None:
    nodes = [{**each, **(fields if number == node else {})} for number, each in enumerate(MACHINE["nodes"])]
    nest = CONV.loop_nest()
    machine = Machine.model_validate({**MACHINE, "nodes": nodes})
    assert accelforge_levels.why_not_levels(nest, resolved_machine(machine, nest)) == message
    sizes = Machine.model_validate({**MACHINE, "bytes_per_element": {"O": 4, "*": 1}})
    refusal = accelforge_levels.why_not_levels(nest, resolved_machine(sizes, nest))
    assert refusal == "its tensors' elements differ in size"


def test_every_kept_tensor_is_stored_once_at_every_level_that_keeps_it() -> None:
    for layer in random_mapped_levels(range(60)):
        if accelforge_levels.why_not_levels(layer.nest, layer.machine) is None:
            nodes = parsed(accelforge_levels.export_level_files(layer)["mapping.yaml"])["mapping"]["nodes"]
            names = AccelForgeNames.of(layer.nest).tensors
            for t, name in enumerate(names):
                held = sum(t in layer.kept(level) for level in layer.machine.levels)
                stored = [node["component"] for tag, node in nodes if tag == "Storage" and name in node["tensors"]]
                assert len(stored) == len(set(stored)) == held


@pytest.mark.skipif(not importlib.util.find_spec("accelforge"), reason="accelforge is not installed")
@pytest.mark.filterwarnings("ignore")
def test_accelforge_comes_to_the_energy_and_words_that_we_say(tmp_path: Path) -> None:
    from accelforge import Metrics, Spec

    count = 0
    for layer in [mapped_levels(), *random_mapped_levels(range(80))]:
        if accelforge_levels.why_not_levels(layer.nest, layer.machine) is None:
            for name, text in accelforge_levels.export_level_files(layer).items():
                (tmp_path / name).write_text(text, encoding="utf-8")
            files = (str(tmp_path / f"{name}.yaml") for name in ("architecture", "workload", "mapping"))
            spec = Spec.from_yaml(*files)
            spec.model.metrics = Metrics.all_metrics()
            found = spec.evaluate_mapping()
            ours = accelforge_levels.as_exported(layer).cost("accelforge")
            assert float(found.energy()) == pytest.approx(ours.energy_pj, rel=1e-6)
            actions = found.actions(per_component=True, per_tensor=True)
            first = [access.reads + access.writes for access in ours.accesses[0] if access is not None]
            outermost = layer.machine.nodes[0]
            for tensor, words in zip(AccelForgeNames.of(layer.nest).tensors, first, strict=True):
                theirs = [c for (part, name, _), c in actions.items() if (str(part), str(name)) == (outermost, tensor)]
                assert sum(theirs) == words / layer.machine.levels[0].block_elements
            count += 1
    assert count > 10


def test_a_dimension_over_two_fanouts_lies_along_one_axis_and_costs_the_same(tmp_path: Path) -> None:
    """Also beside a sliding window, of which neighbours along one fanout and the other share parts."""
    mapping = {"tiling": {"M": {"DRAM": 32, "X": 4, "Y": 4}, "C": {"DRAM": 512}, "Ox": {"GLB": 7}, "Oy": {"X": 7}}}
    mapping["tiling"] |= {"N": {"DRAM": 4}, "Fx": {"RF": 3}, "Fy": {"Y": 3}}
    nodes = [{**node, **({"size": 32} if "fanout" in node else {})} for node in MACHINE["nodes"]]
    layer = mapped_levels({**MACHINE, "nodes": nodes}, mapping)
    files = export_level_files(layer)
    assert 'factors: "N1 M16 C1 P1 Q7 R1 S3"' in files["mapping.yaml"]
    assert "split: 7" in files["mapping.yaml"]
    assert "meshX: 1024, meshY: 1" in files["architecture.yaml"]
    design = read_back(layer, tmp_path)
    assert design.mapping is not None
    read = MODEL.under("timeloop").evaluated(design.layer.loop_nest(), design.machine, design.mapping)
    ours = layer.cost("timeloop")
    assert (read.energy_pj, read.cycles) == (ours.energy_pj, ours.cycles)


@pytest.mark.skipif(shutil.which("timeloop-model") is None, reason="timeloop-model is not in PATH")
def test_timeloop_counts_what_we_say_that_it_counts(tmp_path: Path) -> None:
    for layer in [mapped_levels(), *random_mapped_levels(range(40))]:
        if why_not_levels(layer.nest, layer.machine) is not None:
            continue
        paths = [str(path) for path in written(layer, tmp_path)]
        subprocess.run(["timeloop-model", *paths, "-o", str(tmp_path)], check=True, capture_output=True)
        text = (tmp_path / "timeloop-model.stats.txt").read_text(encoding="utf-8")
        ours = layer.cost("timeloop")
        assert total_cycles(text) == ours.cycles
        energy = sum(each.energy_pj for each in level_statistics(text).values())
        compute = float(re.findall(r"=== mac ===.*?Energy \(total\)\s*: ([\d.]+)", text, re.DOTALL)[0])
        assert energy + compute == pytest.approx(ours.energy_pj, rel=1e-6, abs=0.1)
