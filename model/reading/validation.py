"""Checks JSON data against a pydantic model and words what is wrong with it as faults, one for each wrong place.

pydantic reports where its own schema failed: with the names of union branches among the keys, once for every branch,
and again for the containers of what failed. Here every report is traced back to the data that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from ..faults import Fault, InputError, Place, listed, nearest_name, place_text, shown, suggestion
from .excerpts import excerpts

M = TypeVar("M", bound=BaseModel)

MANY_ERRORS = 500
"""Most errors of pydantic that are worded: each takes a third of a millisecond."""

_MISSING = "expected, but missing"

_TYPES = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
"""The type that was expected, by pydantic's error type."""

_LIMITS = {
    "greater_than_equal": ("ge", "of at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "of at most"),
    "less_than": ("lt", "below"),
}
"""The limit of a number: its key in the error's context, and how it is worded."""

_SIZES = {
    "finite_number": "a finite number",
    "string_too_short": "text of at least {min_length} character",
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} or fewer entries",
}
"""Whatever else was expected; the fields are those of the error's context."""


def validated(model: type[M], data: object, file: str | None, place: Place = ()) -> M:
    """The data as a model.

    ``place`` is where the data stands in the file.

    Raises:
        InputError: with all faults of the data together.
    """
    for part in excerpts(data, model):
        try:
            model.model_validate(part)
        except ValidationError as error:
            if error.error_count() > MANY_ERRORS:
                raise InputError(_listed(error, model, part, file, place)) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(_listed(error, model, data, file, place)) from error


@dataclass(frozen=True)
class _Complaint:
    """One report of pydantic: where, its kind, and what to say.

    ``wanted`` names the type that a value should have had, where that is what is wrong. ``meant`` is the place of the
    known field that an unknown one probably stands for.
    """

    place: Place
    kind: str
    message: str
    wanted: str | None = None
    meant: Place | None = None


def _listed(
    error: ValidationError, model: type[BaseModel], data: object, file: str | None, place: Place
) -> list[Fault]:
    """The faults behind the first errors, the last of which says whether there are more."""
    faults = listed(_faults(error.errors(include_url=False)[:MANY_ERRORS], model, data, file, place))
    if error.error_count() > MANY_ERRORS:
        faults[-1] = replace(faults[-1], has_more=True)
    return faults


def _faults(
    errors: Sequence[ErrorDetails], model: type[BaseModel], data: object, file: str | None, place: Place
) -> Iterator[Fault]:
    complaints = [
        complaint
        for details in errors
        for complaint in (_complaints_of_ours(details, data) or [_complaint(details, model, data)])
    ]
    misspelt = {complaint.meant for complaint in complaints}
    by_place: dict[Place, list[_Complaint]] = {}
    for complaint in complaints:
        if complaint.kind != "missing" or complaint.place not in misspelt:
            by_place.setdefault(complaint.place, []).append(complaint)
    containers = {where[:length] for where in by_place for length in range(len(where))}
    for where, found in by_place.items():
        if where not in containers:
            yield Fault(file, place_text((*place, *where)), _one_message(found, _value_at(data, where)))


def _one_message(complaints: Sequence[_Complaint], value: object) -> str:
    """One message for one value: that of the branch of a union whose type fits, or else the types of all branches."""
    fitting = [complaint.message for complaint in complaints if complaint.wanted is None]
    wanted = dict.fromkeys(complaint.wanted for complaint in complaints if complaint.wanted is not None)
    return fitting[0] if fitting else f"expected {' or '.join(wanted)}, got {shown(value)}"


def _complaints_of_ours(details: ErrorDetails, data: object) -> list[_Complaint]:
    """What a validator of ours found, one for each line; empty where pydantic itself reports."""
    if details["type"] != "value_error":
        return []
    place = _place(details, data)
    found = [_leading_place(line) for line in str(details.get("ctx", {})["error"]).split("\n")]
    return [_Complaint((*place, *inner), "value_error", message) for inner, message in found]


def _complaint(details: ErrorDetails, model: type[BaseModel], data: object) -> _Complaint:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    place = _place(details, data)
    if kind == "extra_forbidden":
        return _unknown_field(place, _known_fields(model, details["loc"][:-1]))
    if kind == "missing":
        return _Complaint(place, kind, _MISSING)
    if kind.startswith("union_tag"):
        return _tag_complaint(place, cast("dict[str, Any]", value), context)
    if kind == "literal_error":
        wanted = None if isinstance(value, str) else context["expected"]
        return _Complaint(place, kind, _choice(context["expected"], value), wanted)
    if kind in _LIMITS:
        return _Complaint(place, kind, f"expected {_limit(kind, context)}, got {shown(value)}")
    if kind in _TYPES:
        return _Complaint(place, kind, details["msg"], wanted=_TYPES[kind])
    if kind in _SIZES:
        has_length = "actual_length" in context  # of objects it may be given as None
        got = (context["actual_length"] or len(cast("Sized", value))) if has_length else shown(value)
        return _Complaint(place, kind, f"expected {_SIZES[kind].format(**context)}, got {got}")
    return _Complaint(place, kind, details["msg"])


