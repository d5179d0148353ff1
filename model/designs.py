"""From the spec of a sweep to its designs: one architecture for each combination of the axes' values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from .dmazerunner.architecture import Architecture
from .documents.result import Number
from .documents.sweep_spec import AreaWeights, EnergyRules, PowerLaw, PriceTable, SweepSpec, values_of
from .faults import Fault, InputError, Place, place_text, shown, suggestion
from .reading.loading import Substitutes, load_resolved, published_parts
from .reading.sweep_loading import PRICES, ResolvedSweep, resolve_sweep, with_rules
from .reading.validation import validated

MAX_DESIGNS = 100_000
"""Most designs of a sweep: beyond, its results would not fit a machine's memory."""

SPM_KIB = "spm_kib_double_buffered"
"""A field of no architecture: KiB of both buffers of the SPM, which stand for a number of banks."""

BANKS, BANK_BYTES = "spm.banks", "spm.bytes_per_bank"

Flat = dict[str, Number]
"""An architecture's numbers by their dotted paths."""


@dataclass(frozen=True)
class Design:
    """One architecture of a sweep: its position on every axis, the values that are varied, and all of it."""

    position: tuple[int, ...]
    values: Mapping[str, Number]
    architecture: Architecture

    @property
    def label(self) -> str:
        """The varied values in words.

        Example:
            >>> Design((0,), {"pes": 64}, architecture).label  # doctest: +SKIP
            'pes 64'
        """
        return label_of(self.values)


def label_of(values: Mapping[str, Number]) -> str:
    """A design's varied values in words."""
    return ", ".join(f"{field} {value}" for field, value in values.items())


def area_proxy_bytes(architecture: Architecture, weights: AreaWeights) -> float:
    """A stand-in for chip area: weighted bytes of all register files and of both buffers of the SPM.

    It orders designs by the memory that they spend, no more: logic, ports, banking and wires take area, too.

    Example:
        >>> area_proxy_bytes(architecture, AreaWeights())  # 256 PEs * 512 + 2 * 32 * 2048  # doctest: +SKIP
        262144.0
    """
    register_files = architecture.pes * architecture.rf_bytes_per_pe
    return weights.rf * register_files + weights.spm * 2 * architecture.spm_bytes


def load_sweep(path: Path, substitutes: Substitutes | None = None) -> SweepSpec:
    """The spec of a sweep in a file, with everything that it names in place of the names.

    Raises:
        InputError: with everything that is wrong with the file, or else with what it refers to or with its designs.

    Example:
        >>> len(designs(load_sweep(builtin_path("sweeps", "memory-designs"))))
        49
    """
    return load_resolved_sweep(path, substitutes).document


def load_resolved_sweep(path: Path, substitutes: Substitutes | None = None) -> ResolvedSweep:
    """The parts of the spec of a sweep, as :func:`load_sweep` finds them."""
    known = with_rules(load_resolved(SweepSpec, path, substitutes), path.parent, str(path))
    designs_of(known, str(path))
    return known


def designs(spec: SweepSpec) -> tuple[Design, ...]:
    """The designs of a sweep, the last axis varying fastest; names are looked up against the current folder.

    Raises:
        InputError: as :func:`resolve_sweep` and :func:`designs_of` do.
    """
    return designs_of(resolve_sweep(spec, Path.cwd()))


def designs_of(sweep: ResolvedSweep, file: str | None = None) -> tuple[Design, ...]:
    """The designs of a sweep, the last axis varying fastest; ``file`` is where its spec stands.

    Raises:
        InputError: for fields that architectures do not have, values that they cannot have, axes that contradict each
            other, and energies that follow from nothing; all of them together.
    """
    expansion = _Expansion(sweep.document, published_parts(sweep.spec, "sweeps").architecture, sweep.rules, file)
    faults = list(expansion.faults())
    if faults:
        raise InputError(faults)
    return tuple(expansion.designs())


