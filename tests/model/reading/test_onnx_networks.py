"""Whole networks in ONNX files that nobody here made: layers, multiply-accumulates, sizes, and what is left out.

Networks come from the onnx package (Caffe2's, as "light" models) and from PyTorch's two exporters
(``tests/data/onnx/README.md``). Expected totals are worked out from the published architectures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from dmaze.model.documents.imported_network import ImportedNetwork, SkippedNodes
from dmaze.model.documents.spec import LayerList, NetworkReference
from dmaze.model.faults import InputError
from dmaze.model.reading.loading import load_spec, resolve_workload
from dmaze.model.reading.onnx_files import read_network
from onnx import TensorProto, helper, shape_inference
from onnx_models import EXPORTED, SHIPPED, model_of, write

LIGHT = SHIPPED / "light"
LIGHT_NETWORKS = {
    "bvlc_alexnet": 5 + 3,
    "densenet121": 121,
    "inception_v1": 57 + 1,
    "inception_v2": 69 + 1,
    "resnet50": 53 + 1,
    "shufflenet": 49 + 1,
    "squeezenet": 26,
    "vgg19": 16 + 3,
    "zfnet512": 5 + 3,
}
"""Convolutions and fully connected layers of each."""


def light(name: str, batch: int | None = None) -> LayerList:
    return read_network(LIGHT / f"light_{name}.onnx", batch)


def exported(name: str, batch: int | None = None, **dims: int) -> LayerList:
    return read_network(EXPORTED / f"{name}.onnx", batch, dims)


def note(network: LayerList) -> ImportedNetwork:
    assert network.imported is not None
    return network.imported


def counted(network: LayerList) -> int:
    return sum(layer.count for layer in network.layers)


def skipped(network: LayerList, operator: str) -> SkippedNodes:
    (found,) = (nodes for nodes in note(network).skipped if nodes.operator == operator)
    return found


def alexnet() -> Iterator[int]:
    """Krizhevsky et al. 2012, figure 2, with the inputs of Caffe's model of it: 224 wide, so that conv1 gives 54."""
    yield 54**2 * 96 * 3 * 11**2
    yield 26**2 * 256 * 48 * 5**2
    yield from (12**2 * 384 * 256 * 3**2, 12**2 * 384 * 192 * 3**2, 12**2 * 256 * 192 * 3**2)
    yield from (6 * 6 * 256 * 4096, 4096 * 4096, 4096 * 1000)


def vgg19() -> Iterator[int]:
    """Simonyan and Zisserman 2014, table 1, column E."""
    channels = 3
    for size, width, convolutions in ((224, 64, 2), (112, 128, 2), (56, 256, 4), (28, 512, 4), (14, 512, 4)):
        for _ in range(convolutions):
            yield size**2 * width * channels * 3**2
            channels = width
    yield from (7 * 7 * 512 * 4096, 4096 * 4096, 4096 * 1000)


