"""What is installed, what imports what, and that every shipped file is in place."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest
from paths import ROOT

FOLDERS = ("model", "solver", "cli", "specs")
FLOORS = {"model": 0, "solver": 1, "cli": 2, "pictures": 3}
MODULES = sorted(path for folder in ("model", "solver", "cli") for path in (ROOT / folder).rglob("*.py"))


def project_table(name: str) -> str:
    """The text of one table of pyproject.toml (Python 3.10 has no reader for it)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.split(rf"^\[{re.escape(name)}\]$", text, flags=re.MULTILINE)[1].split("\n[")[0]


def installed_as(folder: Path) -> tuple[str, ...]:
    """The package that a folder is installed as, below ``dmaze``: by the nearest folder that the project maps."""
    table = project_table("tool.setuptools.package-dir")
    mapped = {Path(home): name for name, home in re.findall(r'^"dmaze\.(\w+)" = "([\w/]+)"$', table, re.MULTILINE)}
    place = folder.relative_to(ROOT)
    home = next(above for above in (place, *place.parents) if above in mapped)
    return (mapped[home], *place.relative_to(home).parts)


def imported(path: Path) -> list[tuple[int, str]]:
    """Modules that a file imports, as (dots, name)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = [(0, a.name) for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    return plain + [(n.level, n.module or "") for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]


def test_the_list_of_packages_is_the_list_of_folders() -> None:
    listed = re.search(r"packages = \[(.*?)\]", project_table("tool.setuptools"), re.DOTALL)
    assert listed is not None
    found = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    names = {".".join(("dmaze", *installed_as(path))) for path in found}
    assert set(re.findall(r'"([^"]+)"', listed.group(1))) == names
    assert not (ROOT / "dmaze").exists()


def test_the_back_ends_are_registered() -> None:
    listed = set(re.findall(r"^([\w-]+) =", project_table('project.entry-points."dmaze.backends"'), re.MULTILINE))
    assert listed == {"cp-sat", "exhaustive", "exhaustive-bounded", "highs", "portfolio", "shortest-path"}
    for name in listed:
        (point,) = entry_points(group="dmaze.backends", name=name)
        assert point.load().name == name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards_and_keep_to_their_libraries(path: Path) -> None:
    place = (*installed_as(path.parent), path.name)
    for dots, name in imported(path):
        top = name.split(".")[0]
        if dots == 0:
            assert top not in (*FOLDERS, "dmaze"), f"absolute import of {name}"
            assert top != "ortools" or place[:2] == ("solver", "cpsat")
            assert place[0] != "model" or top not in ("typer", "rich", "click", "ortools")
        elif dots == len(place):
            assert FLOORS[top] <= FLOORS[place[0]], f"{name} is above {place[0]}"


def test_the_shipped_data_is_installed_and_is_json() -> None:
    shipped = sorted((ROOT / "specs").rglob("*.json"))
    assert len(shipped) >= 12
    for path in shipped:
        installed = files("dmaze.specs").joinpath(*path.relative_to(ROOT / "specs").parts)
        assert json.loads(installed.read_text(encoding="utf-8")) == json.loads(path.read_text(encoding="utf-8"))


def test_a_source_distribution_holds_what_a_checkout_holds(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listing = ["-q", "egg_info", "--egg-base", str(tmp_path)]
    code = "from setuptools import setup; setup()"
    subprocess.run([sys.executable, "-c", code, *listing], cwd=ROOT, check=True, capture_output=True)
    packed = set((tmp_path / "dmaze_solve.egg-info" / "SOURCES.txt").read_text(encoding="utf-8").splitlines())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {path.split("/")[0] for path in packed} >= {"docs", "examples", "benchmarks", "tests", "specs", ".ci"}
    assert set(tracked.splitlines()) - packed == {".gitignore", ".pre-commit-config.yaml"}


def test_the_readme_has_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```sh\n(.*?)\n```", readme, re.DOTALL)[:2]
    assert "dmaze-solve specs/examples/resnet18.json" in first
    assert "pytest" in second
    assert "<!-- test command -->" in readme
