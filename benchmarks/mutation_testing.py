"""How many small changes to our code the tests notice (protocol: benchmarks/README.md)."""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import RESULTS, append_result, machine, versions

ROOT = Path(__file__).parents[1]
CODE = ("model", "solver", "cli", "specs")
LONGEST_S = 300
"""A test run that takes longer has noticed, too: the mutant does not end."""

BOUNDS = ["tests/project/test_killed_mutants.py", "tests/solver/test_bounding.py"]
LEGALITY = ["tests/solver/pipeline/test_infeasible_layers.py", "tests/solver/enumeration/test_enumeration.py"]
TERMS = ["tests/model/test_relaxation.py", "tests/solver/cpsat/test_scaling.py"]
TARGETS = {
    "model/dmazerunner/vectorised/batch_bounds.py": BOUNDS,
    "solver/spaces/lower_bounds.py": BOUNDS,
    "solver/spaces/partial_legality.py": BOUNDS,
    "model/dmazerunner/legality.py": LEGALITY,
    "model/dmazerunner/capacities.py": LEGALITY,
    "model/dmazerunner/vectorised/batch_legality.py": LEGALITY,
    "solver/cpsat/formulation/linearisation.py": TERMS,
    "solver/cpsat/formulation/scaling.py": TERMS,
}
"""Modules whose slips would make bounds unsound or mappings illegal, and the tests that should notice."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
"""Operators and what takes their place."""

NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}
"""Functions and what takes their place."""


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every mutant of a module: where and what, and its source. Types and docstrings are left alone."""
    tree = ast.parse(source)
    skipped = {id(part) for node in ast.walk(tree) for part in _of_types(node)}
    places = [node for node in ast.walk(tree) if id(node) not in skipped and _change(copy.deepcopy(node)) is not None]
    for number, place in enumerate(places):
        mutated = ast.parse(source)
        own = list(ast.walk(mutated))
        twin = own[[id(node) for node in ast.walk(tree)].index(id(place))]
        what = _change(twin)
        assert what is not None, number
        line = getattr(place, "lineno", None) or _line_of(tree, place)
        yield f"line {line}: {what}", ast.unparse(mutated)


def _of_types(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that are annotations, in which `|` is no operation."""
    for field in ("annotation", "returns"):
        annotation = getattr(node, field, None)
        if isinstance(annotation, ast.AST):
            yield from ast.walk(annotation)


def _change(node: ast.AST) -> str | None:
    """Change a node in place; says what is changed, or `None` where nothing is."""
    operators = getattr(node, "ops", None) or [getattr(node, "op", None)]
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign | ast.Compare) and type(operators[0]) in SWAPS:
        old, new = type(operators[0]), SWAPS[type(operators[0])]
        if isinstance(node, ast.Compare):
            node.ops[0] = new()  # type: ignore[call-overload]
        else:
            node.op = new()  # type: ignore[assignment]
        return f"{old.__name__} -> {new.__name__}"
    if isinstance(node, ast.Constant) and type(node.value) is int:
        node.value += 1
        return f"{node.value - 1} -> {node.value}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
        ast.fix_missing_locations(node)
        return "not dropped"
    name = getattr(node, "id", None) or getattr(node, "attr", None)
    if isinstance(node, ast.Name | ast.Attribute) and name in NAMES:
        setattr(node, "id" if isinstance(node, ast.Name) else "attr", NAMES[name])
        return f"{name} -> {NAMES[name]}"
    return None


def _line_of(tree: ast.AST, place: ast.AST) -> int | None:
    return next((node.lineno for node in ast.walk(tree) if place in ast.iter_child_nodes(node)), None)  # type: ignore[attr-defined]


def laid_out(folder: Path) -> Path:
    """A copy of the code as the package ``dmaze``, which goes before the installed one; the tests beside it."""
    package = folder / "dmaze"
    for name in CODE:
        shutil.copytree(ROOT / name, package / name, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return package


def noticed(folder: Path, tests: list[str]) -> bool:
    """Whether a test fails on the code in a folder."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode != 0


def tested(folder: Path, target: str, count: int, draw: random.Random) -> dict[str, Any]:
    """What becomes of some mutants of a module."""
    path, source = laid_out(folder) / target, (ROOT / target).read_text(encoding="utf-8")
    found = list(mutants(source))
    chosen = draw.sample(found, min(count, len(found)))
    if noticed(folder, TARGETS[target]):
        print(f"{target}: its tests fail on the code as it is", flush=True)
        return {"mutants": len(found), "tried": 0, "noticed": 0, "survived": []}
    survived: list[str] = []
    for what, text in chosen:
        path.write_text(text, encoding="utf-8")
        if not noticed(folder, TARGETS[target]):
            survived.append(what)
        print(f"{target}: {what}: {'survived' if what in survived[-1:] else 'noticed'}", flush=True)
    return {"mutants": len(found), "tried": len(chosen), "noticed": len(chosen) - len(survived), "survived": survived}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-file", type=int, default=12)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--only", default="", help="targets whose path holds this text")
    parser.add_argument("--results", type=Path, default=RESULTS / "mutation_testing.jsonl")
    options = parser.parse_args()
    before, started = machine(), time.monotonic()
    by_file: dict[str, Any] = {}
    for target in TARGETS:
        if options.only in target:
            with tempfile.TemporaryDirectory() as folder:
                draw = random.Random(f"{options.seed} {target}")
                by_file[target] = tested(Path(folder), target, options.per_file, draw)
    totals = {name: sum(found[name] for found in by_file.values()) for name in ("tried", "noticed")}
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy", "ortools"),
        "seed": options.seed,
        **totals,
        "by_file": by_file,
        "wall_s": round(time.monotonic() - started, 1),
    }
    append_result(options.results, record)
    print(totals)


if __name__ == "__main__":
    main()
