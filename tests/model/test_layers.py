"""Layer types are the loop nests that they say they are: run with numbers, counted by hand, refused with reasons."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from dmaze.model.documents.spec import LayerList
from dmaze.model.faults import InputError, InputWarning
from dmaze.model.layers import (
    AttentionScores,
    AttentionValues,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose2d,
    Gemm,
    Layer,
    LoopNestLayer,
    Mttkrp,
    TtmChain,
    parse_affine,
)
from dmaze.model.layers.einsum import parse_einsum
from dmaze.model.loop_nest import AffineIndex, LoopNest, Tensor
from dmaze.model.reading.loading import load_spec
from numpy.typing import NDArray
from pydantic import TypeAdapter

Integers = NDArray[np.int64]


def layer(**fields: Any) -> Any:
    return TypeAdapter(Layer).validate_python({"name": "x", **fields})


def run(nest: LoopNest, operands: dict[str, Integers]) -> Integers:
    """What a nest computes, one multiply-accumulate after the other; indices count from their least value."""
    output = np.zeros(nest.tensors[nest.output].shape, dtype=np.int64)
    lows = {t.name: [low(index.terms, nest) for index in t.index] for t in nest.tensors}
    for point in product(*map(range, nest.bounds)):
        places = {
            t.name: tuple(
                sum(a * point[dim] for dim, a in index.terms) - least
                for index, least in zip(t.index, lows[t.name], strict=True)
            )
            for t in nest.tensors
        }
        output[places.pop(nest.tensors[nest.output].name)] += math.prod(
            int(operands[name][place]) for name, place in places.items()
        )
    return output


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "conv1d", "in_length": 5, "kernel_length": 3},
        {"type": "conv2d", "in_height": 5, "in_width": 5, "kernel_height": 3, "kernel_width": 3},
        {"type": "conv_transpose2d", "in_height": 5, "in_width": 5, "kernel_height": 3, "kernel_width": 3},
    ],
    ids=lambda fields: fields["type"],
)
def test_a_convolution_is_of_one_image_unless_it_says_otherwise(fields: dict[str, Any]) -> None:
    sizes = {**fields, "out_channels": 2, "in_channels": 3}
    assert layer(**sizes) == layer(**sizes, batch=1)


def low(terms: tuple[tuple[int, int], ...], nest: LoopNest) -> int:
    return sum(min(a * (nest.bounds[dim] - 1), 0) for dim, a in terms)


def numbers(random: Random, *shape: int) -> Integers:
    return np.random.default_rng(random.getrandbits(32)).integers(-9, 10, size=shape)


def bounds(found: LoopNest) -> dict[str, int]:
    return dict(zip(found.dims, found.bounds, strict=True))


def indices(found: LoopNest) -> dict[str, list[str]]:
    """Every tensor's indices as text."""
    return {
        t.name: [" + ".join(f"{a}*{found.dims[dim]}" for dim, a in index.terms) for index in t.index]
        for t in found.tensors
    }


# Convolutions.


def correlated(x: Integers, w: Integers, stride: int, dilation: int, border: tuple[int, int]) -> Integers:
    """A 1-D convolution of channels: x[C][H], w[M][C][K]."""
    padded = np.pad(x, ((0, 0), border))
    value_range = dilation * (w.shape[2] - 1) + 1
    steps = range(0, padded.shape[1] - value_range + 1, stride)
    return np.array([[(padded[:, o : o + value_range : dilation] * kernel).sum() for o in steps] for kernel in w])


def test_a_conv1d_is_a_convolution_along_a_sequence() -> None:
    random = Random(1)
    for _ in range(20):
        stride, dilation, kernel = random.choice((1, 2, 3)), random.choice((1, 2)), random.choice((1, 2, 3))
        begin, end, length = random.choice((0, 1, 2)), random.choice((0, 1)), random.choice((5, 6, 9))
        found = layer(
            type="conv1d", batch=1, out_channels=2, in_channels=3, in_length=length, kernel_length=kernel,
            stride=stride, padding=[begin, end], dilation=dilation,
        )  # fmt: skip
        x, w = numbers(random, 3, length), numbers(random, 2, 3, kernel)
        expected = correlated(x, w, stride, dilation, (begin, end))
        got = run(found.loop_nest(), {"I": np.pad(x, ((0, 0), (begin, end)))[None], "W": w})
        assert (got[0] == expected).all()
        assert found.output_size() == (expected.shape[1],)


