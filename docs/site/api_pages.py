"""The pages of the Python interface: every public name with its docstring."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import dmaze.model
import dmaze.pictures
import dmaze.solver
from dmaze.model import DmazeError
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
FOLDERS = {"model": "model", "solver": "solver", "cli": "cli", "pictures": "cli/plots"}
"""Where the packages stand in a checkout, as ``pyproject.toml`` says."""

PLUG_INS = """# For plug-ins

What distributions that bring a back end or a cost model implement or use beside
[`LayerProblem` and its like](solver.md). [backends.md](../backends.md) explains back ends,
[extending.md](../extending.md) cost models.

::: dmaze.solver.backend_contract

::: dmaze.model.cost_model
"""


@event_priority(100)  # before mkdocstrings takes its settings
def on_config(config: MkDocsConfig) -> None:
    """Lets docstrings be read from this checkout, whatever is installed: as the namespace package that it is."""
    sources = tempfile.TemporaryDirectory(prefix="dmaze-docs-")
    config.extra["sources"] = sources  # removed with the settings
    package = Path(sources.name) / "dmaze"
    package.mkdir()
    for name, folder in FOLDERS.items():
        (package / name).symlink_to(HERE.parents[1] / folder, target_is_directory=True)
    handler = config.plugins["mkdocstrings"].config["handlers"]["python"]
    handler["paths"] = [sources.name]
    handler["options"]["extensions"] = [str(HERE / "text_style.py")]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages."""
    packages = (dmaze.model, dmaze.solver, dmaze.pictures)
    pages = {package.__name__.removeprefix("dmaze."): page(package) for package in packages}
    for name, text in {**pages, "plug_ins": PLUG_INS}.items():
        files.append(File.generated(config, f"api/{name}.md", content=text))


def page(package: ModuleType) -> str:
    """The public names of a package: functions, then types, errors and what else there is."""
    groups: dict[str, list[str]] = {"Functions": [], "Types": [], "Errors": [], "Other names": []}
    for name in sorted(package.__all__):
        groups[group(getattr(package, name))].append(name)
    summary = (inspect.getdoc(package) or "").partition("\n\n")[0]
    return "\n\n".join([f"# {package.__name__}", summary, *_sections(package, groups)])


def group(value: object) -> str:
    """Where a public name belongs."""
    if inspect.isclass(value):
        return "Errors" if issubclass(value, DmazeError) else "Types"
    return "Functions" if inspect.isfunction(value) else "Other names"


def _sections(package: ModuleType, groups: dict[str, list[str]]) -> Iterator[str]:
    for title, names in groups.items():
        if names:
            yield f"## {title}"
            yield from (f"::: {package.__name__}.{name}" for name in names)
