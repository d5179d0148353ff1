"""The verb ``schema``: JSON Schemas of the public documents."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ...model.faults import InputError, suggestion
from ...model.reading.builtin_data import builtin_path
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.offered_values import DOCUMENTS
from ..arguments.operands import SchemaName
from ..output import check_destination, json_text

JsonSchema = dict[str, Any]


@with_groups
def schema_verb(document: SchemaName = None, *, delivery: Delivery) -> Action:
    """Print the JSON Schema of a document, or of all of them by name."""
    return partial(run_schema, document, delivery)


def run_schema(document: str | None, delivery: Delivery) -> int:
    """JSON Schemas of the public documents."""
    check_destination(delivery.out)
    text = json_text(schema_document(document))
    delivery.deliver(text, lambda: text)
    return Exit.SOLVED


def schema_document(name: str | None) -> JsonSchema:
    """The JSON Schema of a document, or without a name those of all documents by name.

    Raises:
        InputError: for an unknown name.
    """
    if name is None:
        return {document: schema_document(document) for document in DOCUMENTS}
    if name not in DOCUMENTS:
        raise InputError.single(None, "dmaze-solve schema", f"unknown document '{name}'; {suggestion(name, DOCUMENTS)}")
    return json.loads(builtin_path("schemas", name).read_text(encoding="utf-8"))