def test_a_conv3d_is_convolutions_of_slices_added_up() -> None:
    random = Random(2)
    x, w = numbers(random, 2, 4, 5, 3), numbers(random, 2, 2, 2, 3, 2)
    found = layer(
        type="conv3d", batch=1, out_channels=2, in_channels=2, in_depth=4, in_height=5, in_width=3,
        kernel_depth=2, kernel_height=3, kernel_width=2, stride=[2, 1, 1], padding=[0, 1, 0, 1, 2, 1],
        dilation=[2, 1, 1],
    )  # fmt: skip
    padded = np.pad(x, ((0, 0), (0, 1), (1, 2), (0, 1)))  # front 0, top 1, left 0, back 1, bottom 2, right 1
    assert found.output_size() == ((5 - 3) // 2 + 1, 8 - 3 + 1, 4 - 2 + 1) == (2, 6, 3)
    expected = np.zeros((2, 2, 6, 3), dtype=np.int64)
    for m, z, i, j in product(range(2), range(2), range(6), range(3)):
        expected[m, z, i, j] = (padded[:, 2 * z : 2 * z + 3 : 2, i : i + 3, j : j + 2] * w[m]).sum()
    nest = found.loop_nest()
    assert nest.dims == ("N", "M", "C", "Oz", "Ox", "Oy", "Fz", "Fx", "Fy")
    assert {nest.dims[dim] for dim in nest.window_dims} == {"Fz", "Fx", "Fy"}
    assert (run(nest, {"I": padded[None], "W": w})[0] == expected).all()


@pytest.mark.parametrize(
    ("padding", "size", "stored"),
    [(1, (7, 7), (9, 9)), ([1, 0], (7, 5), (9, 7)), ([0, 1, 2, 0], (7, 6), (9, 8))],
)
def test_padding_is_one_number_one_per_axis_or_one_per_side(
    padding: int | list[int], size: tuple[int, int], stored: tuple[int, int]
) -> None:
    found = layer(
        type="conv2d", batch=1, out_channels=2, in_channels=3, in_height=7, in_width=7, kernel_height=3,
        kernel_width=3, padding=padding,
    )  # fmt: skip
    assert found.output_size() == size
    assert found.loop_nest().tensors[0].shape == (1, 3, *stored)
    sides = ([padding] * 4) if isinstance(padding, int) else (padding * 2 if len(padding) == 2 else padding)
    assert found.model_copy(update={"padding": tuple(sides)}).loop_nest() == found.loop_nest()


@pytest.mark.parametrize("kind", ["conv1d", "conv2d", "conv3d", "conv_transpose2d"])
def test_groups_split_channels_and_as_many_as_channels_are_depthwise(kind: str) -> None:
    axes = {"conv1d": ["length"], "conv3d": ["depth", "height", "width"]}.get(kind, ["height", "width"])
    sizes = {f"in_{axis}": 6 for axis in axes} | {f"kernel_{axis}": 2 for axis in axes}
    grouped = layer(type=kind, batch=2, out_channels=12, in_channels=8, groups=4, **sizes).loop_nest()
    assert {dim: bounds(grouped)[dim] for dim in "NGMC"} == {"N": 2, "G": 4, "M": 12 // 4, "C": 8 // 4}
    weights = next(t for t in grouped.tensors if t.name == "W")
    assert weights.shape == (4, 3, 2, *[2] * len(axes))
    depthwise = layer(type=kind, batch=2, out_channels=8, in_channels=8, groups=8, **sizes).loop_nest()
    assert {dim: bound for dim, bound in bounds(depthwise).items() if dim in "NGMC"} == {"N": 2, "C": 8}
    multiplied = layer(type=kind, batch=2, out_channels=16, in_channels=8, groups=8, **sizes).loop_nest()
    assert {dim: bounds(multiplied)[dim] for dim in "GMC"} == {"G": 8, "M": 2, "C": 1}


# Transposed convolutions.


def transposed(**fields: Any) -> ConvTranspose2d:
    sizes = {"in_width": 1, "kernel_width": 1, "batch": 1, "out_channels": 1, "in_channels": 1}
    return layer(type="conv_transpose2d", **{**sizes, **fields})


def scattered(x: Integers, w: Integers, stride: int, dilation: int, crop: tuple[int, int], extra: int) -> Integers:
    """Input element i adds to the outputs stride*i + dilation*f; then the borders are cut off."""
    whole = np.zeros((len(x) - 1) * stride + dilation * (len(w) - 1) + 1 + extra, dtype=np.int64)
    for i, f in product(range(len(x)), range(len(w))):
        whole[stride * i + dilation * f] += x[i] * w[f]
    return whole[crop[0] : len(whole) - crop[1]]


def test_a_transposed_convolution_computes_what_scattering_the_input_does() -> None:
    random, compared = Random(3), 0
    for _ in range(160):
        size, kernel, stride, dilation = (random.randint(1, most) for most in (5, 5, 4, 3))
        crop, extra = (random.randint(0, 3), random.randint(0, 3)), random.randint(0, 2)
        fields = {"stride": [stride, 1], "dilation": [dilation, 1], "output_padding": [extra, 0]}
        try:
            found = transposed(in_height=size, kernel_height=kernel, padding=[crop[0], 0, crop[1], 0], **fields)
        except ValueError:
            continue
        x, w = numbers(random, size), numbers(random, kernel)
        expected = scattered(x, w, stride, dilation, crop, extra)
        assert found.output_size() == (len(expected), 1)
        assert any(computes(found, x, w, before, expected) for before in range(-20, 20)), found
        compared += 1
    assert compared > 100


def computes(found: ConvTranspose2d, x: Integers, w: Integers, before: int, expected: Integers) -> bool:
    """Whether the nest gives the output somewhere, with the input after so many zeros of its stored border."""
    nest = found.loop_nest()
    image, weights, output = nest.tensors
    border = np.zeros(60 + image.shape[2], dtype=np.int64)
    border[30 : 30 + len(x)] = x
    stored = border[30 - before : 30 - before + image.shape[2]]
    taps = np.pad(w, (0, weights.shape[2] - len(w)))
    got = run(nest, {"I": stored.reshape(image.shape), "W": taps.reshape(weights.shape)}).reshape(-1)
    assert len(got) == output.shape[2]
    around = np.pad(got, len(expected))
    return any((around[at : at + len(expected)] == expected).all() for at in range(len(got) + len(expected)))


def test_every_output_element_of_a_transposed_convolution_is_computed_in_one_place() -> None:
    """So that partial sums are those of the model: of loops that do not index the output."""
    for kernel, stride, dilation in product((1, 2, 3, 4, 5), (1, 2, 3), (1, 2, 3)):
        nest = transposed(in_height=4, kernel_height=kernel, stride=[stride, 1], dilation=[dilation, 1]).loop_nest()
        output = nest.tensors[nest.output]
        dims = sorted(output.dims)
        reached = [
            tuple(sum(a * point[dims.index(dim)] for dim, a in index.terms) for index in output.index)
            for point in product(*(range(nest.bounds[dim]) for dim in dims))
        ]
        assert len(set(reached)) == len(reached)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra", "macs_per_axis"),
    [
        (4, 2, 1, 0, 8 * 4),  # DCGAN: as many as input elements times weights
        (2, 2, 0, 0, 8 * 2),  # U-Net
        (3, 1, 1, 0, 8 * 3),  # stride 1: a convolution
        (3, 3, 0, 0, 8 * 3),
        (3, 2, 1, 1, 8 * 4),  # 2 phases of 2 and 1 taps: the shorter one has a tap of zeros
        (5, 2, 2, 1, 8 * 6),
        (1, 2, 0, 0, 8 * 1),  # every second output element sees no weight, and is not computed
    ],
)
def test_the_multiply_accumulates_of_a_transposed_convolution(
    kernel: int, stride: int, padding: int, extra: int, macs_per_axis: int
) -> None:
    found = layer(
        type="conv_transpose2d", batch=2, out_channels=5, in_channels=3, in_height=8, in_width=8,
        kernel_height=kernel, kernel_width=kernel, stride=stride, padding=padding, output_padding=extra,
    )  # fmt: skip
    assert found.loop_nest().num_macs == 2 * 5 * 3 * macs_per_axis**2


def test_an_output_is_said_to_be_injective_only_where_no_two_points_meet() -> None:
    random, counts = Random(8), {True: 0, False: 0}
    for _ in range(400):
        sizes = tuple(random.choice((1, 2, 3, 4)) for _ in range(3))
        terms = [tuple((d, random.choice((-3, -1, 1, 2, 4))) for d in range(3) if random.random() < 0.6) for _ in "xy"]
        tensor = Tensor("O", tuple(AffineIndex(own) for own in terms), (1, 1), is_output=True)
        points = product(*(range(size) if dim in tensor.dims else range(1) for dim, size in enumerate(sizes)))
        reached = [tuple(sum(a * point[dim] for dim, a in own) for own in terms) for point in points]
        said = tensor.is_injective(sizes)
        assert not said or len(set(reached)) == len(reached)
        counts[said] += 1
    assert min(counts.values()) > 50


def test_an_output_in_overlapping_windows_is_warned_of(tmp_path: Path) -> None:
    tensors = [{"name": "x", "index": ["i"]}, {"name": "y", "index": ["2*i + f"], "output": True}]
    document = {
        "architecture": "dmazerunner-256pe",
        "workload": {
            "layers": [{"type": "loop_nest", "name": "up", "bounds": {"i": 4, "f": 3}, "tensors": tensors}],
        },
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    expected = (
        r"workload: different loops may add to one element of 'y'; what that costs is not modelled \(layer 'up'\)"
    )
    with pytest.warns(InputWarning, match=expected):
        load_spec(path)
    document["workload"]["layers"][0]["bounds"]["f"] = 2  # type: ignore[index]
    path.write_text(json.dumps(document), encoding="utf-8")
    load_spec(path)


# Products.


def test_the_products_of_attention_are_those_of_every_head() -> None:
    random = Random(4)
    sizes = {"batch": 2, "heads": 6, "kv_heads": 3, "queries": 2, "keys": 3, "head_dim": 4}
    scores, values = (layer(type=kind, **sizes).loop_nest() for kind in ("attention_scores", "attention_values"))
    query, key = numbers(random, 2, 3, 2, 2, 4), numbers(random, 2, 3, 3, 4)
    weights, value = numbers(random, 2, 3, 2, 2, 3), numbers(random, 2, 3, 3, 4)
    assert (run(scores, {"Query": query, "Key": key}) == np.einsum("bghqd,bgkd->bghqk", query, key)).all()
    assert (run(values, {"Weights": weights, "Value": value}) == np.einsum("bghqk,bgkd->bghqd", weights, value)).all()
    assert scores.num_macs == values.num_macs == 2 * 6 * 2 * 3 * 4


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"heads": 12}, {"G": 12}),
        ({"heads": 12, "kv_heads": 12}, {"G": 12}),
        ({"heads": 12, "kv_heads": 4, "batch": 2}, {"B": 2, "G": 4, "H": 3}),
        ({"heads": 12, "kv_heads": 1}, {"H": 12}),
        ({"heads": 1}, {}),
    ],
)
def test_heads_are_grouped_by_the_keys_that_they_share(fields: dict[str, int], expected: dict[str, int]) -> None:
    found = layer(type="attention_scores", queries=5, keys=6, head_dim=7, **fields).loop_nest()
    assert bounds(found) == {**expected, "Q": 5, "K": 6, "D": 7}
    shared = [dim for dim in expected if dim != "H"]
    assert indices(found)["Key"] == [f"1*{dim}" for dim in (*shared, "K", "D")]


