"""JSON Schemas of the public documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ...model.base import Model
from ...model.documents.evaluation import EvaluateRequest, EvaluateResult
from ...model.documents.pareto import ParetoFronts
from ...model.documents.result import Result
from ...model.documents.spec import Spec
from ...model.documents.study_results import DataflowStudy, GapStudy
from ...model.documents.sweep_results import SweepResult
from ...model.documents.sweep_spec import SweepSpec
from ...model.documents.verification import Verification
from ...model.faults import InputError, suggestion

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WRITTEN: Mapping[str, type[Model]] = {
    "result": Result,
    "verification": Verification,
    "gap": GapStudy,
    "dataflows": DataflowStudy,
    "pareto": ParetoFronts,
}
"""The documents that are only ever written."""

DOCUMENTS = ("spec", "evaluate", "sweep", *WRITTEN)


def schema_document(name: str | None) -> JsonSchema:
    """The JSON Schema of a document, or without a name those of all documents by name.

    Raises:
        InputError: for an unknown name.
    """
    if name is None:
        return {document: schema_document(document) for document in DOCUMENTS}
    if name == "spec":
        return {"$schema": DIALECT, **Spec.model_json_schema(mode="validation")}
    if name == "evaluate":
        return _schema_of_either([(EvaluateRequest, "validation"), (EvaluateResult, "validation")])
    if name == "sweep":
        return _schema_of_either([(SweepSpec, "validation"), (SweepResult, "serialization")])
    if name in WRITTEN:
        return {"$schema": DIALECT, **WRITTEN[name].model_json_schema(mode="serialization")}
    raise InputError.single(None, "dmaze-solve schema", f"unknown document '{name}'; {suggestion(name, DOCUMENTS)}")


def _schema_of_either(kinds: Sequence[tuple[type[Model], JsonSchemaMode]]) -> JsonSchema:
    """The schema of what is given to a verb and of what it gives: a document is either."""
    title = " or ".join(kind.__name__ for kind, _ in kinds)
    references, schema = models_json_schema(kinds, title=title)
    return {"$schema": DIALECT, **schema, "anyOf": list(references.values())}
