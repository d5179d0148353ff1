"""Reads large models without their weights: walks the file as protobuf stores it, and leaves long tensor data out.

The library would hold a file of two gigabytes twice. Field numbers are those of ``onnx.proto``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LARGE_BYTES = 2**26
"""From this size on a file is read so: below, it fits memory as it is."""

_LONGEST_DATA = 2**16
"""Longest data of a tensor that is kept: shapes are computed from far shorter ones."""

_MAX_FIELDS = 1_000_000
"""Most fields that are walked through: weights as single numbers, one field each, are more."""

_MAX_KEPT_BYTES = 2**26
"""Most bytes beside weights."""

DAMAGED = "expected an ONNX model, but this is none, or it is damaged"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True)
class _Message:
    """Which fields of a message are messages to walk through, and which hold data of a tensor."""

    inner: Mapping[int, str] = field(default_factory=dict[int, str])
    data: frozenset[int] = frozenset()


_MESSAGES: Mapping[str, _Message] = {
    "model": _Message({7: "graph", 25: "function"}),
    "graph": _Message({1: "node", 5: "tensor", 15: "sparse"}),
    "function": _Message({7: "node"}),
    "node": _Message({5: "attribute"}),
    "attribute": _Message({5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}),
    "sparse": _Message({1: "tensor", 2: "tensor"}),
    "tensor": _Message(data=frozenset({4, 5, 6, 7, 9, 10, 11})),
}


def without_weights(content: memoryview) -> bytes:
    """A model without the long data of its tensors.

    Raises:
        ValueError: when it is no message of protobuf, or has too many fields.
    """
    return _Walk(content).message(0, len(content), "model")


class _Walk:
    """One walk through a file, which counts the fields that it comes by, and the bytes that it keeps."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._num_fields = 0
        self._num_kept = 0

    def message(self, start: int, end: int, kind: str) -> bytes:
        """A message between two positions, without long data."""
        known, parts, position = _MESSAGES[kind], list[bytes](), start
        while position < end:
            self._num_fields += 1
            if self._num_fields > _MAX_FIELDS:
                raise ValueError(f"expected at most {_MAX_FIELDS} fields, with weights as raw data")
            key, body = self._varint(position, end)
            number, wire = key >> 3, key & 7
            if wire != _BYTES:
                stop = self._varint(body, end)[1] if wire == _VARINT else body + _FIXED_SIZES.get(wire, end)
                if stop > end:
                    raise ValueError(DAMAGED)
                parts.append(self._kept(position, stop))
                position = stop
                continue
            length, body = self._varint(body, end)
            position, stop = body + length, position
            if position > end:
                raise ValueError(DAMAGED)
            if number in known.inner:
                inner = self.message(body, position, known.inner[number])
                parts += [_as_varint(key), _as_varint(len(inner)), inner]
            elif number not in known.data or length <= _LONGEST_DATA:
                parts.append(self._kept(stop, position))
        return b"".join(parts)

    def _kept(self, start: int, end: int) -> bytes:
        self._num_kept += end - start
        if self._num_kept > _MAX_KEPT_BYTES:
            raise ValueError(f"expected at most {_MAX_KEPT_BYTES} bytes beside weights as raw data")
        return bytes(self._content[start:end])

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """The number at a position, and the position behind it."""
        value = 0
        for shift in range(0, 70, 7):
            if position >= end:
                break
            byte = self._content[position]
            position += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, position
        raise ValueError(DAMAGED)


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes((*parts, value))
