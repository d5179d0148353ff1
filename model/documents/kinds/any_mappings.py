"""Mappings and costs as public documents: the kinds that there are, told apart by their fields."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Tag

from ...dmazerunner.cost_document import Cost
from ...hierarchy.hierarchy_documents import LevelsCost
from ...hierarchy.level_mapping import LevelMappingDocument
from ...mapping import MappingDocument

AnyMappingDocument: TypeAlias = MappingDocument | LevelMappingDocument
"""A mapping onto a published architecture, or onto a hierarchy."""

AnyCost: TypeAlias = Cost | LevelsCost
"""The cost of either."""

PUBLISHED, LEVELS = "published", "levels"

LEVEL_MAPPING_FIELDS = {"orders", "keep"}
"""What only mappings onto hierarchies have."""

LEVEL_COST_FIELDS = {"walk_cycles"}
"""What only their costs have."""


def _kind_of_mapping(value: Any) -> str:
    by_fields = isinstance(value, dict) and LEVEL_MAPPING_FIELDS & value.keys()
    return LEVELS if by_fields or isinstance(value, LevelMappingDocument) else PUBLISHED


def _kind_of_cost(value: Any) -> str:
    by_fields = isinstance(value, dict) and LEVEL_COST_FIELDS & value.keys()
    return LEVELS if by_fields or isinstance(value, LevelsCost) else PUBLISHED


MappingField = Annotated[
    Annotated[MappingDocument, Tag(PUBLISHED)] | Annotated[LevelMappingDocument, Tag(LEVELS)],
    Discriminator(_kind_of_mapping),
]
"""A mapping in a document that has both kinds."""

CostField = Annotated[
    Annotated[Cost, Tag(PUBLISHED)] | Annotated[LevelsCost, Tag(LEVELS)], Discriminator(_kind_of_cost)
]
"""A cost in a document that has both kinds."""
