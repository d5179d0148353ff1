"""Operators that ONNX Runtime adds to the standard are the products that they fuse, and shapes go on behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dmaze.model.documents.spec import LayerList
from dmaze.model.reading.onnx_files import read_network
from onnx import helper
from onnx_models import model_of, write

B, S, PAST, HEADS, KV, SIZE = 2, 5, 3, 8, 2, 4
HIDDEN = HEADS * SIZE
DOMAIN = "com.microsoft"


def network(tmp_path: Path, nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, Sequence[int]]) -> LayerList:
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
    return read_network(write(model_of(nodes, inputs, opset_imports=opsets), tmp_path))


def node(operator: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node of the domain; a dot stands for an absent input."""
    names = ["" if name == "." else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), domain=DOMAIN, **attributes)


def bounds_of(found: LayerList) -> list[dict[str, int]]:
    return [layer.bounds() for layer in found.layers]


def attended(keys: int, kv: int = HEADS, size: int = SIZE) -> int:
    """Multiply-accumulates of scores and values."""
    assert HEADS % kv == 0
    return B * HEADS * S * keys * 2 * size


ATTENTIONS: dict[str, tuple[onnx.NodeProto, dict[str, list[int]], int]] = {
    "multi-head": (
        node("MultiHeadAttention", "q k v", num_heads=HEADS),
        {"q": [B, S, HIDDEN], "k": [B, 7, HIDDEN], "v": [B, 7, HIDDEN]},
        attended(7),
    ),
    "multi-head with a past": (
        node("MultiHeadAttention", "q k v . . . pk pv", "y present_k present_v", num_heads=HEADS),
        {
            "q": [B, S, HIDDEN],
            "k": [B, S, HIDDEN],
            "v": [B, S, HIDDEN],
            "pk": [B, HEADS, PAST, SIZE],
            "pv": [B, HEADS, PAST, SIZE],
        },
        attended(PAST + S),
    ),
    "multi-head, all packed": (
        node("MultiHeadAttention", "q", num_heads=HEADS),
        {"q": [B, S, HEADS, 3, SIZE]},
        attended(S),
    ),
    "multi-head, keys and values packed": (
        node("MultiHeadAttention", "q kv", num_heads=HEADS),
        {"q": [B, S, HIDDEN], "kv": [B, 7, HEADS, 2, SIZE]},
        attended(7),
    ),
    "multi-head over another sequence": (
        node("MultiHeadAttention", "q k v", num_heads=HEADS),
        {"q": [B, S, HIDDEN], "k": [B, HEADS, 7, SIZE], "v": [B, HEADS, 7, SIZE]},
        attended(7),
    ),
    "grouped": (
        node("GroupQueryAttention", "q k v pk pv n t", "y present_k present_v", num_heads=HEADS, kv_num_heads=KV),
        {
            "q": [B, S, HIDDEN],
            "k": [B, S, KV * SIZE],
            "v": [B, S, KV * SIZE],
            "pk": [B, KV, PAST, SIZE],
            "pv": [B, KV, PAST, SIZE],
            "n": [B],
            "t": [],
        },
        attended(PAST + S, KV),
    ),
    "grouped, all packed": (
        node("GroupQueryAttention", "q . . pk pv n t", num_heads=HEADS, kv_num_heads=KV),
        {
            "q": [B, S, (HEADS + 2 * KV) * SIZE],
            "pk": [B, KV, PAST, SIZE],
            "pv": [B, KV, PAST, SIZE],
            "n": [B],
            "t": [],
        },
        attended(PAST + S, KV),
    ),
    "with its projection": (
        node("Attention", "x w b . past", "y present", num_heads=HEADS),
        {"x": [B, S, 16], "w": [16, 3 * HIDDEN], "b": [3 * HIDDEN], "past": [2, B, HEADS, PAST, SIZE]},
        B * S * 16 * 3 * HIDDEN + attended(PAST + S),
    ),
    "with a projection of other values": (
        node("Attention", "x w b", num_heads=HEADS, qkv_hidden_sizes=[HIDDEN, HIDDEN, 2 * HIDDEN]),
        {"x": [B, S, 16], "w": [16, 4 * HIDDEN], "b": [4 * HIDDEN]},
        B * S * 16 * 4 * HIDDEN + B * HEADS * S * S * (SIZE + 2 * SIZE),
    ),
    "quantised": (
        node("QAttention", "x w b xs ws m xz wz past", num_heads=HEADS),
        {
            "x": [B, S, 16],
            "w": [16, 3 * HIDDEN],
            "b": [3 * HIDDEN],
            "past": [2, B, HEADS, PAST, SIZE],
            "xs": [],
            "ws": [],
            "m": [B],
            "xz": [],
            "wz": [],
        },
        B * S * 16 * 3 * HIDDEN + attended(PAST + S),
    ),
}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_attention_is_its_products_and_the_shape_goes_on(name: str, tmp_path: Path) -> None:
    attention, inputs, macs = ATTENTIONS[name]
    width = 2 * HIDDEN if "other values" in name else HIDDEN
    behind = helper.make_node("MatMul", ["y", "out"], ["z"])
    found = network(tmp_path, [attention, behind], {**inputs, "out": [width, 10]})
    assert found.imported is not None
    total = macs + B * S * width * 10
    assert (found.imported.mapped_macs, found.imported.total_macs) == (total, total)
    assert sum(layer.count * layer.loop_nest().num_macs for layer in found.layers) == total
    kinds = [layer.type for layer in found.layers]
    projection = ["gemm"] if "projection" in name or name == "quantised" else []
    assert kinds == [*projection, "attention_scores", "attention_values", "gemm"]


