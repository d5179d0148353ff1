"""What ``verify`` says of a result, as a public document; and how a result is read back from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ..base import Model
from ..dmazerunner.mapping import MappingDocument
from ..faults import Fault, InputError, place_text, shown
from ..objectives import Objective
from ..reading.consistency import Nests, consistency_faults
from ..reading.json_files import read_json
from ..reading.validation import validated
from .result import Cost, Number, Result, Status

RESULT_SCHEMA = "dmaze-solve/result/1"


class Counterexample(Model):
    """A legal mapping that a claim says does not exist."""

    objective_value: Number
    mapping: MappingDocument
    cost: Cost


class ProofCheck(Model):
    """What became of a layer's bound, or of the claim that it has no mapping.

    ``checked``: it holds, as ``route`` shows. ``disproved``: it does not, as ``counterexample`` shows. ``not checked``:
    ``text`` says why. ``nothing claimed``: there is no bound. ``seconds`` is what the check took.
    """

    outcome: Literal["checked", "disproved", "not checked", "nothing claimed"]
    text: str
    route: Literal["enumeration", "cp-sat"] | None = None
    counterexample: Counterexample | None = None
    seconds: float = 0.0


class LayerVerification(Model):
    """What was found of one layer; ``faults`` holds one line for each thing that is wrong with it.

    ``solutions_checked`` mappings are legal and cost exactly what is stated, unless a fault says otherwise.
    ``not_checked`` lists what could not be looked at. A copy (``same_as``) is compared with the first of its kind.
    """

    name: str
    status: Status
    same_as: str | None
    solutions_checked: int
    faults: tuple[str, ...]
    not_checked: tuple[str, ...]
    proof: ProofCheck


class Verification(Model):
    """The document that ``verify`` prints with ``--json``. ``holds``: nothing that was checked is wrong.

    ``faults`` are those of the result as a whole. ``complete``: every claim was checked.
    """

    schema_: Literal["dmaze-solve/verification/1"] = Field(default="dmaze-solve/verification/1", alias="schema")
    name: str | None
    objective: Objective
    backend: str
    holds: bool
    complete: bool
    interrupted: bool
    faults: tuple[str, ...]
    layers: tuple[LayerVerification, ...]


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
