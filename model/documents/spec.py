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
    """Layers given one by one, or those of a network's file."""

    name: Text | None = None
    """What the network is called."""
    source: Text | None = None
    """Where the network is from, as free text."""
    batch: PositiveInt = 1
    """Batch size that the layers are written for."""
    layers: tuple[Layer, ...] = Field(min_length=1, max_length=MAX_LAYERS)
    """The layers; no two have the same name."""
    imported: ImportedNetwork | None = None
    """What an imported network says about itself, as in a result; null for others."""
    element_bits: tuple[PositiveInt, ...] = ()
    """Sizes in bits of the network's quantised elements; empty where it has none."""

    @model_validator(mode="after")
    def _distinct_names(self) -> LayerList:
        seen: set[str] = set()
        for position, layer in enumerate(self.layers):
            if layer.name in seen:
                raise ValueError(f"layers.{position}.name: expected a name that no other layer has, got {layer.name!r}")
            seen.add(layer.name)
        return self


class NetworkReference(Model):
    """A network by name or path, at a batch size other than its own if given."""

    network: Text
    """Name of a built-in network, or the path of its file."""
    batch: PositiveInt | None = None
    """Batch size to run it at; its own if null."""
    dims: dict[Text, NaturalInt] = Field(default_factory=dict[str, int])
    """Sizes of symbolic dimensions of an ONNX model, by name or as `INPUT.AXIS`."""
    inputs: dict[Text, InputValue] = Field(default_factory=dict[str, InputValue])
    """Values of inputs of an ONNX model that decide what runs, by name."""


class SolverOptions(Model):
    """How the search is run.

    Padded bounds: ``docs/cache_and_padding.md``.
    """

    backend: Text = "portfolio"
    """Name of the back end that searches; `dmaze-solve list` shows all."""
    time_limit_s: Seconds = 60.0
    """Seconds for the search of one layer."""
    total_time_limit_s: Seconds | None = None
    """Seconds for all layers together; no limit if null."""
    workers: Annotated[int, Field(strict=True, ge=1, le=1024)] | None = None
    """Threads or processes of a search; the machine's cores if null. The command searches so many layers at once."""
    top_k: Annotated[int, Field(strict=True, ge=1, le=1000)] = 5
    """Most mappings to report for a layer, distinct by tiling."""
    relative_gap: Annotated[float, Field(strict=True, ge=0, lt=1)] = 1e-6
    """Gap, as a share of the objective value, within which a mapping counts as optimal."""
    until_gap: Annotated[float, Field(strict=True, ge=0, lt=1)] | None = None
    """Gap, as a share of the objective value, up to which layers that `time_limit_s` leaves open are searched further;
    as long as `total_time_limit_s` allows. None are if null. Of `solve` and `enumerate` alone."""
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] = 0
    """Seed of the search; with one worker the same seed gives the same answer."""
    pad_bounds: Flag = False
    """Whether loop bounds may be padded to values with more divisors; the padded iterations are paid for."""
    pad_percent: Annotated[float, Field(strict=True, gt=0, le=100)] = 5.0
    """Most per cent by which a bound may grow where `pad_bounds` is true."""


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

    Names and paths stand for themselves until :func:`dmaze.model.reading.loading.resolve_spec` replaces them.
    """

    name: Text | None = None
    """A title for reports."""
    architecture: ArchitectureField
    """The machine: an object, the name of a built-in one, or a path (relative to the spec)."""
    workload: WorkloadField
    """The layers: an object, the name of a built-in network, a path, or a list of paths."""
    cost_model: Text | None = None
    """Name of the cost model; that of the architecture's kind if null."""
    accounting: AccountingName | None = None
    """How words are counted on a hierarchy (`docs/hierarchy_model.md` section 9); `executed` if null, and null for
    other cost models."""
    objective: Objective = "edp"
    """What is minimised: `energy` (pJ), `latency` (cycles), or `edp`, their product."""
    constraints: ConstraintsField = Constraints()
    """What a mapping must keep besides fitting the machine, of the cost model's kind."""
    solver: SolverOptions = SolverOptions()
    """How hard to search."""