def test_grouped_keys_are_shared_by_heads(tmp_path: Path) -> None:
    attention, inputs, _ = ATTENTIONS["grouped"]
    scores = network(tmp_path, [attention], inputs).layers[0]
    nest = scores.loop_nest()
    assert nest.tensors[1].footprint(nest.bounds) == B * KV * (PAST + S) * SIZE


@pytest.mark.parametrize("operator", ["MatMulNBits", "MatMulBnb4"])
def test_a_product_by_weights_of_few_bits_is_a_gemm(operator: str, tmp_path: Path) -> None:
    quantised = node(operator, "x w s", K=64, N=48, block_size=32, **({"bits": 4} if operator == "MatMulNBits" else {}))
    behind = helper.make_node("MatMul", ["y", "v"], ["z"])
    found = network(tmp_path, [quantised, behind], {"x": [2, 5, 64], "w": [48, 2, 16], "s": [96], "v": [48, 10]})
    assert bounds_of(found) == [{"M": 10, "N": 48, "K": 64}, {"M": 10, "N": 10, "K": 48}]


@pytest.mark.parametrize(
    ("attributes", "left", "right"),
    [
        ({}, [3, 4, 6], [3, 6, 5]),
        ({"transA": 1}, [3, 6, 4], [3, 6, 5]),
        ({"transB": 1, "alpha": 0.5}, [3, 4, 6], [3, 5, 6]),
        ({"transA": 1, "transB": 1}, [3, 6, 4], [3, 5, 6]),
        ({"transBatchA": 1}, [4, 3, 6], [3, 6, 5]),
        ({"transBatchB": 1}, [3, 4, 6], [6, 3, 5]),
        ({"transBatchA": 1, "transA": 1, "transB": 1}, [6, 3, 4], [3, 5, 6]),
    ],
)
def test_a_fused_product_is_transposed_first(
    attributes: dict[str, Any], left: list[int], right: list[int], tmp_path: Path
) -> None:
    behind = helper.make_node("MatMul", ["y", "v"], ["z"])
    nodes = [node("FusedMatMul", "a b", **attributes), behind]
    found = network(tmp_path, nodes, {"a": left, "b": right, "v": [5, 7]})
    assert bounds_of(found) == [{"Batch": 3, "M": 4, "N": 5, "K": 6}, {"M": 12, "N": 7, "K": 5}]


def test_the_other_fused_and_quantised_products_and_what_is_between_them(tmp_path: Path) -> None:
    nodes = [
        node("FusedConv", "x k", "c", activation="Relu", pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["c"], ["f"]),
        node("FusedGemm", "f w b", "g", activation="Relu"),
        node("SkipSimplifiedLayerNormalization", "g g gamma", "n"),
        node("BiasGelu", "n b", "h"),
        node("QGemm", "h s z v s z", "q"),
        node("MatMulIntegerToFloat", "q u s s", "r"),
        node("DynamicQuantizeMatMul", "r u s", "t"),
    ]
    inputs = {
        "x": [1, 3, 8, 8],
        "k": [4, 3, 3, 3],
        "w": [4 * 64, 10],
        "b": [10],
        "gamma": [10],
        "s": [],
        "z": [],
        "v": [10, 6],
        "u": [6, 6],
    }
    found = network(tmp_path, nodes, inputs)
    assert found.imported is not None
    macs = [64 * 4 * 3 * 9, 256 * 10, 10 * 6, 6 * 6, 6 * 6]
    assert [layer.count * layer.loop_nest().num_macs for layer in found.layers] == [*macs[:3], 2 * 36]
    assert found.imported.mapped_macs == found.imported.total_macs == sum(macs)


