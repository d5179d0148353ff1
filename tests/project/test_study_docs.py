"""The page on published against executed energy and cycles says what its last committed run measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from golden import Golden
from paths import ROOT

PAGE = ROOT / "docs" / "published_against_executed.md"
RESULTS = ROOT / "benchmarks" / "results" / "published_against_executed.jsonl"
TABLE = re.compile(r"^\|.*?(?=^[^|]|\Z)", re.MULTILINE | re.DOTALL)
FIGURE = re.compile(r"\d+\.\d+")


@pytest.fixture(scope="module")
def tables() -> list[str]:
    """The tables of the last line, as the script prints them."""
    script = ROOT / "benchmarks" / "published_tables.py"
    return TABLE.findall(subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout)


def last_run() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8").splitlines()[-1])
    return found


def test_the_page_has_the_tables_of_the_last_run(tables: list[str], golden: Golden) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(TABLE.findall(page)) == len(tables) == 5
    left = iter(tables)
    golden.check(PAGE, TABLE.sub(lambda _: next(left).rstrip("\n") + "\n", page))


def test_every_figure_of_the_text_is_in_a_table(tables: list[str]) -> None:
    figures = FIGURE.findall(TABLE.sub("", PAGE.read_text(encoding="utf-8")))
    assert len(figures) > 20
    assert not set(figures) - set(FIGURE.findall("".join(tables)))


def test_the_page_tells_how_large_the_run_was() -> None:
    run, page = last_run(), PAGE.read_text(encoding="utf-8")
    assert f"`{run['architecture']}`" in page
    assert f"{run['mappings']} for each layer" in page
    assert f"seed {run['seed']}." in page
    assert sum(len(layers) for layers in run["best"].values()) == 18
    assert not run["versions"]["commit"].endswith("-dirty")


def test_known_differences_explain_the_energies_of_the_run() -> None:
    for layers in last_run()["best"].values():
        for row in layers.values():
            known = row["known_pj"].values()
            assert abs(row["executed_energy_pj"] + sum(known) - row["published_energy_pj"]) <= len(known)