@pytest.mark.parametrize(("mode", "text"), [(0, "ijk,jr,kr->ir"), (1, "ijk,ir,kr->jr"), (2, "ijk,ir,jr->kr")])
def test_an_mttkrp_is_that_of_its_mode(mode: int, text: str) -> None:
    random = Random(5)
    found = layer(type="mttkrp", shape=[2, 3, 4], rank=2, mode=mode).loop_nest()
    others = [size for position, size in enumerate((2, 3, 4)) if position != mode]
    tensor, (first, second) = numbers(random, 2, 3, 4), (numbers(random, size, 2) for size in others)
    got = run(found, {"X": tensor, "A": first, "B": second})
    assert (got == np.einsum(text, tensor, first, second)).all()
    assert found.num_macs == 2 * 3 * 4 * 2
    assert found.rf_accesses_per_mac == 3 + 1 + 1  # three operands read, the output read and written


def test_a_chain_of_tensor_times_matrix_multiplies_the_modes_that_have_a_rank() -> None:
    random = Random(6)
    found = layer(type="ttm_chain", shape=[2, 3, 4], ranks=[3, None, 2]).loop_nest()
    tensor, first, last = numbers(random, 2, 3, 4), numbers(random, 3, 2), numbers(random, 2, 4)
    assert bounds(found) == {"I": 2, "J": 3, "K": 4, "P": 3, "S": 2}
    got = run(found, {"X": tensor, "A": first, "B": last})
    assert (got == np.einsum("ijk,pi,sk->pjs", tensor, first, last)).all()
    single = layer(type="ttm_chain", shape=[2, 3], ranks=[None, 5]).loop_nest()
    assert indices(single) == {"X": ["1*I", "1*J"], "A": ["1*Q", "1*J"], "O": ["1*I", "1*Q"]}


