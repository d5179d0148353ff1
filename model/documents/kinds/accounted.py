"""Documents that say how words were counted, where there is more than one way."""

from __future__ import annotations

from typing import Any, cast

from pydantic import GetJsonSchemaHandler, SerializerFunctionWrapHandler, model_serializer
from pydantic_core import CoreSchema

from ..shown.shown_document import ShownDocument

ACCOUNTING = "accounting"
"""The field of such a document; there for hierarchies only."""


class AccountedDocument(ShownDocument):
    """A document whose field ``accounting`` is left out where it is null."""

    @model_serializer(mode="wrap")
    def _without_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """All but an accounting where there is only one."""
        document: dict[str, Any] = serialize(self)
        return {name: value for name, value in document.items() if name != ACCOUNTING or value is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the fields, of which one may be left out when they are written."""
        fields = {part: value for part, value in core_schema.items() if part != "serialization"}
        schema = handler(cast("CoreSchema", fields))
        own = handler.resolve_ref_schema(schema)
        own["required"] = [name for name in own.get("required", []) if name != ACCOUNTING]
        return schema