def densenet121() -> Iterator[int]:
    """Huang et al. 2016, table 1: growth 32, bottlenecks of 128 channels, transitions that halve."""
    yield 112**2 * 64 * 3 * 7**2
    channels = 64
    for size, layers in ((56, 6), (28, 12), (14, 24), (7, 16)):
        for _ in range(layers):
            yield size**2 * channels * 128
            yield size**2 * 128 * 32 * 3**2
            channels += 32
        if size > 7:
            yield size**2 * channels * (channels // 2)
            channels //= 2
    yield 1024 * 1000


def squeezenet() -> Iterator[int]:
    """Iandola et al. 2016, version 1.1: fire modules squeeze, then expand by 1x1 and by 3x3."""
    yield 111**2 * 64 * 3 * 3**2
    channels = 64
    for size, squeeze, expand in (
        *((55, 16, 64), (55, 16, 64), (27, 32, 128), (27, 32, 128)),
        *((13, 48, 192), (13, 48, 192), (13, 64, 256), (13, 64, 256)),
    ):
        yield size**2 * (channels * squeeze + squeeze * expand * (1 + 3**2))
        channels = 2 * expand
    yield 13**2 * 512 * 1000


def inception_v1() -> Iterator[int]:
    """Szegedy et al. 2014, table 1, on 55, 27, 13 and 6 rows, since Caffe2 pools without padding."""
    yield 112**2 * 64 * 3 * 7**2
    yield 55**2 * (64 * 64 + 192 * 64 * 3**2)
    channels = 192
    for size, ones, reduce3, threes, reduce5, fives, pooled in (
        *((27, 64, 96, 128, 16, 32, 32), (27, 128, 128, 192, 32, 96, 64), (13, 192, 96, 208, 16, 48, 64)),
        *((13, 160, 112, 224, 24, 64, 64), (13, 128, 128, 256, 24, 64, 64), (13, 112, 144, 288, 32, 64, 64)),
        *((13, 256, 160, 320, 32, 128, 128), (6, 256, 160, 320, 32, 128, 128), (6, 384, 192, 384, 48, 128, 128)),
    ):
        from_input = channels * (ones + reduce3 + reduce5 + pooled)
        yield size**2 * (from_input + reduce3 * threes * 3**2 + reduce5 * fives * 5**2)
        channels = ones + threes + fives + pooled
    yield 1024 * 1000


@pytest.mark.parametrize("definition", [alexnet, vgg19, densenet121, squeezenet, inception_v1])
def test_multiply_accumulates_are_those_of_the_published_architecture(definition: type[Iterator[int]]) -> None:
    name = "bvlc_alexnet" if definition.__name__ == "alexnet" else definition.__name__
    assert note(light(name)).mapped_macs == sum(definition())


@pytest.mark.parametrize(
    ("name", "giga_macs"), [("resnet50", 4.089), ("vgg19", 19.632), ("densenet121", 2.834), ("squeezenet", 0.349)]
)
def test_totals_are_those_that_torchvision_publishes(name: str, giga_macs: float) -> None:
    """The field GFLOPS of torchvision's table of classification weights counts multiply-accumulates."""
    assert note(light(name)).total_macs // 10**6 == pytest.approx(giga_macs * 1000, abs=0.01)


def test_resnet50_is_the_built_in_resnet50() -> None:
    mine, built_in = (
        Counter(layer.loop_nest().key for layer in network.layers for _ in range(layer.count))
        for network in (light("resnet50"), resolve_workload("resnet50", Path()))
    )
    assert mine == built_in
    assert len(mine) == 24


@pytest.mark.parametrize("name", LIGHT_NETWORKS)
def test_every_convolution_and_product_of_a_network_is_mapped(name: str) -> None:
    network = light(name)
    assert counted(network) == LIGHT_NETWORKS[name]
    assert note(network).mapped_macs == note(network).total_macs
    assert note(network).mapped_macs == sum(layer.count * layer.loop_nest().num_macs for layer in network.layers)
    assert {nodes.macs for nodes in note(network).skipped} == {0}
    nodes = onnx.load(LIGHT / f"light_{name}.onnx").graph.node
    assert counted(network) + sum(skip.count for skip in note(network).skipped) == len(nodes)


@pytest.mark.parametrize("name", LIGHT_NETWORKS)
def test_multiply_accumulates_follow_from_shapes_alone(name: str) -> None:
    """Every output element of a convolution or of a product is a sum over one filter, or over one row of weights."""
    graph = shape_inference.infer_shapes(onnx.load(LIGHT / f"light_{name}.onnx")).graph
    values = {value.name: value.type for value in (*graph.value_info, *graph.output, *graph.input)}
    shapes = {name: [dim.dim_value for dim in kind.tensor_type.shape.dim] for name, kind in values.items()}
    expected = 0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            expected += math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
    assert note(light(name)).total_macs == expected


def test_equal_layers_are_one_that_knows_its_nodes() -> None:
    network = light("vgg19")
    layer = next(layer for layer in network.layers if layer.count == 4)
    assert layer.name == note(network).nodes[layer.name][0]
    assert len(note(network).nodes[layer.name]) == 4
    assert len({layer.loop_nest().key for layer in network.layers}) == len(network.layers) == 12


@pytest.mark.parametrize("name", LIGHT_NETWORKS)
def test_a_fixed_batch_is_changed_where_the_graph_allows_it(name: str) -> None:
    single, four = light(name), light(name, 4)
    assert four.batch == 4
    assert note(four).total_macs == 4 * note(single).total_macs
    assert [layer.with_batch(4, 1) for layer in single.layers] == list(four.layers)


def test_a_fixed_batch_that_the_graph_holds_on_to_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Concat", ["y", "token"], ["z"], axis=1),
    ]
    inputs = {"x": (2, 3, 4), "token": (1, 1, 5)}
    model = model_of(
        nodes, {"x": (1, 3, 4)}, {"w": np.zeros((4, 5), np.float32), "token": np.zeros((1, 1, 5), np.float32)}
    )
    assert inputs["token"][0] == 1
    assert read_network(write(model, tmp_path)).batch == 1
    with pytest.raises(InputError, match=r"batch: expected 1, which this model's graph holds on to: .*Concat"):
        read_network(write(model, tmp_path), 2)


