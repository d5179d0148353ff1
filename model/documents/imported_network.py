"""What a network that was read from another tool's file says about itself beside its layers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ..base import Model, NaturalInt, PositiveInt, Text

NumMacs = Annotated[int, Field(strict=True, ge=0)]
"""Multiply-accumulates of a whole network, which may be many more than a loop nest may have."""


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

    ``dims`` holds the sizes that symbolic dimensions were given, ``nodes`` the nodes behind every layer that occurs
    more than once. ``total_macs`` counts mapped and skipped nodes, those left aside whose ``macs`` are null.
    """

    file: Text
    dims: dict[str, NaturalInt]
    mapped_macs: NumMacs
    total_macs: NumMacs
    skipped: tuple[SkippedNodes, ...]
    nodes: dict[str, tuple[str, ...]]
