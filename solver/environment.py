"""What a search runs on: versions of what it needs, the machine, the back ends. For reports of faults."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from .installed import available_backends
from .pipeline.runs.solve_job import num_cores

REQUIRED = ("dmaze-solve", "numpy", "ortools", "pydantic", "typer", "rich")
OPTIONAL = ("matplotlib", "pandas", "onnx", "PyYAML", "distributed")
"""Distributions of the extras."""

ABSENT = "not installed"


def environment() -> dict[str, str]:
    """Versions of Python and of every distribution that is used or may be, the platform, cores, and back ends.

    Example:
        >>> environment()["pandas"]  # doctest: +SKIP
        'not installed'
    """
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "cores": str(num_cores()),
        **{name: _version(name) for name in (*REQUIRED, *OPTIONAL)},
        "back ends": ", ".join(available_backends()),
    }


def show_versions() -> None:
    """Print what a search runs on, a line for each entry: paste it where a fault is reported."""
    found = environment()
    widest = max(map(len, found))
    for name, value in found.items():
        print(f"{name:<{widest}}  {value}")


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ABSENT
