"""Texts as the site's Markdown has to have them, those of docstrings above all."""

from __future__ import annotations

import re
from typing import Any

import griffe

CODE_OR_INDICES = re.compile(r"^ *```.*?^ *``` *$|`+[^`]*`+|(?P<between>\] ?)\[", re.MULTILINE | re.DOTALL)
"""Two indices in a row, as in C[M][N]; code, which stays as it is, comes first."""

ROLE = re.compile(r":(?:mod|class|func|meth|data|attr|exc):(`[^`]*`)")


class DocstringStyle(griffe.Extension):
    """Changes every docstring as it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Turns references into code, and a section of one example into one that is read as such."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = indices_kept(without_roles(text))


def without_roles(docstring: str) -> str:
    """A docstring whose references to functions and the like are plain code."""
    return ROLE.sub(lambda found: found[1].replace("`.", "`"), docstring)


def indices_kept(markdown: str) -> str:
    """A text in which indices in a row are not read as a link to a reference."""
    return CODE_OR_INDICES.sub(lambda found: f"{found['between']}\\[" if found["between"] else found[0], markdown)