@pytest.mark.parametrize("as_tensor", [True, False])
def test_a_batch_in_the_target_of_a_reshape_is_changed_where_it_can_be_found(
    *, as_tensor: bool, tmp_path: Path
) -> None:
    value = {"value": helper.make_tensor("", TensorProto.INT64, [2], [1, 12])} if as_tensor else {"value_ints": [1, 12]}
    nodes = [
        helper.make_node("Constant", [], ["target"], **value),
        helper.make_node("Reshape", ["x", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    path = write(model_of(nodes, {"x": (1, 3, 4)}, {"w": np.zeros((12, 5), np.float32)}), tmp_path)
    if as_tensor:
        assert read_network(path, 7).layers[0].bounds() == {"M": 7, "N": 5, "K": 12}
    else:
        with pytest.raises(InputError, match=r"batch: expected 1, .*: Reshape flat turns \[7, 3, 4\] into \[1, 12\]"):
            read_network(path, 7)


def test_a_transformer_layer_has_the_products_of_its_definition() -> None:
    network = exported("encoder_layer", 2, sequence=128)
    assert network.batch == 2
    assert note(network).dims == {"batch": 2, "sequence": 128}
    bounds = [layer.bounds() for layer in network.layers]
    rows, width, hidden, heads, size = 2 * 128, 256, 1024, 8, 32
    assert bounds == [
        {"M": rows, "N": 3 * width, "K": width},
        {"Batch": 2 * heads, "M": 128, "N": 128, "K": size},
        {"Batch": 2 * heads, "M": 128, "N": size, "K": 128},
        {"M": rows, "N": width, "K": width},
        {"M": rows, "N": hidden, "K": width},
        {"M": rows, "N": width, "K": hidden},
    ]


def test_a_separable_cnn_is_depthwise_and_pointwise_and_transposed() -> None:
    network = exported("separable_cnn", 2)
    kinds = [(layer.type, layer.loop_nest().dims[:3]) for layer in network.layers]
    pointwise, depthwise = ("conv2d", ("N", "M", "C")), ("conv2d", ("N", "C", "Ox"))
    assert kinds[:5] == [pointwise, depthwise, pointwise, depthwise, pointwise]
    assert [kind for kind, _ in kinds[5:]] == ["conv_transpose2d", "gemm"]
    per_image = [
        32**2 * 32 * 3 * 9,
        32**2 * 32 * 9,
        32**2 * 64 * 32,
        16**2 * 64 * 25,
        16**2 * 128 * 64,
        16**2 * 128 * 32 * 9,
        32 * 10,
    ]
    assert note(network).total_macs == 2 * sum(per_image)


def test_attention_of_opset_23_shares_keys_among_heads() -> None:
    network = exported("grouped_query", sequence=16)
    scores, values = network.layers[2:]
    assert [layer.type for layer in network.layers] == ["gemm", "gemm", "attention_scores", "attention_values"]
    assert scores.bounds() == values.bounds() == {"G": 2, "H": 4, "Q": 16, "K": 16, "D": 16}
    assert note(network).total_macs == 16 * (2 * 128 * 128 + 2 * 128 * 32) + 2 * 8 * 16 * 16 * 16


def test_shapes_that_a_traced_graph_computes_are_followed() -> None:
    """TorchScript's exporter writes Div, Where and ConstantOfShape, which the library does not follow."""
    network = exported("vision_transformer", 3, height=32, width=64)
    tokens, width, heads = 4 * 8 + 1, 32, 4
    assert network.layers[0].bounds() == {"N": 3, "M": width, "C": 3, "Ox": 4, "Oy": 8, "Fx": 8, "Fy": 8}
    assert [layer.bounds() for layer in network.layers[1:]] == [
        {"M": 3 * tokens, "N": 3 * width, "K": width},
        {"Batch": 3 * heads, "M": tokens, "N": tokens, "K": width // heads},
        {"Batch": 3 * heads, "M": tokens, "N": width // heads, "K": tokens},
        {"M": 3 * tokens, "N": width, "K": width},
        {"M": 3, "N": 10, "K": width},
    ]


def test_a_recurrent_layer_is_left_out_and_counted() -> None:
    network = exported("tagger", 3, time=5)
    gates, inputs, hidden = 4, 8, 16
    lstm = skipped(network, "LSTM")
    assert lstm.macs == 3 * 5 * gates * hidden * (inputs + hidden)
    assert lstm.reason is not None
    assert note(network).mapped_macs == 3 * 5 * hidden * 4
    assert note(network).total_macs == note(network).mapped_macs + lstm.macs


def test_symbolic_dimensions_without_a_size_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        exported("vision_transformer", 3)
    assert [fault.place for fault in caught.value.faults] == ["input input", "input input"]
    assert "dimension 2, height, has no size; give it with --dim 'height=N'" in str(caught.value)
    assert '"dims": {"width": N}' in str(caught.value)


def test_a_misspelt_dimension_is_a_fault_that_says_which_was_meant() -> None:
    with pytest.raises(
        InputError, match=r"dims\.sequenc: no input has a dimension of this name; did you mean 'sequence'"
    ):
        exported("encoder_layer", sequenc=4)


def test_the_batch_is_given_once() -> None:
    with pytest.raises(InputError, match=r"dims\.batch: expected once; this is the batch"):
        read_network(EXPORTED / "encoder_layer.onnx", 2, {"sequence": 4, "batch": 3})
    by_name = read_network(EXPORTED / "encoder_layer.onnx", dims={"sequence": 4, "batch": 3})
    assert by_name == exported("encoder_layer", 3, sequence=4)


def test_a_batch_for_a_model_without_one_is_a_fault(tmp_path: Path) -> None:
    path = write(model_of([helper.make_node("MatMul", ["x", "x"], ["y"])], {"x": ("rows", 4)}), tmp_path)
    with pytest.raises(InputError, match="batch: no input has a batch dimension; expected one of rows"):
        read_network(path, 2, {"rows": 4})


@pytest.mark.parametrize(
    ("dims", "given", "rows"),
    [
        (("batch_size", 4), {}, 2),
        (("N", 4), {}, 2),
        ((None, 4), {}, 2),
        (("s77", 4), {}, 2),
        (("rows", 4), {"rows": 7}, 7),
        (("past + 1", 4), {"past": 9}, 10),
        (("past + 1", 4), {"past": 0}, 1),
        ((None, 4), {"x.0": 5}, 5),
    ],
)
def test_sizes_of_symbolic_dimensions(
    dims: tuple[int | str | None, ...], given: dict[str, int], rows: int, tmp_path: Path
) -> None:
    inputs = {"x": dims, "p": ("past", 1)} if "past" in given else {"x": dims}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = write(model_of(nodes, inputs, {"w": np.zeros((4, 3), np.float32)}), tmp_path)
    network = read_network(path, None if given else 2, given)
    assert network.layers[0].bounds() == {"M": rows, "N": 3, "K": 4}


def test_weights_need_not_be_there(tmp_path: Path) -> None:
    weights = TensorProto(name="w", dims=[4, 3], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="nowhere.bin")
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (2, 4)})
    model.graph.initializer.append(weights)
    assert read_network(write(model, tmp_path)).layers[0].bounds() == {"M": 2, "N": 3, "K": 4}


def test_nodes_without_names_are_called_after_their_outputs_and_names_are_made_unique(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "v"], ["y"], name="same"),
        helper.make_node("MatMul", ["y", "u"], ["z"], name="same"),
    ]
    weights = {"w": np.zeros((4, 5)), "v": np.zeros((5, 6)), "u": np.zeros((6, 7))}
    network = read_network(
        write(model_of(nodes, {"x": (2, 4)}, {k: v.astype("f") for k, v in weights.items()}), tmp_path)
    )
    assert [layer.name for layer in network.layers] == ["MatMul_hidden", "same", "same#2"]


def test_functions_of_the_model_are_inlined(tmp_path: Path) -> None:
    body = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
    dense = helper.make_function("mine", "Dense", ["a", "b"], ["d"], body, opsets[:1])
    node = helper.make_node("Dense", ["x", "w"], ["y"], domain="mine")
    model = model_of([node], {"x": (2, 4), "w": (4, 3)}, opset_imports=opsets, functions=[dense])
    network = read_network(write(model, tmp_path))
    assert network.layers[0].bounds() == {"M": 2, "N": 3, "K": 4}
    assert skipped(network, "Relu").count == 1


def branch(operator: str, output: str) -> onnx.GraphProto:
    value = helper.make_tensor_value_info(output, TensorProto.FLOAT, [4, 4])
    return helper.make_graph([helper.make_node(operator, ["x", "x"], [output])], "branch", [], [value])


def test_products_in_the_branches_of_a_condition_are_left_out_with_the_reason(tmp_path: Path) -> None:
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch("MatMul", "t"), else_branch=branch("Add", "e"))
    after = helper.make_node("MatMul", ["y", "y"], ["z"], name="after")
    model = model_of([choice, after], {"x": (4, 4)})
    model.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    network = read_network(write(model, tmp_path))
    assert [layer.name for layer in network.layers] == ["after"]
    inner = skipped(network, "MatMul")
    reason = "inside If: how often it runs is not known; say what runs with --input c=VALUE"
    assert (inner.count, inner.macs, inner.reason) == (1, None, reason)
    assert skipped(network, "If").macs == 0


