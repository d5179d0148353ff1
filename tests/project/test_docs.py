"""The pages tell the truth: commands and programs run, links and names lead somewhere, and code cites what is there."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dmaze.cli.verbs.schema_verb import DOCUMENTS
from dmaze.model import (
    Architecture,
    Constraints,
    Cost,
    EvaluatedLevels,
    EvaluateRequest,
    LayerResult,
    Machine,
    Result,
    SolverOptions,
    Spec,
)
from dmaze.model.base import Model
from dmaze.model.cost_model import SearchableCostModel
from dmaze.model.dmazerunner.evaluated_cost import EvaluatedCost
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.machine import Fanout, StorageLevel
from dmaze.solver import LayerProblem, Progress, SearchLimits, SearchOutcome
from paths import ROOT

PAGES = ("architects.md", "tool_authors.md", "researchers.md", "sweeps.md")
"""Pages of which every command is run."""

DOCS = sorted((ROOT / "docs").glob("*.md"))
MARKDOWN = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "tests/README.md")
    ),
    *DOCS,
    *sorted((ROOT / "examples").glob("*/README.md")),
]
CODE = sorted(
    path
    for folder in ("model", "solver", "cli", "specs", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != Path(__file__).name and ".venv" not in str(path.relative_to(ROOT))
)

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
TOP_FOLDERS = "model|solver|cli|specs|tests|benchmarks|examples|docs"
NAMED_PATH = re.compile(rf"`((?:{TOP_FOLDERS})/[\w./-]*)`")
TEST_FILE = re.compile(r"`(test_\w+\.py)`")
CITED_FILE = re.compile(r"``([\w./-]+\.md)``")
CITED_SECTION = re.compile(r"docs/(\w+\.md)`*,?(?: and)? sections? (\d+(?:(?:, | and | to )\d+)*|[A-Z]\w+)")

EVERYDAY_WORDS = {"feature", "ideal", "max", "mhz", "percent", "reduce", "seed", "sources", "top", "total", "until"}
"""Words in names of fields that need no glossary."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def headings(path: Path) -> list[str]:
    return re.findall(r"^#+ +(.+?) *$", prose(path), re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    Example:
        >>> anchor("`gap`: what the pruned search loses")
        'gap-what-the-pruned-search-loses'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """The targets of a page's links within the repository, each with its anchor or an empty text."""
    for target, fragment in LINK.findall(prose(path)):
        if not target.startswith(("http:", "https:", "mailto:")):
            yield (path.parent / target).resolve() if target else path, fragment


def packages() -> list[str]:
    """The folders of the three packages that hold modules, as ``solver/pipeline``."""
    modules = (path for folder in ("model", "solver", "cli") for path in (ROOT / folder).rglob("*.py"))
    return sorted({name_of(path.parent) for path in modules})


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the root of a checkout, and that commands may write into."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("specs", "benchmarks"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    return folder


@pytest.mark.parametrize("command", commands())
def test_a_command_runs(command: str, checkout: Path) -> None:
    program, *arguments = shlex.split(command)
    path = sys.executable if program == "python" else str(Path(sys.executable).with_name(program))
    done = subprocess.run([path, *arguments], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_programs_for_tool_authors_run(checkout: Path) -> None:
    programs = [block for block in blocks("tool_authors.md", "python") if "BackendContract" not in block]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(programs)], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, tiled, second = done.stdout.splitlines()
    assert first.startswith("optimal 6844957271165824.0 6844957271165824.0 ")
    assert tiled.startswith("1966080 True ")
    assert second.startswith("True ")


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, fragment in links(page):
        assert target.exists(), f"no {target}"
        if fragment:
            assert fragment in map(anchor, headings(target)), f"no #{fragment} in {name_of(target)}"


@pytest.mark.parametrize("page", DOCS, ids=name_of)
def test_a_page_is_linked_from_another_one(page: Path) -> None:
    assert any(page == target for other in MARKDOWN if other != page for target, _ in links(other))


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_a_path_that_a_page_names_exists(page: Path) -> None:
    text = prose(page)
    missing = [path for path in NAMED_PATH.findall(text) if not (ROOT / path).exists()]
    missing += [name for name in TEST_FILE.findall(text) if not any((ROOT / "tests").rglob(name))]
    assert not missing


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_page_that_code_cites_exists_with_the_section(path: Path) -> None:
    text = re.sub(r"\s+(?:# )?", " ", path.read_text(encoding="utf-8"))
    cited = {*CITED_FILE.findall(text), *(f"docs/{name}" for name in re.findall(r"docs/(\w+\.md)", text))}
    missing = [name for name in sorted(cited) if not (ROOT / name).is_file()]
    assert not missing
    for page, sections in CITED_SECTION.findall(text):
        found = headings(ROOT / "docs" / page)
        for section in re.findall(r"\w+", re.sub(r" and | to |, ", " ", sections)):
            prefix = f"{section}. " if section.isdecimal() else section
            assert any(heading.startswith(prefix) for heading in found), f"docs/{page} has no section {section}"


def test_the_architecture_page_names_every_folder_with_modules() -> None:
    named = set(NAMED_PATH.findall(prose(ROOT / "docs" / "architecture.md")))
    assert not [folder for folder in packages() if f"{folder}/" not in named]


@pytest.mark.parametrize(
    "kind",
    [
        Spec,
        SolverOptions,
        Constraints,
        Architecture,
        Result,
        LayerResult,
        Cost,
        EvaluateRequest,
        EvaluatedCost,
        EvaluatedLevels,
    ],
)
def test_the_contract_has_every_field_of_a_document(kind: type[Model]) -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    fields = [field.alias or name for name, field in kind.model_fields.items()]
    assert not [name for name in fields if f"`{name}`" not in page and f'"{name}"' not in page]


@pytest.mark.parametrize("name", ["contract.md", "backends.md"])
def test_a_page_for_plug_ins_has_every_field_that_a_back_end_meets(name: str) -> None:
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    names = [name for kind in (LayerProblem, SearchLimits, Progress, SearchOutcome) for name in kind.__annotations__]
    assert not [name for name in names if f"`{name}`" not in page]


def test_the_guide_for_back_ends_names_what_a_cost_model_answers() -> None:
    page = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
    calls = re.findall(r"^\| `(\w+)\(([\w, ]+)\)` \|", page, re.MULTILINE)
    assert len(calls) == 8
    for name, arguments in calls:
        parameters = inspect.signature(getattr(SearchableCostModel, name)).parameters.values()
        assert [given.name for given in parameters if given.kind is not given.KEYWORD_ONLY][1:] == arguments.split(", ")


def test_the_contract_has_every_verb_and_every_schema() -> None:
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    program = Path(sys.executable).with_name("dmaze-solve")
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    verbs = re.findall(r"^  (\w+)  ", shown.split("Commands:")[1], re.MULTILINE)
    assert len(verbs) >= 10
    assert not [verb for verb in verbs if f"`dmaze-solve {verb} " not in page and f"`dmaze-solve {verb}`" not in page]
    assert not [name for name in DOCUMENTS if f"`{name}`" not in page]


def test_the_glossary_has_each_term_once_in_alphabetical_order() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [term.lower() for term in re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(
    "kind",
    [Architecture, Machine, StorageLevel, Fanout, Constraints, LevelConstraints, SolverOptions, Cost, EvaluatedLevels],
)
def test_the_glossary_has_the_words_that_fields_are_called_by(kind: type[Model]) -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").lower()
    text = text.replace("utilisation", "utilization").replace("back end", "backend")
    words = {word for name in kind.model_fields for word in name.strip("_").split("_")} - EVERYDAY_WORDS
    assert not [word for word in sorted(words) if not re.search(rf"\b{word.rstrip('s')}", text)]


def test_the_citation_file_is_of_this_version_and_names_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{citation["version"]}"\n' in project
    assert citation["cff-version"] == "1.2.0"
    assert [reference["doi"] for reference in citation["references"]] == ["10.1145/3358198"]


def test_the_changelog_has_this_version() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert found is not None
    assert f"## [{found[1]}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_hooks_run_tools_that_the_dev_extra_pins() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {hook["language"] for hook in hooks} == {"system"}
    assert not [hook["entry"] for hook in hooks if f'"{hook["entry"].split()[0]}==' not in project]
