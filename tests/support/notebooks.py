"""Notebooks run without Jupyter: cells one after the other in one namespace, the last expression of a cell shown."""

from __future__ import annotations

import ast
import contextlib
import io
from base64 import b64encode
from typing import Any

Output = dict[str, Any]
"""An output of a cell as notebook files have it."""

PICTURE = "image/png"


def run_cells(notebook: dict[str, Any], name: str) -> list[list[Output]]:
    """The outputs of all code cells, in their order; ``name`` is the notebook's in tracebacks."""
    names: dict[str, Any] = {}
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [_run("".join(cell["source"]), f"{name}, cell {n}", names, n) for n, cell in enumerate(codes, start=1)]


def with_outputs(notebook: dict[str, Any], outputs: list[list[Output]]) -> dict[str, Any]:
    """The notebook with other outputs of its code cells."""
    left = iter(enumerate(outputs, start=1))

    def own(cell: dict[str, Any]) -> dict[str, Any]:
        if cell["cell_type"] != "code":
            return cell
        number, shown = next(left)
        return {**cell, "execution_count": number, "outputs": shown}

    return {**notebook, "cells": [own(cell) for cell in notebook["cells"]]}


def lines_of(text: str) -> list[str]:
    """A text as notebook files have it."""
    return text.splitlines(keepends=True)


def _run(source: str, name: str, names: dict[str, Any], number: int) -> list[Output]:
    *before, last = ast.parse(source, name).body
    shown: Any = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(before, []), name, "exec"), names)
            shown = eval(compile(ast.Expression(last.value), name, "eval"), names)
        else:
            exec(compile(source, name, "exec"), names)
    texts = printed.getvalue()
    outputs: list[Output] = []
    if texts:
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines_of(texts)})
    if shown is not None:
        result = {"data": _shown(shown), "execution_count": number, "metadata": {}, "output_type": "execute_result"}
        outputs.append(result)
    return outputs


def _shown(value: Any) -> dict[str, Any]:
    """What a notebook shows of a value, by kind: as it says of itself."""
    data: dict[str, Any] = {"text/plain": lines_of(repr(value))}
    if hasattr(value, "_repr_png_"):
        data[PICTURE] = b64encode(value._repr_png_()).decode()
    elif hasattr(value, "_repr_html_"):
        data["text/html"] = lines_of(value._repr_html_())
    return dict(sorted(data.items()))
