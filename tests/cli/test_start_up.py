"""What a start loads: a verb that only says something loads neither a solver nor what reads networks and draws."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Sequence
from types import ModuleType

import dmaze.model
import dmaze.solver
import pytest
import typer
from dmaze.cli.application import VERBS, application
from dmaze.cli.arguments.command_line import options_with_value

PRINT_MODULES = """
import contextlib, io, json, sys
before = set(sys.modules)
from dmaze.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(sys.argv[1:])
print(json.dumps([code, sorted(set(sys.modules) - before)]))
"""

HELP = {
    "dmaze.cli",
    "dmaze.cli.answer",
    "dmaze.cli.application",
    "dmaze.cli.arguments",
    "dmaze.cli.arguments.command_line",
    "dmaze.cli.arguments.distinct_files",
    "dmaze.cli.arguments.offered_values",
    "dmaze.cli.arguments.options",
    "dmaze.cli.help",
    "dmaze.cli.help.completion",
    "dmaze.cli.help.help_pages",
    "dmaze.cli.help.misspellings",
    "dmaze.cli.help.option_panels",
    "dmaze.cli.help.verb_examples",
    "dmaze.cli.interruption",
    "dmaze.cli.main",
    "dmaze.cli.output",
    "dmaze.model",
    "dmaze.model.faults",
    "dmaze.model.file_replacement",
    "dmaze.model.lazy_exports",
}
VERB = HELP | {"dmaze.cli.verbs", "dmaze.cli.arguments.grouping", "dmaze.cli.arguments.operands"}
DATA = {"dmaze.model.reading", "dmaze.model.reading.builtin_data", "dmaze.specs"}
LIST = {
    "dmaze.model.reading.regular_files",
    "dmaze.cli.arguments.caching",
    "dmaze.cli.verbs.list_verb",
    "dmaze.solver",
    "dmaze.solver.installed",
    "dmaze.solver.pipeline",
    "dmaze.solver.pipeline.cache",
}

OF_TYPER = {
    "_distutils_hack", "annotated_doc", "annotated_types", "click", "colorama", "pydantic", "pydantic_core", "rich",
    "shellingham", "typer", "typing_extensions", "typing_inspection",
}  # fmt: skip
"""What typer may load of others, by version and verb: it converts values of options by pydantic."""

HEAVY = {"numpy", "ortools", "onnx", "yaml", "matplotlib", "distributed", "scipy", "pandas"}


def loaded(*arguments: str) -> set[str]:
    """The modules that a command line loads, in a process of its own."""
    command = [sys.executable, "-c", PRINT_MODULES, *arguments]
    code, modules = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert code == 0
    return set(modules)


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("dmaze.")}


def of_others(modules: set[str]) -> set[str]:
    """Top-level names that are neither ours nor Python's own (nor its build data)."""
    names = {name.partition(".")[0] for name in modules}
    return {name for name in names - set(sys.stdlib_module_names) - {"dmaze"} if not name.startswith("_sysconfigdata")}


def test_the_help_loads_typer_and_the_list_of_verbs() -> None:
    modules = loaded("--help")
    assert ours(modules) == HELP
    assert of_others(modules) <= OF_TYPER - {"pydantic", "pydantic_core", "rich"}


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--json", "list"]], ids=" ".join)
def test_the_list_loads_names_only(arguments: Sequence[str]) -> None:
    modules = loaded(*arguments)
    assert ours(modules) == VERB | DATA | LIST
    assert of_others(modules) <= OF_TYPER - {"rich"}


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "result"]], ids=" ".join)
def test_a_schema_loads_no_document(arguments: Sequence[str]) -> None:
    modules = loaded(*arguments)
    assert ours(modules) == VERB | DATA | {"dmaze.cli.verbs.schema_verb"}
    assert of_others(modules) <= OF_TYPER - {"rich"}


def test_verbs_that_search_nothing_load_no_solver() -> None:
    for verb in ("evaluate", "import"):
        modules = loaded(verb, "--help")
        assert not [name for name in ours(modules) if name.startswith("dmaze.solver")]
        assert not of_others(modules) & HEAVY


def test_a_search_loads_what_reads_and_draws_only_when_it_is_asked_for() -> None:
    assert not of_others(loaded("solve", "--help")) & (HEAVY - {"numpy"})


def test_what_the_help_says_of_a_verb_is_how_its_own_help_begins() -> None:
    for verb in VERBS:
        assert " ".join((verb.load().__doc__ or "").split()).startswith(verb.summary), verb.name


def test_the_help_is_that_of_the_verbs_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    texts: list[str] = []
    for names in [(), tuple(verb.name for verb in VERBS)]:
        typer.main.get_command(application(*names)).main(["--help"], prog_name="dmaze-solve", standalone_mode=False)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != ""


def test_all_options_of_all_verbs_are_declared_where_command_lines_are_put_in_order() -> None:
    command = typer.main.get_command(application(*(verb.name for verb in VERBS)))
    parameters = [parameter for verb in command.commands.values() for parameter in verb.params]
    options = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    assert options_with_value() == {name for option in options if not option.is_flag for name in option.opts}


@pytest.mark.parametrize("package", [dmaze.model, dmaze.solver], ids=["model", "solver"])
class TestLazyExports:
    def test_every_exported_name_is_there_and_told(self, package: ModuleType) -> None:
        assert set(package.__all__) <= set(dir(package))
        for name in package.__all__:
            assert getattr(package, name) is not None

    def test_no_exported_name_is_that_of_a_module(self, package: ModuleType) -> None:
        for name in package.__all__:
            assert not inspect.ismodule(getattr(package, name))
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(f"{package.__name__}.{name}")

    def test_other_names_are_missing_as_in_any_module(self, package: ModuleType) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            _ = package.nonsense
