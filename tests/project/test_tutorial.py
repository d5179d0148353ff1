"""The tutorial notebook runs, and its outputs are those that are kept in it."""

from __future__ import annotations

import json
from typing import Any

from golden import Golden
from notebooks import PICTURE, Output, run_cells, with_outputs
from paths import ROOT

NOTEBOOK = ROOT / "examples" / "tutorial.ipynb"


def written(notebook: dict[str, Any]) -> str:
    """The notebook as Jupyter writes files."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def comparable(notebook: dict[str, Any]) -> str:
    """The notebook without what installed libraries make of it: the bytes of pictures, the markup of pandas."""

    def plain(output: Output) -> Output:
        if "data" not in output:
            return output
        data = {**output["data"], **({PICTURE: "a picture"} if PICTURE in output["data"] else {})}
        if not data["text/plain"][0].startswith("<"):
            data.pop("text/html")
        return {**output, "data": data}

    outputs = [[plain(output) for output in cell["outputs"]] for cell in notebook["cells"] if "outputs" in cell]
    return written(with_outputs(notebook, outputs))


def test_the_outputs_are_what_the_cells_give(golden: Golden) -> None:
    kept = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    ran = with_outputs(kept, run_cells(kept, NOTEBOOK.name))
    if not golden.update:
        assert comparable(ran) == comparable(kept)
    elif comparable(ran) != comparable(kept):
        golden.check(NOTEBOOK, written(ran))


def test_it_is_a_small_notebook_as_jupyter_writes_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert written(notebook) == text
    assert len(text) < 250_000
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    shown = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in shown)
    pictures = [
        output["data"][PICTURE] for cell in shown for output in cell["outputs"] if PICTURE in output.get("data", {})
    ]
    assert len(pictures) == 3
    assert all(picture.startswith("iVBORw0KGgo") for picture in pictures)  # PNG's signature
