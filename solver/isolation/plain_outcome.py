"""What a back end returns and reports, as plain data of our own types: a copy that no class of its own is part of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from itertools import islice
from operator import index
from typing import Any, cast

from ...model.documents.result import Certificate, Number
from ...model.faults import BackendFault, shortened
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.mapping import Mapping, Tiling
from ..backend import AnyMapping, Progress, SearchOutcome

MOST_CANDIDATES = 10_000
"""Mappings that an outcome may hold: ten times as many as can be asked for."""

MOST_STATISTICS = 100
LONGEST_TEXT = 1000
LARGEST_COUNT = 2**63 - 1
"""What a statistic may be; it is for reading only, and anything else is left out."""


class _OddError(Exception):
    """A part of an outcome is not what it should be."""


def plain_outcome(outcome: object, backend: str) -> SearchOutcome:
    """An outcome with nothing in it but mappings, numbers and texts; odd statistics are left out.

    Raises:
        BackendFault: for what is no outcome, or whose parts are not what they should be.
    """
    try:
        if not isinstance(outcome, SearchOutcome):
            raise _OddError(f"{_kind(outcome)} instead of an outcome")
        return SearchOutcome(
            candidates=_candidates(outcome.candidates),
            bound=_number(outcome.bound, "bound"),
            exhausted=bool(outcome.exhausted),
            statistics=plain_statistics(outcome.statistics),
            certificate=_certificate(outcome.certificate),
        )
    except _OddError as error:
        raise BackendFault(f"back end {backend} returned {error}") from error


def plain_progress(progress: Progress) -> Progress:
    """A snapshot in the same way; what is odd in it counts as not reported."""
    done = progress.done
    return Progress(
        objective_value=_finite(progress.objective_value),
        bound=_finite(progress.bound),
        incumbents=_incumbents(progress.incumbents),
        note=shortened(str(progress.note), LONGEST_TEXT),
        done=done if isinstance(done, float | int) and 0 <= done <= 1 else None,
    )


def plain_statistics(statistics: MappingOf[Any, Any]) -> dict[str, int | float | str]:
    """The statistics that JSON can hold, as far as they are names with numbers or texts."""
    found: dict[str, int | float | str] = {}
    for name, value in islice(dict(statistics).items(), MOST_STATISTICS):
        plain = _statistic(value)
        if isinstance(name, str) and plain is not None:
            found[shortened(name, LONGEST_TEXT)] = plain
    return found


def plain_mapping(mapping: AnyMapping) -> AnyMapping:
    """A mapping with whole numbers; one of a cost model that we do not know stays as it is.

    Raises:
        TypeError: for what is no mapping, or has parts that are no whole numbers.
    """
    if isinstance(mapping, Mapping):
        levels = (_row(level) for level in mapping.tiling.levels)
        return Mapping(Tiling(*levels), _row(mapping.dram_order), _row(mapping.spm_order))
    if isinstance(mapping, LevelMapping):
        factors, orders = (tuple(_row(row) for row in part) for part in (mapping.factors, mapping.orders))
        return LevelMapping(factors, orders, tuple(tuple(bool(flag) for flag in row) for row in mapping.kept))
    if type(mapping).__module__ == "builtins":
        raise TypeError(f"expected a mapping, got {_kind(mapping)}")
    return mapping


def _row(numbers: Iterable[object]) -> tuple[int, ...]:
    return tuple(index(cast("int", number)) for number in numbers)


def _candidates(candidates: Iterable[AnyMapping]) -> tuple[AnyMapping, ...]:
    kept = tuple(islice(candidates, MOST_CANDIDATES + 1))
    if len(kept) > MOST_CANDIDATES:
        raise _OddError(f"more than {MOST_CANDIDATES} mappings")
    try:
        return tuple(plain_mapping(mapping) for mapping in kept)
    except (AttributeError, TypeError) as error:
        raise _OddError(f"a candidate that is no mapping of whole numbers: {error}") from error


def _incumbents(incumbents: Iterable[AnyMapping]) -> tuple[AnyMapping, ...]:
    try:
        return _candidates(incumbents)
    except _OddError:
        return ()


def _number(value: object, what: str) -> Any:
    """A number as Python has it; whether it is one that can be believed is decided elsewhere."""
    if value is None:
        return None
    try:
        return index(cast("int", value))
    except TypeError:
        pass
    if not hasattr(value, "__float__"):
        raise _OddError(f"a {what} that is no number: {_kind(value)}")
    return float(cast("float", value))


def _finite(value: object) -> Number | None:
    try:
        number = _number(value, "value")
        return number if number is not None and math.isfinite(number) else None
    except (_OddError, OverflowError, ValueError):
        return None


def _statistic(value: object) -> int | float | str | None:
    if isinstance(value, str):
        return shortened(value, LONGEST_TEXT)
    number = _finite(value)
    return None if isinstance(number, int) and abs(number) > LARGEST_COUNT else number


def _certificate(certificate: object) -> Certificate | None:
    if certificate is None:
        return None
    if not isinstance(certificate, Certificate):
        raise _OddError(f"{_kind(certificate)} instead of a certificate")
    try:
        return Certificate.model_validate(certificate.model_dump(warnings=False))
    except ValueError as error:
        raise _OddError("a certificate with numbers that there are not") from error


def _kind(value: object) -> str:
    return f"an object of type {type(value).__name__}"