def test_what_follows_an_unknown_operator_is_left_out_unless_the_file_states_its_shape(tmp_path: Path) -> None:
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], name="first"),
        helper.make_node("Magic", ["y"], ["m"], domain="mine"),
        helper.make_node("MatMul", ["m", "w"], ["z"], name="second"),
    ]
    model = model_of(nodes, {"x": ("batch", 4)}, {"w": np.zeros((4, 4), np.float32)}, opset_imports=opsets)
    network = read_network(write(model, tmp_path))
    assert [layer.name for layer in network.layers] == ["first"]
    assert skipped(network, "mine.Magic").reason == "operators of this domain are not followed"
    assert skipped(network, "mine.Magic").macs is None
    assert skipped(network, "MatMul").reason == "shape not known from mine.Magic on"
    model.graph.value_info.append(helper.make_tensor_value_info("m", TensorProto.FLOAT, ["batch", 4]))
    (layer,) = read_network(write(model, tmp_path), 3).layers
    assert (layer.name, layer.count, layer.bounds()) == ("first", 2, {"M": 3, "N": 4, "K": 4})


DEFORMABLE = helper.make_node("DeformConv", ["x", "w", "o"], ["y"])


@pytest.mark.parametrize(
    ("node", "inputs", "macs", "reason"),
    [
        (helper.make_node("Einsum", ["x"], ["y"], equation="ij->ji"), {"x": (2, 3)}, 0, "nothing is multiplied"),
        (helper.make_node("Conv", ["x", "w"], ["y"]), {"x": (1, 1, *[5] * 4), "w": (1, 1, *[3] * 4)}, 3**8, "4 axes"),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), {"x": (2**20, 2**20), "w": (2**20, 2**20)}, 2**60, "2**48"),
        (DEFORMABLE, {"x": (1, 2, 4, 4), "w": (3, 2, 2, 2), "o": (1, 8, 3, 3)}, 9 * 3 * 2 * 4, "not affine"),
    ],
)
def test_what_is_no_perfect_nest_is_left_out_with_its_multiply_accumulates(
    node: onnx.NodeProto, inputs: dict[str, tuple[int, ...]], macs: int, reason: str, tmp_path: Path
) -> None:
    kept = helper.make_node("MatMul", ["kept", "kept"], ["k"], name="kept")
    network = read_network(write(model_of([kept, node], {"kept": (2, 2), **inputs}), tmp_path))
    (found,) = (nodes for nodes in note(network).skipped if nodes.reason is not None)
    assert found.operator == node.op_type
    assert found.macs == macs
    assert reason in (found.reason or "")
    assert note(network).total_macs == 2**3 + macs


