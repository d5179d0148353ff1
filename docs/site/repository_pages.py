"""Pages that stand outside ``docs/``, and links as a plain git host follows them.

On a git host a link leads to a file of the repository. Here it leads to the page that is made of that file; where there
is none (source code, data), its text is left without a link, since a site has no source tree.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from text_style import indices_kept

ROOT = Path(__file__).resolve().parents[2]

OUTSIDE = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "benchmarks.md": "benchmarks/README.md",
    "tests.md": "tests/README.md",
    "examples/random-sampler.md": "examples/random-sampler/README.md",
    "examples/outside-caller.md": "examples/outside-caller/README.md",
    "examples/c-tiling.md": "examples/c-tiling/README.md",
}
"""Pages made of files outside ``docs/``, by their place in the site."""

LINK = re.compile(
    r"^ *```.*?^ *``` *$|(?P<image>!?)\[(?P<text>[^\[\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)",
    re.MULTILINE | re.DOTALL,
)
"""A link or picture; blocks of code, in which there are none, come first."""


def on_config(config: MkDocsConfig) -> None:
    """Anchors of headings are those of git hosts: spaces become hyphens, however many there are."""
    config.mdx_configs["toc"]["slugify"] = lambda text, separator: (
        re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", separator)
    )


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages made of files outside ``docs/``."""
    for place, source in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))


def on_page_markdown(markdown: str, page: Page, files: Files, **_: Any) -> str:
    """The text of a page with its links turned to the pages of the site."""
    place = page.file.src_uri
    source = OUTSIDE.get(place, f"docs/{place}")
    places = {path: uri for uri, path in OUTSIDE.items()}
    places |= {posixpath.dirname(path): uri for uri, path in OUTSIDE.items() if path.startswith("examples/")}
    places |= {f"docs/{file.src_uri}": file.src_uri for file in files if file.src_uri not in OUTSIDE}

    def turned(found: re.Match[str]) -> str:
        target = found["target"]
        if not target or target.startswith(("http:", "https:", "mailto:")):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path not in places:
            return found["text"]
        there = posixpath.relpath(places[path], posixpath.dirname(place) or ".")
        return f"{found['image']}[{found['text']}]({there}{found['anchor'] or ''})"

    return indices_kept(LINK.sub(turned, markdown))
