"""What ``verify`` says of a result, as a public document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..base import Model, Text
from ..cost_model import DEFAULT_COST_MODEL
from ..objectives import Objective
from .kinds.any_mappings import CostField, MappingField
from .result import Number, Status


class Counterexample(Model):
    """A legal mapping that a claim says does not exist."""

    objective_value: Number
    mapping: MappingField
    cost: CostField


class ProofCheck(Model):
    """What became of a layer's bound, or of the claim that it has no mapping.

    ``checked``: it holds, as ``route`` shows. ``disproved``: it does not, as ``counterexample`` shows. ``not checked``:
    ``text`` says why. ``nothing claimed``: there is no bound. ``seconds`` is what the check took.
    """

    outcome: Literal["checked", "disproved", "not checked", "nothing claimed"]
    text: str
    route: Literal["enumeration", "cp-sat", "shortest-path"] | None = None
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

    ``faults`` are those of the result as a whole. ``complete``: every claim was checked. ``not_checked`` lists what a
    result says that is no claim about mappings, or that nobody could check.
    """

    schema_: Literal["dmaze-solve/verification/1"] = Field(default="dmaze-solve/verification/1", alias="schema")
    name: str | None
    cost_model: Text = DEFAULT_COST_MODEL
    objective: Objective
    backend: str
    holds: bool
    complete: bool
    interrupted: bool
    faults: tuple[str, ...]
    not_checked: tuple[str, ...] = ()
    layers: tuple[LayerVerification, ...]
