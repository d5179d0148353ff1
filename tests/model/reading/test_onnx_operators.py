"""Layers read from ONNX compute what the ONNX standard says, on data that the onnx package and PyTorch computed.

Every nest is run iteration by iteration on the operands of a published case, and its output is compared with the
published one: that holds indices, strides, dilations, pads, groups and broadcasting to their definitions.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from dmaze.model.layers import Layer
from dmaze.model.reading.onnx_files import read_network
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx_models import Array, Case, backend_cases, computed, model_of, one_layer, pytorch_cases, write

FEW_ITERATIONS = 10**6
CONVOLUTIONS = [
    case
    for case in (*backend_cases("conv"), *pytorch_cases("Conv"))
    if case.expected.size * case.operands[1][0].size <= FEW_ITERATIONS
]
TRANSPOSED = [*backend_cases("convtranspose"), *pytorch_cases("ConvTranspose")]
GEMMS = [*backend_cases("gemm"), *pytorch_cases("Gemm")]
PRODUCTS = backend_cases("matmul")
EINSUMS = backend_cases("einsum")
QUANTISED = backend_cases("matmulinteger", "qlinearmatmul")
ATTENTIONS = [
    case
    for case in backend_cases("attention")
    if case.name.removeprefix("test_attention_")
    in ("4d", "4d_gqa", "4d_diff_heads_sizes", "4d_scaled", "3d", "3d_gqa", "3d_diff_heads_sizes")
]


def each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def layer_of(case: Case, folder: Path) -> Layer:
    """The one layer of a case; the multiply-accumulates of the import are checked on the way."""
    network = read_network(write(case.model, folder))
    layer = one_layer(network.layers)
    assert network.imported is not None
    assert network.imported.mapped_macs == network.imported.total_macs
    if layer.type != "conv_transpose2d":
        assert network.imported.mapped_macs == layer.loop_nest().num_macs
    return layer


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-5)  # float32 sums


def padded(layer: Any, data: Array) -> Array:
    return np.pad(data, [(0, 0), (0, 0), *(axis.border for axis in layer.axes())])


def bias(case: Case, position: int) -> Array:
    """The bias of a case along the channels, or nothing."""
    given = case.operands[position] if len(case.operands) > position else np.zeros(1)
    return given.reshape(-1, *(1 for _ in case.expected.shape[2:]))


@each(CONVOLUTIONS)
def test_convolutions_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    layer: Any = layer_of(case, tmp_path)
    data, weights = case.operands[:2]
    assert layer.output_size() == case.expected.shape[2:]
    result = computed(layer.loop_nest(), {"I": padded(layer, data), "W": weights})
    close(result.reshape(case.expected.shape) + bias(case, 2), case.expected)


def scattered(data: Array, weights: Array, strides: list[int], dilations: list[int], groups: int) -> Array:
    """A transposed convolution before anything is cut off: every input element times every weight."""
    batch, per_group = data.shape[0], weights.shape[1]
    sizes = zip(data.shape[2:], weights.shape[2:], strides, dilations, strict=True)
    whole = np.zeros((batch, per_group * groups, *((n - 1) * s + d * (k - 1) + 1 for n, k, s, d in sizes)))
    parts = zip(np.split(data, groups, 1), np.split(weights, groups, 0), np.split(whole, groups, 1), strict=True)
    for part, kernel, out in parts:
        for position in np.ndindex(*kernel.shape[2:]):
            steps = zip(position, dilations, strides, data.shape[2:], strict=True)
            places = tuple(slice(f * d, f * d + (n - 1) * s + 1, s) for f, d, s, n in steps)
            out[(..., *places)] += np.einsum("nc...,cm->nm...", part, kernel[(..., *position)])
    return whole


@each([case for case in TRANSPOSED if case.expected.ndim < 5])
def test_transposed_convolutions_have_the_published_geometry(case: Case, tmp_path: Path) -> None:
    layer: Any = layer_of(case, tmp_path)
    data, weights = (array if array.ndim == 4 else array[:, :, None] for array in case.operands[:2])
    expected = case.expected if case.expected.ndim == 4 else case.expected[:, :, None]
    assert layer.output_size() == expected.shape[2:]
    axes = layer.axes()
    assert [(axis.size, axis.kernel) for axis in axes] == list(zip(data.shape[2:], weights.shape[2:], strict=True))
    whole = scattered(data, weights, [a.stride for a in axes], [a.dilation for a in axes], layer.groups)
    whole = np.pad(whole, [(0, 0), (0, 0), *((0, axis.output_padding) for axis in axes)])
    ends = [(axis.cropped[0], axis.cropped[0] + axis.output) for axis in axes]
    close(whole[:, :, slice(*ends[0]), slice(*ends[1])] + bias(case, 2), expected)


@each([case for case in TRANSPOSED if case.expected.ndim == 5])
def test_transposed_convolutions_in_three_dimensions_scatter_the_published_output(case: Case, tmp_path: Path) -> None:
    data, weights = case.operands[:2]
    close(computed(layer_of(case, tmp_path).loop_nest(), {"I": data, "W": weights}), case.expected)


@each(GEMMS)
def test_gemms_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    left, right = case.operands[:2]
    left = left.T if case.attribute("transA", 0) else left
    right = right.T if case.attribute("transB", 0) else right
    product = computed(layer_of(case, tmp_path).loop_nest(), {"A": left, "B": right})
    added = case.operands[2] if len(case.operands) > 2 else np.zeros(())
    close(case.attribute("alpha", 1.0) * product + case.attribute("beta", 1.0) * added, case.expected)


@each(PRODUCTS)
def test_matrix_products_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    left, right = case.operands
    close(computed(layer_of(case, tmp_path).loop_nest(), {"A": left, "B": right}), case.expected)


@each(QUANTISED)
def test_quantised_products_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    integer = case.node.op_type == "MatMulInteger"
    left, right = (case.operands[0], case.operands[1]) if integer else (case.operands[0], case.operands[3])
    zeros = (case.operands[2], case.operands[3]) if integer else (case.operands[2], case.operands[5])
    centred = [x.astype(np.int64) - zero.astype(np.int64) for x, zero in zip((left, right), zeros, strict=True)]
    sums = computed(layer_of(case, tmp_path).loop_nest(), {"A": centred[0], "B": centred[1]}).reshape(
        case.expected.shape
    )
    if not integer:
        (scale_a, scale_b, scale_y), zero_y = (case.operands[position] for position in (1, 4, 6)), case.operands[7]
        limits = np.iinfo(case.expected.dtype)
        sums = np.clip(np.rint(sums * scale_a * scale_b / scale_y) + zero_y, limits.min, limits.max)
    np.testing.assert_array_equal(sums, case.expected)


@each(backend_cases("convinteger"))
def test_integer_convolutions_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    layer: Any = layer_of(case, tmp_path)
    data, weights = (array.astype(np.int64) for array in case.operands[:2])
    zero = case.operands[2].astype(np.int64)
    weights = weights - bias(case, 3).reshape(-1, 1, 1, 1).astype(np.int64)
    result = computed(layer.loop_nest(), {"I": padded(layer, data - zero), "W": weights})
    np.testing.assert_array_equal(result.reshape(case.expected.shape), case.expected)


@each(backend_cases("qlinearconv"))
def test_quantised_convolutions_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    layer: Any = layer_of(case, tmp_path)
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = case.operands
    centred = {"I": padded(layer, x.astype(np.int64) - x_zero), "W": w.astype(np.int64) - w_zero}
    sums = computed(layer.loop_nest(), centred).reshape(case.expected.shape)
    found = np.clip(np.rint(sums * x_scale * w_scale / y_scale) + y_zero, 0, 255)
    np.testing.assert_array_equal(found, case.expected)


@each([case for case in EINSUMS if len(case.operands) == 2 and case.expected.dtype == np.float64])
def test_einsums_of_two_operands_compute_the_published_output(case: Case, tmp_path: Path) -> None:
    left, right = case.operands
    close(computed(layer_of(case, tmp_path).loop_nest(), {"A": left, "B": right}), case.expected)


@each(ATTENTIONS)
def test_attention_is_its_two_products_with_a_softmax_between(case: Case, tmp_path: Path) -> None:
    scores_layer, values_layer = read_network(write(case.model, tmp_path)).layers
    heads, kv_heads = case.attribute("q_num_heads", 0), case.attribute("kv_num_heads", 0)
    query, key, value = (
        array if array.ndim == 4 else array.reshape(*array.shape[:2], count, -1).swapaxes(1, 2)
        for array, count in zip(case.operands, (heads, kv_heads, kv_heads), strict=True)
    )
    scores = computed(scores_layer.loop_nest(), {"Query": query, "Key": key})
    scaled = np.exp(scores * case.attribute("scale", 1 / math.sqrt(query.shape[-1])))
    weights = scaled / scaled.sum(-1, keepdims=True)
    mixed = computed(values_layer.loop_nest(), {"Weights": weights, "Value": value})
    mixed = mixed.reshape(*query.shape[:3], value.shape[-1])
    close(mixed if case.expected.ndim == 4 else mixed.swapaxes(1, 2), case.expected)


def test_past_keys_are_attended_to(tmp_path: Path) -> None:
    inputs = {"q": (1, 8, 1, 16), "k": (1, 2, 1, 16), "v": (1, 2, 1, 16), "pk": (1, 2, 99, 16), "pv": (1, 2, 99, 16)}
    node = helper.make_node("Attention", ["q", "k", "v", "", "pk", "pv"], ["y", "nk", "nv"], name="decode")
    model = model_of([node], inputs, opset_imports=[helper.make_opsetid("", 23)])
    scores, values = read_network(write(model, tmp_path)).layers
    assert scores.name == "decode/scores"
    assert scores.bounds() == values.bounds() == {"G": 2, "H": 4, "Q": 1, "K": 100, "D": 16}


@st.composite
def convolutions(draw: st.DrawFn) -> onnx.ModelProto:
    """A convolution with any attributes; the reference evaluator covers two axes with all of them."""
    groups, per_group, out_per_group = (draw(st.integers(1, 3)) for _ in range(3))
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    attributes: dict[str, Any] = {
        "group": groups,
        "strides": [draw(st.integers(1, 3)) for _ in range(2)],
        "dilations": [draw(st.integers(1, 2)) for _ in range(2)],
    }
    auto_pad = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, 2)) for _ in range(4)]
    else:
        attributes |= {"auto_pad": auto_pad, "dilations": [1, 1]}
    node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
    data = (draw(st.integers(1, 2)), groups * per_group, *(draw(st.integers(5, 8)) for _ in range(2)))
    return model_of([node], {"x": data, "w": (groups * out_per_group, per_group, *kernel)})


def random_operands(model: onnx.ModelProto) -> dict[str, Array]:
    random = np.random.default_rng(0)
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in model.graph.input}
    return {name: random.integers(-4, 5, shape).astype(np.float32) for name, shape in shapes.items()}


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_any_convolution_computes_what_the_reference_evaluator_does(
    tmp_path_factory: pytest.TempPathFactory, model: onnx.ModelProto
) -> None:
    operands = random_operands(model)
    (expected,) = ReferenceEvaluator(model).run(None, operands)
    layer: Any = one_layer(read_network(write(model, tmp_path_factory.getbasetemp())).layers)
    result = computed(layer.loop_nest(), {"I": padded(layer, operands["x"]), "W": operands["w"]})
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@st.composite
def stacked_products(draw: st.DrawFn) -> onnx.ModelProto:
    """A product of stacks of matrices, either operand of which may lack, or have 1 of, any of the stack's sizes."""
    stack = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(0, 3)))]
    m, k, n = (draw(st.integers(1, 4)) for _ in range(3))
    shapes = []
    for matrix in ((m, k), (k, n)):
        own = [draw(st.sampled_from([size, 1])) for size in stack]
        shapes.append((*own[draw(st.integers(0, len(own))) :], *matrix))
    return model_of([helper.make_node("MatMul", ["a", "b"], ["y"])], dict(zip("ab", shapes, strict=True)))


