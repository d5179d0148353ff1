"""Reads entries of Timeloop's mappings and constraints: loops of a level, and which data spaces it keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import JsonObject

BYPASS_KINDS = ("datatype", "dataspace", "bypass", "bypassing")
"""What an entry on data spaces is called, by version."""


@dataclass(frozen=True)
class FactorTerm:
    """One entry of a list of factors: a dimension, ``=``, ``<=`` or ``>=``, and a number."""

    dim: str
    relation: str
    value: int


@dataclass(frozen=True)
class Directive:
    """One entry of a mapping or of a list of constraints.

    ``kind``: ``temporal``, ``spatial``, ``bypass``, or as the file has it. ``permutation`` runs from the innermost loop
    outwards; the first ``split`` of its dimensions lie along X. ``fields`` is the entry as it stands.
    """

    place: Place
    target: str
    kind: str
    fields: JsonObject
    terms: tuple[FactorTerm, ...] = ()
    permutation: tuple[str, ...] = ()
    split: int | None = None
    kept: tuple[str, ...] = ()
    bypassed: tuple[str, ...] = ()

    @property
    def factors(self) -> Mapping[str, int]:
        """Factors that are given exactly; absent ones are 1 in a mapping, and free in constraints."""
        return {term.dim: term.value for term in self.terms if term.relation == "="}

    @property
    def is_trivial(self) -> bool:
        """Whether no loop iterates."""
        return all(factor == 1 for factor in self.factors.values())


def read_directive(entry: Any, bounds: Mapping[str, int], file: str, place: Place) -> Directive:
    """An entry whose dimensions need not be those of the problem, of which ``bounds`` has all.

    Raises:
        InputError: for what is malformed, and for factors that leave a remainder.
    """
    if not isinstance(entry, dict):
        raise InputError.single(file, place_text(place), f"expected an object, got {shown(entry)}")
    fields = cast("JsonObject", entry)
    target, kind = fields.get("target", fields.get("name")), str(fields.get("type", "temporal"))
    if not isinstance(target, str | int) or isinstance(target, bool):
        raise InputError.single(file, place_text((*place, "target")), f"expected a name, got {shown(target)}")
    if kind in BYPASS_KINDS:
        lists = [tuple(words(fields.get(field) or [], file, (*place, field))) for field in ("keep", "bypass")]
        return Directive(place, str(target), "bypass", fields, kept=lists[0], bypassed=lists[1])
    if kind not in ("temporal", "spatial"):
        return Directive(place, str(target), kind, fields)
    terms = tuple(factor_terms(fields.get("factors"), bounds, file, (*place, "factors")))
    permutation = tuple(permutation_names(fields.get("permutation"), bounds, file, (*place, "permutation")))
    split: object = fields.get("split")
    if split is not None and (not isinstance(split, int) or isinstance(split, bool) or split < 0):
        message = f"expected how many dimensions of the permutation lie along X, got {shown(split)}"
        raise InputError.single(file, place_text((*place, "split")), message)
    return Directive(place, str(target), kind, fields, terms, permutation, split)


def underscored(value: Any) -> Any:
    """The data with ``data-spaces`` and the like of older versions under the names of v0.4."""
    if isinstance(value, dict):
        fields = cast("JsonObject", value)
        return {key.replace("-", "_"): underscored(member) for key, member in fields.items()}
    return [underscored(member) for member in cast("list[Any]", value)] if isinstance(value, list) else value


def factor_terms(value: Any, bounds: Mapping[str, int], file: str, place: Place) -> Iterator[FactorTerm]:
    """Factors from ``"N4 M1"``, ``"N=4 M<=1"``, ``[N=4, M=1]`` or ``{N: 4, M: 1}``, each dimension once a relation."""
    if value is None:
        return
    parts = cast("JsonObject", value).items() if isinstance(value, dict) else words(value, file, place)
    seen: set[tuple[str, str]] = set()
    for text in (part if isinstance(part, str) else f"{part[0]}={part[1]}" for part in parts):
        match = re.fullmatch(r"\s*([A-Za-z_]\w*?)\s*(<=|>=|=)?\s*(\d{1,10})(\s*,\s*\d+)?\s*", text)
        if match is None:
            raise _not_a_factor(text, bounds, file, place)
        if match[4] is not None and int(match[4].strip(" ,")) != int(match[3]):
            message = f"expected a factor without a remainder, got {shown(text)}; imperfect factors are not modelled"
            raise InputError.single(file, place_text(place), message)
        term = FactorTerm(match[1], match[2] or "=", int(match[3]))
        if (term.dim, term.relation) in seen:
            raise InputError.single(file, place_text(place), f"expected {term.dim} once, but given more than once")
        seen.add((term.dim, term.relation))
        yield term


def permutation_names(value: Any, bounds: Mapping[str, int], file: str, place: Place) -> list[str]:
    """Dimensions, innermost first, from ``"CMN"``, ``"C, M, N"``, ``"CM N"`` or ``[C, M, N]``."""
    if value is None:
        return []
    parts = [name for word in words(value, file, place) for name in word.split(",") if name]
    names = [name for part in parts for name in ([part] if part in bounds or isinstance(value, list) else part)]
    if len(set(names)) < len(names):
        expected = f"expected each of {', '.join(bounds)} at most once"
        raise InputError.single(file, place_text(place), f"{expected}, got {shown(''.join(names))}")
    return names


def words(value: Any, file: str, place: Place) -> list[str]:
    """The parts of a text, or of a list."""
    if isinstance(value, str):
        joined = re.sub(r"\s*([<>]?=|,)\s*", r"\1", value)
        return re.split(r"\s+|(?<=\d),(?=[A-Za-z_])", joined.strip()) if joined.strip() else []
    if isinstance(value, list):
        return [str(member) for member in cast("list[Any]", value)]
    raise InputError.single(file, place_text(place), f"expected text or a list, got {shown(value)}")


def expect_known(directive: Directive, bounds: Mapping[str, int], file: str) -> None:
    """Nothing, where all dimensions of a mapping's entry are the problem's and all factors are given exactly.

    Raises:
        InputError: otherwise.
    """
    for term in directive.terms:
        if term.dim not in bounds or term.relation != "=":
            raise _not_a_factor(f"{term.dim}{term.relation}{term.value}", bounds, file, (*directive.place, "factors"))
    strangers = [name for name in directive.permutation if name not in bounds]
    if strangers:
        message = f"expected each of {', '.join(bounds)} at most once, got {shown(''.join(directive.permutation))}"
        raise InputError.single(file, place_text((*directive.place, "permutation")), message)


def _not_a_factor(text: str, bounds: Mapping[str, int], file: str, place: Place) -> InputError:
    expected = f"expected a factor such as {next(iter(bounds))}=2 of one of {', '.join(bounds)}"
    return InputError.single(file, place_text(place), f"{expected}, got {shown(text)}")


def outermost_first(dims: Sequence[str], permutation: Iterable[str]) -> tuple[str, ...]:
    """All dimensions of an order, outermost first, that a permutation gives from the innermost one outwards."""
    given = list(permutation)
    return (*(dim for dim in dims if dim not in given), *reversed(given))


def completed(dim: str, bound: int, factors: Mapping[str, int], file: str) -> dict[str, int]:
    """Factors that multiply to the bound; a single 0 stands for what the others leave."""
    given = math.prod(factor for factor in factors.values() if factor)
    open_levels = [level for level, factor in factors.items() if factor == 0]
    if len(open_levels) == 1 and bound % given == 0:
        return {**factors, open_levels[0]: bound // given}
    if open_levels or given != bound:
        found = " * ".join(f"{factor} ({level})" for level, factor in factors.items()) or "1"
        message = f"expected factors of {dim} that multiply to its bound {bound}, got {found}"
        raise InputError.single(file, "mapping", message)
    return dict(factors)
