"""The axes of a sweep: what is wrong with them, and the architectures that their product makes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from ..documents.architectures import AnyArchitecture
from ..documents.sweep_spec import Setting, values_of
from ..faults import Fault, InputError, Place, place_text, shown, suggestion
from ..reading.sweep_loading import ResolvedSweep
from .fields_of import DesignFields, fields_of
from .nested_values import label_of, own_path, setting_text

MAX_DESIGNS = 100_000
"""Most designs of a sweep: beyond, its results would not fit a machine's memory."""


class Expansion:
    """The axes of one sweep, their faults and their product."""

    def __init__(self, sweep: ResolvedSweep, fields: DesignFields, file: str | None) -> None:
        self._sweep, self._energies = sweep.document.sweep, sweep.rules
        self._fields, self._file, self._base = fields, file, fields.document
        self._axes = [{name: values_of(given) for name, given in axis.items()} for axis in self._sweep.axes]
        self._prices = fields.prices(self._sweep, self._energies)

    def faults(self) -> Iterator[Fault]:
        """Whatever is wrong with single axes, with single rules, and with how many designs there are."""
        for position, axis in enumerate(self._axes):
            for name in axis:
                yield from self._faults_of_field(position, name)
            yield from self._faults_of_axis(position, axis)
        for place, message in self._fields.sweep_faults(self._sweep, self._energies):
            yield self._fault(place, message)
        for price in self._prices:
            if price.rule.by not in self._fields.capacities:
                message = (
                    f"unknown capacity {shown(price.rule.by)}; {suggestion(price.rule.by, self._fields.capacities)}"
                )
                yield self._fault((*price.place, "by"), message)
        number = math.prod(len(next(iter(axis.values()))) for axis in self._axes)
        if number > MAX_DESIGNS:
            yield self._fault(("axes",), f"expected at most {MAX_DESIGNS} designs, got {number}")

    def _fault(self, place: Place, message: str) -> Fault:
        return Fault(self._file, self._text(place), message)

    @staticmethod
    def _text(place: Place) -> str:
        return place_text(("sweep", *place))

    def _faults_of_field(self, position: int, name: str) -> Iterator[Fault]:
        place, fields, field = ("axes", position, name), self._fields, own_path(name)
        if not fields.is_known(field):
            yield self._fault(place, f"unknown field of {fields.kind}; {suggestion(field, fields.known)}")
            return
        times = Counter(fields.target(own_path(other)) for axis in self._axes for other in axis)
        target = fields.target(field)
        if times[target] > 1:
            yield self._fault(place, f"expected {target} to be set by one axis, but another one sets it, too")
        for price in self._prices:
            if price.field == field:
                yield self._fault(place, f"expected without {self._text(price.place)}, which sets it")
        for number, value in enumerate(self._axes[position][name]):
            message = fields.value_fault(field, value) or self._fault_of_value(position, number, field)
            if message is not None:
                yield self._fault((*place, number), message)

    def _fault_of_value(self, position: int, number: int, field: str) -> str | None:
        """What is wrong with one value of a field, beside those of its axis and the first ones of the others."""
        beside = {
            own_path(name): values[number if at == position else 0]
            for at, axis in enumerate(self._axes)
            for name, values in axis.items()
            if self._fields.is_known(own_path(name)) and (at != position or number < len(values))
        }
        try:
            document = self._fields.changed(self._base, beside)
        except InputError:  # said of the whole design
            return None
        try:
            self._fields.made(document, None)
        except InputError as error:
            own = place_text(self._fields.place(field))
            return next((fault.message for fault in error.faults if fault.place == own), None)
        return None

    def _faults_of_axis(self, position: int, axis: Mapping[str, Sequence[Setting]]) -> Iterator[Fault]:
        lengths = {name: len(values) for name, values in axis.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{length} for {name}" for name, length in lengths.items())
            yield self._fault(("axes", position), f"expected as many values of every field, got {found}")
            return
        rows = [[setting_text(value) for value in row] for row in zip(*axis.values(), strict=True)]
        twice = [row for row, times in Counter(map(tuple, rows)).items() if times > 1]
        if twice:
            shown_values = " and ".join(twice[0])
            yield self._fault(("axes", position), f"expected distinct values, got {shown_values} more than once")

    def architectures(self) -> Iterator[tuple[tuple[int, ...], dict[str, Setting], AnyArchitecture]]:
        """All designs: position on every axis, varied values, architecture.

        Raises:
            InputError: for combinations of values that make no architecture, each kind of fault once.
        """
        faults: dict[Fault, None] = {}
        for position in product(*(range(len(next(iter(axis.values())))) for axis in self._axes)):
            chosen = zip(self._axes, position, strict=True)
            values = {name: given[number] for axis, number in chosen for name, given in axis.items()}
            try:
                architecture = self._architecture(values)
                self._check_area(architecture)
                yield position, values, architecture
            except InputError as error:
                faults.update(dict.fromkeys(error.faults))
        if faults:
            raise InputError(faults)

    def _check_area(self, architecture: AnyArchitecture) -> None:
        """See to it that a front over the area proxy has one.

        Raises:
            InputError: for an architecture with a memory without a stated size.
        """
        unsized = fields_of(architecture).unsized(self._sweep.area_weights) if self._sweep.pareto else ()
        if unsized:
            message = f"expected 0 for {', '.join(unsized)}, for a front has an area proxy, but no size is stated there"
            raise InputError([self._fault(("area_weights",), message)])

    def _architecture(self, values: Mapping[str, Setting]) -> AnyArchitecture:
        """The base architecture with other values and the prices that follow.

        Raises:
            InputError: where it cannot be made.
        """
        try:
            document = self._fields.changed(self._base, {own_path(name): value for name, value in values.items()})
        except InputError as error:
            raise InputError(self._moved(fault, "") for fault in error.faults) from error
        document = self._fields.changed(document, self._following(document))
        try:
            return self._fields.made(document, self._file)
        except InputError as error:
            raise InputError(
                self._moved(fault, f" on the design {label_of(values)}") for fault in error.faults
            ) from error

    def _following(self, document: dict[str, Any]) -> dict[str, Setting]:
        """The prices that follow capacities.

        Raises:
            InputError: for capacities that a rule has no price for.
        """
        faults: list[Fault] = []
        found: dict[str, Setting] = {}
        for following in self._prices:
            rule, capacity = following.rule, self._fields.capacity(document, following.rule.by)
            price_pj = None if capacity is None else rule.price_pj(capacity)
            if price_pj is None:
                entries = f"one of {', '.join(rule.capacities())}" if rule.capacities() else "one that has an energy"
                message = f"expected {rule.by} to be {entries}, got {shown(capacity)}"
                faults.append(self._fault(following.place, message))
            else:
                found[following.field] = price_pj
        if faults:
            raise InputError(faults)
        return found

    def _moved(self, fault: Fault, end: str) -> Fault:
        """A fault of an architecture where the sweep causes it: at one axis or price, else at all axes."""
        places: dict[str, Place] = {}
        for at, axis in enumerate(self._axes):
            for name in axis:
                place: Place = ("axes", at, name)
                places |= {own_path(name): place, place_text(self._fields.place(own_path(name))): place}
        places |= {place_text(self._fields.place(price.field)): price.place for price in self._prices}
        if fault.place in places:
            return self._fault(places[fault.place], f"{fault.message}{end}")
        return self._fault(("axes",), f"{fault.place}: {fault.message}{end}")
