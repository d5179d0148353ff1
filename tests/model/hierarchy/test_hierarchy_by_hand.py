"""The hierarchy model on examples small enough to be worked out on paper (hierarchy model, sections 10 and 15)."""

from __future__ import annotations

from typing import Any

import pytest
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from hierarchy_tables import gemm, nest, tables

DRAM: dict[str, Any] = {"storage": "DRAM"}

WORKED: dict[str, Any] = {
    "tiling": {"M": {"GLB": 2}, "N": {"RF": 3}, "K": {"DRAM": 2, "X": 2, "RF": 2}},
    "orders": {"DRAM": ["K"], "GLB": ["M"]},
}


def worked_nodes(glb: dict[str, Any], x: dict[str, Any], rf: dict[str, Any]) -> list[dict[str, Any]]:
    return [DRAM, {"storage": "GLB", **glb}, {"fanout": "X", "size": 4, **x}, {"storage": "RF", **rf}]


def test_every_count_of_the_worked_example() -> None:
    found = tables(gemm(2, 3, 8), worked_nodes({}, {}, {}), WORKED)
    assert found.at("DRAM") == {"A": (0, 16, 0, 0), "B": (0, 24, 0, 0), "C": (0, 0, 0, 6)}
    assert found.at("GLB") == {"A": (16, 16, 0, 0), "B": (24, 24, 0, 0), "C": (0, 6, 6, 12)}
    assert found.over("X") == {"A": (16, 0, 0), "B": (24, 0, 0), "C": (6, 24, 12)}
    assert found.at("RF") == {"A": (16, 48, 0, 0), "B": (24, 48, 0, 0), "C": (6, 36, 24, 48)}
    assert found.held("GLB") == {"A": 2 * 4, "B": 4 * 3, "C": 2 * 3}
    assert found.held("RF") == {"A": 1 * 2, "B": 2 * 3, "C": 1 * 3}
    assert found.cost.busiest == ((40, 6), (16 + 24 + 6 + 6, 16 + 24 + 12), None, (24 + 24 + 12 + 18, 8 + 12 + 6 + 24))
    assert found.cost.roofline == {"compute": 24}
    assert (found.cost.cycles, found.cost.walk_cycles, found.cost.bound_by) == (24, 24, "compute")
    assert (found.cost.fits, found.cost.utilization) == ((True,) * 4, (None, None, 2 / 4, None))


def test_energy_of_the_worked_example() -> None:
    nodes = worked_nodes(
        {"read_pj": 6, "write_pj": {"output": 8, "*": 7}},
        {"word_pj": {"C": 3, "read": 2}, "add_pj": 0.5},
        {"read_pj": 1, "write_pj": 0.5},
    )
    nodes[0] = {**DRAM, "read_pj": 200, "write_pj": 300}
    found = tables(gemm(2, 3, 8), nodes, WORKED, mac_pj=0.25)
    assert found.cost.energy_parts_pj == {
        "mac": 48 * 0.25,
        "DRAM": (16 + 24) * 200 + 6 * 300,
        "GLB": (16 + 24 + 6 + 6) * 6 + (16 + 24) * 7 + 12 * 8,
        "X": (16 + 24) * 2 + (6 + 24) * 3 + 12 * 0.5,
        "RF": (48 + 48 + 36 + 24) * 1 + (16 + 24 + 6 + 48) * 0.5,
    }
    assert found.cost.energy_pj == 12 + 9800 + 688 + 176 + 203
    assert found.cost.edp == 24 * 10879


def test_cycles_of_the_worked_example() -> None:
    nodes = worked_nodes({"read_bandwidth": 4, "write_bandwidth": 0.5}, {"bandwidth": 0.75}, {"bandwidth": 5})
    found = tables(gemm(2, 3, 8), nodes, WORKED)
    assert found.cost.roofline == {
        "compute": 24,
        "GLB.reads": 13,  # 52 / 4
        "GLB.writes": 104,  # 52 / 0.5
        "X.A.down": 22,  # 16 / 0.75 = 21.3
        "X.B.down": 32,
        "X.C.down": 8,
        "X.C.up": 16,  # 12 sums at the root
        "RF.both": 26,  # 128 / 5 = 25.6
    }
    assert (found.cost.cycles, found.cost.bound_by) == (104, "GLB.writes")