def _unknown_field(place: Place, known: Sequence[str]) -> _Complaint:
    name = str(place[-1])
    near = nearest_name(name, known)
    message = f"unknown field; {suggestion(name, known)}" if known else "unknown field"
    return _Complaint(place, "extra_forbidden", message, meant=None if near is None else (*place[:-1], near))


def _tag_complaint(place: Place, value: Mapping[str, Any], context: Mapping[str, Any]) -> _Complaint:
    """A union whose branch is chosen by a field that is missing or names no branch."""
    field = str(context["discriminator"]).strip("'")
    if field not in value:
        return _Complaint((*place, field), "missing", _MISSING)
    return _Complaint((*place, field), "union_tag_invalid", _choice(f"one of {context['expected_tags']}", value[field]))


def _choice(expected: str, value: object) -> str:
    """A value that is none of a few quoted ones."""
    near = nearest_name(value, re.findall(r"'([^']*)'", expected)) if isinstance(value, str) else None
    hint = f"; did you mean '{near}'?" if near is not None else ""
    return f"expected {expected}, got {shown(value)}{hint}"


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    key, words = _LIMITS[kind]
    limit = context[key]
    return f"an integer {words} {limit}" if isinstance(limit, int) else f"a number {words} {limit:g}"


def _leading_place(message: str) -> tuple[Place, str]:
    """Splits ``layers.1.name: expected ...``, as validators of the models word it, into place and message."""
    match = re.match(r"(\w+(?:\.\w+)*): ", message)
    if match is None:
        return (), message
    parts = match[1].split(".")
    return tuple(int(part) if part.isdecimal() else part for part in parts), message[match.end() :]


def _place(details: ErrorDetails, data: object) -> Place:
    """Where in the data an error lies: pydantic's location without the names of union branches."""
    loc, value = details["loc"], details["input"]
    if details["type"] == "missing":
        return (*_aligned(loc[:-1], data, value), loc[-1])
    if details["type"] != "extra_forbidden" and loc[-2:] == (value, "[key]"):
        return _aligned(loc[:-1], data)
    return _aligned(loc, data, value)


_ANYTHING = object()
"""Stands for any value."""


def _aligned(loc: Place, data: object, value: object = _ANYTHING) -> Place:
    """The parts of ``loc`` that lead from the data to ``value``; the others are names of branches.

    The most parts that do, and of as many the last ones, for a branch may be named like a field outside it. Where the
    value is not found: those that lead anywhere.
    """
    paths = list(_paths(loc, data))
    leading = [taken for taken, reached in paths if _same(reached, value)] or [taken for taken, _ in paths]
    return tuple(loc[position] for position in max(leading, key=lambda taken: (len(taken), taken)))


def _paths(loc: Place, node: object, first: int = 0) -> Iterator[tuple[tuple[int, ...], object]]:
    """All ways into the data along parts of ``loc``, some skipped: the positions of those taken, and what is there."""
    yield (), node
    for position in range(first, len(loc)):
        for inner in _child(node, loc[position]):
            for taken, reached in _paths(loc, inner, position + 1):
                yield (position, *taken), reached


def _same(node: object, value: object) -> bool:
    return value is _ANYTHING or node is value or (isinstance(node, int | float | str) and node == value)


def _value_at(data: object, place: Place) -> object:
    for part in place:
        data = next(iter(_child(data, part)), None)
    return data


def _child(node: object, part: str | int) -> tuple[object, ...]:
    """The member of an object or a list, in a tuple of one; empty where there is none."""
    if isinstance(node, dict) and part in node:
        return (cast("dict[str | int, object]", node)[part],)
    if isinstance(node, list) and isinstance(part, int):
        return tuple(cast("list[object]", node)[part : part + 1])
    return ()


def _known_fields(model: type[BaseModel], loc: Place) -> list[str]:
    """The fields of the model that pydantic had reached at a location."""
    candidates: list[tuple[str | None, type[BaseModel]]] = [(None, model)]
    for part in loc:
        chosen = [candidate for tag, candidate in candidates if tag == part]
        annotations = [_fields(candidate)[str(part)] for _, candidate in candidates if str(part) in _fields(candidate)]
        if chosen:
            candidates = [(None, candidate) for candidate in chosen]
        elif annotations:
            candidates = [member for annotation in annotations for member in _members(annotation)]
    return list(dict.fromkeys(name for _, candidate in candidates for name in _fields(candidate)))


def _fields(model: type[BaseModel]) -> dict[str, object]:
    """The annotations of a model's fields by their names in JSON."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _members(annotation: object, tag: str | None = None) -> Iterable[tuple[str | None, type[BaseModel]]]:
    """The models in an annotation with the tags by which pydantic names them as branches of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        kinds = get_args(_fields(annotation).get("type"))
        yield tag or (str(kinds[0]) if kinds else None), annotation
    arguments = get_args(annotation)
    tag = next((argument.tag for argument in arguments if isinstance(argument, Tag)), tag)
    for argument in arguments:
        yield from _members(argument, tag)
