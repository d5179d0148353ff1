"""JSON Schemas of the public documents, made from their types.

The schemas that are installed (``specs/schemas``) are what this makes, kept so that nobody has to build every document
to read one schema; a test holds the two against each other and says how to bring them up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from ..base import Model
from ..codegen.generated_program import GeneratedProgram
from .evaluation import EvaluateRequest, EvaluateResult
from .execution import ExecuteResult
from .explaining.explanation import Explanation
from .networks.network_result import NetworkResult
from .networks.network_verification import NetworkVerification
from .pareto import ParetoFronts
from .result import Result
from .spec import Spec
from .study_results import DataflowStudy, GapStudy
from .sweep_results import SweepResult
from .sweep_spec import SweepSpec
from .verification import Verification

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
WRITTEN: Mapping[str, type[Model]] = {
    "result": Result,
    "verification": Verification,
    "gap": GapStudy,
    "dataflows": DataflowStudy,
    "pareto": ParetoFronts,
    "codegen": GeneratedProgram,
    "execute": ExecuteResult,
    "explain": Explanation,
    "network": NetworkResult,
    "network-verification": NetworkVerification,
}
"""The documents that are only ever written."""


def schemas_of_documents() -> dict[str, JsonSchema]:
    """The JSON Schema of every document by name."""
    return {
        "spec": {"$schema": DIALECT, **Spec.model_json_schema(mode="validation")},
        "evaluate": _schema_of_either([(EvaluateRequest, "validation"), (EvaluateResult, "validation")]),
        "sweep": _schema_of_either([(SweepSpec, "validation"), (SweepResult, "serialization")]),
        **{
            name: {"$schema": DIALECT, **document.model_json_schema(mode="serialization")}
            for name, document in WRITTEN.items()
        },
    }


def _schema_of_either(kinds: Sequence[tuple[type[Model], JsonSchemaMode]]) -> JsonSchema:
    """The schema of what is given to a verb and of what it gives: a document is either."""
    title = " or ".join(kind.__name__ for kind, _ in kinds)
    references, schema = models_json_schema(kinds, title=title)
    return {"$schema": DIALECT, **schema, "anyOf": list(references.values())}
