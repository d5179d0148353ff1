"""Layer types of the public spec, each a few lines that build a loop nest: the only place that knows layer kinds.

Source: ``docs/model.md`` section 1, ``docs/contract.md`` section 1; ``docs/layers.md`` has every type with its nest.
"""

from typing import Annotated

from pydantic import Field

from .affine import parse_affine
from .convolution import Conv1d, Conv2d, Conv3d
from .general import LoopNestLayer, TensorSpec
from .layer_base import nest_from_expressions
from .products import AttentionScores, AttentionValues, Gemm
from .tensor_algebra import Mttkrp, TtmChain
from .transposed import ConvTranspose2d

Layer = Annotated[
    Conv1d
    | Conv2d
    | Conv3d
    | ConvTranspose2d
    | Gemm
    | AttentionScores
    | AttentionValues
    | Mttkrp
    | TtmChain
    | LoopNestLayer,
    Field(discriminator="type"),
]
"""A layer of the spec; ``type`` says which."""

__all__ = [
    "AttentionScores",
    "AttentionValues",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Gemm",
    "Layer",
    "LoopNestLayer",
    "Mttkrp",
    "TensorSpec",
    "TtmChain",
    "nest_from_expressions",
    "parse_affine",
]
