"""The page on other tools' files tells what happens: its commands run, and print and write what it shows."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.model.exports.formats import export_formats
from paths import ROOT

PAGE = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that the page's commands ran in, which looks like a checkout, and what they printed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("specs", "tests"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(output):
        patched.chdir(folder)
        patched.setenv("DMAZE_CACHE", str(folder / "cache"))
        for command in (line for block in blocks("sh") for line in block.splitlines()):
            program, *arguments = shlex.split(command)
            assert program == "dmaze-solve"
            assert main(arguments) == 0, command
    return folder, output.getvalue()


def test_the_commands_print_what_the_page_shows(printed: tuple[Path, str]) -> None:
    evaluation, _ = blocks("text")
    assert evaluation in printed[1]


def test_the_files_hold_what_the_page_shows(printed: tuple[Path, str]) -> None:
    shown = re.findall(r"^`(out/\S+)`.*?^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) == 3
    for path, text in shown:
        assert text in (printed[0] / path).read_text(encoding="utf-8")


def test_the_program_prints_what_the_page_shows(printed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(printed[0])
    (program,) = blocks("python")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(program, "docs/interop.md", "exec"), {})  # the page's own program
    assert output.getvalue() == blocks("text")[1]


def test_every_format_is_on_the_page() -> None:
    for name in export_formats():
        assert f"| `{name}` | " in PAGE
