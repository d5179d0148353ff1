"""Groups of options: dataclasses that verbs take as parameters, so that an option is declared once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, get_type_hints

Answer = TypeVar("Answer")


def with_groups(verb: Callable[..., Answer]) -> Callable[..., Answer]:
    """A verb as typer reads it: a parameter whose type is a dataclass becomes its fields, each an option of its own.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Delivery:
        ...     as_json: bool = False
        ...     out: str | None = None
        >>> @with_groups
        ... def verb(spec: str, *, delivery: Delivery) -> str:
        ...     return f"{spec} goes to {delivery.out}"
        >>> list(signature(verb).parameters)
        ['spec', 'as_json', 'out']
        >>> verb(spec="conv.json", as_json=True, out="answer.json")
        'conv.json goes to answer.json'
    """
    declared = signature(verb, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in declared.parameters.items()
        if is_dataclass(parameter.annotation)
    }

    def spread(**given: object) -> Answer:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        return verb(**given)

    parameters = [single for parameter in declared.parameters.values() for single in _single(parameter)]
    spread.__doc__ = verb.__doc__
    spread.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(spread)["__signature__"] = Signature(parameters)
    return spread


def _single(parameter: Parameter) -> Iterator[Parameter]:
    """The fields of a group, or the parameter itself if it is none; all by name, for defaults stand in any order."""
    group: Any = parameter.annotation
    if not is_dataclass(group):
        yield parameter.replace(kind=Parameter.KEYWORD_ONLY)
        return
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
