"""The JSON Schemas that are installed (``specs/schemas``) are those of the documents, and describe every field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from dmaze.cli.verbs.schema_verb import DOCUMENTS
from dmaze.model.documents.json_schemas import schemas_of_documents
from dmaze.model.reading.builtin_data import builtin_names
from golden import Golden
from paths import ROOT

MADE_WITH = "2.14"
"""The pydantic version that worded the stored schemas; another one may word the same types otherwise."""

UNITS = {
    r"_pj$|^energy": r"pJ|Ratio",
    r"cycles": r"[Cc]ycles",
    r"(?<!per)_s$|seconds": r"[Ss]econds",
    r"_mhz$": r"MHz",
    r"bytes": r"[Bb]ytes",
    r"^(gap|loss|.*utilization)$": r"/|[Ss]hare|utilisation|over what",
}
"""What the description of a field says, by what its name says that it is."""


@pytest.fixture(scope="module")
def schemas() -> dict[str, dict[str, Any]]:
    return schemas_of_documents()


def properties(schema: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of a schema and of the types in it, by the name of the type and its own."""
    if isinstance(schema, list):
        for member in schema:
            yield from properties(member)
    elif isinstance(schema, dict):
        for name, described in schema.get("properties", {}).items():
            yield f"{schema.get('title')}.{name}", described
        for member in schema.values():
            yield from properties(member)


def test_there_is_one_for_every_document(schemas: dict[str, dict[str, Any]]) -> None:
    assert set(DOCUMENTS) == set(schemas)
    assert builtin_names("schemas") == tuple(sorted(DOCUMENTS))


@pytest.mark.skipif(not pydantic.VERSION.startswith(f"{MADE_WITH}."), reason=f"made with pydantic {MADE_WITH}")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_the_schema_of_the_types(name: str, schemas: dict[str, dict[str, Any]], golden: Golden) -> None:
    text = json.dumps(schemas[name], indent=2) + "\n"
    golden.check(ROOT / "specs" / "schemas" / f"{name}.json", text)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_says_what_it_is(name: str, schemas: dict[str, dict[str, Any]]) -> None:
    """Its description is the docstring below the field in its class."""
    found = list(properties(schemas[name]))
    assert found
    assert not [place for place, field in found if not field.get("description", "").endswith(".")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_quantity_says_its_unit(name: str, schemas: dict[str, dict[str, Any]]) -> None:
    unsaid = [
        place
        for place, field in properties(schemas[name])
        for asked, said in UNITS.items()
        if re.search(asked, place.split(".")[1]) and not re.search(said, field.get("description", ""))
    ]
    assert not unsaid
