"""Back ends by name, through the entry points of installed distributions."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from ..model.cost_models import AnyCostModel
from ..model.error_text import error_text
from ..model.faults import BackendFault, InputError, suggestion
from .backend import Backend
from .installed import available_backends
from .isolation.isolated_backend import IsolatedBackend
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
    """The back end registered under a name, as one that searches in a process of its own unless it is ours.

    Raises:
        InputError: for a name that nobody registered; the nearest one is suggested.
        BackendFault: when what is registered cannot be imported or is no back end.
    """
    points = available_backends()
    if name not in points:
        raise InputError.single(None, "solver.backend", f"unknown back end '{name}'; {suggestion(name, points)}")
    backend = _loaded(points[name])
    if _runs_here(points[name], backend):
        return backend
    return IsolatedBackend(backend.name, map_spaces_of(backend), name)


def _loaded(point: EntryPoint) -> Backend:
    """What an entry point leads to."""
    try:
        loaded: object = point.load()
        backend = loaded if isinstance(loaded, Backend) else None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing third-party code: whatever it raises is that back end's fault
        raise BackendFault(f"back end {point.name} cannot be loaded: {error_text(error)}") from error
    if backend is None:
        raise BackendFault(f"back end {point.name} ({point.value}) has no name or no search method")
    return backend


def _runs_here(point: EntryPoint, backend: Backend) -> bool:
    """Whether a back end searches in this process: ours do, and those that ask for it by ``in_process = True``."""
    return point.value.startswith(f"{__package__}.") or getattr(backend, "in_process", False) is True
