"""Every malformed machine and mapping gives exactly one line for each fault: its place, and what was expected."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from alterations import JUNK, altered
from dmaze.cli.main import main
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.per_tensor import name_faults
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.validation import validated
from hierarchy_cases import nest_of
from random_hierarchies import random_case, request_of

MACHINE: dict[str, Any] = {
    "name": "m",
    "clock_mhz": 500,
    "nodes": [
        {"storage": "DRAM"},
        {"storage": "GLB", "capacity_bytes": 64, "keep": {"A": "must", "B": "never"}},
        {"fanout": "X", "size": 4, "dims": ["M", "K", "nowhere"]},
        {"fanout": "Y", "size": 2, "reduce": False},
        {"storage": "RF"},
    ],
}
DMA: dict[str, Any] = {"init_cycles": 291, "cycles_per_byte": 0.24, "clock_mhz": 3200}
DRAM, GLB, X, RF = 0, 1, 2, 4

A_CHOICE = "expected 'must', 'may' or 'never'"
A_NODE = "expected an object with either 'storage' or 'fanout', the name of the node"
NO_SELECTOR = "expected another name than 'output', 'read', 'read1', ... or '*', which are selectors"
NO_LIMITS = "expected none, for the outermost level keeps everything, without limits"
OTHER_NAME = "expected a name other than 'mac' and without a dot"
LEVEL_FIELDS = (
    "storage, capacity_bytes, partitions, bank_bytes, buffers, keep, halo, read_pj, write_pj, read_bandwidth, "
    "write_bandwidth, bandwidth, dma, block_elements"
)
MACHINE_FIELDS = "name, nodes, bytes_per_element, mac_pj, clock_mhz, tile_overhead, sources"


def top(**fields: Any) -> dict[str, Any]:
    return {**MACHINE, **fields}


def node(position: int, **fields: Any) -> dict[str, Any]:
    nodes = copy.deepcopy(MACHINE["nodes"])
    nodes[position].update(fields)
    return top(nodes=nodes)


def without(position: int, field: str) -> dict[str, Any]:
    nodes = copy.deepcopy(MACHINE["nodes"])
    del nodes[position][field]
    return top(nodes=nodes)


def nodes(*given: Any) -> dict[str, Any]:
    return top(nodes=[{"storage": "DRAM"}, *given])


MACHINE_FAULTS: list[tuple[Any, list[str]]] = [
    ([], ["expected an object, got a list"]),
    ("eyeriss", ["expected an object, got 'eyeriss'"]),
    (None, ["expected an object, got null"]),
    ({}, ["name: expected, but missing", "nodes: expected, but missing"]),
    (top(name=""), ["name: expected text of at least 1 character, got ''"]),
    (top(name=3), ["name: expected text, got 3"]),
    (top(nodes=[]), ["nodes: expected 1 or more entries, got 0"]),
    (top(nodes={"DRAM": {}}), ["nodes: expected a list, got an object"]),
    (top(nodes=None), ["nodes: expected a list, got null"]),
    (nodes(None), [f"nodes[1]: {A_NODE}"]),
    (nodes("GLB"), [f"nodes[1]: {A_NODE}"]),
    (nodes({}), [f"nodes[1]: {A_NODE}"]),
    (nodes({"size": 3}), [f"nodes[1]: {A_NODE}"]),
    (nodes({"storage": "A", "fanout": "A", "size": 2}), [f"nodes[1]: {A_NODE}"]),
    (
        top(nodes=[{"fanout": "X", "size": 2}]),
        ["nodes[0]: expected a storage level first (such as DRAM), got a fanout"],
    ),
    (nodes({"storage": ""}), ["nodes[1].storage: expected text of at least 1 character, got ''"]),
    (nodes({"storage": 7}), ["nodes[1].storage: expected text, got 7"]),
    (nodes({"storage": "mac"}), [f"nodes[1].storage: {OTHER_NAME}, got 'mac'"]),
    (nodes({"fanout": "mac", "size": 2}), [f"nodes[1].fanout: {OTHER_NAME}, got 'mac'"]),
    (nodes({"storage": "L1.5"}), [f"nodes[1].storage: {OTHER_NAME}, got 'L1.5'"]),
    (
        nodes({"fanout": "DRAM", "size": 2}, {"storage": "L2"}, {"storage": "L2"}),
        [
            "nodes[0].storage: expected a name that no other node has, got 'DRAM'",
            "nodes[1].fanout: expected a name that no other node has, got 'DRAM'",
            "nodes[2].storage: expected a name that no other node has, got 'L2'",
            "nodes[3].storage: expected a name that no other node has, got 'L2'",
        ],
    ),
    (node(DRAM, capacity_bytes=4), [f"nodes[0].capacity_bytes: {NO_LIMITS}"]),
    (node(DRAM, partitions={"A": 4}), [f"nodes[0].partitions: {NO_LIMITS}"]),
    (node(DRAM, buffers=2), [f"nodes[0].buffers: {NO_LIMITS}"]),
    (node(DRAM, keep="must"), [f"nodes[0].keep: {NO_LIMITS}"]),
    (node(DRAM, halo=True), [f"nodes[0].halo: {NO_LIMITS}"]),
    (node(DRAM, dma=DMA), [f"nodes[0].dma: {NO_LIMITS}"]),
    (
        node(DRAM, capacity_bytes=8, bank_bytes=4),
        [f"nodes[0].capacity_bytes: {NO_LIMITS}", f"nodes[0].bank_bytes: {NO_LIMITS}"],
    ),
    (node(GLB, capacity_bytes=0), ["nodes[1].capacity_bytes: expected an integer of at least 1, got 0"]),
    (node(GLB, capacity_bytes=1.5), ["nodes[1].capacity_bytes: expected an integer, got 1.5"]),
    (node(GLB, capacity_bytes=64.0), ["nodes[1].capacity_bytes: expected an integer, got 64.0"]),
    (node(GLB, capacity_bytes="64 KB"), ["nodes[1].capacity_bytes: expected an integer, got '64 KB'"]),
    (node(GLB, capacity_bytes=True), ["nodes[1].capacity_bytes: expected an integer, got true"]),
    (
        node(GLB, capacity_bytes=2**31),
        ["nodes[1].capacity_bytes: expected an integer of at most 2147483647, got 2147483648"],
    ),
    (
        node(RF, bank_bytes=8),
        ["nodes[4].bank_bytes: expected capacity_bytes beside it, of which the banks are parts"],
    ),
    (node(GLB, bank_bytes=0), ["nodes[1].bank_bytes: expected an integer of at least 1, got 0"]),
    (node(GLB, partitions="half"), ["nodes[1].partitions: expected an integer or an object, got 'half'"]),
    (node(GLB, partitions=[24]), ["nodes[1].partitions: expected an integer or an object, got a list"]),
    (node(GLB, partitions={}), ["nodes[1].partitions: expected 1 or more entries, got 0"]),
    (node(GLB, partitions={"": 3}), ["nodes[1].partitions['']: expected text of at least 1 character, got ''"]),
    (
        node(GLB, partitions={"read1": 1.5, "*": -1}),
        [
            "nodes[1].partitions.read1: expected an integer, got 1.5",
            "nodes[1].partitions['*']: expected an integer of at least 1, got -1",
        ],
    ),
    (node(GLB, buffers=3), ["nodes[1].buffers: expected an integer of at most 2, got 3"]),
    (node(GLB, buffers="2"), ["nodes[1].buffers: expected an integer, got '2'"]),
    (node(GLB, keep="always"), [f"nodes[1].keep: {A_CHOICE}, got 'always'"]),
    (node(GLB, keep={"A": "mst"}), [f"nodes[1].keep.A: {A_CHOICE}, got 'mst'; did you mean 'must'?"]),
    (node(GLB, keep=True), [f"nodes[1].keep: {A_CHOICE} or an object, got true"]),
    (node(GLB, keep=["A"]), [f"nodes[1].keep: {A_CHOICE} or an object, got a list"]),
    (node(GLB, keep={}), ["nodes[1].keep: expected 1 or more entries, got 0"]),
    (node(GLB, keep={"read2": None}), [f"nodes[1].keep.read2: {A_CHOICE}, got null"]),
    (node(GLB, halo="yes"), ["nodes[1].halo: expected true or false, got 'yes'"]),
    (node(GLB, halo=True, dma=DMA), ["nodes[1].dma: expected no DMA engine beside halo, for it moves whole tiles"]),
    (
        node(RF, halo=True, dma=DMA, bank_bytes=2),
        [
            "nodes[4].bank_bytes: expected capacity_bytes beside it, of which the banks are parts",
            "nodes[4].dma: expected no DMA engine beside halo, for it moves whole tiles",
        ],
    ),
    (
        node(GLB, dma={"init_cycles": -1, "cycles_per_byte": 0.2}),
        [
            "nodes[1].dma.init_cycles: expected a number of at least 0, got -1",
            "nodes[1].dma.clock_mhz: expected, but missing",
        ],
    ),
    (
        node(GLB, dma={**DMA, "clock_mhz": 0}),
        ["nodes[1].dma.clock_mhz: expected a clock from 0.001 to 1,000,000 MHz, got 0.0"],
    ),
    (node(GLB, dma={**DMA, "init_cycle": 1}), ["nodes[1].dma.init_cycle: unknown field; did you mean 'init_cycles'?"]),
    (node(GLB, dma=True), ["nodes[1].dma: expected an object, got true"]),
    (
        {**node(GLB, dma=DMA), "clock_mhz": None},
        ["clock_mhz: expected, for a level has a DMA engine, whose cycles are counted in the machine's clock"],
    ),
    (node(GLB, read_pj=-1), ["nodes[1].read_pj: expected a number of at least 0, got -1"]),
    (node(GLB, read_pj={"A": "6 pJ"}), ["nodes[1].read_pj.A: expected a number, got '6 pJ'"]),
    (node(GLB, write_pj=math.nan), ["nodes[1].write_pj: expected a finite number, got NaN"]),
    (
        node(GLB, write_pj={"output": math.inf}),
        ["nodes[1].write_pj.output: expected a finite number, got Infinity (a number beyond 1.8e308)"],
    ),
    (node(GLB, write_pj=[1]), ["nodes[1].write_pj: expected a number or an object, got a list"]),
    (node(GLB, read_bandwidth=0), ["nodes[1].read_bandwidth: expected a number above 0, got 0"]),
    (node(GLB, write_bandwidth=-0.5), ["nodes[1].write_bandwidth: expected a number above 0, got -0.5"]),
    (node(GLB, bandwidth=1e-310), ["nodes[1].bandwidth: expected a number of at least 1e-09, got 1e-310"]),
    (node(GLB, bandwidth={"A": 2}), ["nodes[1].bandwidth: expected a number, got an object"]),
    (node(GLB, block_elements=0), ["nodes[1].block_elements: expected an integer of at least 1, got 0"]),
    (node(GLB, capacty_bytes=3), ["nodes[1].capacty_bytes: unknown field; did you mean 'capacity_bytes'?"]),
    (node(GLB, size=3), [f"nodes[1].size: unknown field; expected one of {LEVEL_FIELDS}"]),
    (node(GLB, ports="GLB"), [f"nodes[1].ports: unknown field; expected one of {LEVEL_FIELDS}"]),
    (
        node(X, capacity_bytes=3),
        [
            "nodes[2].capacity_bytes: unknown field; expected one of "
            "fanout, size, dims, multicast, reduce, word_pj, add_pj, bandwidth"
        ],
    ),
    (without(X, "size"), ["nodes[2].size: expected, but missing"]),
    (node(X, size=0), ["nodes[2].size: expected an integer of at least 1, got 0"]),
    (node(X, size=2.0), ["nodes[2].size: expected an integer, got 2.0"]),
    (node(X, size="X"), ["nodes[2].size: expected an integer, got 'X'"]),
    (node(X, dims="M"), ["nodes[2].dims: expected a list, got 'M'"]),
    (
        node(X, dims=["M", 1, ""]),
        ["nodes[2].dims[1]: expected text, got 1", "nodes[2].dims[2]: expected text of at least 1 character, got ''"],
    ),
    (node(X, multicast="no"), ["nodes[2].multicast: expected true or false or an object, got 'no'"]),
    (node(X, multicast={"A": 0}), ["nodes[2].multicast.A: expected true or false, got 0"]),
    (node(X, reduce={"C": True}), ["nodes[2].reduce: expected true or false, got an object"]),
    (node(X, word_pj={"A": -2}), ["nodes[2].word_pj.A: expected a number of at least 0, got -2"]),
    (node(X, add_pj={"*": 1}), ["nodes[2].add_pj: expected a number, got an object"]),
    (node(X, bandwidth=0), ["nodes[2].bandwidth: expected a number above 0, got 0"]),
    (top(bytes_per_element=0), ["bytes_per_element: expected an integer of at least 1, got 0"]),
    (top(bytes_per_element={"A": 0.5}), ["bytes_per_element.A: expected an integer, got 0.5"]),
    (top(mac_pj={"*": 1}), ["mac_pj: expected a number, got an object"]),
    (top(mac_pj=2e9), ["mac_pj: expected a number of at most 1e+09, got 2000000000.0"]),
    (top(clock_mhz="500"), ["clock_mhz: expected a number, got '500'"]),
    (top(sources={"GLB": 1}), ["sources.GLB: expected text, got 1"]),
    (top(clock=500), ["clock: unknown field; did you mean 'clock_mhz'?"]),
    (
        top(levels=[]),
        [f"levels: unknown field; expected one of {MACHINE_FIELDS}"],
    ),
]


def faults_of(model: type[Machine | LevelMappingDocument], data: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        validated(model, data, None)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(("data", "lines"), MACHINE_FAULTS)
def test_a_malformed_machine_gives_one_line_for_each_fault(data: Any, lines: list[str]) -> None:
    assert faults_of(Machine, data) == lines


def test_faults_of_all_nodes_come_together() -> None:
    machine = top(
        name=None,
        mac_pj=-1,
        nodes=[{"storage": "DRAM", "read_pj": -1}, {"fanout": "X"}, 3, {"storage": "RF", "keep": {"A": 1}, "x": 2}],
    )
    assert faults_of(Machine, machine) == [
        "name: expected text, got null",
        "nodes[0].read_pj: expected a number of at least 0, got -1",
        "nodes[1].size: expected, but missing",
        f"nodes[2]: {A_NODE}",
        f"nodes[3].keep.A: {A_CHOICE}, got 1",
        f"nodes[3].x: unknown field; expected one of {LEVEL_FIELDS}",
        "mac_pj: expected a number of at least 0, got -1",
    ]


@pytest.mark.parametrize(
    "data",
    [
        top(nodes=[{"storage": "DRAM"}]),
        top(nodes=[{"storage": "DRAM"}, {"fanout": "X", "size": 2}]),
        node(DRAM, buffers=1, halo=False, keep="may"),
        node(GLB, capacity_bytes=64, partitions={"A": 8, "nobody": 1}),
        node(GLB, bandwidth=0.5, read_bandwidth=0.25, write_bandwidth=4),
        node(X, dims=[]),
        node(GLB, storage="a b"),
        top(sources={"guesses": "all of it"}),
        top(clock_mhz=None),
    ],
)
def test_what_is_unusual_but_legal_is_accepted(data: Any) -> None:
    assert validated(Machine, data, None).name == "m"


GEMM: dict[str, Any] = {
    "bounds": {"M": 4, "N": 2, "K": 8},
    "tensors": [
        {"name": "A", "index": ["M", "K"]},
        {"name": "B", "index": ["K", "N"]},
        {"name": "C", "index": ["M", "N"], "output": True},
    ],
}
SKEWED: dict[str, Any] = {
    "bounds": {"M": 4, "N": 2, "K": 8},
    "tensors": [
        {"name": "A", "index": ["M", "K", "K + 1"]},
        {"name": "B", "index": ["K", "N"]},
        {"name": "C", "index": ["M + N"], "output": True},
    ],
}
AT_DRAM = {"M": {"DRAM": 4}, "N": {"DRAM": 2}, "K": {"DRAM": 8}}
NO_DIM = "expected one of M, N, K"
NO_NODE = "unknown node; expected one of DRAM, GLB, X, Y, RF"
NO_LEVEL = "unknown storage level; expected one of DRAM, GLB, RF"


def tiled(**tiling: Any) -> dict[str, Any]:
    return {"tiling": {**AT_DRAM, **tiling}}


def ordered(orders: Any) -> dict[str, Any]:
    return {"tiling": AT_DRAM, "orders": orders}


def keeping(keep: Any) -> dict[str, Any]:
    return {"tiling": AT_DRAM, "keep": keep}


FORM_FAULTS: list[tuple[Any, list[str]]] = [
    ([], ["expected an object, got a list"]),
    (None, ["expected an object, got null"]),
    ({}, ["tiling: expected, but missing"]),
    ({"tiling": [1]}, ["tiling: expected an object, got a list"]),
    (tiled(M=4), ["tiling.M: expected an object, got 4"]),
    (tiled(M={"DRAM": 0}), ["tiling.M.DRAM: expected an integer of at least 1, got 0"]),
    (tiled(M={"DRAM": -4}), ["tiling.M.DRAM: expected an integer of at least 1, got -4"]),
    (tiled(M={"DRAM": 4.0}), ["tiling.M.DRAM: expected an integer, got 4.0"]),
    (tiled(M={"DRAM": "4"}), ["tiling.M.DRAM: expected an integer, got '4'"]),
    (tiled(M={"DRAM": True}), ["tiling.M.DRAM: expected an integer, got true"]),
    (tiled(M={"DRAM": None}), ["tiling.M.DRAM: expected an integer, got null"]),
    (ordered(["M"]), ["orders: expected an object, got a list"]),
    (ordered({"DRAM": "MNK"}), ["orders.DRAM: expected a list, got 'MNK'"]),
    (ordered({"DRAM": None}), ["orders.DRAM: expected a list, got null"]),
    (ordered({"DRAM": ["M", 1]}), ["orders.DRAM[1]: expected text, got 1"]),
    (keeping(["A"]), ["keep: expected an object, got a list"]),
    (keeping({"RF": "A"}), ["keep.RF: expected a list, got 'A'"]),
    (keeping({"RF": {"A": True}}), ["keep.RF: expected a list, got an object"]),
    (keeping({"RF": ["A", True]}), ["keep.RF[1]: expected text, got true"]),
    ({"tiling": AT_DRAM, "order": {}}, ["order: unknown field; did you mean 'orders'?"]),
    ({"tiling": AT_DRAM, "bypass": {}}, ["bypass: unknown field; expected one of tiling, orders, keep"]),
    (
        {"tiling": {"M": {"DRAM": 0, "GLB": 1.5}}, "keep": 3},
        [
            "tiling.M.DRAM: expected an integer of at least 1, got 0",
            "tiling.M.GLB: expected an integer, got 1.5",
            "keep: expected an object, got 3",
        ],
    ),
]


@pytest.mark.parametrize(("data", "lines"), FORM_FAULTS)
def test_a_malformed_mapping_gives_one_line_for_each_fault(data: Any, lines: list[str]) -> None:
    assert faults_of(LevelMappingDocument, data) == lines


ILLEGAL: list[tuple[Any, list[str]]] = [
    (
        {"tiling": {}},
        [
            "tiling.M: factors multiply to 1; expected the bound 4",
            "tiling.N: factors multiply to 1; expected the bound 2",
            "tiling.K: factors multiply to 1; expected the bound 8",
        ],
    ),
    (tiled(M={"DRAM": 2}), ["tiling.M: factors multiply to 2; expected the bound 4"]),
    (tiled(M={"DRAM": 4, "RF": 2}), ["tiling.M: factors multiply to 8; expected the bound 4"]),
    (tiled(P={"DRAM": 2}), [f"tiling.P: unknown dimension; {NO_DIM}"]),
    (tiled(P={}), [f"tiling.P: unknown dimension; {NO_DIM}"]),
    (tiled(m={"DRAM": 2}), ["tiling.m: unknown dimension; did you mean 'M'?"]),
    (
        {"tiling": {"m": {"DRAM": 4}, "N": {"RF": 2}, "K": {"RF": 8}}},
        ["tiling.m: unknown dimension; did you mean 'M'?"],
    ),
    (tiled(M={"dram": 4}), ["tiling.M.dram: unknown node; did you mean 'DRAM'?"]),
    (tiled(M={"DRAM": 4, "PE": 1}), [f"tiling.M.PE: {NO_NODE}"]),
    (tiled(M={"mac": 4}), [f"tiling.M.mac: {NO_NODE}"]),
    (tiled(N={"X": 2}), ["tiling.N.X: expected 1, for only M, K may be unrolled there"]),
    (
        tiled(K={"Y": 2, "DRAM": 4}),
        ["tiling.K.Y: expected 1, for the fanout does not reduce and K does not index C"],
    ),
    (ordered({"DRAM": ["M", "N", "M"]}), ["orders.DRAM: expected 'M' once, got it 2 times"]),
    (ordered({"DRAM": ["M", "P"]}), [f"orders.DRAM: unknown dimension 'P'; {NO_DIM}"]),
    (ordered({"RF": ["k"]}), ["orders.RF: unknown dimension 'k'; did you mean 'K'?"]),
    (ordered({"X": ["M"]}), ["orders.X: expected a storage level, got a fanout"]),
    (ordered({"SPM": ["M"]}), [f"orders.SPM: {NO_LEVEL}"]),
    (
        keeping({"DRAM": ["A"]}),
        [
            "keep.DRAM: expected B in it, for the outermost level keeps everything",
            "keep.DRAM: expected C in it, for the outermost level keeps everything",
        ],
    ),
    (keeping({"GLB": ["A", "B"]}), ["keep.GLB: expected it without B, which the level never keeps"]),
    (keeping({"GLB": ["C"]}), ["keep.GLB: expected A in it, for the level must keep it"]),
    (
        keeping({"GLB": ["B"]}),
        [
            "keep.GLB: expected A in it, for the level must keep it",
            "keep.GLB: expected it without B, which the level never keeps",
        ],
    ),
    (keeping({"RF": ["A", "A", "A"]}), ["keep.RF: expected 'A' once, got it 3 times"]),
    (keeping({"RF": ["a"]}), ["keep.RF: unknown tensor 'a'; did you mean 'A'?"]),
    (keeping({"RF": ["read1"]}), ["keep.RF: unknown tensor 'read1'; expected one of A, B, C"]),
    (keeping({"Y": []}), ["keep.Y: expected a storage level, got a fanout"]),
    (keeping({"REG": ["A"]}), [f"keep.REG: {NO_LEVEL}"]),
    (
        {
            "tiling": {"m": {"DRAM": 4}, "N": {"X": 2}, "K": {"DRAM": 4}},
            "orders": {"SPM": [], "DRAM": ["N", "N", "P"]},
            "keep": {"RF": ["a"], "GLB": ["D"], "DRAM": ["A", "B"]},
        },
        [
            "tiling.m: unknown dimension; did you mean 'M'?",
            f"orders.SPM: {NO_LEVEL}",
            "orders.DRAM: expected 'N' once, got it 2 times",
            f"orders.DRAM: unknown dimension 'P'; {NO_DIM}",
            "keep.RF: unknown tensor 'a'; did you mean 'A'?",
            "keep.GLB: unknown tensor 'D'; expected one of A, B, C",
            "tiling.K: factors multiply to 4; expected the bound 8",
            "keep.DRAM: expected C in it, for the outermost level keeps everything",
            "tiling.N.X: expected 1, for only M, K may be unrolled there",
        ],
    ),
]


@pytest.mark.parametrize(("data", "lines"), ILLEGAL)
def test_an_illegal_mapping_gives_one_line_for_each_fault(data: Any, lines: list[str]) -> None:
    assert illegal_in(nest_of(GEMM), data) == lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (tiled(K={"X": 4, "DRAM": 2}), ["tiling.K.X: expected 1, for K occurs in two axes of A"]),
        (
            tiled(M={"X": 2, "DRAM": 2}, N={"Y": 2}),
            [
                "tiling.M.X: expected 1, for M shares an axis of C with another dimension, so that tiles overlap",
                "tiling.N.Y: expected 1, for N shares an axis of C with another dimension, so that tiles overlap",
            ],
        ),
    ],
)
def test_what_cannot_be_unrolled_anywhere_is_said_with_the_tensor(data: Any, lines: list[str]) -> None:
    assert illegal_in(nest_of(SKEWED), data) == lines


def illegal_in(nest: LoopNest, data: Any) -> list[str]:
    machine = resolved_machine(validated(Machine, MACHINE, None), nest)
    document = validated(LevelMappingDocument, data, None)
    with pytest.raises(ValueError, match=r".") as caught:
        level_mapping(nest, machine, document)
    return str(caught.value).split("\n")


@pytest.mark.parametrize("name", ["output", "read", "read1", "read12", "*"])
def test_a_tensor_cannot_be_named_like_a_selector(name: str) -> None:
    tensors = [{"name": name, "index": ["M"]}, {"name": "out", "index": ["M"], "output": True}]
    assert name_faults(nest_of({"bounds": {"M": 2}, "tensors": tensors})) == [f"tensor {name!r}: {NO_SELECTOR}"]


@pytest.mark.parametrize("name", ["outputs", "reads", "read_1", "Read", "**", "A"])
def test_a_tensor_may_be_named_almost_like_one(name: str) -> None:
    tensors = [{"name": name, "index": ["M"]}, {"name": "out", "index": ["M"], "output": True}]
    assert name_faults(nest_of({"bounds": {"M": 2}, "tensors": tensors})) == []


def test_a_misspelt_name_does_not_hide_what_else_is_illegal() -> None:
    lines = illegal_in(nest_of(GEMM), {"tiling": {**AT_DRAM, "M": {"glb": 4}, "K": {"DRAM": 3}}})
    assert lines == [
        "tiling.M.glb: unknown node; did you mean 'GLB'?",
        "tiling.K: factors multiply to 3; expected the bound 8",
    ]


def request(**fields: Any) -> dict[str, Any]:
    layer = {"type": "gemm", "name": "g", "m": 4, "n": 2, "k": 8}
    return {"architecture": MACHINE, "layer": layer, "mappings": [{"tiling": AT_DRAM}], **fields}


REQUESTS: list[tuple[dict[str, Any], list[str]]] = [
    (
        request(architecture=node(GLB, capacity=4)),
        ["architecture.nodes[1].capacity: unknown field; did you mean 'capacity_bytes'?"],
    ),
    (
        request(architecture={**MACHINE, "nodes": [{"storage": "DRAM", "halo": True}, {"fanout": "X"}, {}]}),
        ["architecture.nodes[1].size: expected, but missing", f"architecture.nodes[2]: {A_NODE}"],
    ),
    (
        request(architecture={**MACHINE, "nodes": [{"storage": "DRAM", "halo": True}, {"storage": "DRAM"}]}),
        [
            f"architecture.nodes[0].halo: {NO_LIMITS}",
            "architecture.nodes[0].storage: expected a name that no other node has, got 'DRAM'",
            "architecture.nodes[1].storage: expected a name that no other node has, got 'DRAM'",
        ],
    ),
    (request(architecture="eyeris"), ["architecture: unknown name 'eyeris'; did you mean 'eyeriss-168'?"]),
    (request(architecture={"name": "m", "node": []}), ["architecture.node: unknown field; did you mean 'nodes'?"]),
    (
        request(accounting="timelop"),
        ["accounting: expected 'executed', 'timeloop' or 'accelforge', got 'timelop'; did you mean 'timeloop'?"],
    ),
    (
        request(cost_model="dmazerunner"),
        ["cost_model: expected 'hierarchy', for 'm' is a hierarchy, got 'dmazerunner'"],
    ),
    (request(mappings={}), ["mappings: expected a list, got an object"]),
    (
        request(mappings=[{}, 3]),
        ["mappings[0].tiling: expected, but missing", "mappings[1]: expected an object, got 3"],
    ),
    (request(mappings=[tiled(M={"DRAM": 0})]), ["mappings[0].tiling.M.DRAM: expected an integer of at least 1, got 0"]),
    (
        request(mappings=[tiled(), tiled(N={"X": 2}), {**ordered({"X": []}), "keep": {"GLB": ["B"]}}]),
        [
            "mappings[1].tiling.N.X: expected 1, for only M, K may be unrolled there",
            "mappings[2].orders.X: expected a storage level, got a fanout",
            "mappings[2].keep.GLB: expected A in it, for the level must keep it",
            "mappings[2].keep.GLB: expected it without B, which the level never keeps",
        ],
    ),
    (request(mappings=[tiled(**{"a\nb": {}})]), [f"mappings[0].tiling.a\\nb: unknown dimension; {NO_DIM}"]),
    (
        request(mappings=[{"tiling": {"M": {"dram": 4}}, "rf_order": ["M"]}]),
        ["mappings[0].rf_order: unknown field; did you mean 'orders'?"],
    ),
    (request(padded_bounds={"M": 6}), ["mappings[0].tiling.M: factors multiply to 4; expected the bound 6"]),
    (
        request(
            layer={
                "type": "loop_nest",
                "name": "n",
                "bounds": {"M": 4, "N": 2, "K": 8},
                "tensors": [{"name": "read1", "index": ["M"]}, {"name": "C", "index": ["N"], "output": True}],
            }
        ),
        [f"layer: tensor 'read1': {NO_SELECTOR}"],
    ),
]


@pytest.mark.parametrize(("document", "lines"), REQUESTS)
def test_a_wrong_request_ends_with_2_and_its_faults_on_stderr(
    document: dict[str, Any], lines: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["evaluate", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "".join(f"{path}: {line}\n" for line in lines)


def test_what_does_not_fit_is_no_fault(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    crowded = tiled(M={"X": 4}, K={"X": 2, "GLB": 4})
    wide = {**MACHINE, "bytes_per_element": 2}  # A takes 4 * 8 * 2 of GLB's 64 bytes, C 4 * 2
    path.write_text(json.dumps(request(architecture=wide, mappings=[tiled(), crowded])), encoding="utf-8")
    assert main(["evaluate", "--json", str(path)]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert [cost["fits"] for cost in costs] == [
        {"DRAM": True, "GLB": True, "X": True, "Y": True, "RF": True},
        {"DRAM": True, "GLB": False, "X": False, "Y": True, "RF": True},
    ]


ODD_KEYS = ("storage", "fanout", "size", "dma", "keep", "name", "tiling", "a.b", "[key]", "")
ODD_VALUES: list[Any] = [
    *JUNK,
    *("GLB", "X", "M", "C", "must", "*", "storage", "gemm"),
    *({"read1": 2, "*": 1}, {"A": "must"}, {"storage": "L"}, {"fanout": "L", "size": 2}, DMA, ["M"], {"DRAM": 4}),
]


def test_whatever_is_altered_in_a_request_it_is_costed_or_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    random, path, refused = Random(0), tmp_path / "request.json", 0
    for number in range(200):
        good = request_of(random_case(number))
        path.write_text(json.dumps(altered(good, random, ODD_KEYS, ODD_VALUES)), encoding="utf-8")
        status = main(["evaluate", str(path)])
        out, err = capsys.readouterr()
        assert (status, out == "", err == "") in ((0, False, True), (2, True, False)), path.read_text(encoding="utf-8")
        lines = err.split("\n")[:-1]
        assert all(line.startswith(f"{path}: ") and line.isprintable() for line in lines)
        assert len({line.split(": expected")[0] for line in lines}) == len(lines)
        refused += status == 2
    assert refused > 130
