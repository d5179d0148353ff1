"""The commands and programs in the pages for each audience run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

PAGES = ("architects.md", "tool_authors.md", "researchers.md", "sweeps.md")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]


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
    first, second = done.stdout.splitlines()
    assert first.startswith("optimal 6844957271165824.0 6844957271165824.0 ")
    assert second.startswith("True ")


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (ROOT / "docs" / target).resolve().exists(), target
