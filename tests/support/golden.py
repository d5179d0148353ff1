"""Golden files: texts that were looked at once and are kept, so that no change in them goes unnoticed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from paths import DATA, ROOT

FOLDER = DATA / "golden"
OPTION = "--update-golden"


@dataclass(frozen=True)
class Golden:
    """Compares texts with golden files, or writes these where ``update`` says so; ``test`` is the test that asks."""

    test: str
    update: bool

    def check(self, name: str | Path, text: str) -> None:
        """The file has exactly this text. Names are relative to ``tests/data/golden``; a page has its whole path."""
        path = FOLDER / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        elif not path.exists():
            pytest.fail(f"golden file {_shown(path)} is missing; this makes it, to be looked at: {self._command}")
        else:
            kept = path.read_bytes().decode()
            assert text == kept, f"not what {_shown(path)} has; if it is right, keep it with: {self._command}"

    def check_folder(self, name: str, texts: dict[str, str]) -> None:
        """A folder has files with exactly these texts, by their paths in it, and no others."""
        folder = FOLDER / name
        wanted = {folder / path for path in texts}
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path not in wanted):
            if not self.update:
                pytest.fail(f"nothing is compared with golden file {_shown(path)}; this removes it: {self._command}")
            path.unlink()
        for path, text in texts.items():
            self.check(f"{name}/{path}", text)

    @property
    def _command(self) -> str:
        return f"python -m pytest '{self.test}' {OPTION}"


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