@settings(max_examples=100, deadline=None)
@given(stacked_products())
def test_any_product_of_stacks_computes_what_numpy_does(
    tmp_path_factory: pytest.TempPathFactory, model: onnx.ModelProto
) -> None:
    operands = random_operands(model)
    expected = operands["a"] @ operands["b"]
    network = read_network(write(model, tmp_path_factory.getbasetemp()))
    nest = one_layer(network.layers).loop_nest()
    assert network.imported is not None
    assert network.imported.total_macs == nest.num_macs == expected.size * operands["a"].shape[-1]
    result = computed(nest, {"A": operands["a"], "B": operands["b"]})
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("...ij,...jk", [(2, 1, 3, 4), (5, 4, 2)]),
        ("ijk,jr,kr->ir", [(3, 4, 5), (4, 2), (5, 2)]),
        ("ii,i->i", [(4, 4), (4,)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ij,ij", [(3, 4), (3, 4)]),
        ("Ab,bA->A", [(3, 2), (2, 3)]),
    ],
)
def test_an_einsum_computes_what_numpy_does(equation: str, shapes: list[tuple[int, ...]], tmp_path: Path) -> None:
    inputs = {f"x{position}": shape for position, shape in enumerate(shapes)}
    model = model_of([helper.make_node("Einsum", list(inputs), ["y"], equation=equation)], inputs)
    operands = random_operands(model)
    expected = np.einsum(equation, *operands.values())
    nest = one_layer(read_network(write(model, tmp_path)).layers).loop_nest()
    result = computed(nest, dict(zip("ABC", operands.values(), strict=False)))
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)
