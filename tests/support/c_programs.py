"""C programs, compiled by the system's compiler without a warning and run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler (cc) in PATH")

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O0", "-pipe")


@dataclass(frozen=True)
class Ran:
    """What a program printed, and its exit code."""

    exit_code: int
    out: str


def run_program(folder: Path, text: str) -> Ran:
    """A program on its own."""
    program = _compiled(folder, {"program.c": text})
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    return Ran(done.returncode, done.stdout)


def run_programs(folder: Path, texts: Sequence[str]) -> list[Ran]:
    """Many programs as one, of which each runs in turn: compiling and starting each on its own takes twice as long."""
    files = {f"program_{n}.c": f"#define main program_{n}\n{text}" for n, text in enumerate(texts)}
    declared = "\n".join(f"int program_{n}(void);" for n in range(len(texts)))
    called = "\n".join(f'    printf("-- %d\\n", program_{n}());' for n in range(len(texts)))
    files["all.c"] = f"#include <stdio.h>\n{declared}\nint main(void)\n{{\n{called}\n    return 0;\n}}\n"
    done = subprocess.run([_compiled(folder, files)], capture_output=True, text=True, timeout=60, check=True)
    ran = [Ran(int(code), out) for out, code in re.findall(r"(.*?)-- (\d+)\n", done.stdout, re.DOTALL)]
    assert len(ran) == len(texts)
    return ran


def _compiled(folder: Path, files: dict[str, str]) -> Path:
    """The program that the files make."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    program = folder / "program"
    command = [str(COMPILER), *FLAGS, "-o", str(program), *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return program
