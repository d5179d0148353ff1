"""The page of every field of every document, made of the JSON Schemas that are installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from text_style import without_roles

INTRODUCTION = """# Fields of all documents

Every field of the JSON documents, as `dmaze-solve schema NAME` has them. [The contract](contract.md) explains the
documents. Types are those of JSON; a name in a type is a section of this page. What is required must stand in a
document that you write, and always stands in one that we write.
"""

SCHEMAS = Path(__file__).resolve().parents[2] / "specs" / "schemas"

LONGEST_DEFAULT = 40
"""Characters of a default that are shown; longer ones are objects, whose fields have defaults of their own."""

Schema = dict[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the page."""
    types: dict[str, Schema] = {}
    index: list[str] = []
    for path in sorted(SCHEMAS.glob("*.json")):
        schema: Schema = json.loads(path.read_text(encoding="utf-8"))
        kinds_of_document = schema["title"].split(" or ")
        index.append(f"* `{path.stem}`: {' or '.join(f'[{name}](#{name.lower()})' for name in kinds_of_document)}")
        if "properties" in schema:
            types.setdefault(schema["title"], schema)
        for title, described in schema.get("$defs", {}).items():
            types.setdefault(plain(title), described)
    sections = [section(name, types[name]) for name in sorted(types)]
    text = "\n\n".join([INTRODUCTION, "\n".join(index), *sections])
    files.append(File.generated(config, "fields.md", content=text))


def plain(title: str) -> str:
    """The name of a type, whether it is that of what is read or of what is written."""
    return title.removesuffix("-Input").removesuffix("-Output")


def section(name: str, schema: Schema) -> str:
    """The fields of one type as a table, or the words that it may be."""
    text = without_roles(schema.get("description", "").partition("\n\nExample:")[0])
    if "properties" not in schema:
        return f"## {name}\n\n{text}\n\nOne of {', '.join(f'`{json.dumps(word)}`' for word in schema['enum'])}."
    rows = "\n".join(row(field, described, schema) for field, described in schema["properties"].items())
    return f"## {name}\n\n{text}\n\n| field | type | default | is |\n|---|---|---|---|\n{rows}"


def row(name: str, field: Schema, schema: Schema) -> str:
    """One field: its name, type, default and description."""
    default = json.dumps(field["default"]) if "default" in field else ""
    shown = f"`{default}`" if len(default) < LONGEST_DEFAULT else "that of the type"
    if not default:
        shown = "required" if name in schema.get("required", ()) else "empty"
    return f"| `{name}` | {' or '.join(dict.fromkeys(kinds(field)))} | {shown} | {cell(field['description'])} |"


def cell(text: str) -> str:
    """A text that may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def kinds(field: Schema) -> Iterator[str]:
    """The types that a value may be of."""
    for choice in [*field.get("anyOf", ()), *field.get("oneOf", ())]:
        yield from kinds(choice)
    if "$ref" in field:
        name = plain(field["$ref"].rpartition("/")[2])
        yield f"[{name}](#{name.lower()})"
    if "const" in field:
        yield f"`{json.dumps(field['const'])}`"
    elif "enum" in field:
        yield ", ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    elif field.get("type") == "array":
        members = field.get("items") or {"anyOf": field.get("prefixItems", [])}
        yield f"list of {' or '.join(dict.fromkeys(kinds(members))) or 'anything'}"
    elif isinstance(field.get("additionalProperties"), dict):
        yield f"object of {' or '.join(dict.fromkeys(kinds(field['additionalProperties'])))}"
    elif "type" in field:
        yield field["type"]
