"""The request and the result of the verb ``evaluate`` (``docs/contract.md`` sections 3 and 5)."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import Field

from ..base import Model, PositiveInt, Text
from ..dmazerunner.evaluated_cost import EvaluatedCost
from ..hierarchy.accountings import AccountingName
from ..hierarchy.hierarchy_documents import EvaluatedLevels
from ..hierarchy.level_mapping import LevelMappingDocument
from ..layers import Layer
from ..mapping import MappingDocument
from .architectures import ArchitectureField
from .shown.shown_document import ShownDocument

MappingDocumentT = TypeVar("MappingDocumentT", bound=MappingDocument | LevelMappingDocument)
"""The mappings of the request's cost model."""


class EvaluateRequest(Model, Generic[MappingDocumentT]):
    """Mappings of one layer to be costed."""

    architecture: ArchitectureField
    """The machine: an object, the name of a built-in one, or a path (relative to the request)."""
    cost_model: Text | None = None
    """Name of the cost model; that of the architecture's kind if null."""
    accounting: AccountingName | None = None
    """How words are counted on a hierarchy (`docs/hierarchy_model.md` section 9); `executed` if null, and null for
    other cost models."""
    layer: Layer
    """The layer that all mappings are for."""
    padded_bounds: dict[Text, PositiveInt] = Field(default_factory=dict[str, int])
    """Bounds, by dimension, that the factors multiply to where the mappings pad the layer's own."""
    mappings: tuple[MappingDocumentT, ...]
    """The mappings to be costed; factors of 1 may be left out."""


class SolutionOfResult(Model):
    """A mapping of a result."""

    layer: str
    """Name of the layer."""
    rank: int
    """The mapping's rank among those of the layer, from 1."""


class EvaluateResult(ShownDocument):
    """What ``evaluate`` says."""

    schema_: Literal["dmaze-solve/evaluate/1"] = Field(default="dmaze-solve/evaluate/1", alias="schema")
    """Name and version of the document's format."""
    cost_model: Text | None = None
    """Name of the cost model; absent for the published one."""
    accounting: AccountingName | None = None
    """How words are counted on a hierarchy (`docs/hierarchy_model.md` section 9); absent for other cost models."""
    costs: tuple[EvaluatedCost | EvaluatedLevels, ...]
    """The costs, in the order of the request's mappings."""
    costs_of: tuple[SolutionOfResult, ...] | None = None
    """Of which mapping of a result each of the costs is; absent where a request was evaluated."""
