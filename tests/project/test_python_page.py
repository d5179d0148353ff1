"""The page on the Python interface: its programs run, one after the other, and print what it shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any, get_args

import dmaze.model
import dmaze.pictures
import dmaze.solver
import pytest
from dmaze.model import Layer, SpecOptions
from golden import Golden
from paths import ROOT

PAGE = ROOT / "docs" / "python.md"
CONTRACT = ROOT / "docs" / "contract.md"
STEP = re.compile(
    r"(?P<before>^```python\n(?P<program>.*?)^```\n\n```text\n)(?P<printed>.*?)(?=^```$)", re.DOTALL | re.M
)


def test_the_programs_print_what_the_page_shows(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    def ran(found: re.Match[str]) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(found["program"], str(PAGE), "exec"), names)  # the page's own program
        return found["before"] + output.getvalue()

    page, steps = STEP.subn(ran, PAGE.read_text(encoding="utf-8"))
    assert steps == page.count("```python\n") > 10
    golden.check(PAGE, page)


def test_the_page_names_every_option_and_every_picture() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [name for name in (*SpecOptions.__annotations__, *dmaze.pictures.__all__) if f"`{name}`" not in page]
    assert not missing


def test_the_contract_names_all_that_is_public() -> None:
    section = CONTRACT.read_text(encoding="utf-8").partition("\n## 4. ")[2].partition("\n## 5. ")[0]
    layer_types = {kind.__name__ for kind in get_args(get_args(Layer)[0])}
    packages = (dmaze.model, dmaze.solver, dmaze.pictures)
    public = {name for package in packages for name in package.__all__} - layer_types
    assert {name for name in public if not re.search(rf"`{name}\b", section)} == set()