def test_whole_accesses_are_paid_for_per_instance_and_kind() -> None:
    prices = {"read_pj": 1, "write_pj": 100}
    nodes = worked_nodes({**prices, "block_elements": 5}, {}, {**prices, "block_elements": 4})
    parts = tables(gemm(2, 3, 8), nodes, WORKED).cost.energy_parts_pj
    glb_reads, glb_writes = 4 + 5 + 2 + 2, 4 + 5 + 3  # 16, 24, 6 and 6 words; 16, 24 and 12
    assert parts["GLB"] == glb_reads + 100 * glb_writes
    rf_reads = 2 * (6 + 6 + 3 + 5)  # 24, 24, 12 and 18 words at each of two instances
    rf_writes = 2 * (2 + 3 + 6) + 2  # 8, 12 and 24 words at each; 6 that are read back at one of them
    assert parts["RF"] == rf_reads + 100 * rf_writes


def test_blocks_change_no_count_and_no_cycle() -> None:
    glb, rf = {"read_pj": 1, "bandwidth": 0.5}, {"write_pj": 1, "bandwidth": 3}
    costs = [
        tables(gemm(2, 3, 8), worked_nodes({**glb, **block}, {}, {**rf, **block}), WORKED).cost
        for block in ({}, {"block_elements": 3})
    ]
    assert costs[0].accesses == costs[1].accesses
    assert (costs[0].roofline, costs[0].walk_cycles) == (costs[1].roofline, costs[1].walk_cycles)
    assert costs[0].energy_pj > costs[1].energy_pj


@pytest.mark.parametrize(("halo", "filled", "served"), [(False, 6 * 3, 6 * 4), (True, 3 + 5 * 2, 4 + 5 * 3)])
def test_a_window_that_slides_over_two_instances(halo: bool, filled: int, served: int) -> None:
    window = nest({"x": 12, "r": 3}, "y", i=["x + r"], w=["r"], y=["x"])
    nodes = [DRAM, {"fanout": "X", "size": 2}, {"storage": "RF", "halo": halo}]
    found = tables(window, nodes, {"tiling": {"x": {"DRAM": 6, "X": 2}, "r": {"RF": 3}}})
    assert found.at("DRAM")["i"] == (0, served, 0, 0)
    assert found.over("X")["i"] == (2 * filled, 0, 0)
    assert found.at("RF")["i"] == (2 * filled, 36, 0, 0)


def test_a_dimension_in_two_axes_of_a_tensor_makes_square_tiles() -> None:
    diagonal = nest({"m": 4}, "c", a=["m", "m"], b=["m"], c=["m"])
    found = tables(diagonal, [DRAM, {"storage": "L1"}], {"tiling": {"m": {"DRAM": 2, "L1": 2}}})
    assert found.held("L1") == {"a": 2 * 2, "b": 2, "c": 2}
    assert found.at("L1") == {"a": (2 * 4, 4, 0, 0), "b": (4, 4, 0, 0), "c": (0, 0, 4, 4)}
    assert found.at("DRAM") == {"a": (0, 8, 0, 0), "b": (0, 4, 0, 0), "c": (0, 0, 0, 4)}


def test_a_tile_with_holes_is_moved_whole() -> None:
    strided = nest({"x": 2, "r": 1}, "y", i=["4*x + r"], y=["x"])
    found = tables(strided, [DRAM, {"storage": "L1"}], {"tiling": {"x": {"L1": 2}}})
    assert found.held("L1")["i"] == 5
    apart = tables(strided, [DRAM, {"fanout": "X", "size": 2}, {"storage": "L1"}], {"tiling": {"x": {"X": 2}}})
    assert apart.at("DRAM")["i"] == (0, 2, 0, 0)  # two intervals of one word, without the gap between them


