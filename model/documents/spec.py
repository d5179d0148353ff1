"""The public spec: what to map onto what, what to minimise, how hard to try (``docs/contract.md`` section 1)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from ..base import Flag, Model, NaturalInt, PositiveInt, Text
from ..dmazerunner.constraints import Constraints
from ..hierarchy.accountings import AccountingName
from ..layers import Layer
from ..objectives import Objective
from .architectures import ArchitectureField
from .imported_network import ImportedNetwork, InputValue
from .kinds.any_constraints import ConstraintsField

MAX_LAYERS = 20_000
"""Most layers of a network: the largest have a few hundred, and so many take seconds to be read alone."""

Seconds = Annotated[float, Field(strict=True, gt=0, le=1e9)]


class LayerList(Model):
    """Layers given one by one; ``name``, ``source``, ``batch`` and ``imported`` describe a network file.

    ``element_bits`` are the sizes of its quantised elements, where it has some.
    """

    name: Text | None = None
    source: Text | None = None
    batch: PositiveInt = 1
    layers: tuple[Layer, ...] = Field(min_length=1, max_length=MAX_LAYERS)
    imported: ImportedNetwork | None = None
    element_bits: tuple[PositiveInt, ...] = ()

    @model_validator(mode="after")
    def _distinct_names(self) -> LayerList:
        seen: set[str] = set()
        for position, layer in enumerate(self.layers):
            if layer.name in seen:
                raise ValueError(f"layers.{position}.name: expected a name that no other layer has, got {layer.name!r}")
            seen.add(layer.name)
        return self


class NetworkReference(Model):
    """A network by name or path, at a batch size other than its own if given.

    ``dims`` are the sizes of symbolic dimensions of an ONNX model, by name or as ``INPUT.AXIS``; ``inputs`` the values
    of inputs that decide what runs.
    """

    network: Text
    batch: PositiveInt | None = None
    dims: dict[Text, NaturalInt] = Field(default_factory=dict[str, int])
    inputs: dict[Text, InputValue] = Field(default_factory=dict[str, InputValue])


class SolverOptions(Model):
    """How the search is run. ``time_limit_s`` is per layer; ``workers`` defaults to the machine's cores.

    ``pad_bounds`` lets loop bounds be padded by at most ``pad_percent`` per cent, to values with more divisors
    (``docs/cache_and_padding.md``); the padded iterations are paid for.
    """

    backend: Text = "portfolio"
    time_limit_s: Seconds = 60.0
    total_time_limit_s: Seconds | None = None
    workers: Annotated[int, Field(strict=True, ge=1, le=1024)] | None = None
    top_k: Annotated[int, Field(strict=True, ge=1, le=1000)] = 5
    relative_gap: Annotated[float, Field(strict=True, ge=0, lt=1)] = 1e-6
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = 0
    pad_bounds: Flag = False
    pad_percent: Annotated[float, Field(strict=True, gt=0, le=100)] = 5.0


LayerFiles = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MAX_LAYERS)]
"""Files that together hold the layers of a network."""


def _kind_of_workload(value: Any) -> str:
    if isinstance(value, str):
        return "name"
    if isinstance(value, list | tuple):
        return "files"
    if isinstance(value, NetworkReference) or (isinstance(value, dict) and "network" in value):
        return "network"
    return "layers"


WorkloadField = Annotated[
    Annotated[Text, Tag("name")]
    | Annotated[LayerFiles, Tag("files")]
    | Annotated[NetworkReference, Tag("network")]
    | Annotated[LayerList, Tag("layers")],
    Discriminator(_kind_of_workload),
]


class Spec(Model):
    """One job: layers, an accelerator, an objective, constraints and limits.

    ``cost_model`` is that of the architecture's kind unless given; ``accounting`` is for hierarchies.

    Names and paths stand for themselves until :func:`dmaze.model.reading.loading.resolve_spec` replaces them.
    """

    name: Text | None = None
    architecture: ArchitectureField
    workload: WorkloadField
    cost_model: Text | None = None
    accounting: AccountingName | None = None
    objective: Objective = "edp"
    constraints: ConstraintsField = Constraints()
    solver: SolverOptions = SolverOptions()
