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

MappingDocumentT = TypeVar("MappingDocumentT", bound=MappingDocument | LevelMappingDocument)
"""The mappings of the request's cost model."""


class EvaluateRequest(Model, Generic[MappingDocumentT]):
    """Mappings of one layer to be costed; ``architecture`` is a name, a path or the object, as in a spec.

    ``cost_model`` is that of the architecture's kind unless given; ``accounting`` is for hierarchies.
    ``padded_bounds`` holds the bounds that the mappings' factors multiply to where they pad the layer's own.
    """

    architecture: ArchitectureField
    cost_model: Text | None = None
    accounting: AccountingName | None = None
    layer: Layer
    padded_bounds: dict[Text, PositiveInt] = Field(default_factory=dict[str, int])
    mappings: tuple[MappingDocumentT, ...]


class EvaluateResult(Model):
    """Costs in the order of the request's mappings.

    ``cost_model`` and ``accounting`` are absent for the published model.
    """

    schema_: Literal["dmaze-solve/evaluate/1"] = Field(default="dmaze-solve/evaluate/1", alias="schema")
    cost_model: Text | None = None
    accounting: AccountingName | None = None
    costs: tuple[EvaluatedCost | EvaluatedLevels, ...]
