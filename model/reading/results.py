"""Reads a result back."""

from __future__ import annotations

from ..documents.result import Result
from ..faults import Fault, InputError, place_text, shown
from .consistency import Nests, consistency_faults
from .sources.given_document import DocumentSource, given_document
from .validation import validated

RESULT_SCHEMA = "dmaze-solve/result/1"


def load_result(source: DocumentSource) -> Result:
    """A result by the path of its file, as text, or as a dict.

    Raises:
        InputError: when it is no result, with everything that is wrong with its form.

    Example:
        >>> load_result("result.json").layers[0].status  # doctest: +SKIP
        'optimal'
    """
    given = given_document(source, "result")
    document, file = given.fields, str(given.path)
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
