"""Exports the models of this folder with PyTorch; what they are is in README.md.

pip install torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2
python export.py
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

FOLDER = Path(__file__).parent


class EncoderLayer(nn.TransformerEncoderLayer):
    """A transformer encoder layer: width 256, 8 heads, 1024 hidden."""

    def __init__(self) -> None:
        super().__init__(d_model=256, nhead=8, dim_feedforward=1024, batch_first=True)


class SeparableCnn(nn.Module):
    """Depthwise-separable convolutions, a transposed one, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.depthwise1 = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.pointwise1 = nn.Conv2d(32, 64, 1)
        self.depthwise2 = nn.Conv2d(64, 64, 5, stride=2, padding=2, groups=64)
        self.pointwise2 = nn.Conv2d(64, 128, 1)
        self.decoder = nn.ConvTranspose2d(128, 32, 3, stride=2, padding=1, output_padding=1)
        self.classifier = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = torch.relu(self.stem(image))
        x = torch.relu(self.pointwise1(self.depthwise1(x)))
        x = torch.relu(self.pointwise2(self.depthwise2(x)))
        return self.classifier(torch.relu(self.decoder(x)).mean((2, 3)))


class VisionTransformer(nn.Module):
    """Patches, a class token, one block of attention, a head; its shapes are computed in the traced graph."""

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 8, stride=8)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], 1)
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        weights = torch.softmax(query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5, -1)
        x = (weights @ value).transpose(1, 2).reshape(batch, length, width)
        return self.head(self.out(x)[:, 0])


class GroupedQueryAttention(nn.Module):
    """Causal attention of 8 heads that share 2 heads of keys and values."""

    def __init__(self, width: int = 128, heads: int = 8, kv_heads: int = 2) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, kv_heads * self.size)
        self.value = nn.Linear(width, kv_heads * self.size)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, length, width = tokens.shape
        query = self.query(tokens).view(batch, length, self.heads, self.size).transpose(1, 2)
        key = self.key(tokens).view(batch, length, self.kv_heads, self.size).transpose(1, 2)
        value = self.value(tokens).view(batch, length, self.kv_heads, self.size).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Tagger(nn.Module):
    """An LSTM with a linear layer behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(8, 16, batch_first=True)
        self.linear = nn.Linear(16, 4)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.recurrent(features)[0])


def save(model: onnx.ModelProto, name: str) -> None:
    """Write a model without its large weights: as external data that is not there."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.raw_data) > 64:
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            del tensor.external_data[:]
            tensor.external_data.add(key="location", value="not_shipped.data")
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    (FOLDER / name).write_bytes(model.SerializeToString())


def export(module: nn.Module, example: Tensor, name: str, names: dict[int, str], opset: int = 20) -> None:
    """Export with the exporter of today, ``torch.export``."""
    program = torch.onnx.export(
        module.eval(), (example,), dynamo=True, opset_version=opset, dynamic_shapes=(names,), input_names=["input"]
    )
    assert program is not None
    save(program.model_proto, name)


def trace(module: nn.Module, example: Tensor, name: str, names: dict[int, str]) -> None:
    """Export with the older exporter, TorchScript."""
    torch.onnx.export(
        module.eval(), (example,), FOLDER / name, dynamo=False, dynamic_axes={"input": names}, input_names=["input"]
    )
    save(onnx.load(FOLDER / name), name)


if __name__ == "__main__":
    torch.manual_seed(0)
    export(EncoderLayer(), torch.randn(2, 10, 256), "encoder_layer.onnx", {0: "batch", 1: "sequence"})
    export(SeparableCnn(), torch.randn(2, 3, 64, 64), "separable_cnn.onnx", {0: "batch"})
    export(GroupedQueryAttention(), torch.randn(2, 10, 128), "grouped_query.onnx", {0: "batch", 1: "sequence"}, 23)
    trace(VisionTransformer(), torch.randn(2, 3, 32, 32), "vision_transformer.onnx", {0: "N", 2: "height", 3: "width"})
    trace(Tagger(), torch.randn(2, 5, 8), "tagger.onnx", {0: "batch", 1: "time"})