class _Expansion:
    """The axes of one sweep, their faults and their product."""

    def __init__(self, spec: SweepSpec, base: Architecture, rules: EnergyRules, file: str | None) -> None:
        self._base, self._file = base, file
        self._axes = [{field: values_of(given) for field, given in axis.items()} for axis in spec.sweep.axes]
        self._flat = _flat(base)
        self._rules = {part: rule for part, rule in rules.given() if not isinstance(rule, str)}

    def faults(self) -> Iterator[Fault]:
        """Whatever is wrong with single axes, with single rules, and with how many designs there are."""
        for position, axis in enumerate(self._axes):
            for field, values in axis.items():
                yield from self._faults_of_field(position, field, values)
            yield from self._faults_of_axis(position, axis)
        for part, rule in self._rules.items():
            yield from self._faults_of_rule(part, rule)
        number = math.prod(len(next(iter(axis.values()))) for axis in self._axes)
        if number > MAX_DESIGNS:
            yield self._fault(("axes",), f"expected at most {MAX_DESIGNS} designs, got {number}")

    def _fault(self, place: Place, message: str) -> Fault:
        return Fault(self._file, place_text(("sweep", *place)), message)

    def _faults_of_field(self, position: int, field: str, values: Sequence[Number]) -> Iterator[Fault]:
        place: Place = ("axes", position, field)
        known = [*self._flat, SPM_KIB]
        if field not in known:
            yield self._fault(place, f"unknown field of an architecture; {suggestion(field, known)}")
            return
        times = Counter(_sets(name) for axis in self._axes for name in axis)
        if times[_sets(field)] > 1:
            yield self._fault(place, f"expected {_sets(field)} to be set by one axis, but another one sets it, too")
        if field.removeprefix(f"{PRICES}.") in self._rules:
            yield self._fault(place, f"expected without sweep.{field}, which sets it")
        for number, value in enumerate(values):
            yield from self._faults_of_value((*place, number), field, value)

    def _faults_of_value(self, place: Place, field: str, value: Number) -> Iterator[Fault]:
        if field == SPM_KIB:
            if value <= 0:
                yield self._fault(place, f"expected a number above 0, got {value}")
            return
        try:
            validated(Architecture, _document(self._base.name, {**self._flat, field: value}), None)
        except InputError as error:
            yield from (self._fault(place, fault.message) for fault in error.faults if fault.place == field)

    def _faults_of_axis(self, position: int, axis: Mapping[str, Sequence[Number]]) -> Iterator[Fault]:
        lengths = {field: len(values) for field, values in axis.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{length} for {field}" for field, length in lengths.items())
            yield self._fault(("axes", position), f"expected as many values of every field, got {found}")
            return
        twice = [values for values, times in Counter(zip(*axis.values(), strict=True)).items() if times > 1]
        if twice:
            shown_values = " and ".join(str(value) for value in twice[0])
            yield self._fault(("axes", position), f"expected distinct values, got {shown_values} more than once")

    def _faults_of_rule(self, part: str, rule: PriceTable | PowerLaw) -> Iterator[Fault]:
        known = [*(field for field in self._flat if not field.startswith(PRICES)), SPM_KIB]
        if rule.by not in known:
            message = f"unknown capacity {shown(rule.by)}; {suggestion(rule.by, known)}"
            yield self._fault((PRICES, part, "by"), message)

    def designs(self) -> Iterator[Design]:
        """All designs.

        Raises:
            InputError: for combinations of values that make no architecture, each kind of fault once.
        """
        faults: dict[Fault, None] = {}
        for position in product(*(range(len(next(iter(axis.values())))) for axis in self._axes)):
            chosen = zip(self._axes, position, strict=True)
            values = {field: given[number] for axis, number in chosen for field, given in axis.items()}
            found = self._architecture(values)
            if isinstance(found, Architecture):
                yield Design(position, values, found)
            else:
                faults.update(dict.fromkeys(found))
        if faults:
            raise InputError(faults)

    def _architecture(self, values: Mapping[str, Number]) -> Architecture | list[Fault]:
        """The base architecture with other values and the energies that follow; or why it cannot be made."""
        flat = {**self._flat, **{field: value for field, value in values.items() if field != SPM_KIB}}
        if SPM_KIB in values:
            banks = Fraction(repr(values[SPM_KIB])) * 512 / Fraction(flat[BANK_BYTES])
            if banks.denominator > 1:
                message = f"expected two buffers of whole banks of {flat[BANK_BYTES]} bytes, got {values[SPM_KIB]} KiB"
                return [self._fault(("axes", self._axis_of(SPM_KIB), SPM_KIB), message)]
            flat[BANKS] = banks.numerator
        faults: list[Fault] = []
        for part, rule in self._rules.items():
            capacity = _capacity(flat, rule.by)
            price = rule.price_pj(capacity)
            if price is None:
                entries = f"one of {', '.join(rule.capacities())}" if rule.capacities() else "one that has an energy"
                faults.append(self._fault((PRICES, part), f"expected {rule.by} to be {entries}, got {capacity}"))
            else:
                flat[f"{PRICES}.{part}"] = price
        try:
            return faults or validated(Architecture, _document(self._base.name, flat), self._file)
        except InputError as error:
            places = [("sweep", PRICES, *fault.place.split(".")[1:]) for fault in error.faults]
            return [
                Fault(self._file, place_text(place), f"{fault.message} on the design {label_of(values)}")
                for fault, place in zip(error.faults, places, strict=True)
            ]

    def _axis_of(self, field: str) -> int:
        return next(position for position, axis in enumerate(self._axes) if field in axis)


def _sets(field: str) -> str:
    """The path that a field of an axis sets."""
    return BANKS if field == SPM_KIB else field


def _capacity(flat: Flat, field: str) -> Number:
    if field != SPM_KIB:
        return flat[field]
    kib = Fraction(2 * flat[BANKS] * flat[BANK_BYTES]) / 1024
    return kib.numerator if kib.denominator == 1 else float(kib)


def _flat(architecture: Architecture) -> Flat:
    flat: Flat = {}
    document: dict[str, Number | dict[str, Number]] = architecture.model_dump(exclude={"name"})
    for name, value in document.items():
        flat |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _document(name: str, flat: Flat) -> dict[str, Any]:
    document: dict[str, Any] = {"name": name}
    for path, value in flat.items():
        parent, _, leaf = path.rpartition(".")
        (document.setdefault(parent, {}) if parent else document)[leaf] = value
    return document
