"""What a network that was read from another tool's file says about itself beside its layers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..base import Flag, Model, NaturalInt, PositiveInt, Text

NumMacs = Annotated[int, Field(strict=True, ge=0)]
"""Multiply-accumulates of a whole network, which may be many more than a loop nest may have."""


_Number = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)]

InputValue = Flag | _Number | tuple[Flag | _Number, ...]
"""The value of an input of a network: a number, true or false, or a list of them."""


class SkippedNodes(Model):
    """Nodes of one operator that are not among the layers, for one reason.

    ``macs`` are the multiply-accumulates of all of them together, null where they cannot be counted. Without a
    ``reason`` the operator has none by its nature (activations, pooling, normalisation, moving data).
    """

    operator: Text
    count: PositiveInt
    macs: NumMacs | None
    reason: Text | None = None


class ImportedNetwork(Model):
    """Where the layers come from, and how much of the network they are.

    ``dims`` holds the sizes that symbolic dimensions were given, ``inputs`` the values that inputs were, ``nodes`` the
    nodes behind every layer that occurs more than once. ``total_macs`` counts mapped and skipped nodes, but for those
    whose ``macs`` are null: only without any is the total known.
    """

    file: Text
    dims: dict[str, NaturalInt]
    mapped_macs: NumMacs
    total_macs: NumMacs
    skipped: tuple[SkippedNodes, ...]
    nodes: dict[str, tuple[str, ...]]
    inputs: dict[str, InputValue] = Field(default_factory=dict[str, InputValue])
