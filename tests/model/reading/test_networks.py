"""The built-in networks are the published ones: layers, multiply-accumulates and parameters, derived a second time.

The expected values do not come from the layer lists: multiply-accumulates follow from each architecture's
hyper-parameters, and parameters are the totals that the source named in the table gives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from dmaze.model.documents.spec import LayerList, NetworkReference
from dmaze.model.layers import AttentionScores, AttentionValues, Layer
from dmaze.model.reading.builtin_data import builtin_names
from dmaze.model.reading.loading import resolve_workload
from golden import Golden
from paths import ROOT

DOCS = ROOT / "docs" / "networks.md"


class Stage(NamedTuple):
    """A stage of inverted residual blocks, as a row of table 2 of MobileNetV2 and of table 1 of EfficientNet."""

    expansion: int
    kernel: int
    stride: int
    out_channels: int
    blocks: int


class Block(NamedTuple):
    """One inverted residual block: expansion to ``hidden`` channels, depthwise convolution, projection."""

    in_channels: int
    hidden: int
    out_channels: int
    kernel: int
    in_size: int
    out_size: int


MOBILENETV2 = [
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 3, 2, 32, 3),
    Stage(6, 3, 2, 64, 4),
    Stage(6, 3, 1, 96, 3),
    Stage(6, 3, 2, 160, 3),
    Stage(6, 3, 1, 320, 1),
]
EFFICIENTNET_B0 = [
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
]


def blocks(stages: list[Stage]) -> Iterator[Block]:
    """The blocks of the stages behind a stem that leaves 32 channels of 112 x 112."""
    channels, size = 32, 112
    for stage in stages:
        for position in range(stage.blocks):
            out_size = size // (stage.stride if position == 0 else 1)
            yield Block(channels, channels * stage.expansion, stage.out_channels, stage.kernel, size, out_size)
            channels, size = stage.out_channels, out_size


def inverted_residual_macs(stages: list[Stage], *, squeeze_and_excitation: bool) -> int:
    """Stem, blocks, last 1x1 convolution and classifier."""
    macs = 112**2 * 32 * 3 * 3**2 + 7**2 * 320 * 1280 + 1280 * 1000
    for block in blocks(stages):
        if block.hidden > block.in_channels:
            macs += block.in_size**2 * block.in_channels * block.hidden
        macs += block.out_size**2 * block.hidden * (block.kernel**2 + block.out_channels)
        if squeeze_and_excitation:
            macs += 2 * block.hidden * (block.in_channels // 4)
    return macs


def normalised_channels(stages: list[Stage]) -> int:
    """Channels that a batch normalisation follows: stem, blocks, last 1x1 convolution."""
    expanded = sum(block.hidden for block in blocks(stages) if block.hidden > block.in_channels)
    return 32 + expanded + sum(block.hidden + block.out_channels for block in blocks(stages)) + 1280


def excitation_biases(stages: list[Stage]) -> int:
    """Biases of the two 1x1 convolutions of every squeeze-and-excitation."""
    return sum(block.in_channels // 4 + block.hidden for block in blocks(stages))


def resnet18_macs() -> int:
    macs = 112**2 * 64 * 3 * 7**2 + 56**2 * 4 * 64**2 * 3**2 + 512 * 1000
    for channels, size in ((128, 28), (256, 14), (512, 7)):
        macs += size**2 * (channels // 2 * channels * (3**2 + 1) + 3 * channels**2 * 3**2)
    return macs


def resnet50_macs() -> int:
    """The first block of a stage reduces at the size of the stage before it (v1.5) and adds a downsampling layer."""
    macs = 112**2 * 64 * 3 * 7**2 + 2048 * 1000
    inputs, in_size = 64, 56
    for width, size, num_blocks in ((64, 56, 3), (128, 28, 4), (256, 14, 6), (512, 7, 3)):
        macs += in_size**2 * inputs * width + size**2 * (width**2 * 3**2 + width * 4 * width + inputs * 4 * width)
        macs += (num_blocks - 1) * size**2 * (2 * 4 * width * width + width**2 * 3**2)
        inputs, in_size = 4 * width, size
    return macs


def encoder_macs(tokens: int, width: int, num_blocks: int) -> int:
    """Blocks of a transformer with as many key as query heads and a feed-forward part four times as wide.

    Four projections and two feed-forward layers per token; scores and values over all pairs of tokens.
    """
    return num_blocks * (tokens * (4 * width**2 + 2 * width * 4 * width) + 2 * tokens**2 * width)


LLAMA_BLOCK_WEIGHTS = 2 * 4096**2 + 2 * 4096 * (8 * 128) + 3 * 4096 * 14336  # q and o, k and v, feed-forward


def llama_macs(queries: int, keys: int) -> int:
    """32 blocks with 32 query heads of 128, and the logits of one token."""
    return 32 * (queries * LLAMA_BLOCK_WEIGHTS + 2 * queries * keys * 32 * 128) + 4096 * 128256


def encoder_vectors(width: int, num_blocks: int) -> int:
    """Biases of the six linear layers (q, k, v, output, feed-forward) and of two normalisations with their scales."""
    return num_blocks * ((3 + 1 + 4 + 1) * width + 2 * 2 * width)


TORCHVISION = "torchvision 0.29, metadata of the weights IMAGENET1K_V1: _ops and num_params"
LLAMA = (
    "parameters in the metadata of meta-llama/Meta-Llama-3-8B; half the operations that torch 2.13's FlopCounterMode "
    "counts in transformers 5.23's LlamaForCausalLM"
)


@dataclass(frozen=True)
class Published:
    """A network at batch 1: layers by type and entries that list them, and the parameters that no layer multiplies by.

    ``gmacs`` (10**9 multiply-accumulates) has the decimals that ``source`` gives; ``macs`` is the derivation here.
    """

    layers: dict[str, int]
    entries: int
    macs: int
    others: int
    parameters: int
    gmacs: str
    source: str


NETWORKS = {
    "alexnet": Published(
        layers={"conv2d": 5, "gemm": 3},
        entries=8,
        macs=55**2 * 64 * 3 * 11**2
        + 27**2 * 192 * 64 * 5**2
        + 13**2 * (384 * 192 + 256 * 384 + 256 * 256) * 3**2
        + (256 * 6**2 * 4096 + 4096 * 4096 + 4096 * 1000),
        others=(64 + 192 + 384 + 256 + 256) + (4096 + 4096 + 1000),
        parameters=61_100_840,
        gmacs="0.714",
        source=TORCHVISION,
    ),
    "vgg16": Published(
        layers={"conv2d": 13, "gemm": 3},
        entries=16,
        macs=3**2
        * (
            224**2 * (3 * 64 + 64 * 64)
            + 112**2 * (64 * 128 + 128 * 128)
            + 56**2 * (128 * 256 + 2 * 256 * 256)
            + 28**2 * (256 * 512 + 2 * 512 * 512)
            + 14**2 * (3 * 512 * 512)
        )
        + (512 * 7**2 * 4096 + 4096 * 4096 + 4096 * 1000),
        others=(2 * 64 + 2 * 128 + 3 * 256 + 6 * 512) + (4096 + 4096 + 1000),
        parameters=138_357_544,
        gmacs="15.47",
        source=TORCHVISION,
    ),
    "resnet18": Published(
        layers={"conv2d": 20, "gemm": 1},
        entries=21,
        macs=resnet18_macs(),
        others=2 * (64 + 4 * 64 + 5 * (128 + 256 + 512)) + 1000,
        parameters=11_689_512,
        gmacs="1.814",
        source=TORCHVISION,
    ),
    "resnet50": Published(
        layers={"conv2d": 53, "gemm": 1},
        entries=54,
        macs=resnet50_macs(),
        others=2 * (64 + sum(n * (2 + 4) * width + 4 * width for width, n in ((64, 3), (128, 4), (256, 6), (512, 3))))
        + 1000,
        parameters=25_557_032,
        gmacs="4.089",
        source=TORCHVISION,
    ),
    "mobilenetv2": Published(
        layers={"conv2d": 52, "gemm": 1},
        entries=53,
        macs=inverted_residual_macs(MOBILENETV2, squeeze_and_excitation=False),
        others=2 * normalised_channels(MOBILENETV2) + 1000,
        parameters=3_504_872,
        gmacs="0.301",
        source=TORCHVISION,
    ),
    "efficientnet-b0": Published(
        layers={"conv2d": 81, "gemm": 1},
        entries=82,
        macs=inverted_residual_macs(EFFICIENTNET_B0, squeeze_and_excitation=True),
        others=2 * normalised_channels(EFFICIENTNET_B0) + excitation_biases(EFFICIENTNET_B0) + 1000,
        parameters=5_288_548,
        gmacs="0.386",
        source=TORCHVISION,
    ),
    "vit-b-16": Published(
        layers={"conv2d": 1, "gemm": 12 * 4 + 1, "attention_scores": 12, "attention_values": 12},
        entries=8,
        macs=14**2 * (3 * 16**2) * 768 + encoder_macs(14**2 + 1, 768, 12) + 768 * 1000,
        # patches' bias, class token and positions, blocks, last normalisation, head's bias
        others=768 + (1 + 197) * 768 + encoder_vectors(768, 12) + 2 * 768 + 1000,
        parameters=86_567_656,
        gmacs="17.564",
        source=TORCHVISION,
    ),
    "bert-base-uncased": Published(
        layers={"gemm": 12 * 6 + 1, "attention_scores": 12, "attention_values": 12},
        entries=9,
        macs=encoder_macs(512, 768, 12) + 768**2,
        # words, positions and segments with their normalisation, blocks, pooler's bias
        others=(30522 + 512 + 2) * 768 + 2 * 768 + encoder_vectors(768, 12) + 768,
        parameters=109_482_240,
        gmacs="48.319",
        source="transformers 5.23's BertModel: its parameters, and half the operations that torch 2.13 counts",
    ),
    "gpt2": Published(
        layers={"gemm": 12 * 4 + 1, "attention_scores": 12, "attention_values": 12},
        entries=7,
        macs=encoder_macs(1024, 768, 12) + 1024 * 768 * 50257,
        # lm_head is the embedding of the words, so these are positions, blocks, last normalisation
        others=1024 * 768 + encoder_vectors(768, 12) + 2 * 768,
        parameters=124_439_808,
        gmacs="145.8241536",
        source="transformers' GPT2LMHeadModel; nanoGPT's transformer_sizing.ipynb: half of forward_total",
    ),
    "llama-3-8b-prefill-2048": Published(
        layers={"gemm": 32 * 7 + 1, "attention_scores": 32, "attention_values": 32},
        entries=10,
        macs=llama_macs(queries=2048, keys=2048),
        others=128256 * 4096 + (2 * 32 + 1) * 4096,  # embedding of the words, normalisations
        parameters=8_030_261_248,
        gmacs="15393.688",
        source=LLAMA,
    ),
    "llama-3-8b-decode": Published(
        layers={"gemm": 32 * 7 + 1, "attention_scores": 32, "attention_values": 32},
        entries=10,
        macs=llama_macs(queries=1, keys=2048 + 1),
        others=128256 * 4096 + (2 * 32 + 1) * 4096,
        parameters=8_030_261_248,
        gmacs="8.042",
        source=LLAMA,
    ),
}


def network(name: str) -> LayerList:
    return resolve_workload(name, Path())


def num_macs(layers: LayerList) -> int:
    return sum(layer.count * layer.loop_nest().num_macs for layer in layers.layers)


def num_weights(layers: LayerList) -> int:
    """Elements of the weights of convolutions and of the right-hand matrices of products; attention has no weights."""
    return sum(layer.count * footprint(layer, name) for layer in layers.layers for name in ("W", "B"))


def footprint(layer: Layer, tensor: str) -> int:
    """Elements of a tensor of that name, 0 without one."""
    nest = layer.loop_nest()
    return sum(t.footprint(nest.bounds) for t in nest.tensors if t.name == tensor)


def test_exactly_these_networks_are_built_in() -> None:
    assert set(builtin_names("networks")) == {*NETWORKS, "resnet-study"}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_published_layers(name: str) -> None:
    layers = network(name).layers
    counts = Counter[str]()
    for layer in layers:
        counts[layer.type] += layer.count
    assert counts == NETWORKS[name].layers
    assert len(layers) == NETWORKS[name].entries


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_accumulates_follow_from_the_hyper_parameters_and_round_to_the_published_figure(name: str) -> None:
    published = NETWORKS[name]
    assert num_macs(network(name)) == published.macs
    decimals = len(published.gmacs.partition(".")[2])
    assert f"{published.macs / 1e9:.{decimals}f}" == published.gmacs, published.source


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_with_the_parameters_of_no_layer_are_the_published_total(name: str) -> None:
    published = NETWORKS[name]
    assert num_weights(network(name)) + published.others == published.parameters, published.source


def test_bert_at_128_tokens_would_be_what_flops_profiler_publishes() -> None:
    """flops-profiler on PyPI: BERT-base, batch size 1, 128 tokens: 11.17 GMACs, 109.48 M parameters."""
    assert f"{(encoder_macs(128, 768, 12) + 768**2) / 1e9:.2f}" == "11.17"
    assert f"{NETWORKS['bert-base-uncased'].parameters / 1e6:.2f}" == "109.48"


def test_efficientnet_is_what_its_paper_says() -> None:
    """Table 2 of arXiv:1905.11946: 0.39B multiply-accumulates (called FLOPS there), 5.3M parameters."""
    published = NETWORKS["efficientnet-b0"]
    assert (f"{published.macs / 1e9:.2f}", f"{published.parameters / 1e6:.1f}") == ("0.39", "5.3")


@pytest.mark.parametrize("name", NETWORKS)
def test_an_entry_for_many_blocks_has_a_star_for_the_block_in_its_name(name: str) -> None:
    assert all((layer.count > 1) == ("*" in layer.name) for layer in network(name).layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_multiplies_operations_and_leaves_weights_alone(name: str) -> None:
    at_16 = resolve_workload(NetworkReference(network=name, batch=16), Path())
    assert at_16.batch == 16
    assert num_macs(at_16) == 16 * NETWORKS[name].macs
    assert num_weights(at_16) == num_weights(network(name))


@pytest.mark.parametrize("batch", [1, 16])
def test_in_llama_four_query_heads_share_keys_and_values_and_sequences_share_none(batch: int) -> None:
    decode = resolve_workload(NetworkReference(network="llama-3-8b-decode", batch=batch), Path())
    scores = next(layer for layer in decode.layers if isinstance(layer, AttentionScores))
    values = next(layer for layer in decode.layers if isinstance(layer, AttentionValues))
    assert footprint(scores, "Query") == batch * 32 * 1 * 128
    assert footprint(scores, "Key") == footprint(values, "Value") == batch * 8 * 2049 * 128
    assert footprint(scores, "Scores") == footprint(values, "Weights") == batch * 32 * 1 * 2049


def test_the_table_in_the_documentation_is_what_the_files_hold(golden: Golden) -> None:
    page = DOCS.read_text(encoding="utf-8")
    row = re.compile(r"^\| `([\w-]+)` \| ([^|]+)( \| [^|]+){6} \|$", re.MULTILINE)
    assert sorted(found[1] for found in row.finditer(page)) == sorted(NETWORKS)

    def held(found: re.Match[str]) -> str:
        name, sample = found[1], found[2]
        layers = network(name)
        numbers = [
            f"{sum(layer.count for layer in layers.layers):,}",
            f"{len(layers.layers):,}",
            f"{len({layer.loop_nest().key for layer in layers.layers}):,}",
            f"{num_macs(layers) / 1e9:,.3f}",
            f"{num_weights(layers):,}",
            f"{NETWORKS[name].parameters:,}",
        ]
        return f"| `{name}` | {sample} | {' | '.join(numbers)} |"

    golden.check(DOCS, row.sub(held, page))


def test_the_study_has_its_six_layers_at_batch_4() -> None:
    study = network("resnet-study")
    assert study.batch == 4
    assert [layer.name for layer in study.layers] == ["conv1", "conv2_2", "conv3_2", "conv4_2", "conv5_1", "conv5_2"]
    macs = [
        4 * 64 * 3 * 112**2 * 7**2,
        4 * 64 * 64 * 56**2 * 3**2,
        4 * 128 * 128 * 28**2 * 3**2,
        4 * 256 * 256 * 14**2 * 3**2,
        4 * 512 * 256 * 7**2 * 3**2,
        4 * 512 * 512 * 7**2 * 3**2,
    ]
    nests = [layer.loop_nest() for layer in study.layers]
    assert [nest.num_macs for nest in nests] == macs
    assert num_macs(study) == sum(macs) == 2_552_954_880
    assert {nest.bounds[0] for nest in nests} == {4}
