"""``map_c7d`` and ``map_c7`` of ``docs/interop.md``: our counts and exported files are the documented ones.

The documented counts were measured with AccelForge, Timeloop and ZigZag; test_export_tools.py measures them again where
those are installed.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from dmaze.model.exports import accelforge, timeloop, zigzag
from dmaze.model.exports.formats import export_formats
from golden import Golden
from interop_cases import C7, C7D, INTEROP, accelforge_counts, mapped, parsed, zigzag_counts

LAYER = mapped(C7D)
I, W, O = range(3)  # noqa: E741
MACS = 4 * 512 * 512 * 7 * 7 * 3 * 3
PASSES = 32 * 32  # M, C at DRAM
DELIVERIES = 4  # N at the SPM
PES = 16 * 16


def reference(name: str) -> Any:
    return parsed((INTEROP / name).read_text(encoding="utf-8"))


def test_our_dram_words_are_the_documented_ones() -> None:
    words = [traffic.dram for traffic in LAYER.cost.traffic]
    assert words[W] == (16 * 16 * 3 * 3) * PASSES == 2359296
    assert words[I] == (4 * 16 * 9 * 9) * PASSES == 5308416
    assert words[O] == (4 * 16 * 7 * 7) * 32 == 100352  # stays over the 32 iterations of C; no partial sums come back


def test_our_deliveries_from_the_spm_are_the_documented_ones() -> None:
    words = [traffic.spm for traffic in LAYER.cost.traffic]
    assert words[W] == (16 * 16 * 3 * 3) * PASSES == 2359296  # stays in the RFs over the loop N
    assert words[I] == (16 * 9 * 9) * PASSES * DELIVERIES == 5308416
    assert words[O] == 2 * (16 * 7 * 7) * PASSES * DELIVERIES == 2 * 3211264  # there and back


def test_our_fills_of_the_register_files_are_the_documented_ones() -> None:
    words = [traffic.noc for traffic in LAYER.cost.traffic]
    assert words[W] == (3 * 3) * PES * PASSES == 2359296
    assert words[I] == (9 * 9) * PES * PASSES * DELIVERIES == 84934656
    assert LAYER.nest.num_macs == MACS == 462422016


def test_corrected_as_documented_our_counts_are_those_of_accelforge() -> None:
    assert accelforge_counts(LAYER, W) == {
        ("DRAM", "read"): 2359296,
        ("DRAM", "write"): 0,
        ("SPM", "write"): 2359296,
        ("SPM", "read"): 2359296,
        ("RF", "write"): 2359296,
    }
    assert accelforge_counts(LAYER, I) == {
        ("DRAM", "read"): 5308416,
        ("DRAM", "write"): 0,
        ("SPM", "write"): 5308416,
        ("SPM", "read"): 5308416,
        ("RF", "write"): 84934656,
    }
    assert accelforge_counts(LAYER, O) == {
        ("DRAM", "read"): 0,
        ("DRAM", "write"): 100352,
        ("SPM", "write"): 3211264,
        ("SPM", "read"): 3211264 - 100352 + 100352,  # not read while empty; read out for DRAM
    }


def test_corrected_as_documented_our_counts_are_those_of_zigzag() -> None:
    at_spm = [zigzag_counts(LAYER, t)["SPM", "read"] + zigzag_counts(LAYER, t)["SPM", "write"] for t in (W, I, O)]
    assert at_spm == [4718592, 10616832, 3211264 + 3110912 + 100352]
    assert [zigzag_counts(LAYER, t)["RF", "write"] + MACS for t in (W, I)] == [464781312, 547356672]


def test_timeloop_and_we_differ_where_it_does_not_read_out_what_goes_to_dram() -> None:
    """Its SPM reads of O are 3110912; its reads of I in map_c7 are the halo's, ours the whole windows'."""
    counts = accelforge_counts(LAYER, O)
    assert counts["SPM", "read"] - counts["DRAM", "write"] == 3110912


def test_without_halo_reuse_is_our_count_of_map_c7() -> None:
    """AccelForge counts 28901376 with the storage node below the loop q, as we do and export, and 12386304 above it."""
    layer = mapped(C7)
    windows, rows, channels = 7 * 7, 7, 16
    assert layer.cost.traffic[I].spm == (3 * 3) * windows * channels * PASSES * DELIVERIES == 28901376
    assert (3 * 9) * rows * channels * PASSES * DELIVERIES == 12386304  # 27 instead of 63 words per row
    assert accelforge_counts(layer, I)["SPM", "read"] == 28901376


def loops_of(directive: dict[str, Any]) -> tuple[dict[str, int], list[str]]:
    """A Timeloop directive's factors above 1, and the order of the dimensions that have them."""
    factors = {name: int(factor) for name, factor in re.findall(r"([A-Z])(\d+)", directive["factors"]) if factor != "1"}
    return factors, [name for name in directive["permutation"] if name in factors]


