"""Networks in ONNX files: the layers that an accelerator can map, and what is left out (``docs/onnx.md``).

The library ``onnx`` is an optional extra and imported only when a file is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .network import read_network

__all__ = ["is_onnx", "read_network"]


def is_onnx(text: str) -> bool:
    """Whether a path is that of an ONNX file."""
    return text.lower().endswith(".onnx")


if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_exports(__name__, {"network": ("read_network",)})
