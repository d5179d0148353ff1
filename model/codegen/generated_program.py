"""The document of the verb ``codegen`` (``docs/codegen.md``)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model


class GeneratedProgram(Model):
    """What ``codegen`` gives as JSON."""

    schema_: Literal["dmaze-solve/codegen/1"] = Field(default="dmaze-solve/codegen/1", alias="schema")
    """Name and version of the document's format."""
    code: str
    """The text of a C99 program."""
