"""The page of all commands: their own help, as it is printed."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from io import StringIO
from unittest.mock import patch

from dmaze.cli.application import VERBS
from dmaze.cli.main import main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

INTRODUCTION = """# Commands

What `dmaze-solve VERB --help` prints. [The contract](contract.md#3-verbs) says what each verb gives, and its exit
codes.
"""


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the page."""
    verbs = [f"## {verb.name}\n\n{verb.summary}\n\n```text\n{help_of(verb.name)}\n```\n" for verb in VERBS]
    text = "\n".join([INTRODUCTION, f"```text\n{help_of()}\n```\n", *verbs])
    files.append(File.generated(config, "commands.md", content=text))


def help_of(*verb: str) -> str:
    """The help of the program, or of a verb, 80 columns wide and without colour."""
    printed = StringIO()
    with patch.dict(os.environ, {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}), redirect_stdout(printed):
        code = main([*verb, "--help"])
    if code:
        raise PluginError(f"dmaze-solve {' '.join(verb)} --help ended with exit code {code}")
    return printed.getvalue().strip("\n")
