"""JSON Schemas of the public documents."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from ..model.evaluate import EvaluateRequest, EvaluateResult
from ..model.faults import InputError, suggestion
from ..model.result import Result
from ..model.spec import Spec
from ..model.verification import Verification

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS = ("spec", "result", "evaluate", "verification")


def schema_document(name: str | None) -> JsonSchema:
    """The JSON Schema of a document, or without a name those of all documents by name.

    Raises:
        InputError: for an unknown name.
    """
    if name is None:
        return {document: schema_document(document) for document in DOCUMENTS}
    if name == "spec":
        return {"$schema": DIALECT, **Spec.model_json_schema(mode="validation")}
    if name == "result":
        return {"$schema": DIALECT, **Result.model_json_schema(mode="serialization")}
    if name == "evaluate":
        return _schema_of_evaluate()
    if name == "verification":
        return {"$schema": DIALECT, **Verification.model_json_schema(mode="serialization")}
    raise InputError.single(None, "dmaze-solve schema", f"unknown document '{name}'; {suggestion(name, DOCUMENTS)}")


def _schema_of_evaluate() -> JsonSchema:
    """Requests and results of ``evaluate``: a document is either."""
    references, schema = models_json_schema(
        [(EvaluateRequest, "validation"), (EvaluateResult, "validation")], title="EvaluateRequest or EvaluateResult"
    )
    return {"$schema": DIALECT, **schema, "anyOf": list(references.values())}