def test_scalars_and_constants_have_one_word() -> None:
    scaled = nest({"m": 4, "k": 2}, "c", s=[], z=["3"], a=["m", "k"], c=["m"])
    found = tables(scaled, [DRAM, {"storage": "L1"}], {"tiling": {"m": {"DRAM": 4}, "k": {"L1": 2}}})
    assert found.held("L1") == {"s": 1, "z": 1, "a": 2, "c": 1}
    assert found.at("L1") == {"s": (1, 8, 0, 0), "z": (1, 8, 0, 0), "a": (8, 8, 0, 0), "c": (0, 4, 4, 8)}


def test_a_dimension_that_indexes_nothing_repeats_everything() -> None:
    repeated = nest({"t": 3, "m": 2}, "c", a=["m"], c=["m"])
    found = tables(repeated, [DRAM, {"storage": "L1"}], {"tiling": {"t": {"DRAM": 3}, "m": {"DRAM": 2}}})
    assert found.at("DRAM") == {"a": (0, 6, 0, 0), "c": (0, 4, 0, 6)}
    assert found.at("L1") == {
        "a": (6, 6, 0, 0),
        "c": (4, 4, 6, 6),
    }  # a MAC's first accumulation of a word reads nothing


def test_dram_alone_serves_every_multiply_accumulate() -> None:
    found = tables(
        gemm(2, 3, 4),
        [{**DRAM, "read_pj": 2, "write_pj": 3, "bandwidth": 4}],
        {"tiling": {"M": {"DRAM": 2}, "N": {"DRAM": 3}, "K": {"DRAM": 4}}},
    )
    assert found.at("DRAM") == {"A": (0, 24, 0, 0), "B": (0, 24, 0, 0), "C": (0, 24 - 2 * 3, 0, 24)}
    assert found.cost.energy_parts_pj == {"mac": 0, "DRAM": (24 + 24 + 18) * 2 + 24 * 3}
    assert found.cost.roofline == {"compute": 24, "DRAM.both": 23}  # 90 / 4 = 22.5
    assert found.cost.walk_cycles == 24  # every pass of the MAC reads the output: 24 * 4 / 4


def test_a_fanout_below_dram_without_any_level() -> None:
    found = tables(
        gemm(2, 3, 4),
        [DRAM, {"fanout": "X", "size": 2}],
        {"tiling": {"M": {"X": 2}, "N": {"DRAM": 3}, "K": {"DRAM": 4}}},
    )
    assert found.at("DRAM") == {"A": (0, 24, 0, 0), "B": (0, 12, 0, 0), "C": (0, 2 * (12 - 3), 0, 24)}
    assert found.over("X") == {"A": (24, 0, 0), "B": (24, 0, 0), "C": (18, 24, 0)}


def test_storage_after_the_last_fanout_and_without_a_fanout_is_one_instance_each() -> None:
    nodes = [DRAM, {"storage": "L1"}, {"fanout": "X", "size": 3}, {"storage": "L2"}, {"storage": "L3"}]
    found = tables(gemm(2, 3, 4), nodes, {"tiling": {"M": {"L1": 2}, "N": {"X": 3}, "K": {"L2": 4}}})
    assert found.at("L1") == {"A": (8, 8, 0, 0), "B": (12, 12, 0, 0), "C": (0, 0, 6, 6)}
    assert found.at("L2") == {"A": (24, 24, 0, 0), "B": (12, 24, 0, 0), "C": (0, 0, 6, 6)}
    assert found.at("L3") == {"A": (24, 24, 0, 0), "B": (24, 24, 0, 0), "C": (0, 18, 6, 24)}


