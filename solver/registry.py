"""Back ends by name, through the entry points of installed distributions."""

from __future__ import annotations

from ..model.cost_models import AnyCostModel
from ..model.faults import BackendFault, InputError, suggestion
from .backend import Backend
from .installed import available_backends
from .routed_backend import map_space_of, map_spaces_of


def load_backend_for(name: str, model: AnyCostModel) -> Backend:
    """The back end registered under a name, one that searches the mappings of a cost model.

    Raises:
        InputError: as :func:`load_backend`; and for one that does not, naming those that do.
        BackendFault: as :func:`load_backend`.
    """
    backend, space = load_backend(name), map_space_of(model)
    if space not in map_spaces_of(backend):
        others = ", ".join(other for other in available_backends() if space in _map_spaces_of(other))
        message = f"expected one for mappings of the cost model {space} ({others or 'there is none'}), got '{name}'"
        raise InputError.single(None, "solver.backend", message)
    return backend


def _map_spaces_of(name: str) -> tuple[str, ...]:
    """Whose mappings an installed back end searches; nobody's if it cannot be loaded."""
    try:
        return map_spaces_of(load_backend(name))
    except BackendFault:
        return ()


def load_backend(name: str) -> Backend:
    """The back end registered under a name.

    Raises:
        InputError: for a name that nobody registered; the nearest one is suggested.
        BackendFault: when what is registered cannot be imported or is no back end.
    """
    points = available_backends()
    if name not in points:
        raise InputError.single(None, "solver.backend", f"unknown back end '{name}'; {suggestion(name, points)}")
    try:
        backend: object = points[name].load()
    except Exception as error:  # importing third-party code: whatever it raises is that back end's fault
        raise BackendFault(f"back end {name} cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(backend, Backend):
        raise BackendFault(f"back end {name} ({points[name].value}) has no name or no search method")
    return backend
