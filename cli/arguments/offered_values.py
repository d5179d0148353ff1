"""Values that a shell offers for options and arguments. Nothing of ours is imported before it asks."""

from __future__ import annotations

from collections.abc import Callable

DOCUMENTS = (
    *("spec", "evaluate", "sweep", "result", "verification", "gap", "dataflows", "pareto", "codegen", "execute"),
    *("explain", "network", "network-verification"),
)
"""The documents that have a schema, in the order in which all of them are printed."""


def one_of(*names: str) -> Callable[[str], list[str]]:
    """What a shell completes to one of some names."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def built_in_architecture(incomplete: str) -> list[str]:
    """The built-in architectures whose names begin so."""
    from ...model.reading.builtin_data import builtin_names

    return one_of(*builtin_names("architectures"))(incomplete)


def back_end(incomplete: str) -> list[str]:
    """The installed back ends whose names begin so."""
    from ...solver.installed import available_backends

    return one_of(*available_backends())(incomplete)
