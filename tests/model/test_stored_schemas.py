"""The JSON Schemas that are installed are those of the documents.

``python tests/test_stored_schemas.py`` (where this file stands now) writes them anew.
"""

from __future__ import annotations

import json

import pytest
from dmaze.cli.verbs.schema_verb import DOCUMENTS
from dmaze.model.documents.json_schemas import schemas_of_documents
from dmaze.model.reading.builtin_data import builtin_names, builtin_path


def stored_text(schema: object) -> str:
    return json.dumps(schema, indent=2) + "\n"


def test_there_is_one_for_every_document() -> None:
    assert set(DOCUMENTS) == set(schemas_of_documents())
    assert builtin_names("schemas") == tuple(sorted(DOCUMENTS))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_the_schema_of_the_types(name: str) -> None:
    stored = builtin_path("schemas", name).read_text(encoding="utf-8")
    assert stored == stored_text(schemas_of_documents()[name]), f"python {__file__} writes the schemas anew"


if __name__ == "__main__":
    for document, schema in schemas_of_documents().items():
        builtin_path("schemas", document).write_text(stored_text(schema), encoding="utf-8")
