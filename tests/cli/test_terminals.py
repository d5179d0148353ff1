"""What reports look like on terminals of several widths, with and without colours, and in a pipe."""

from __future__ import annotations

import re
from functools import cache
from io import StringIO
from types import SimpleNamespace

import pytest
from dmaze.cli.drawing import rendered
from dmaze.cli.reports.result_report import print_report
from dmaze.cli.tables import Column, print_line, print_tables
from dmaze.model import Result, Spec
from dmaze.solver import solve

COLOURS = re.compile(r"\x1b\[(3[0-9]|9[0-9])m")
CODES = re.compile(r"\x1b\[[0-9;]*m")
SPEC = {
    "architecture": "dmazerunner-256pe",
    "workload": {
        "layers": [
            {"type": "gemm", "name": name, "m": size, "n": 12, "k": 8, "count": count}
            for name, size, count in (("features.layer1.0.conv1.weights", 64, 2), ("fc", 24, 1))
        ]
    },
    "solver": {"workers": 1},
}


class Terminal(StringIO):
    encoding = "utf-8"  # pyright: ignore[reportAssignmentType]

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture(autouse=True)
def of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "50")
    print_to(monkeypatch, Terminal())


def print_to(monkeypatch: pytest.MonkeyPatch, stream: Terminal) -> None:
    monkeypatch.setattr("dmaze.cli.drawing.sys", SimpleNamespace(stdout=stream))


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    print_to(monkeypatch, Terminal(is_terminal=False))


@cache
def result() -> Result:
    found = solve(Spec.model_validate(SPEC))
    unproved = {"status": "feasible", "gap": 0.25}
    return found.model_copy(update={"layers": (found.layers[0], found.layers[1].model_copy(update=unproved))})


def report() -> str:
    return rendered(lambda console: print_report(console, result(), loops=False))


def headings(text: str) -> list[str]:
    """The column headings of the first table."""
    return re.split(r"\s{2,}", next(line for line in CODES.sub("", text).splitlines() if line.startswith("layer")))


def left_out(text: str) -> list[str]:
    """The columns that the first table says it lacks."""
    words = " ".join(CODES.sub("", text).partition("\nEnergy")[0].split())
    found = re.search(r"left out at \d+ columns: (.*) \(a wider terminal or --json has them\)", words)
    return [] if found is None else found.group(1).split(", ")


ALL = ["layer", "count", "status", "gap", "energy pJ", "cycles", "EDP pJ*cycles", "edp bound", "PE", "RF", "SPM"]


@pytest.mark.parametrize("columns", [80, 100, 120, 132])
def test_a_report_fits_the_terminal_and_says_what_it_leaves_out(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = report()
    assert max(len(line) for line in CODES.sub("", text).splitlines()) <= columns
    assert sorted(headings(text) + left_out(text)) == sorted([*ALL, "proved by", "s"])
    assert {"layer", "status", "gap", "EDP pJ*cycles"} <= set(headings(text))


def test_what_matters_least_is_left_out_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert left_out(report()) == ["count", "cycles", "edp bound", "PE", "RF", "SPM", "proved by"]
    monkeypatch.setenv("COLUMNS", "120")
    assert left_out(report()) == ["edp bound", "proved by"]
    monkeypatch.setenv("COLUMNS", "160")
    assert left_out(report()) == []


def test_columns_that_must_stay_go_to_a_further_table_of_a_terminal() -> None:
    columns = [Column[int](f"{number:->30}", str, priority=0) for number in range(3)]
    text = rendered(lambda console: print_tables(console, [7], Column[int]("name", str), columns))
    assert [line.split() for line in CODES.sub("", text).splitlines() if "name" in line] == [
        ["name", columns[0].heading, columns[1].heading],
        ["name", columns[2].heading],
    ]


@pytest.mark.usefixtures("pipe")
def test_in_a_pipe_nothing_is_left_out_or_coloured() -> None:
    text = report()
    assert headings(text) == [*ALL, "proved by", "s"]
    assert left_out(text) == []
    assert "\x1b" not in text


def test_statuses_and_open_gaps_are_coloured_on_a_terminal() -> None:
    text = report()
    coloured = {(colour, words.strip()) for colour, words in re.findall(r"\x1b\[(3\d)m([^\x1b]*)", text)}
    assert coloured == {("32", "optimal"), ("33", "feasible"), ("33", "25.00%")}


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colours_gets_none(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    text = report()
    assert "feasible" in text
    assert not COLOURS.search(text)
    assert ("\x1b" in text) is (name == "NO_COLOR")  # bold is no colour


@pytest.mark.usefixtures("pipe")
def test_colours_can_be_asked_for_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = report()
    assert COLOURS.search(text)
    assert left_out(text) == []


def test_long_lines_break_between_words_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["twelve-chars"] * 9
    assert printed(" ".join(words)) == [" ".join(words[:6]), " ".join(words[6:])]
    print_to(monkeypatch, Terminal(is_terminal=False))
    assert printed(" ".join(words)) == [" ".join(words)]


def test_the_rest_of_an_indented_line_is_indented_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["twelve-chars"] * 9
    deep = " " * 16 + " ".join(words)
    assert printed(deep) == [" " * 16 + " ".join(words[:5]), " " * 16 + " ".join(words[5:])]
    print_to(monkeypatch, Terminal(is_terminal=False))
    assert printed(deep) == [deep]


def printed(line: str) -> list[str]:
    return rendered(lambda console: print_line(console, line)).splitlines()