def test_overlapping_tiles_of_the_output_are_always_read_back() -> None:
    scattered = nest({"i": 2, "f": 2}, "y", x=["i"], w=["f"], y=["i + f"])
    nodes = [DRAM, {"storage": "L1"}]
    outside = tables(scattered, nodes, {"tiling": {"i": {"L1": 2}, "f": {"DRAM": 2}}})
    assert outside.at("L1")["y"] == (2 * 2, 4, 2 * 2, 4)
    assert outside.at("DRAM")["y"] == (0, 4, 0, 4)
    inside = tables(scattered, nodes, {"tiling": {"i": {"L1": 2}, "f": {"L1": 2}}})
    assert inside.at("L1")["y"] == (3, 4, 3, 4)


@pytest.mark.parametrize(
    ("order", "a", "b", "c"),
    [
        (["K"], 4 * 2, 24, 24),  # K M N: N is free for A
        (["N", "K"], 24, 3 * 4, 24),  # N K M: M is free for B
        (["M", "N"], 24, 24, 2 * 3),  # M N K: K is free for C
        ([], 24, 24, 2 * 3),
        (None, 24, 24, 2 * 3),
    ],
)
def test_dimensions_left_out_of_an_order_follow_it_in_the_nests_order(
    order: list[str] | None, a: int, b: int, c: int
) -> None:
    mapping: dict[str, Any] = {"tiling": {"M": {"DRAM": 2}, "N": {"DRAM": 3}, "K": {"DRAM": 4}}}
    if order is not None:
        mapping["orders"] = {"DRAM": order}
    found = tables(gemm(2, 3, 4), [DRAM, {"storage": "L1"}], mapping)
    moved = found.at("L1")
    assert (moved["A"][0], moved["B"][0], moved["C"][2]) == (a, b, c)
    assert moved["C"][0] == c - 6


def test_a_level_left_out_of_keep_keeps_all_that_it_may() -> None:
    nodes = [
        DRAM,
        {"storage": "L1", "keep": {"A": "never", "output": "must"}},
        {"storage": "L2", "keep": {"*": "never", "read2": "may"}},
        {"storage": "L3"},
    ]
    layer = gemm(2, 3, 4)
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), layer)
    tiling = {"M": {"DRAM": 2}, "N": {"DRAM": 3}, "K": {"DRAM": 4}}
    everything, b_and_c = (True, True, True), (False, True, True)

    def kept(keep: dict[str, Any]) -> tuple[tuple[bool, ...], ...]:
        document = LevelMappingDocument.model_validate({"tiling": tiling, "keep": keep})
        return level_mapping(layer, machine, document).kept

    assert kept({}) == (everything, b_and_c, (False, True, False), everything)
    assert kept({"L1": ["C"], "L3": []}) == (everything, (False, False, True), (False, True, False), (False,) * 3)


@pytest.mark.parametrize(
    ("values", "a", "b", "c"),
    [
        (5, 5, 5, 5),
        ({"*": 5}, 5, 5, 5),
        ({"read": 5}, 5, 0, 5),
        ({"output": 5}, 0, 5, 0),
        ({"read2": 5, "read": 7}, 7, 0, 5),
        ({"*": 1, "read": 2, "read1": 3, "A": 4, "output": 5}, 4, 5, 2),
        ({"B": 4, "output": 5}, 0, 4, 0),
        ({"nobody": 4, "read3": 5, "read10": 6}, 0, 0, 0),
    ],
)
def test_the_most_specific_selector_of_a_tensor_holds(values: Any, a: int, b: int, c: int) -> None:
    layer = nest({"m": 2}, "B", A=["m"], B=["m"], C=["m"])  # the output in the middle: C is read2
    nodes = [{**DRAM, "read_pj": values}]
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), layer)
    assert machine.levels[0].read_pj == (a, b, c)


