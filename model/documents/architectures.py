"""Accelerators as public documents: the kinds that there are (``docs/contract.md`` sections 1 and 5).

Each kind names the cost model that it selects, in its ``cost_model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, cast

from pydantic import Discriminator, Tag

from ..base import Text
from ..dmazerunner.architecture import Architecture
from ..faults import nearest_name
from ..hierarchy.machine import Machine

AnyArchitecture: TypeAlias = Architecture | Machine
"""An architecture of the published kind, or a hierarchy of nodes."""

NODES = "nodes"
"""The field that only a hierarchy has."""

_PUBLISHED_ONLY = Architecture.model_fields.keys() - Machine.model_fields.keys()


def architecture_type(document: Mapping[str, Any]) -> type[AnyArchitecture]:
    """Which kind of architecture a JSON object is, or is meant to be.

    Example:
        >>> architecture_type({"name": "m", "node": []}).__name__, architecture_type({"name": "m"}).__name__
        ('Machine', 'Architecture')
    """
    misspelt = not _PUBLISHED_ONLY & document.keys() and any(nearest_name(str(key), [NODES]) for key in document)
    return Machine if NODES in document or misspelt else Architecture


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "by name"
    if isinstance(value, Architecture | Machine):
        return type(value).__name__
    return architecture_type(cast("dict[str, Any]", value) if isinstance(value, dict) else {}).__name__


ArchitectureField = Annotated[
    Annotated[Text, Tag("by name")]
    | Annotated[Architecture, Tag(Architecture.__name__)]
    | Annotated[Machine, Tag(Machine.__name__)],
    Discriminator(_kind),
]
"""An architecture, or the name of a built-in one, or the path of its file."""

ResolvedArchitectureField = Annotated[
    Annotated[Architecture, Tag(Architecture.__name__)] | Annotated[Machine, Tag(Machine.__name__)],
    Discriminator(_kind),
]
"""An architecture, in a document that stands for itself."""
