"""Refuses a document of ours in another one's place, in one line that says what takes it."""

from __future__ import annotations

from collections.abc import Mapping

from ...faults import InputError, shown

PREFIX = "dmaze-solve/"
"""What the ``schema`` of every answer begins with."""

TAKEN_BY: Mapping[str, str] = {
    "result": "explain, evaluate and verify take it",
    "network": "verify takes it",
}
"""What works on an answer, by the kind of document."""


def refuse_answer(fields: Mapping[str, object], expected: str, file: str) -> None:
    """Refuse a result, a front and the like, which name their ``schema``, where something else is expected.

    Raises:
        InputError: one line in place of a fault for each field.
    """
    schema = fields.get("schema")
    if isinstance(schema, str) and schema.startswith(PREFIX):
        taken = TAKEN_BY.get(schema.removeprefix(PREFIX).partition("/")[0])
        message = f"expected {expected}, got {shown(schema)}" + (f"; {taken}" if taken else "")
        raise InputError.single(file, "schema", message)


def refuse_sweep(fields: Mapping[str, object], known: Mapping[str, object], file: str) -> None:
    """Refuse the spec of a sweep where the fields known are those of a spec for one machine.

    Raises:
        InputError: when it is one.
    """
    if "sweep" in fields and "sweep" not in known:
        raise InputError.single(file, "sweep", "expected the spec of one machine; the verb sweep takes this one")
