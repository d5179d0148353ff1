"""What tests build again and again: layers, nests, problems, specs and their files, each with one definition.

A file of tests says once what its specs have in common, with `Specs`, and at each call only what that test is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.documents.spec import LayerList, Spec
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.model.objectives import Objective
from dmaze.solver.backend import LayerProblem
from reference import REFERENCE

Write = Callable[..., str]
"""Writes a spec, built from layers and fields as `Specs` does, and gives its path."""


def gemm(m: int, n: int, k: int, *, name: str = "g", **fields: Any) -> dict[str, Any]:
    """The document of a matrix product."""
    return {"type": "gemm", "name": name, "m": m, "n": n, "k": k, **fields}


def nest_of(layer: dict[str, Any]) -> LoopNest:
    """The loop nest of a layer's document."""
    (read,) = LayerList.model_validate({"layers": [layer]}).layers
    return read.loop_nest()


def gemm_nest(m: int, n: int, k: int, **fields: Any) -> LoopNest:
    return nest_of(gemm(m, n, k, **fields))


def problem_of(
    layer: dict[str, Any], objective: Objective = "edp", architecture: Architecture = REFERENCE, **constraints: Any
) -> LayerProblem:
    """The problem that a layer's document poses on a machine; constraints by their names."""
    return LayerProblem(nest_of(layer), architecture, Constraints.model_validate(constraints), objective)


def whole_space(nest: LoopNest) -> Iterator[Tiling]:
    """Every tiling of a nest, legal or not, by a plain product."""
    for rows in product(*(factorisations(bound) for bound in nest.bounds)):
        yield Tiling.from_levels(zip(*rows, strict=True))


def only(result: Any) -> Any:
    """The one layer of a result or of a study."""
    (layer,) = result.layers
    return layer


class Specs:
    """Builds specs: for the reference machine, enumerated by one worker, unless fields say otherwise.

    Layers and fields given here hold where a call gives none of its own. Of ``solver`` and ``constraints``, a call
    adds to what is given here or replaces it, option by option; ``backend`` is short for the option of that name.
    """

    def __init__(self, *layers: dict[str, Any], **fields: Any) -> None:
        self._layers, self._fields = layers, {"architecture": "dmazerunner-256pe", **fields}

    def document(self, *layers: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """The spec as JSON has it."""
        document = {"workload": {"layers": list(layers or self._layers)}, **self._fields, **fields}
        solver: dict[str, Any] = {"backend": "exhaustive", "workers": 1}
        for given in (self._fields, fields):
            backend = {"backend": given["backend"]} if "backend" in given else {}
            solver = {**solver, **backend, **given.get("solver", {})}
        constraints = {**self._fields.get("constraints", {}), **fields.get("constraints", {})}
        document.pop("backend", None)
        return {**document, "solver": solver, **({"constraints": constraints} if constraints else {})}

    def __call__(self, *layers: dict[str, Any], **fields: Any) -> Spec:
        return Spec.model_validate(self.document(*layers, **fields))

    def writer(self, folder: Path) -> Write:
        """Writes ``spec.json`` into a folder; gives its path."""

        def write(*layers: dict[str, Any], **fields: Any) -> str:
            return str(write_json(folder / "spec.json", self.document(*layers, **fields)))

        return write


def write_json(path: Path, document: Any) -> Path:
    """Write a document into a file, in a folder that need not be there yet; gives the file's path."""
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
