"""The page on Timeloop designs says what happens: its commands run and print what it shows."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.model import load_spec
from golden import Golden
from paths import ROOT

PAGE = ROOT / "docs" / "timeloop.md"
BLOCK = re.compile(r"(?<=^```text\n)(.*?)(?=^```)", re.DOTALL | re.MULTILINE)


def test_the_commands_print_what_the_page_shows(
    tmp_path: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DMAZE_CACHE", str(tmp_path / "cache"))
    printed: list[str] = []
    (commands,) = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "dmaze-solve"
        with contextlib.redirect_stdout(io.StringIO()) as output:
            assert main(arguments) == 0, command
        printed.append(output.getvalue())
    shown = iter(printed[1:3])
    golden.check(PAGE, BLOCK.sub(lambda _: next(shown), page))

    (layer,) = json.loads(Path("result.json").read_text())["layers"]
    assert layer["status"] == "optimal"
    assert f"{layer['solutions'][0]['cost']['edp']:.6e}" in printed[2]
    assert load_spec(Path("spec.json")).accounting == "timeloop"