# Einsum.


@pytest.mark.parametrize(
    "text",
    [
        "ij,jk->ik", "bij , bjk -> bik", "ij,jk", "ji", "ii", "iij,j->i", "i,i", "i,j->ij", ",ij->ij", "i->", "ij->ji",
        "aB,Bc,cd->aBd", "Ba,ab",
    ],
)  # fmt: skip
def test_an_einsum_is_numpys(text: str) -> None:
    random = Random(7)
    letters = sorted(set(text) - set(" ,->"))
    sizes = {letter: 2 + position % 3 for position, letter in enumerate(letters)}
    found = layer(type="loop_nest", einsum=text, bounds=sizes).loop_nest()
    operands = [numbers(random, *(sizes[dim] for dim in dims)) for dims in parse_einsum(text).operands]
    given = dict(zip("ABC", operands, strict=False))
    assert (run(found, given) == np.einsum(text, *operands)).all()
    assert found.dims == tuple(sizes)
    assert found.tensors[found.output].name == "O"


def test_an_einsum_is_the_nest_of_its_indices() -> None:
    sizes = {"b": 2, "h": 3, "q": 4, "k": 5, "d": 6}
    tensors = [
        {"name": "A", "index": ["b", "h", "q", "d"]},
        {"name": "B", "index": ["b", "h", "k", "d"]},
        {"name": "O", "index": ["b", "h", "q", "k"], "output": True},
    ]
    by_string = layer(type="loop_nest", bounds=sizes, einsum="bhqd,bhkd->bhqk").loop_nest()
    assert by_string == layer(type="loop_nest", bounds=sizes, tensors=tensors).loop_nest()