def test_the_timeloop_mapping_is_the_reference() -> None:
    ours = parsed(timeloop.export_files(LAYER)["mapping.yaml"])["mapping"]
    theirs = reference("timeloop_mapping.yaml")["mapping"]
    assert len(ours) == len(theirs) == 7
    for own, other in zip(ours, theirs, strict=True):
        assert (own["target"], own["type"]) == (other["target"], other["type"])
        if own["type"] == "datatype":
            assert (sorted(own["keep"]), own["bypass"]) == (sorted(other["keep"]), other["bypass"])
        else:
            factors, order = loops_of(own)
            reference_factors, reference_order = loops_of(other)
            assert factors == reference_factors
            assert order == reference_order or (own["target"], own["type"]) in (("RF", "temporal"), ("SPM", "spatial"))


def projections(problem: dict[str, Any]) -> dict[str, Any]:
    """Every data space as its axes, an axis as {dimension: coefficient}, and whether it is written."""
    values = {c["name"]: c["default"] for c in problem["shape"].get("coefficients", ())} | problem["instance"]
    return {
        space["name"]: (
            [{term[0]: values[term[1]] if len(term) > 1 else 1 for term in axis} for axis in space["projection"]],
            space.get("read_write", False),
        )
        for space in problem["shape"]["data_spaces"]
    }


def test_the_timeloop_problem_is_the_reference() -> None:
    ours = parsed(timeloop.export_files(LAYER)["problem.yaml"])["problem"]
    theirs = reference("timeloop_problem.yaml")["problem"]
    assert ours["version"] == theirs["version"]
    assert ours["shape"]["dimensions"] == theirs["shape"]["dimensions"]
    assert projections(ours) == projections(theirs)
    assert ours["instance"] == {name: theirs["instance"][name] for name in ours["instance"]}


def test_the_timeloop_energies_are_the_reference() -> None:
    ours = parsed(timeloop.export_files(LAYER)["architecture.yaml"])
    theirs = reference("timeloop_architecture.yaml")
    assert ours["ERT"] == theirs["ERT"]
    assert ours["ART"] == theirs["ART"]
    depths = [
        [part["attributes"].get("depth") for part in a["architecture"]["subtree"][0]["local"]] for a in (ours, theirs)
    ]
    assert depths[0] == depths[1] == [None, 32768, 256, None]


def normalised(nodes: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """LoopTree nodes that mean the same: tensors in any order, all PEs in one dimension, without the network's toll."""
    kept: list[Any] = []
    for tag, fields in nodes:
        if tag == "Storage":
            kept.append((tag, fields["component"], sorted(fields["tensors"])))
        elif tag != "Toll":
            kept.append((tag, {key: value for key, value in fields.items() if key != "name"}))
    return kept


def test_the_accelforge_mapping_is_the_reference() -> None:
    ours = parsed(accelforge.export_files(LAYER)["mapping.yaml"])["mapping"]["nodes"]
    assert normalised(ours) == normalised(reference("accelforge_mapping.yaml")["mapping"]["nodes"])


def test_the_zigzag_files_are_the_reference() -> None:
    files = zigzag.export_files(LAYER)
    ours, theirs = parsed(files["mapping.yaml"]), reference("zigzag_mapping.yaml")
    assert ours[0]["temporal_ordering"] == theirs[0]["temporal_ordering"]
    assert ours[0]["memory_operand_links"] == theirs[0]["memory_operand_links"]
    unrolled = [factor for factors in theirs[0]["spatial_mapping"].values() for factor in factors]
    assert ours[0]["spatial_mapping"] == {"D1": unrolled}
    (own,), (other,) = parsed(files["workload.yaml"]), reference("zigzag_workload.yaml")
    assert sorted(own.pop("dimension_relations")) == sorted(other.pop("dimension_relations"))
    assert own == {**other, "name": "conv"}


@pytest.mark.parametrize("format_name", export_formats())
def test_the_exported_files_are_the_golden_ones_to_the_letter(format_name: str, golden: Golden) -> None:
    texts = export_formats()[format_name].files([LAYER])
    assert texts
    golden.check_folder(f"exports/map_c7d/{format_name}", dict(texts))
