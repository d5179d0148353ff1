"""Names that a package exports and that are imported when first asked for, so that a start loads only what it uses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

DISTRIBUTION = "dmaze-solve"
"""What has all packages of ours; ``dmaze`` itself is a namespace that others may add to, and has no version."""

VERSION = "__version__"


def lazy_exports(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The ``__getattr__`` and the ``__dir__`` (PEP 562) of a package that exports names of its modules.

    ``modules`` has the names by module, as written after the package's own name. No exported name may be that of a
    module directly below the package: once imported, such a module would be what the name means. Every such package
    has a ``__version__`` besides, that of the distribution.
    """
    module_of = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def exported(name: str) -> object:
        if name == VERSION:
            return _installed_version()
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(module_of[name]), name)

    def known() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of, VERSION})

    return exported, known


def _installed_version() -> str:
    from importlib.metadata import version  # takes longer than the rest of the import

    return version(DISTRIBUTION)