def test_operands_of_an_einsum_are_never_called_like_its_output() -> None:
    text = ",".join("a" * 25) + "->a"
    names = [tensor.name for tensor in layer(type="loop_nest", einsum=text, bounds={"a": 2}).loop_nest().tensors]
    assert names == [*"ABCDEFGHIJKLMNPQRSTUVWXYZ", "O"]


def test_an_affine_index_is_read_term_by_term() -> None:
    index = parse_affine(" - 2*j + i*3 - i + 4 - 2*3", ("i", "j"))
    assert (dict(index.terms), index.constant) == ({0: 3 - 1, 1: -2}, 4 - 6)
    assert parse_affine("i - i + 1", ("i",)).terms == ()


# Batches.

NETWORK_LAYERS: dict[str, dict[str, Any]] = {
    "conv1d": {"batch": 2, "out_channels": 2, "in_channels": 2, "in_length": 4, "kernel_length": 2},
    "conv3d": {
        "batch": 2,
        "out_channels": 2,
        "in_channels": 2,
        "in_depth": 3,
        "in_height": 3,
        "in_width": 3,
        "kernel_depth": 2,
        "kernel_height": 2,
        "kernel_width": 2,
    },
    "conv_transpose2d": {
        "batch": 2,
        "out_channels": 2,
        "in_channels": 2,
        "in_height": 3,
        "in_width": 3,
        "kernel_height": 2,
        "kernel_width": 2,
    },
    "attention_scores": {"batch": 2, "heads": 2, "queries": 3, "keys": 3, "head_dim": 4},
    "attention_values": {"batch": 2, "heads": 2, "queries": 3, "keys": 3, "head_dim": 4},
}