@pytest.mark.parametrize(
    ("node", "shapes"),
    [
        (helper.make_node("MatMul", ["a", "b"], ["z"]), ((2, 0), (0, 3))),
        (helper.make_node("MatMul", ["a", "b"], ["z"]), ((0, 2, 4), (1, 4, 3))),
        (helper.make_node("Einsum", ["a", "b"], ["z"], equation="ij,ij->i"), ((0, 2), (1, 2))),
        (helper.make_node("Conv", ["a", "b"], ["z"]), ((0, 1, 4, 4), (1, 1, 3, 3))),
    ],
)
def test_a_product_without_iterations_is_left_out(
    node: onnx.NodeProto, shapes: tuple[tuple[int, ...], ...], tmp_path: Path
) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), node]
    weights = {"w": np.zeros((2, 3)), **{name: np.zeros(shape) for name, shape in zip("ab", shapes, strict=True)}}
    model = model_of(nodes, {"x": (4, 2)}, {name: array.astype(np.float32) for name, array in weights.items()})
    network = read_network(write(model, tmp_path))
    assert counted(network) == 1
    assert skipped(network, node.op_type).reason == "one of its sizes is 0"


def test_a_network_without_anything_to_map_is_a_fault_that_says_what_it_has(tmp_path: Path) -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": (2, 3)})
    with pytest.raises(InputError, match="expected a layer that can be mapped; this model has 1 Relu only"):
        read_network(write(model, tmp_path))


def test_a_spec_names_an_onnx_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes((EXPORTED / "encoder_layer.onnx").read_bytes())
    workload = '{"network": "net.onnx", "batch": 2, "dims": {"sequence": 16}}'
    (tmp_path / "spec.json").write_text(f'{{"architecture": "dmazerunner-256pe", "workload": {workload}}}')
    workload = load_spec(tmp_path / "spec.json").workload
    assert isinstance(workload, LayerList)
    assert workload.name == "net"
    assert workload.layers == exported("encoder_layer", 2, sequence=16).layers
    assert resolve_workload(str(LIGHT / "light_resnet50.onnx"), tmp_path) == light("resnet50")


def test_only_onnx_files_have_symbolic_dimensions() -> None:
    with pytest.raises(
        InputError, match=r"workload\.dims: expected none, for only an ONNX model has symbolic dimensions"
    ):
        resolve_workload(NetworkReference(network="resnet18", dims={"n": 1}), Path())
