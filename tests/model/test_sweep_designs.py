"""Axes, ranges and energy rules become the designs that they say; whatever makes no sense is one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model.designs import area_proxy_bytes, designs, load_sweep
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.documents.sweep_spec import AreaWeights, EnergyTable
from dmaze.model.faults import InputError
from dmaze.model.reading.builtin_data import builtin_names, builtin_path
from sweep_specs import MACHINE, document, sweep_spec

ONE = gemm(2, 2, 2)


def values(*axes: dict[str, Any], **fields: Any) -> list[tuple[float, ...]]:
    return [tuple(design.values.values()) for design in designs(sweep_spec(ONE, axes=axes, **fields))]


def test_axes_are_crossed_and_the_last_one_varies_fastest() -> None:
    assert values({"pes": [4, 2]}, {"rf_bytes_per_pe": [8, 16, 32]}) == [
        *((4, 8), (4, 16), (4, 32)),
        *((2, 8), (2, 16), (2, 32)),
    ]


def test_fields_of_one_axis_vary_together() -> None:
    assert values({"pes": [4, 8], "clock_mhz": [1000, 500]}, {"dma.init_cycles": [0]}) == [(4, 1000, 0), (8, 500, 0)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"from": 8, "to": 20, "step": 4}, [8, 12, 16, 20]),
        ({"from": 8, "to": 19, "step": 4}, [8, 12, 16]),
        ({"from": 5, "to": 5, "step": 1}, [5]),
        ({"powers_of_two": [4, 32]}, [4, 8, 16, 32]),
        ({"powers_of_two": [1, 1]}, [1]),
        ([3, 1, 2], [3, 1, 2]),
    ],
)
def test_values_of_a_field(given: Any, expected: list[int]) -> None:
    found = [value for (value,) in values({"pes": given})]
    assert found == expected
    assert all(type(value) is int for value in found)


def test_ranges_of_fractions_are_decimal() -> None:
    assert values({"clock_mhz": {"from": 0.1, "to": 0.7, "step": 0.2}}) == [(0.1,), (0.3,), (0.5,), (0.7,)]


def test_the_longest_range_has_ten_thousand_values() -> None:
    assert len(values({"clock_mhz": {"from": 0.1, "to": 1000, "step": 0.1}})) == 10_000


def test_a_design_is_the_base_with_its_values() -> None:
    (design,) = designs(sweep_spec(ONE, axes=[{"spm.banks": [3], "access_energy_pj.noc": [0.5], "dma.clock_mhz": [7]}]))
    base = Architecture.model_validate(MACHINE)
    expected = base.model_dump()
    expected["spm"]["banks"], expected["access_energy_pj"]["noc"], expected["dma"]["clock_mhz"] = 3, 0.5, 7
    assert design.architecture == Architecture.model_validate(expected)
    assert (design.position, design.label) == ((0,), "spm.banks 3, access_energy_pj.noc 0.5, dma.clock_mhz 7")


def test_kib_of_both_buffers_stand_for_banks() -> None:
    spec = sweep_spec(ONE, axes=[{"spm_kib_double_buffered": [4, 16]}])
    assert [d.architecture.spm.banks for d in designs(spec)] == [4 * 1024 // 2 // 2048, 16 * 1024 // 2 // 2048]


def test_energies_follow_capacities_by_table_and_by_power_law() -> None:
    rules = {
        "rf": {"by": "rf_bytes_per_pe", "base_pj": 0.96, "at": 512},
        "spm": {"by": "spm_kib_double_buffered", "table": {"128": 10.5, "256": 11}},
        "noc": {"by": "pes", "base_pj": 2, "at": 256, "exponent": 0.5},
    }
    axes = [{"rf_bytes_per_pe": [128]}, {"pes": [64, 256]}]
    found = [d.architecture.access_energy_pj for d in designs(sweep_spec(ONE, axes=axes, access_energy_pj=rules))]
    assert [price.rf for price in found] == [0.96 * 128 / 512] * 2
    assert [price.spm for price in found] == [10.5] * 2  # 2 * 32 * 2048 B = 128 KiB
    assert [price.noc for price in found] == [2 * 0.5, 2]  # (64 / 256) ** 0.5 = 1 / 2
    assert [price.dram for price in found] == [200] * 2


def test_one_energy_may_come_from_a_shipped_table_and_another_from_elsewhere() -> None:
    rules = {"rf": "dmazerunner-2019", "spm": {"by": "spm.banks", "table": {"32": 1}}}
    (design,) = designs(sweep_spec(ONE, axes=[{"rf_bytes_per_pe": [16]}], access_energy_pj=rules))
    assert (design.architecture.access_energy_pj.rf, design.architecture.access_energy_pj.spm) == (0.03, 1)


@pytest.mark.parametrize("name", builtin_names("energy_tables"))
def test_every_shipped_energy_table_is_one(name: str) -> None:
    table = EnergyTable.model_validate_json(builtin_path("energy_tables", name).read_text(encoding="utf-8"))
    assert table.name == name


@pytest.mark.parametrize("name", builtin_names("sweeps"))
def test_every_shipped_sweep_has_designs(name: str) -> None:
    spec = load_sweep(builtin_path("sweeps", name))
    assert spec.name is not None
    assert len(designs(spec)) > 1


def test_the_shipped_sweep_is_the_published_one() -> None:
    found = designs(load_sweep(builtin_path("sweeps", "memory-designs")))
    rf = {16: 0.03, 32: 0.06, 64: 0.12, 128: 0.24, 256: 0.48, 512: 0.96, 1024: 1.92}
    spm = {16: 4, 32: 6, 64: 9, 128: 13.5, 256: 20.25, 512: 30.375, 1024: 45.5625}
    assert [tuple(d.values.values()) for d in found] == [(kib, size) for kib in spm for size in rf]
    base = Architecture.model_validate(MACHINE)
    for design in found:
        kib, size = design.values["spm_kib_double_buffered"], design.values["rf_bytes_per_pe"]
        machine = design.architecture
        assert (machine.spm.banks, machine.rf_bytes_per_pe) == (kib * 1024 / 2 / 2048, size)
        assert machine.access_energy_pj == base.access_energy_pj.model_copy(update={"rf": rf[size], "spm": spm[kib]})
        assert (machine.pes, machine.dma, machine.spm.bytes_per_bank) == (256, base.dma, 2048)


def test_the_area_proxy_is_weighted_bytes_of_all_memories() -> None:
    machine = Architecture.model_validate(MACHINE)
    assert area_proxy_bytes(machine, AreaWeights()) == 256 * 512 + 2 * 32 * 2048
    assert area_proxy_bytes(machine, AreaWeights(rf=0.5, spm=3)) == 0.5 * 256 * 512 + 3 * 2 * 32 * 2048


PES = {"pes": [1]}

BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no axes": ({"axes": []}, ["sweep.axes: expected 1 or more entries, got 0"]),
    "an empty axis": ({"axes": [{}]}, ["sweep.axes[0]: expected 1 or more entries, got 0"]),
    "a number for values": ({"axes": [{"pes": 5}]}, ["sweep.axes[0].pes: expected a list, got 5"]),
    "no values": ({"axes": [{"pes": []}]}, ["sweep.axes[0].pes: expected 1 or more entries, got 0"]),
    "a value twice": (
        {"axes": [{"pes": [1, 2, 1]}]},
        ["sweep.axes[0]: expected distinct values, got 1 more than once"],
    ),
    "values of other types": (
        {"axes": [{"pes": [1, True, "x"]}]},
        [
            "sweep.axes[0].pes[1]: expected an integer or a number, got true",
            "sweep.axes[0].pes[2]: expected an integer or a number, got 'x'",
        ],
    ),
    "values that the field cannot have": (
        {"axes": [{"pes": [1, 0, 1.5]}, {"dma.clock_mhz": [0, 1]}]},
        [
            "sweep.axes[0].pes[1]: expected an integer of at least 1, got 0",
            "sweep.axes[0].pes[2]: expected an integer, got 1.5",
            "sweep.axes[1]['dma.clock_mhz'][0]: expected a clock from 0.001 to 1,000,000 MHz, got 0.0",
        ],
    ),
    "unknown fields": (
        {"axes": [{"pees": [1]}, {"spm.bank": [1]}]},
        [
            "sweep.axes[0].pees: unknown field of an architecture; did you mean 'pes'?",
            "sweep.axes[1]['spm.bank']: unknown field of an architecture; did you mean 'spm.banks'?",
        ],
    ),
    "tied fields of other lengths": (
        {"axes": [{"pes": [1], "clock_mhz": [1, 2]}]},
        ["sweep.axes[0]: expected as many values of every field, got 1 for pes, 2 for clock_mhz"],
    ),
    "a field on two axes": (
        {"axes": [{"pes": [1]}, {"pes": [2]}]},
        [
            "sweep.axes[0].pes: expected pes to be set by one axis, but another one sets it, too",
            "sweep.axes[1].pes: expected pes to be set by one axis, but another one sets it, too",
        ],
    ),
    "banks twice": (
        {"axes": [{"spm.banks": [1], "spm_kib_double_buffered": [4]}]},
        [
            "sweep.axes[0]['spm.banks']: expected spm.banks to be set by one axis, but another one sets it, too",
            "sweep.axes[0].spm_kib_double_buffered: "
            "expected spm.banks to be set by one axis, but another one sets it, too",
        ],
    ),
    "KiB that are no banks": (
        {"axes": [{"spm_kib_double_buffered": [3, 4]}]},
        ["sweep.axes[0].spm_kib_double_buffered: expected two buffers of whole banks of 2048 bytes, got 3 KiB"],
    ),
    "negative KiB": (
        {"axes": [{"spm_kib_double_buffered": [-4]}]},
        ["sweep.axes[0].spm_kib_double_buffered[0]: expected a number above 0, got -4"],
    ),
    "a falling range": (
        {"axes": [{"pes": {"from": 2, "to": 1, "step": 1}}]},
        ["sweep.axes[0].pes.to: expected at least from, which is 2, got 1"],
    ),
    "a range without steps": (
        {"axes": [{"pes": {"from": 1, "to": 2, "step": 0}}]},
        ["sweep.axes[0].pes.step: expected a number above 0, got 0"],
    ),
    "half a range": ({"axes": [{"pes": {"from": 1, "to": 2}}]}, ["sweep.axes[0].pes.step: expected, but missing"]),
    "a range that never ends": (
        {"axes": [{"clock_mhz": {"from": 1, "to": 1000001, "step": 1}}]},
        ["sweep.axes[0].clock_mhz.step: expected at most 10000 values in all, got 1000001"],
    ),
    "no powers of two": (
        {"axes": [{"pes": {"powers_of_two": [3, 8]}}]},
        ["sweep.axes[0].pes.powers_of_two[0]: expected a power of two, got 3"],
    ),
    "falling powers": (
        {"axes": [{"pes": {"powers_of_two": [8, 4]}}]},
        ["sweep.axes[0].pes.powers_of_two[1]: expected at least 8, got 4"],
    ),
    "misspelt powers": (
        {"axes": [{"pes": {"powers_of_to": [4, 8]}}]},
        ["sweep.axes[0].pes.powers_of_to: unknown field; did you mean 'powers_of_two'?"],
    ),
    "too many designs": (
        {"axes": [{"pes": {"from": 1, "to": 10000, "step": 1}}, {"clock_mhz": {"from": 1, "to": 100, "step": 1}}]},
        ["sweep.axes: expected at most 100000 designs, got 1000000"],
    ),
    "an unknown table": (
        {"axes": [PES], "access_energy_pj": "nope"},
        ["sweep.access_energy_pj: unknown name 'nope'; expected one of dmazerunner-2019"],
    ),
    "a table without the capacity": (
        {"axes": [{"rf_bytes_per_pe": [48, 16]}], "access_energy_pj": "dmazerunner-2019"},
        ["sweep.access_energy_pj.rf: expected rf_bytes_per_pe to be one of 16, 32, 64, 128, 256, 512, 1024, got 48"],
    ),
    "a table that lacks the access": (
        {"axes": [PES], "access_energy_pj": {"noc": "dmazerunner-2019"}},
        ["sweep.access_energy_pj.noc: energy table 'dmazerunner-2019' has no energy for noc"],
    ),
    "an unknown capacity": (
        {"axes": [PES], "access_energy_pj": {"rf": {"by": "pess", "table": {"1": 1}}}},
        ["sweep.access_energy_pj.rf.by: unknown capacity 'pess'; did you mean 'pes'?"],
    ),
    "an energy by an energy": (
        {"axes": [PES], "access_energy_pj": {"rf": {"by": "access_energy_pj.spm", "table": {"1": 1}}}},
        [
            "sweep.access_energy_pj.rf.by: unknown capacity 'access_energy_pj.spm'; expected one of pes, "
            "rf_bytes_per_pe, spm.banks, spm.bytes_per_bank, bytes_per_element, clock_mhz, dma.init_cycles, "
            "dma.cycles_per_byte, dma.clock_mhz, spm_kib_double_buffered"
        ],
    ),
    "a table with words as keys": (
        {"axes": [PES], "access_energy_pj": {"rf": {"by": "pes", "table": {"one": 1}}}},
        ["sweep.access_energy_pj.rf.table: expected capacities as keys, got 'one'"],
    ),
    "an unknown access": (
        {"axes": [PES], "access_energy_pj": {"rff": {"by": "pes", "table": {"1": 1}}}},
        ["sweep.access_energy_pj.rff: unknown field; did you mean 'rf'?"],
    ),
    "half a power law": (
        {"axes": [PES], "access_energy_pj": {"rf": {"by": "pes", "base_pj": 1}}},
        ["sweep.access_energy_pj.rf.at: expected, but missing"],
    ),
    "a power law beyond all prices": (
        {"axes": [{"pes": [1, 2]}], "access_energy_pj": {"rf": {"by": "pes", "base_pj": 1e9, "at": 1, "exponent": 1}}},
        ["sweep.access_energy_pj.rf: expected a number of at most 1e+09, got 2000000000.0 on the design pes 2"],
    ),
    "an energy that is swept and follows": (
        {"axes": [{"access_energy_pj.rf": [1]}], "access_energy_pj": {"rf": {"by": "pes", "base_pj": 1, "at": 1}}},
        ["sweep.axes[0]['access_energy_pj.rf']: expected without sweep.access_energy_pj.rf, which sets it"],
    ),
    "a front as a word": ({"axes": [PES], "pareto": "yes"}, ["sweep.pareto: expected true or false, got 'yes'"]),
    "a negative weight": (
        {"axes": [PES], "area_weights": {"rf": -1}},
        ["sweep.area_weights.rf: expected a number of at least 0, got -1"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_for_each_fault(name: str, tmp_path: Path) -> None:
    sweep, expected = BAD[name]
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps({**document(ONE), "sweep": sweep}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_sweep(path)
    assert str(caught.value).splitlines() == [f"{path}: {line}" for line in expected]


def test_faults_of_the_rest_of_the_spec_are_told_with_those_of_the_sweep(tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps({**document(ONE), "objective": "speed", "sweep": {"axis": []}}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_sweep(path)
    assert str(caught.value).splitlines() == [
        f"{path}: objective: expected 'edp', 'energy' or 'latency', got 'speed'",
        f"{path}: sweep.axis: unknown field; did you mean 'axes'?",
    ]


def test_an_energy_table_in_a_file_is_found_beside_the_spec_and_named_in_its_faults(tmp_path: Path) -> None:
    table = {"name": "mine", "source": "measured", "access_energy_pj": {"rf": {"by": "pes", "table": {"1": 7}}}}
    (tmp_path / "mine.json").write_text(json.dumps(table), encoding="utf-8")
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(document(ONE, axes=[PES], access_energy_pj="mine.json")), encoding="utf-8")
    assert [d.architecture.access_energy_pj.rf for d in designs(load_sweep(path))] == [7]
    table["access_energy_pj"] = {"rf": "dmazerunner-2019"}
    (tmp_path / "mine.json").write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"mine.json: access_energy_pj.rf: expected a table or a power law, got a name"
    ):
        load_sweep(path)
