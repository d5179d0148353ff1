"""The page on other tools' files says what happens: its commands run, and print and write what it shows."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.model.exports.formats import export_formats
from golden import Golden
from paths import ROOT

PAGE = ROOT / "docs" / "interop.md"
Printed = dict[str, str]
"""What the page's commands printed, by command."""


def blocks(language: str) -> list[str]:
    return re.findall(block_pattern(language), PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def block_pattern(language: str) -> str:
    return rf"(?<=^```{language}\n)(.*?)(?=^```)"


def page_with(language: str, *texts: str | None) -> str:
    """The page, whose blocks of a language have these texts; None leaves a block as it is."""
    assert len(blocks(language)) == len(texts)
    given = iter(texts)

    def block(found: re.Match[str]) -> str:
        text = next(given)
        return found[0] if text is None else text

    page = PAGE.read_text(encoding="utf-8")
    return re.sub(block_pattern(language), block, page, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Printed]:
    """The folder that the page's commands ran in, which looks like a checkout, and what they printed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("specs", "tests"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    printed: Printed = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("DMAZE_CACHE", str(folder / "cache"))
        for command in (line for block in blocks("sh") for line in block.splitlines()):
            program, *arguments = shlex.split(command)
            assert program == "dmaze-solve"
            with contextlib.redirect_stdout(io.StringIO()) as output:
                assert main(arguments) == 0, command
            printed[command] = output.getvalue()
    return folder, printed


def test_the_commands_print_what_the_page_shows(ran: tuple[Path, Printed], golden: Golden) -> None:
    golden.check(PAGE, page_with("text", ran[1]["dmaze-solve evaluate request.json"], None))


def test_the_files_hold_what_the_page_shows(ran: tuple[Path, Printed], golden: Golden) -> None:
    page = PAGE.read_text(encoding="utf-8")
    paths = re.findall(r"^`(out/\S+)`.*?^```yaml$", page, re.DOTALL | re.MULTILINE)
    assert len(paths) == len(blocks("yaml")) == 3
    files = [(ran[0] / path).read_text(encoding="utf-8") for path in paths]
    golden.check(PAGE, page_with("yaml", *(re.sub(r"\A(#.*\n)+", "", text) for text in files)))


def test_the_program_prints_what_the_page_shows(
    ran: tuple[Path, Printed], golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran[0])
    (program,) = blocks("python")
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(program, "docs/interop.md", "exec"), {})  # the page's own program
    golden.check(PAGE, page_with("text", None, output.getvalue()))


def test_every_format_is_on_the_page() -> None:
    for name in export_formats():
        assert f"| `{name}` | " in PAGE.read_text(encoding="utf-8")