def test_normalisations_in_the_standards_domain_are_those_of_onnx_runtime(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("SimplifiedLayerNormalization", ["x", "g"], ["n"], axis=-1, epsilon=1e-6),
        helper.make_node("MatMul", ["n", "w"], ["y"]),
    ]
    found = network(tmp_path, nodes, {"x": [2, 3, 8], "g": [8], "w": [8, 4]})
    assert found.imported is not None
    assert found.imported.mapped_macs == found.imported.total_macs == 2 * 3 * 8 * 4
    assert [(each.operator, each.macs) for each in found.imported.skipped] == [
        ("com.microsoft.SimplifiedLayerNormalization", 0)
    ]


BAD: dict[str, tuple[onnx.NodeProto, dict[str, list[int]], str]] = {
    "columns": (node("MatMulNBits", "x w s", K=64, N=4), {"x": [2, 32], "w": [4, 2, 16], "s": [8]}, "do not match: 32"),
    "no sizes": (node("MatMulNBits", "x w s"), {"x": [2, 32], "w": [4, 2, 16], "s": [8]}, "32 columns, 0 x 0 weights"),
    "heads": (
        node("MultiHeadAttention", "q k v", num_heads=3),
        {"q": [1, 2, 8], "k": [1, 2, 8], "v": [1, 2, 8]},
        "3 hea",
    ),
    "no heads": (node("MultiHeadAttention", "q k v"), {"q": [1, 2, 8], "k": [1, 2, 8], "v": [1, 2, 8]}, "its 0 heads"),
    "no key": (node("MultiHeadAttention", "q", num_heads=2), {"q": [1, 2, 8]}, "its key has 0 dimensions, not 3"),
    "weights": (
        node("Attention", "x w b", num_heads=2),
        {"x": [1, 2, 8], "w": [8, 25], "b": [25]},
        "its weights are not",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_operands_that_do_not_match_are_said_and_not_counted(name: str, tmp_path: Path) -> None:
    bad, inputs, reason = BAD[name]
    plain = helper.make_node("MatMul", ["one", "two"], ["three"])
    found = network(tmp_path, [plain, bad], {**inputs, "one": [2, 2], "two": [2, 2]})
    assert found.imported is not None
    (skipped,) = found.imported.skipped
    assert skipped.macs is None
    assert reason in str(skipped.reason)


def test_operators_of_the_domain_that_are_not_known_leave_the_total_open(tmp_path: Path) -> None:
    nodes = [node("MoE", "x"), helper.make_node("MatMul", ["x", "w"], ["z"])]
    found = network(tmp_path, nodes, {"x": [2, 4], "w": [4, 4]})
    assert found.imported is not None
    assert [(each.operator, each.macs) for each in found.imported.skipped] == [("com.microsoft.MoE", None)]


def test_weights_without_data_of_any_type_and_size_are_read_past(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Add", ["y", "b"], ["z"])]
    for kind in range(1, 24):
        for columns in (1, 5, 5000):
            model = model_of(nodes, {"x": [3, 4]}, {"w": np.zeros((4, columns), np.float32)})
            model.graph.initializer[0].ClearField("raw_data")
            model.graph.initializer[0].data_type = kind
            bias = model.graph.initializer.add(name="b", dims=[columns], data_type=kind)
            assert not bias.HasField("raw_data")
            assert bounds_of(read_network(write(model, tmp_path))) == [{"M": 3, "N": columns, "K": 4}]


def test_constants_without_data_are_weights_of_their_shape(tmp_path: Path) -> None:
    value = onnx.TensorProto(data_type=onnx.TensorProto.FLOAT, dims=[4, 7])
    nodes = [helper.make_node("Constant", [], ["w"], value=value), helper.make_node("MatMul", ["x", "w"], ["y"])]
    found = read_network(write(model_of(nodes, {"x": [3, 4]}), tmp_path))
    assert bounds_of(found) == [{"M": 3, "N": 7, "K": 4}]
    assert found.imported is not None
    assert found.imported.skipped == ()
