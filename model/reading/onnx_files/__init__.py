"""Networks in ONNX files: the layers that an accelerator can map, and what is left out (``docs/onnx.md``).

The library ``onnx`` is an optional extra and imported only when a file is read.
"""

from .network import is_onnx, read_network

__all__ = ["is_onnx", "read_network"]