def test_what_a_fanout_may_unroll_is_said_by_name_and_other_names_are_ignored() -> None:
    layer = gemm(2, 3, 4)
    nodes = [DRAM, {"fanout": "X", "size": 8, "dims": ["M", "Oy"]}, {"fanout": "Y", "size": 8, "dims": []}]
    machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), layer)
    assert [network.dims for network in machine.networks] == [{0}, set()]
    tiling = {"M": {"X": 2}, "N": {"DRAM": 3}, "K": {"DRAM": 4}}
    assert tables(layer, nodes, {"tiling": tiling}).cost.cycles == 12
    for dim, fanout in (("N", "X"), ("M", "Y")):
        factors = {**tiling, dim: {fanout: dict(zip("MN", (2, 3), strict=True))[dim]}}
        with pytest.raises(ValueError, match=f"^tiling.{dim}.{fanout}: expected 1, for only"):
            tables(layer, nodes, {"tiling": factors})


@pytest.mark.parametrize(
    ("level", "fits"),
    [
        ({}, True),
        ({"capacity_bytes": 26}, True),  # 8 + 12 + 6
        ({"capacity_bytes": 25}, False),
        ({"partitions": {"A": 8}}, True),
        ({"partitions": {"A": 7}}, False),
        ({"partitions": {"A": 7}, "capacity_bytes": 26}, False),
        ({"partitions": {"A": 8, "C": 6}, "capacity_bytes": 25}, False),
        ({"partitions": {"A": 8, "C": 6}, "capacity_bytes": 26}, True),
        ({"partitions": 12}, True),
        ({"partitions": 11}, False),
        ({"capacity_bytes": 26, "buffers": 2}, False),
        ({"capacity_bytes": 52, "buffers": 2}, True),
        ({"partitions": {"read1": 15}, "buffers": 2}, False),
        ({"partitions": {"read1": 16}, "buffers": 2}, True),
        ({"capacity_bytes": 39, "bank_bytes": 8}, True),  # 1 + 2 + 1 banks of 4 whole ones
        ({"capacity_bytes": 32, "bank_bytes": 8}, True),
        ({"capacity_bytes": 31, "bank_bytes": 8}, False),
        ({"capacity_bytes": 63, "bank_bytes": 8, "buffers": 2}, False),
        ({"capacity_bytes": 64, "bank_bytes": 8, "buffers": 2}, True),
        ({"capacity_bytes": 32, "bank_bytes": 8, "partitions": {"B": 11}}, False),
    ],
)
def test_what_fits_into_capacity_banks_and_partitions(level: dict[str, Any], fits: bool) -> None:
    found = tables(gemm(2, 3, 8), worked_nodes(level, {}, {}), WORKED)
    assert found.fits("GLB") is fits
    assert [found.fits(node) for node in ("DRAM", "X", "RF")] == [True] * 3


def test_capacity_is_in_bytes_of_what_is_kept() -> None:
    nodes = worked_nodes({"capacity_bytes": 36}, {}, {})
    wide = {"bytes_per_element": {"output": 4, "B": 1, "*": 9}}
    assert not tables(gemm(2, 3, 8), nodes, WORKED, **wide).fits("GLB")  # 72 + 12 + 24
    assert tables(gemm(2, 3, 8), nodes, {**WORKED, "keep": {"GLB": ["B", "C"]}}, **wide).fits("GLB")


@pytest.mark.parametrize(("size", "fits"), [(1, False), (2, True), (3, True)])
def test_more_instances_than_there_are_do_not_fit(size: int, fits: bool) -> None:
    found = tables(gemm(2, 3, 8), worked_nodes({}, {"size": size}, {}), WORKED)
    assert found.fits("X") is fits
    assert found.cost.utilization[2] == 2 / size


