"""The JSON Schemas that are installed (``specs/schemas``) are those of the documents."""

from __future__ import annotations

import json

import pydantic
import pytest
from dmaze.cli.verbs.schema_verb import DOCUMENTS
from dmaze.model.documents.json_schemas import schemas_of_documents
from dmaze.model.reading.builtin_data import builtin_names
from golden import Golden
from paths import ROOT

MADE_WITH = "2.14"
"""The pydantic version that worded the stored schemas; another one may word the same types otherwise."""


def test_there_is_one_for_every_document() -> None:
    assert set(DOCUMENTS) == set(schemas_of_documents())
    assert builtin_names("schemas") == tuple(sorted(DOCUMENTS))


@pytest.mark.skipif(not pydantic.VERSION.startswith(f"{MADE_WITH}."), reason=f"made with pydantic {MADE_WITH}")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_the_schema_of_the_types(name: str, golden: Golden) -> None:
    text = json.dumps(schemas_of_documents()[name], indent=2) + "\n"
    golden.check(ROOT / "specs" / "schemas" / f"{name}.json", text)
