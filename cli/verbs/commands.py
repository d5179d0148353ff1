"""What the verbs do once their arguments are understood. Every function gives the process's exit code."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from pathlib import Path

from rich.console import Console

from ...model.documents.result import Result
from ...model.evaluate import evaluate, load_request
from ...model.faults import Fault, InputError, InputWarning
from ...model.reading.results import load_result
from ...solver import Cache, VerificationLimits, solve, verify
from ...solver.pipeline.observer import Observers
from ..output import (
    check_destination,
    complain,
    document_text,
    json_text,
    kept_for_the_answer,
    print_text,
    rendered,
    write_document,
)
from ..overrides import FLAGS, Overrides, load_with_overrides
from ..pages.delivery import PictureOptions, deliver_pictures
from ..progress import shown_checking, shown_progress
from ..reports.certificate_report import print_certificates
from ..reports.evaluation_report import print_evaluation
from ..reports.result_report import print_report
from ..reports.verification_report import fault_lines, print_verification
from ..trace_file import SearchTrace, TracePoint, traced
from .catalog import catalog, catalog_text
from .export import Exports
from .schemas import schema_document


class Exit(IntEnum):
    """Exit codes (``docs/contract.md`` section 3)."""

    SOLVED = 0
    UNSOLVED = 1
    BAD_INPUT = 2
    FAULT = 70
    INTERRUPTED = 130


@dataclass(frozen=True)
class Delivery:
    """Where an answer goes: JSON instead of the readable report, and a file besides."""

    as_json: bool
    out: Path | None

    def deliver(self, document: str, report: Callable[[], str]) -> None:
        """Write the file first: it must not depend on who reads standard output."""
        if self.out is not None:
            write_document(self.out, document)
        print_text(document if self.as_json else report())


@dataclass(frozen=True)
class Extras:
    """What ``solve`` and ``enumerate`` tell besides: parts of the report, a file for the search's trace, pictures."""

    loops: bool
    certificate: bool
    trace: Path | None
    pictures: PictureOptions
    exports: Exports

    @property
    def watched(self) -> bool:
        """Whether the course of the search itself is asked for."""
        return self.trace is not None or self.pictures.wanted

    def expect_none(self, beside: str) -> None:
        """Refuse all but the certificate beside an option whose answer has no such parts.

        Raises:
            InputError: when any was asked for.
        """
        if self.loops or self.watched or self.exports != Exports():
            others = "--loops, --trace, pictures and exports"
            raise InputError.single(None, beside, f"expected without {others}")


def run_solve(path: Path, overrides: Overrides, delivery: Delivery, extras: Extras, cache: Cache | None) -> int:
    """Find the best mappings for every layer of a spec; what is in the cache is not searched again."""
    started = time.monotonic()
    check_destination(delivery.out)
    check_destination(extras.trace, "--trace")
    extras.pictures.check()
    extras.exports.check()
    with warnings_told():
        spec = load_with_overrides(path, overrides)
    extras.pictures.check_layer(spec)
    extras.exports.check_layers(spec)
    points: list[TracePoint] = []
    recorded = SearchTrace(points.append) if extras.pictures.wanted else None
    try:
        with traced(extras.trace) as trace, shown_progress(spec.objective) as display:
            observers = (observer for observer in (trace, recorded, display) if observer is not None)
            with kept_for_the_answer():
                result = solve(spec, Observers(tuple(observers)), cache=cache)
    except InputError as error:
        raise InputError(placed(fault, path, overrides) for fault in error.faults) from error
    delivery.deliver(document_text(result), lambda: rendered(partial(_print_result, result, extras)))
    for layer in result.layers:
        if layer.fault is not None and layer.same_as is None:
            complain(f"dmaze-solve: layer {layer.name}: {layer.fault}; please report this line with the spec")
    extras.exports.write(result)
    interrupted = deliver_pictures(extras.pictures, spec, result, points, started)
    return Exit.INTERRUPTED if interrupted else exit_code(result)


def _print_result(result: Result, extras: Extras, console: Console) -> None:
    print_report(console, result, loops=extras.loops)
    if extras.certificate:
        print_certificates(console, result)


def placed(fault: Fault, path: Path, overrides: Overrides) -> Fault:
    """A fault that only the run could find, with the file or the option that it came from."""
    option = fault.place.removeprefix("solver.")
    if option in overrides.model_fields_set:
        return replace(fault, place=FLAGS[option])
    return fault if fault.file else replace(fault, file=str(path))


def exit_code(result: Result) -> Exit:
    """What a result means for the caller."""
    if result.interrupted:
        return Exit.INTERRUPTED
    if any(layer.fault is not None for layer in result.layers):
        return Exit.FAULT
    return Exit.SOLVED if all(layer.solutions for layer in result.layers) else Exit.UNSOLVED


def run_evaluate(path: Path, delivery: Delivery, *, detail: bool) -> int:
    """The exact model on given mappings."""
    check_destination(delivery.out)
    with warnings_told():
        request = load_request(path)
    try:
        result = evaluate(request, detail=detail)
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or str(path)) for fault in error.faults) from error
    text = document_text(result, leave_out_absent=True)
    delivery.deliver(text, lambda: rendered(lambda console: print_evaluation(console, result)))
    return Exit.SOLVED


def run_verify(path: Path, options: Overrides, delivery: Delivery) -> int:
    """Check a result; what is wrong is told on standard error as well when the report goes elsewhere."""
    check_destination(delivery.out)
    result = load_result(path)
    with shown_checking() as tell:
        verification = verify(result, VerificationLimits(options.time_limit_s, options.workers), tell)
    delivery.deliver(
        document_text(verification), lambda: rendered(lambda console: print_verification(console, verification))
    )
    if delivery.as_json:
        for line in fault_lines(verification):
            complain(f"{path}: {line}")
    if verification.interrupted:
        return Exit.INTERRUPTED
    return Exit.SOLVED if verification.holds else Exit.UNSOLVED


def run_schema(document: str | None, delivery: Delivery) -> int:
    """JSON Schemas of the public documents."""
    check_destination(delivery.out)
    text = json_text(schema_document(document))
    delivery.deliver(text, lambda: text)
    return Exit.SOLVED


def run_list(delivery: Delivery) -> int:
    """Built-in architectures and networks, installed back ends."""
    check_destination(delivery.out)
    names = catalog()
    delivery.deliver(document_text(names), lambda: catalog_text(names))
    return Exit.SOLVED


@contextmanager
def warnings_told() -> Generator[None]:
    """Say on standard error what a foreign file asks for and nobody models."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        try:
            yield
        finally:
            for warning in caught:
                complain(f"warning: {warning.message}")
