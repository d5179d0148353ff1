"""Constraints as public documents: one kind for each kind of machine, chosen by what stands beside them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast

from pydantic import Discriminator, Tag, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from ...cost_model import HIERARCHY
from ...dmazerunner.constraints import Constraints
from ...hierarchy.constraints.level_constraints import LevelConstraints

AnyConstraints: TypeAlias = Constraints | LevelConstraints
"""What is asked of mappings onto a published architecture, or onto a hierarchy."""

PUBLISHED_KIND, HIERARCHY_KIND = "Constraints", "LevelConstraints"


class _OfAKind(dict[str, Any]):
    """Constraints as given, with the kind that they are of."""

    kind: str = PUBLISHED_KIND


def _kind(value: Any) -> str:
    if isinstance(value, _OfAKind):
        return value.kind
    return HIERARCHY_KIND if isinstance(value, LevelConstraints) else PUBLISHED_KIND


def _chosen(value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> AnyConstraints:
    """Constraints of the kind that the cost model beside them asks for, else the architecture, else their fields."""
    if not isinstance(value, dict):
        return validate(value)
    given = _OfAKind(cast("dict[str, Any]", value))
    beside = info.data
    selected = beside.get("cost_model") or getattr(beside.get("architecture"), "cost_model", None)
    by_fields = given.keys() & LevelConstraints.model_fields.keys() - Constraints.model_fields.keys()
    hierarchical = selected == HIERARCHY if selected is not None else bool(by_fields)
    given.kind = HIERARCHY_KIND if hierarchical else PUBLISHED_KIND
    return validate(given)


ConstraintsField = Annotated[
    Annotated[
        Annotated[Constraints, Tag(PUBLISHED_KIND)] | Annotated[LevelConstraints, Tag(HIERARCHY_KIND)],
        Discriminator(_kind),
    ],
    WrapValidator(_chosen),
]
"""Constraints in a document whose ``cost_model`` and ``architecture`` stand before them."""
