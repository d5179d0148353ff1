"""Cost models by name, through the entry points of installed distributions (group ``dmaze.cost_models``)."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeAlias, cast

from .cost_model import DEFAULT_COST_MODEL, CostModel, PublishedSpaceModel, SearchableCostModel
from .dmazerunner.architecture import Architecture
from .dmazerunner.constraints import Constraints
from .dmazerunner.cost import ExactCost
from .dmazerunner.cost_document import Cost
from .dmazerunner.evaluated_cost import EvaluatedCost
from .documents.architectures import AnyArchitecture
from .faults import BackendFault, Fault, InputError, suggestion
from .hierarchy.accountings import AccountingName
from .mapping import Mapping, MappingDocument

ENTRY_POINT_GROUP = "dmaze.cost_models"

AnyCostModel: TypeAlias = CostModel[Any, Any, Any, Any, Any, Any]
"""A cost model, whatever its machines, mappings and documents: only it can say what they hold."""

AnySearchableModel: TypeAlias = SearchableCostModel[Any, Any, Any, Any, Any, Any, Any]
"""The same of a cost model whose mappings can be searched for."""

AnyPublishedModel: TypeAlias = PublishedSpaceModel[
    Architecture, Constraints, Mapping, ExactCost, MappingDocument, Cost, EvaluatedCost
]
"""A cost model on the published kinds of architectures, constraints and mappings."""


def available_cost_models() -> dict[str, EntryPoint]:
    """Every cost model registered by an installed distribution, by name."""
    return {point.name: point for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)}


def model_for(name: str | None, file: str | None = None) -> AnyCostModel:
    """The cost model of a name; without one, the default.

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


def searchable_model_for(name: str | None, file: str | None = None) -> AnySearchableModel:
    """The cost model of a name, one whose mappings can be searched for.

    Raises:
        InputError: as :func:`model_for`; and for a cost model that has no constraints to search with.
        BackendFault: when what is registered cannot be imported.
    """
    return searchable(model_for(name, file), "cost_model", file)


def searchable(model: AnyCostModel, field: str, file: str | None = None) -> AnySearchableModel:
    """A cost model, if its mappings can be searched for; ``field`` is what chose it.

    Raises:
        InputError: if they cannot.
    """
    if not isinstance(model, SearchableCostModel):
        message = f"expected a cost model whose mappings can be searched for, which '{model.name}' is not"
        raise InputError.single(file, field, message)
    return cast("AnySearchableModel", model)


def published_model_for(name: str | None) -> AnyPublishedModel:
    """The cost model of a name, one on the published kinds of machines and mappings.

    Raises:
        InputError: as :func:`model_for`; and for a cost model of other mappings.
        BackendFault: when what is registered cannot be imported.
    """
    model = model_for(name)
    if not isinstance(model, PublishedSpaceModel):
        raise InputError.single(None, "cost_model", f"expected one of published mappings, which '{model.name}' is not")
    return cast("AnyPublishedModel", model)


def model_and_machine(
    architecture: AnyArchitecture, name: str | None, accounting: AccountingName | None, file: str | None = None
) -> tuple[AnyCostModel, AnyArchitecture]:
    """The cost model of a name, else of the architecture's kind, counting as asked for; and the machine it makes of it.

    Raises:
        InputError: for an unknown cost model, one that cannot take the architecture, or an accounting that it lacks.
        BackendFault: when what is registered cannot be imported.
    """
    model, machine = model_for(name or architecture.cost_model, file), architecture
    faults: list[Fault] = []
    try:
        machine = cast("AnyArchitecture", model.machine_of(architecture))
    except ValueError as error:
        faults.append(Fault(file, "cost_model", str(error)))
    try:
        model = model if accounting is None else model.under(accounting)
    except ValueError as error:
        faults.append(Fault(file, "accounting", str(error)))
    if faults:
        raise InputError(faults)
    return model, machine