@pytest.mark.parametrize(
    ("tiling", "cycles"),
    [
        # A: one burst of 6 * 2 elements of 2 bytes, twice; B: 6 once; C: 2 twice
        ({"m": {"DRAM": 2, "L1": 2}, "k": {"L1": 6}}, 2 * 48 + 25 + 2 * 20),
        # A: 4 bursts of 3 elements of 2 bytes, twice; B: 3 twice; C: 4 once
        ({"m": {"L1": 4}, "k": {"DRAM": 2, "L1": 3}}, 2 * 4 * 25 + 2 * 22 + 23),
    ],
)
def test_cycles_of_a_dma_engine_with_another_clock(tiling: dict[str, Any], cycles: int) -> None:
    layer = nest({"m": 4, "k": 6}, "C", A=["m", "k"], B=["k"], C=["m"])
    nodes = [DRAM, {"storage": "L1", "dma": {"init_cycles": 7, "cycles_per_byte": 0.5, "clock_mhz": 200}}]
    found = tables(layer, nodes, {"tiling": tiling}, clock_mhz=500, bytes_per_element={"A": 2, "*": 1})
    assert found.cost.dma_cycles == {1: cycles}
    assert found.cost.roofline == {"compute": 24, "L1.dma": cycles}


def test_a_dma_engine_moves_partial_sums_both_ways_and_only_what_is_kept() -> None:
    layer = nest({"k": 3, "m": 4}, "C", A=["m", "k"], C=["m"])
    nodes = [DRAM, {"storage": "L1", "dma": {"init_cycles": 2, "cycles_per_byte": 1, "clock_mhz": 100}}]
    mapping = {"tiling": {"m": {"DRAM": 4}, "k": {"DRAM": 3}}, "keep": {"L1": ["C"]}}
    found = tables(layer, nodes, mapping, clock_mhz=50)
    assert found.cost.dma_cycles == {1: (12 + 8) * 2}  # 12 visits, 8 read back, each ceil((2 + 1) * 50 / 100) cycles


@pytest.mark.parametrize(
    ("buffers", "cycles"),
    [
        (1, (6 + 9 + 1) + (3 + 9 + 1)),
        (2, 6 + max(9, 3) + max(9, 1) + 1),
    ],
)
def test_fill_and_drain_of_single_and_double_buffers(buffers: int, cycles: int) -> None:
    layer = nest({"M": 2, "K": 3}, "C", A=["M", "K"], B=["K"], C=["M"])
    nodes = [DRAM, {"storage": "L1", "buffers": buffers, "read_bandwidth": 1, "write_bandwidth": 1}]
    found = tables(layer, nodes, {"tiling": {"M": {"DRAM": 2}, "K": {"L1": 3}}})
    assert found.cost.roofline == {"compute": 6, "L1.reads": 6 + 6 + 4 + 2, "L1.writes": 6 + 3 + 6}
    assert (found.cost.cycles, found.cost.walk_cycles) == (18, cycles)


@pytest.mark.parametrize(
    ("x", "dram", "down", "reads"),
    [
        ({}, 4, 8, 4),  # one word for both, sent once
        ({"multicast": False}, 8, 8, 8),
        ({"multicast": {"A": False, "*": True}}, 8, 8, 8),
        ({"multicast": {"read2": False}}, 4, 8, 4),
    ],
)
def test_a_network_without_multicast_sends_every_copy(x: dict[str, Any], dram: int, down: int, reads: int) -> None:
    layer = nest({"m": 2, "k": 4}, "C", A=["k"], C=["m", "k"])
    nodes = [DRAM, {"fanout": "X", "size": 2, "bandwidth": 1, **x}]
    found = tables(layer, nodes, {"tiling": {"m": {"X": 2}, "k": {"DRAM": 4}}})
    assert found.at("DRAM")["A"] == (0, dram, 0, 0)
    assert found.over("X")["A"] == (down, 0, 0)
    assert found.cost.roofline["X.A.down"] == reads


def test_a_network_that_does_not_reduce_takes_only_dimensions_of_the_output() -> None:
    nodes = [DRAM, {"fanout": "X", "size": 8, "reduce": False}]
    tiling = {"M": {"X": 2}, "N": {"X": 3}, "K": {"DRAM": 4}}
    assert tables(gemm(2, 3, 4), nodes, {"tiling": tiling}).cost.cycles == 4
    with pytest.raises(ValueError, match=r"^tiling\.K\.X: expected 1, for the fanout does not reduce"):
        tables(gemm(2, 3, 4), nodes, {"tiling": {**tiling, "K": {"X": 4}}})
