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

    Activations, pooling, normalisation and what moves data have no multiply-accumulates, and need no reason.
    """

    operator: Text
    """Operator of the nodes."""
    count: PositiveInt
    """Number of these nodes."""
    macs: NumMacs | None
    """Multiply-accumulates of all of them together; null where they cannot be counted."""
    reason: Text | None = None
    """Why they are not among the layers; null where the operator has no multiply-accumulates by its nature."""


class ImportedNetwork(Model):
    """Where the layers come from, and how much of the network they are.

    Only where no skipped node has ``macs`` of null is the total known.
    """

    file: Text
    """File that the network was read from."""
    dims: dict[str, NaturalInt]
    """Sizes that symbolic dimensions were given, by name."""
    mapped_macs: NumMacs
    """Multiply-accumulates of the layers, each as often as it occurs."""
    total_macs: NumMacs
    """Multiply-accumulates of layers and skipped nodes together, but for nodes whose `macs` are null."""
    skipped: tuple[SkippedNodes, ...]
    """What is not among the layers."""
    nodes: dict[str, tuple[str, ...]]
    """Names of the nodes behind every layer that occurs more than once, by layer."""
    inputs: dict[str, InputValue] = Field(default_factory=dict[str, InputValue])
    """Values that inputs of the network were given, by name."""
