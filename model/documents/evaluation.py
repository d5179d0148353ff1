"""The request and the result of the verb ``evaluate`` (``docs/contract.md`` section 3)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, PositiveInt, Text
from ..dmazerunner.evaluated_cost import EvaluatedCost
from ..layers import Layer
from ..mapping import MappingDocument
from .spec import ArchitectureField


class EvaluateRequest(Model):
    """Mappings of one layer to be costed; ``architecture`` is a name, a path or the object, as in a spec.

    ``cost_model`` is that of the architecture's kind unless given.
    ``padded_bounds`` holds the bounds that the mappings' factors multiply to where they pad the layer's own.
    """

    architecture: ArchitectureField
    cost_model: Text | None = None
    layer: Layer
    padded_bounds: dict[Text, PositiveInt] = Field(default_factory=dict[str, int])
    mappings: tuple[MappingDocument, ...]


class EvaluateResult(Model):
    """Costs in the order of the request's mappings."""

    schema_: Literal["dmaze-solve/evaluate/1"] = Field(default="dmaze-solve/evaluate/1", alias="schema")
    costs: tuple[EvaluatedCost, ...]
