"""The documentation site has every page once; that it builds is checked by ``.ci/run`` with the extra ``docs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from paths import ROOT

SITE = ROOT / "docs" / "site"
SETTINGS: dict[str, Any] = yaml.safe_load((SITE / "mkdocs.yml").read_text(encoding="utf-8"))


def pages(entries: list[Any]) -> Iterator[str]:
    """The pages of a navigation, in its order."""
    for entry in entries:
        for inner in entry.values() if isinstance(entry, dict) else [entry]:
            yield from pages(inner) if isinstance(inner, list) else [inner]


def test_every_page_stands_in_the_navigation_once() -> None:
    listed = list(pages(SETTINGS["nav"]))
    assert len(listed) == len(set(listed))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(listed)


def test_what_stands_there_and_not_in_docs_is_made_by_a_hook() -> None:
    hooks = "".join((SITE / name).read_text(encoding="utf-8") for name in SETTINGS["hooks"])
    made = [page for page in pages(SETTINGS["nav"]) if not (ROOT / "docs" / page).exists()]
    assert len(made) >= 10
    assert not [page for page in made if f'"{page}"' not in hooks and not page.startswith("api/")]


def test_a_build_reads_nothing_from_elsewhere() -> None:
    assert SETTINGS["theme"]["font"] is False
    assert not [name for name in SETTINGS["extra_css"] if "://" in name]
    assert "extra_javascript" not in SETTINGS
