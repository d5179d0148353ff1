"""The pages on Gemmini's RTL and the Eyeriss chip say what their last committed runs measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from golden import Golden
from paths import ROOT

ADDRESS = re.compile(r"\(https?://[^)]*\)")
TABLE = re.compile(r"^\|.*?(?=^[^|]|\Z)", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"\d+\.\d+(?: %)?|\d+ %")
PAGES = {
    "fidelity.md": (["fidelity_tables.py"], "gemmini_fidelity.jsonl", 3),
    "eyeriss_chip.md": (["eyeriss_chip.py", "--tables"], "eyeriss_chip.jsonl", 2),
}
"""For each page what prints its tables, the file of its runs, and how many tables of it are theirs."""


def tables_of(page: str) -> list[str]:
    script, *options = PAGES[page][0]
    command = [sys.executable, str(ROOT / "benchmarks" / script), *options]
    return TABLE.findall(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def last_run(page: str) -> dict[str, Any]:
    lines = (ROOT / "benchmarks" / "results" / PAGES[page][1]).read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_tables_of_the_last_run(page: str, golden: Golden) -> None:
    path, tables = ROOT / "docs" / page, tables_of(page)
    text = path.read_text(encoding="utf-8")
    assert len(tables) == len(TABLE.findall(text)) == PAGES[page][2]
    left = iter(tables)
    golden.check(path, TABLE.sub(lambda _: next(left).rstrip("\n") + "\n", text))


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_of_the_text_is_in_a_table(page: str) -> None:
    text = ADDRESS.sub("", (ROOT / "docs" / page).read_text(encoding="utf-8"))
    prose = re.sub(r"^```.*?^```", "", TABLE.sub("", text), flags=re.MULTILINE | re.DOTALL)
    figures = FIGURE.findall(prose)
    assert len(figures) > 8
    assert not set(figures) - set(FIGURE.findall("".join(tables_of(page))))


@pytest.mark.parametrize("page", PAGES)
def test_a_run_is_of_a_clean_commit(page: str) -> None:
    assert not last_run(page)["versions"]["commit"].endswith("-dirty")


def test_the_option_of_the_page_is_the_one_that_was_fitted() -> None:
    text = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    (given,) = re.findall(r'"tile_overhead": (\{.*?\})', text, re.DOTALL)
    assert json.loads(given) == last_run("fidelity.md")["option"]


def test_the_page_tells_how_many_rows_are_equal() -> None:
    text = " ".join((ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8").split())
    run = last_run("fidelity.md")
    assert f"{run['rows']} mappings of {run['layers']} layers" in text
    assert f"in {run['equal_to_published']['timeloop']} of them" in text
    assert f"`executed` in {run['equal_to_published']['executed']}" in text


def test_all_that_is_called_best_on_the_chip_is_proved() -> None:
    run = last_run("eyeriss_chip.md")
    assert len(run["best"]) == 5 * 2 * 2
    assert all(best["proved"] for best in run["best"])
