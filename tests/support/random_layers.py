"""Random nests of few multiply-accumulates, of every kind, reproducible by seed: what an execution gets through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dmaze.model.base import MAX_BOUND
from dmaze.model.layers import (
    AttentionScores,
    AttentionValues,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Gemm,
    LoopNestLayer,
    Mttkrp,
    TtmChain,
)
from dmaze.model.loop_nest import LoopNest

BOUNDS = (1, 2, 2, 3, 4, 4, 5, 6, 8, 12)
SMALL = (1, 2, 2, 3, 4)
WINDOWS = (1, 2, 2, 3, 3, 4)
STRIDES = (1, 1, 2, 3)

MOST_WORDS = 4000
"""Words of all tensors of a nest together."""


def random_layer(random: Random, kind: str, most_macs: int) -> LoopNest:
    """A nest of a kind of ``KINDS``, of at most so many multiply-accumulates."""
    while True:
        nest = KINDS[kind](random)
        words = sum(math.prod(tensor.shape) for tensor in nest.tensors)
        if nest.num_macs <= most_macs and words <= MOST_WORDS:
            return nest


def scaled(random: Random, nest: LoopNest, most_macs: int) -> LoopNest:
    """The nest with bounds some hundred or thousand times as large, of at most so many multiply-accumulates."""
    bounds = list(nest.bounds)
    for _ in range(60):
        d, times = random.randrange(len(bounds)), random.choice((2, 2, 3, 4, 5, 7, 16))
        if math.prod(bounds) * times <= most_macs and bounds[d] * times <= MAX_BOUND:
            bounds[d] *= times
    return nest.with_bounds(bounds)


def nest_from_lists(
    random: Random, bounds: dict[str, int], tensors: dict[str, list[str]], output: str, *, margins: float = 0.2
) -> LoopNest:
    """A nest by its expressions, tensors in any order, some stored larger than the indices reach."""
    specs: list[dict[str, Any]] = [
        {"name": name, "index": index, "output": name == output} for name, index in tensors.items()
    ]
    random.shuffle(specs)
    nest = _nest(bounds, specs)
    if random.random() < margins:
        for spec, tensor in zip(specs, nest.tensors, strict=True):
            spec["shape"] = [size + random.choice((0, 0, 1, 2)) for size in tensor.shape]
        nest = _nest(bounds, specs)
    return nest


def _nest(bounds: dict[str, int], tensors: Sequence[dict[str, Any]]) -> LoopNest:
    fields = {"type": "loop_nest", "name": "layer", "bounds": bounds, "tensors": tensors}
    return LoopNestLayer.model_validate(fields).loop_nest()


def _conv1d(random: Random) -> LoopNest:
    pick = random.choice
    kernel, stride, dilation = pick(WINDOWS), pick(STRIDES), pick((1, 1, 2, 3))
    reach = dilation * (kernel - 1) + 1
    channels = {"in_channels": pick(SMALL), "out_channels": pick(SMALL)}
    if random.random() < 0.3:
        channels = dict.fromkeys(("in_channels", "out_channels", "groups"), pick((2, 3, 4)))
    length = reach + (pick(BOUNDS) - 1) * stride + pick((0, 0, 1))
    fields = {"batch": pick((1, 1, 2)), "in_length": length, "kernel_length": kernel, "stride": stride}
    return Conv1d(type="conv1d", name="c", dilation=dilation, **fields, **channels).loop_nest()


def _conv2d(random: Random, groups: int = 1, channels: tuple[int, int] | None = None) -> LoopNest:
    pick = random.choice
    kernel, outs = (pick((1, 2, 3)), pick((1, 2, 3))), (pick(SMALL), pick(SMALL))
    stride, dilation = (pick(STRIDES), pick(STRIDES)), (pick((1, 1, 2)), pick((1, 1, 2)))
    each = zip(kernel, outs, stride, dilation, strict=True)
    height, width = (d * (k - 1) + 1 + (o - 1) * s + pick((0, 0, 1)) for k, o, s, d in each)
    made, read = channels or (pick(SMALL), pick(SMALL))
    return Conv2d(
        type="conv2d",
        name="c",
        batch=pick((1, 1, 1, 2)),
        out_channels=made,
        in_channels=read,
        in_height=height,
        in_width=width,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride=stride,
        dilation=dilation,
        groups=groups,
    ).loop_nest()


def _grouped(random: Random) -> LoopNest:
    groups = random.choice((2, 3))
    return _conv2d(random, groups, (groups * random.choice((1, 2)), groups * random.choice((2, 3))))


def _depthwise(random: Random) -> LoopNest:
    channels = random.choice((2, 3, 4, 6))
    return _conv2d(random, channels, (channels, channels))


def _transposed(random: Random) -> LoopNest:
    """A transposed convolution as its layer type builds it: the output is gathered, mostly without overlap."""
    pick = random.choice
    return ConvTranspose2d(
        type="conv_transpose2d",
        name="t",
        batch=1,
        out_channels=pick((1, 2, 3)),
        in_channels=pick((1, 2, 4)),
        in_height=pick((1, 2, 3)),
        in_width=pick((1, 2, 3, 4)),
        kernel_height=pick((1, 2, 3)),
        kernel_width=pick((1, 2, 3)),
        stride=(pick((1, 2)), pick((1, 2, 3))),
        dilation=pick((1, 1, 2)),
    ).loop_nest()


def _scattered(random: Random) -> LoopNest:
    """A transposed convolution that scatters: tiles of the output overlap."""
    pick = random.choice
    bounds = {"i": pick((2, 3, 4, 6)), "f": pick(WINDOWS), "m": pick(SMALL), "c": pick(SMALL)}
    row = f"{pick((1, 1, 2, 3))}*i + {pick((1, 1, 2))}*f"
    tensors = {"x": ["c", "i"], "w": ["m", "c", "f"], "y": ["m", row]}
    if random.random() < 0.3:
        bounds |= {"j": pick((2, 3)), "g": pick((1, 2))}
        tensors = {"x": ["c", "i", "j"], "w": ["m", "c", "f", "g"], "y": ["m", row, "2*j + g"]}
    return nest_from_lists(random, bounds, tensors, "y")


def _gemm(random: Random) -> LoopNest:
    m, n, k = (random.choice(BOUNDS) for _ in range(3))
    return Gemm(type="gemm", name="g", m=m, n=n, k=k).loop_nest()


def _batched_gemm(random: Random) -> LoopNest:
    m, n, k = (random.choice(SMALL) for _ in range(3))
    return Gemm(type="gemm", name="g", m=m, n=n, k=k, batch=random.choice((2, 3, 4))).loop_nest()


def _attention(random: Random) -> LoopNest:
    shared, times = random.choice((1, 2)), random.choice((1, 2, 3))
    sizes = {field: random.choice(SMALL) for field in ("queries", "keys", "head_dim")}
    heads = {"heads": shared * times, "kv_heads": shared, "batch": random.choice((1, 1, 2))}
    if random.random() < 0.5:
        return AttentionScores(type="attention_scores", name="a", **heads, **sizes).loop_nest()
    return AttentionValues(type="attention_values", name="a", **heads, **sizes).loop_nest()


def _mttkrp(random: Random) -> LoopNest:
    shape = tuple(random.choice(SMALL) for _ in range(random.choice((3, 3, 4))))
    return Mttkrp(type="mttkrp", name="m", shape=shape, rank=random.choice(SMALL), mode=random.randrange(3)).loop_nest()


def _ttm(random: Random) -> LoopNest:
    ranks: list[int | None] = [random.choice(SMALL), random.choice((None, 2, 3)), None]
    random.shuffle(ranks)
    shape = tuple(random.choice(SMALL) for _ in ranks)
    return TtmChain(type="ttm_chain", name="t", shape=shape, ranks=tuple(ranks)).loop_nest()


def _convolved(random: Random) -> LoopNest:
    """A window that slides backwards, or by coefficients of any size, over one axis or two."""
    pick = random.choice
    bounds = {"x": pick(BOUNDS), "r": pick(WINDOWS), "c": pick(SMALL), "m": pick(SMALL)}
    sign = pick(("-", "-", "+"))
    index = f"{pick((1, 2, 3))}*x {sign} {pick((1, 1, 2))}*r + {pick((0, 3))}"
    tensors = {"in": ["c", index], "k": ["m", "c", f"{pick(('', '', '-'))}r"], "out": ["m", "x"]}
    return nest_from_lists(random, bounds, tensors, "out")


def _general(random: Random) -> LoopNest:
    """One to five tensors over one to five dimensions: scalars, constants, sums, differences, diagonals."""
    names = "abcde"[: random.choice((1, 2, 3, 3, 4, 4, 5))]
    bounds = {name: random.choice(BOUNDS if len(names) < 4 else SMALL) for name in names}
    tensors = {f"t{position}": _any_index(random, names) for position in range(random.choice((1, 2, 3, 3, 4, 5)))}
    return nest_from_lists(random, bounds, tensors, "t0")


def _any_index(random: Random, names: str) -> list[str]:
    kind = random.choice(("scalar", "some", "some", "some", "windows", "windows", "diagonal"))
    if kind == "scalar":
        return random.choice(([], ["0"], ["3"]))
    if kind == "some":
        return random.sample(names, random.randint(1, len(names)))
    if kind == "diagonal":
        first, last = random.choice(names), random.choice(names)
        return [first, f"{first} + 2*{last}", last][: random.choice((2, 3))]
    return [_expression(random, names) for _ in range(random.choice((1, 2, 3)))]


def _expression(random: Random, names: str) -> str:
    if random.random() < 0.08:
        return random.choice(("0", "7"))
    chosen = random.sample(names, min(len(names), random.choice((1, 1, 1, 2, 2, 3))))
    terms = [f"{random.choice(('+', '+', '-'))} {random.choice((1, 1, 1, 2, 3, 5))}*{name}" for name in chosen]
    return " ".join(terms).removeprefix("+ ") + random.choice(("", "", " + 1"))


KINDS: dict[str, Callable[[Random], LoopNest]] = {
    "conv1d": _conv1d,
    "conv2d": _conv2d,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "transposed": _transposed,
    "scattered": _scattered,
    "gemm": _gemm,
    "batched_gemm": _batched_gemm,
    "attention": _attention,
    "mttkrp": _mttkrp,
    "ttm": _ttm,
    "convolved": _convolved,
    "general": _general,
}
"""How nests of every kind are drawn."""
