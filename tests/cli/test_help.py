from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from dmaze.cli.application import VERBS, application, parsed
from dmaze.cli.help.completion import verb_to_complete
from dmaze.cli.help.option_panels import OTHERS, panel_of
from dmaze.cli.help.verb_examples import EXAMPLES, FIRST_STEPS
from dmaze.cli.main import main
from dmaze.model.documents.spec import SolverOptions
from dmaze.model.faults import InputError
from dmaze.model.reading.builtin_data import builtin_names

Output = pytest.CaptureFixture[str]
NAMES = [verb.name for verb in VERBS]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return typer.main.get_command(application(*NAMES)).commands  # type: ignore[attr-defined]


def shown(capsys: Output, *arguments: str) -> str:
    assert main([*arguments, "--help"]) == 0
    return capsys.readouterr().out


def test_no_summary_of_a_verb_is_cut(capsys: Output) -> None:
    text = " ".join(shown(capsys).split())
    assert "..." not in text.replace("[ARGS]...", "")
    assert [verb.name for verb in VERBS if verb.summary not in text] == []


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("80", 80), ("120", 100)])
def test_help_fits_the_terminal_and_stays_readable_on_a_wide_one(
    columns: str, widest: int, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    described = shown(capsys, "solve").partition("Examples:")[0].splitlines()
    assert widest - 12 < max(map(len, described)) <= widest


def test_options_stand_under_headings(capsys: Output) -> None:
    text = shown(capsys, "solve")
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Arguments", "Answer", "Machine and workload", "Search", "Files", "Cache", "Help", "Examples"]
    cache = text.partition("\nCache:\n")[2].partition("\nHelp:\n")[0]
    assert re.findall(r"--\S+", cache) == ["--cache", "--no-cache"]


def test_every_option_has_a_heading(commands: dict[str, Any]) -> None:
    options = {p.opts[-1] for c in commands.values() for p in c.params if p.param_type_name == "option"}
    assert sorted(option for option in options if panel_of(option) == OTHERS) == []


def test_descriptions_begin_at_one_place_under_all_headings(capsys: Output) -> None:
    lines = shown(capsys, "solve").partition("Examples:")[0].splitlines()
    found = [re.match(r"  (-\S.*?|SPEC\.\.\.) {2,}(?=\S)", line) for line in lines]
    assert len({match.end() for match in found if match}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_ends_with_examples_of_its_own(name: str, capsys: Output) -> None:
    commands_shown = re.findall(r"^  (dmaze-solve .*)$", shown(capsys, name).partition("Examples:\n")[2], re.MULTILINE)
    assert commands_shown == [f"dmaze-solve {command}" for command, _ in EXAMPLES[name]]
    assert all(command.startswith(f"dmaze-solve {name}") for command in commands_shown)


@pytest.mark.parametrize("command", [c for found in (FIRST_STEPS, *EXAMPLES.values()) for c, _ in found])
def test_every_example_is_a_command_line(command: str) -> None:
    assert callable(parsed(shlex.split(command)))


DEFAULTS = SolverOptions()


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("--objective", "edp (default"),
        ("--backend", f"default: {DEFAULTS.backend}."),
        ("--time-limit", f"default: {DEFAULTS.time_limit_s:g} s."),
        ("--top-k", f"default: {DEFAULTS.top_k}."),
        ("--gap", f"default: {DEFAULTS.relative_gap}."),
        ("--seed", f"default: {DEFAULTS.seed}."),
        ("--pad-percent", f"default: {DEFAULTS.pad_percent:g} per cent."),
    ],
)
def test_help_states_the_defaults(option: str, default: str, commands: dict[str, Any]) -> None:
    assert default in next(p.help for p in commands["solve"].params if option in p.opts)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["slove"], "slove is no verb, and there is no such file; did you mean dmaze-solve solve?"),
        (["sweeep", "x.json"], "sweeep is no verb, and there is no such file; did you mean dmaze-solve sweep?"),
        (["help"], "help is no verb, and there is no such file; see dmaze-solve --help"),
        (
            ["gap", "x", "--worker", "2"],
            "No such option: --worker; did you mean --workers?; see dmaze-solve gap --help",
        ),
        (
            ["x", "--objectve", "edp"],
            "No such option: --objectve; did you mean --objective?; see dmaze-solve solve --help",
        ),
        ([], "Missing argument 'SPEC...'; see dmaze-solve --help"),
        (["list", "--qqq"], "No such option: --qqq; see dmaze-solve list --help"),
        (["solve", "x.json", "--quiet"], "No such option: --quiet; see dmaze-solve solve --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_misspelt_is_suggested(arguments: list[str], line: str) -> None:
    with pytest.raises(InputError) as caught:
        parsed(arguments)
    assert str(caught.value) == f"dmaze-solve: {line}"


def test_built_in_names_and_files_are_not_taken_for_misspelt_verbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("slove").touch()
    names = [*builtin_names("networks"), *builtin_names("examples"), "slove", "spec", "conv5_2.json"]
    assert all(callable(parsed([name])) for name in names)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dmaze-solve ga", ["gap"]),
        ("dmaze-solve gap spec.json --full", ["--full-limit"]),
        ("dmaze-solve spec.json --obj", ["--objective"]),
        ("dmaze-solve solve spec.json --objective ", ["edp", "energy", "latency"]),
        ("dmaze-solve gap spec.json --architecture ey", ["eyeriss-168"]),
        ("dmaze-solve solve spec.json --backend exh", ["exhaustive", "exhaustive-bounded"]),
        ("dmaze-solve schema exe", ["execute"]),
        ("dmaze-solve list m", ["machines"]),
    ],
)
def test_the_shell_is_offered_what_may_follow(
    line: str, offered: list[str], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = line.split(" ")
    monkeypatch.setenv("_DMAZE_SOLVE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert main([]) == 0
    assert capsys.readouterr().out.split() == offered


def test_no_verb_is_loaded_while_its_name_is_typed() -> None:
    assert verb_to_complete({"COMP_WORDS": "dmaze-solve so"}, NAMES) is None
    assert verb_to_complete({"_TYPER_COMPLETE_ARGS": "dmaze-solve "}, NAMES) is None
    assert verb_to_complete({"_TYPER_COMPLETE_ARGS": "dmaze-solve gap "}, NAMES) == "gap"


@pytest.mark.skipif(os.name == "nt", reason="the script is for bash")
def test_the_script_for_the_shell_is_shown(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "/bin/bash"))
    assert main(["--show-completion"]) == 0
    assert "_DMAZE_SOLVE_COMPLETE=complete_bash" in capsys.readouterr().out
