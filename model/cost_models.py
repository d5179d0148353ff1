"""Cost models by name, through the entry points of installed distributions (group ``dmaze.cost_models``)."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TypeAlias, cast

from .cost_model import DEFAULT_COST_MODEL, CostModel
from .dmazerunner.architecture import Architecture
from .dmazerunner.constraints import Constraints
from .dmazerunner.cost import ExactCost
from .dmazerunner.cost_document import Cost
from .dmazerunner.evaluated_cost import EvaluatedCost
from .faults import BackendFault, InputError, suggestion
from .mapping import Mapping, MappingDocument

ENTRY_POINT_GROUP = "dmaze.cost_models"

AnyCostModel: TypeAlias = CostModel[Architecture, Constraints, Mapping, ExactCost, MappingDocument, Cost, EvaluatedCost]
"""A cost model on architectures, constraints and mappings of the kinds that there are."""


def available_cost_models() -> dict[str, EntryPoint]:
    """Every cost model registered by an installed distribution, by name."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)}


def model_for(name: str | None, file: str | None = None) -> AnyCostModel:
    """The cost model of a name; without one, that of the architecture's kind.

    ``file`` is where the name stands, for its fault to name.

    Raises:
        InputError: for a name that nobody registered; the nearest one is suggested.
        BackendFault: when what is registered cannot be imported.
    """
    wanted, points = name or DEFAULT_COST_MODEL, available_cost_models()
    if wanted not in points:
        message = f"unknown cost model '{wanted}'; {suggestion(wanted, points)}"
        raise InputError.single(file, "cost_model", message)
    try:
        return cast("AnyCostModel", points[wanted].load())
    except ImportError as error:
        raise BackendFault(f"cost model {wanted} cannot be loaded: {type(error).__name__}: {error}") from error