@pytest.mark.parametrize("kind", NETWORK_LAYERS)
def test_a_network_runs_at_another_batch_size(kind: str) -> None:
    found = layer(type=kind, **NETWORK_LAYERS[kind])
    assert found.with_batch(12, native=2).loop_nest().num_macs == 6 * found.loop_nest().num_macs


@pytest.mark.parametrize(
    "fields", [{"type": "mttkrp", "shape": [2, 3, 4], "rank": 5}, {"type": "ttm_chain", "shape": [2], "ranks": [3]}]
)
def test_what_has_no_batch_keeps_the_networks_own(fields: dict[str, Any]) -> None:
    found = layer(**fields)
    assert found.with_batch(4, native=4) == found
    with pytest.raises(ValueError, match=f"a {fields['type']} has no batch"):
        found.with_batch(8, native=4)


def test_layers_survive_the_way_to_json_and_back() -> None:
    kinds = [Conv1d, Conv2d, Conv3d, ConvTranspose2d, Gemm, AttentionScores, AttentionValues, Mttkrp, TtmChain]
    given = [
        layer(type=kind, **fields).model_copy(update={"name": kind}) for kind, fields in NETWORK_LAYERS.items()
    ] + [
        layer(type="mttkrp", shape=[2, 3, 4], rank=5),
        layer(type="ttm_chain", name="t", shape=[2, 3], ranks=[None, 5]),
        layer(type="loop_nest", name="e", einsum="ij->i", bounds={"i": 2, "j": 3}),
    ]
    assert {type(one) for one in given} < {*kinds, LoopNestLayer}
    for one in given:
        text = json.dumps(one.model_dump(mode="json", by_alias=True))
        assert TypeAdapter(Layer).validate_python(json.loads(text)) == one


def test_the_schema_describes_every_field_of_every_layer() -> None:
    schema = LayerList.model_json_schema()["$defs"]
    kinds = {name: found for name, found in schema.items() if "type" in found["properties"] and name != "TensorSpec"}
    assert len(kinds) == 10
    for name, found in {**kinds, "TensorSpec": schema["TensorSpec"]}.items():
        assert found["description"], name
        for field, described in found["properties"].items():
            assert field == "type" or described.get("description"), f"{name}.{field}"


# Refusals.

