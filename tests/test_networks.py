"""The built-in networks are the published ones: their layers, operations and parameters add up to known totals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from dmaze.model.layers import Conv2d, Gemm
from dmaze.model.loading import builtin_names, resolve_workload
from dmaze.model.loop_nest import LoopNest
from dmaze.model.spec import LayerList, NetworkReference


@dataclass(frozen=True)
class Published:
    """Convolutions, matrix products, multiply-accumulates at batch 1, and weights without biases and normalisation.

    ``biases`` and ``parameters`` (the total with biases and normalisation) are torchvision's; ``normalised`` says
    whether every convolution is followed by a batch normalisation, with a scale and a shift for each output channel.
    """

    convs: int
    gemms: int
    macs: int
    weights: int
    biases: int
    normalised: bool
    parameters: int


NETWORKS = {
    "resnet18": Published(20, 1, 1_814_073_344, 11_678_912, 1000, True, 11_689_512),
    "resnet50": Published(53, 1, 4_089_184_256, 25_502_912, 1000, True, 25_557_032),
    "alexnet": Published(5, 3, 714_188_480, 61_090_496, 1152 + 9192, False, 61_100_840),
    "vgg16": Published(13, 3, 15_470_264_320, 138_344_128, 4224 + 9192, False, 138_357_544),
    "mobilenetv2": Published(52, 1, 300_774_272, 3_469_760, 1000, True, 3_504_872),
}


def network(name: str) -> LayerList:
    return resolve_workload(name, Path())


def nests(layers: LayerList) -> list[LoopNest]:
    return [layer.loop_nest() for layer in layers.layers for _ in range(layer.count)]


def num_macs(layers: LayerList) -> int:
    return sum(nest.num_macs for nest in nests(layers))


def num_weights(layers: LayerList) -> int:
    """Elements of the weights of convolutions and of the right-hand matrices of products."""
    tensors = [(nest, tensor) for nest in nests(layers) for tensor in nest.tensors if tensor.name in ("W", "B")]
    return sum(tensor.footprint(nest.bounds) for nest, tensor in tensors)


def test_exactly_these_networks_are_built_in() -> None:
    assert set(builtin_names("networks")) == {*NETWORKS, "resnet-study"}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_published_layers_and_operations(name: str) -> None:
    layers, published = network(name), NETWORKS[name]
    kinds = [type(layer) for layer in layers.layers for _ in range(layer.count)]
    assert (kinds.count(Conv2d), kinds.count(Gemm)) == (published.convs, published.gemms)
    assert num_macs(layers) == published.macs
    assert num_weights(layers) == published.weights


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_with_biases_and_normalisation_are_torchvisions_parameters(name: str) -> None:
    layers, published = network(name), NETWORKS[name]
    conv_channels = sum(layer.out_channels * layer.count for layer in layers.layers if isinstance(layer, Conv2d))
    normalisation = 2 * conv_channels if published.normalised else 0
    assert num_weights(layers) + published.biases + normalisation == published.parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_multiplies_operations_and_leaves_weights_alone(name: str) -> None:
    at_16 = resolve_workload(NetworkReference(network=name, batch=16), Path())
    assert at_16.batch == 16
    assert num_macs(at_16) == 16 * NETWORKS[name].macs
    assert num_weights(at_16) == NETWORKS[name].weights


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
    assert [nest.num_macs for nest in nests(study)] == macs
    assert num_macs(study) == sum(macs) == 2_552_954_880
    assert {nest.bounds[0] for nest in nests(study)} == {4}
