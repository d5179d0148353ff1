"""Back ends by name, through the entry points of installed distributions."""

from __future__ import annotations

from ..model.faults import BackendFault, InputError, suggestion
from .backend import Backend
from .installed import available_backends


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