SIZES_2D = {"batch": 1, "out_channels": 4, "in_channels": 4, "in_height": 4, "in_width": 4}
KERNEL_2D = {"kernel_height": 3, "kernel_width": 3}
ARRAY = {"type": "loop_nest", "bounds": {"i": 4, "j": 6}}
OUTPUT = {"name": "O", "index": ["i"], "output": True}

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("three paddings", {"type": "conv2d", **SIZES_2D, **KERNEL_2D, "padding": [1, 1, 1]}, "padding",
     "expected an integer or [height, width] or [top, left, bottom, right], got 3 numbers"),
    ("one padding in a list", {"type": "conv1d", **NETWORK_LAYERS["conv1d"], "padding": [1]}, "padding",
     "expected an integer or [begin, end], got 1 numbers"),
    ("negative side", {"type": "conv2d", **SIZES_2D, **KERNEL_2D, "padding": [1, 0, -1, 0]}, "padding[2]",
     "expected an integer of at least 0, got -1"),
    ("two strides of three", {"type": "conv3d", **NETWORK_LAYERS["conv3d"], "stride": [1, 2]}, "stride[2]",
     "expected, but missing"),
    ("kernel beyond the sequence", {"type": "conv1d", **NETWORK_LAYERS["conv1d"], "dilation": 4}, "kernel_length",
     "expected a kernel within the padded input of 4, but it spans 5"),
    ("output cut away", {"type": "conv_transpose2d", **SIZES_2D, **KERNEL_2D, "padding": 3}, "padding",
     "expected less than the whole output of 6, before and after along the height, got 3 and 3"),
    ("nothing left that sees the input",
     {"type": "conv_transpose2d", **SIZES_2D, "in_height": 2, "kernel_height": 1, "kernel_width": 1, "stride": 4,
      "padding": [1, 0, 1, 0]}, "padding", "expected less along the height, for no output element sees the input"),
    ("groups of a transposed convolution", {"type": "conv_transpose2d", **SIZES_2D, **KERNEL_2D, "groups": 3}, "groups",
     "expected a divisor of in_channels 4 and out_channels 4, got 3"),
    ("heads shared unevenly", {"type": "attention_scores", "heads": 12, "kv_heads": 5, "queries": 1, "keys": 1,
     "head_dim": 1}, "kv_heads", "expected a divisor of heads 12, got 5"),
    ("a matrix for an MTTKRP", {"type": "mttkrp", "shape": [3, 4], "rank": 2}, "shape", "3 or more entries, got 2"),
    ("seven modes", {"type": "mttkrp", "shape": [2] * 7, "rank": 2}, "shape", "6 or fewer entries, got 7"),
    ("a mode that is not there", {"type": "mttkrp", "shape": [3, 4, 5], "rank": 2, "mode": 3}, "mode",
     "expected a mode of the tensor, 0 to 2, got 3"),
    ("ranks for other modes", {"type": "ttm_chain", "shape": [3, 4], "ranks": [2]}, "ranks",
     "expected 2, one per mode of shape, got 1"),
    ("no matrix", {"type": "ttm_chain", "shape": [3, 4], "ranks": [None, None]}, "ranks",
     "expected a matrix for at least one mode, got null for all"),
    ("neither tensors nor einsum", ARRAY, "tensors", "expected tensors or an einsum, but both are missing"),
    ("tensors and einsum", {**ARRAY, "einsum": "ij->i", "tensors": [OUTPUT]}, "einsum",
     "expected either tensors or an einsum, got both"),
    ("ellipsis", {**ARRAY, "einsum": "...i,ij->...j"}, "einsum", "got an ellipsis; the number of dimensions must be"),
    ("two arrows", {**ARRAY, "einsum": "i->j->i"}, "einsum", "',' between operands and one '->', got 'i->j->i'"),
    ("digits", {**ARRAY, "einsum": "i1->i"}, "einsum", "expected letters for dimensions"),
    ("no dimensions", {**ARRAY, "einsum": ",->"}, "einsum", "expected at least one dimension"),
    ("output of nothing", {**ARRAY, "einsum": "ij->ik"}, "einsum", "but 'k' is in none of them"),
    ("output with a diagonal", {**ARRAY, "einsum": "ij->ii"}, "einsum", "once in the output, got 'i' 2 times"),
    ("too many operands", {**ARRAY, "einsum": ",".join("i" * 26)}, "einsum", "expected at most 25 operands, got 26"),
    ("a dimension without a bound", {**ARRAY, "einsum": "ijk->i"}, "bounds", "of the einsum, but none for k"),
    ("bounds without dimensions", {**ARRAY, "einsum": "i->i"}, "bounds", "dimensions of the einsum only, got j"),
    ("product of dimensions", {**ARRAY, "tensors": [{"name": "A", "index": ["2*i*j"]}, OUTPUT]}, "tensors[0].index[0]",
     "got '2*i*j'; a product of dimensions is not affine"),
    ("division", {**ARRAY, "tensors": [{"name": "A", "index": ["i/2"]}, OUTPUT]}, "tensors[0].index[0]",
     "got 'i/2'; division and modulo are not affine"),
    ("modulo", {**ARRAY, "tensors": [{"name": "A", "index": ["j", "i%2 + j"]}, OUTPUT]}, "tensors[0].index[1]",
     "got 'i%2'; division and modulo are not affine"),
    ("gather", {**ARRAY, "tensors": [{"name": "A", "index": ["B[i]"]}, OUTPUT]}, "tensors[0].index[0]",
     "got 'B[i]'; functions, brackets and indices taken from tensors are not affine"),
    ("softmax", {"type": "softmax", "bounds": {"i": 4}}, "type", "got 'softmax'"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "place", "fragment"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_a_bad_layer_gives_one_line(fields: dict[str, Any], place: str, fragment: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    document = {"architecture": "dmazerunner-256pe", "workload": {"layers": [{"name": "bad", **fields}]}}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_spec(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.place) == (str(path), f"workload.layers[0].{place}")
    assert fragment in fault.message
    assert str(caught.value).isprintable()
