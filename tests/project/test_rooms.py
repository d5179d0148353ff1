"""The plan of the house: no import cycle, folders of a size to find things in, every base name once."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from paths import ROOT

FOLDERS = ("model", "solver", "cli")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}
MOST_MODULES = 12
RELATIVE_REFERENCE = re.compile(r":(?:mod|class|func|meth|data|attr|exc):`(\.+)([\w.]+)`")
MOST_LINES_OF_A_FUNCTION = 40


def imports_of(name: str, path: Path, *, whenever: bool) -> Iterator[str]:
    """Our modules that a module imports: as it is loaded, or ``whenever``; what types alone need does not count."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body, whenever=whenever):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            target = ".".join([*base, *([node.module] if node.module else [])])
            below = [f"{target}.{alias.name}" for alias in node.names]
            yield from (found if found in MODULES else target for found in below)


def statements(body: Iterable[ast.stmt], *, whenever: bool) -> Iterator[ast.stmt]:
    """The statements that run as a module is loaded; those of functions as well, if asked for."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(node.orelse, whenever=whenever)
            continue
        yield node
        inner = not isinstance(node, ast.FunctionDef) or whenever
        for field in ("body", "orelse", "finalbody"):
            if inner:
                yield from statements(getattr(node, field, []), whenever=whenever)


def docstrings_of(path: Path) -> Iterator[str]:
    """The docstrings of a module, also those that stand below a constant or a field."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def is_there(name: str) -> bool:
    """Whether a full name is that of a module of ours, or of something in one."""
    parts = name.split(".")
    length = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in MODULES), 0)
    if not length:
        return False
    found: object = importlib.import_module(".".join(["dmaze", *parts[:length]]))
    for part in parts[length:]:
        if part in getattr(found, "__annotations__", {}):  # a field, which a class without defaults does not have
            return part == parts[-1]
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def cycle_in(arrows: Mapping[str, Iterable[str]]) -> list[str] | None:
    try:
        TopologicalSorter({name: set(targets) for name, targets in arrows.items()}).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return None


@pytest.mark.parametrize("whenever", [False, True], ids=["as modules are loaded", "functions included"])
def test_no_modules_import_each_other(whenever: bool) -> None:
    arrows = {
        name: {target for target in imports_of(name, path, whenever=whenever) if target != name}
        for name, path in MODULES.items()
        if path.name != "__init__.py"
    }
    assert sum(map(len, arrows.values())) > 500
    assert cycle_in(arrows) is None


def test_no_folders_of_the_solver_import_each_other() -> None:
    """Folders within ``solver``; what stands in ``solver`` itself is the seam, or puts back ends together."""
    arrows: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        room = name.split(".")[:2] if path.parent != ROOT / "solver" else None
        if room is not None and room[0] == "solver":
            targets = (target.split(".") for target in imports_of(name, path, whenever=False))
            rooms = {".".join(target[:2]) for target in targets if target[0] == "solver" and len(target) > 2}
            arrows.setdefault(".".join(room), set()).update(rooms - {".".join(room)})
    assert len(arrows) >= 9
    assert cycle_in(arrows) is None


def test_folders_hold_a_dozen_modules_at_most_and_base_names_are_used_once() -> None:
    modules = [path for path in MODULES.values() if path.name != "__init__.py"]
    crowded = {folder: n for folder, n in Counter(path.parent for path in modules).items() if n > MOST_MODULES}
    assert not crowded
    assert not [stem for stem, times in Counter(path.stem for path in modules).items() if times > 1]


def test_what_a_docstring_refers_to_is_there() -> None:
    """References that begin with a dot are read as imports are: from the folder of the module."""
    broken: list[str] = []
    number = 0
    for name, path in MODULES.items():
        package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
        for dots, target in (pair for text in docstrings_of(path) for pair in RELATIVE_REFERENCE.findall(text)):
            number += 1
            base = package[: len(package) - len(dots) + 1]
            if len(dots) > len(package) + 1 or not is_there(".".join([*base, target])):
                broken.append(f"{name}: {dots}{target}")
    assert number > 40
    assert not broken


def test_functions_are_short() -> None:
    long = [
        f"{name}: {node.name}"
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]
    assert not long
