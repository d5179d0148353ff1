"""Reads a result back from its file."""

from __future__ import annotations

from pathlib import Path

from ..documents.result import Result
from ..faults import Fault, InputError, place_text, shown
from .consistency import Nests, consistency_faults
from .json_files import read_json
from .validation import validated

RESULT_SCHEMA = "dmaze-solve/result/1"


def load_result(path: Path) -> Result:
    """The result in a file.

    Raises:
        InputError: when the file is no result, with everything that is wrong with its form.
    """
    document, file = read_json(path), str(path)
    if document.get("schema") != RESULT_SCHEMA:
        given = f"got {shown(document['schema'])}" if "schema" in document else "but missing"
        raise InputError.single(file, "schema", f"expected '{RESULT_SCHEMA}', {given}")
    result = validated(Result, document, file)
    nests: Nests = {}
    faults: list[Fault] = []
    for position, layer in enumerate(result.layers):
        try:
            nests[f"{position}: {layer.name}"] = layer.layer.loop_nest()
            layer.loop_nest()  # what is wrong with its padding
        except ValueError as error:
            faults.append(Fault(file, place_text(("layers", position, "layer")), str(error)))
    faults = faults or consistency_faults(nests, result.constraints, result.architecture, file)
    if faults:
        raise InputError(faults)
    return result
