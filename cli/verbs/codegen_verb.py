"""The verb ``codegen``: a mapping as a C program."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.codegen.requested_program import requested_program
from ...model.faults import InputError
from ..answer import Action, Exit
from ..arguments.grouping import with_groups
from ..arguments.operands import RequestPath
from ..arguments.options import AsJson, CodePath, CostModelName, MappingPosition, SetValues
from ..arguments.overrides import Overrides, load_request_with_values, overrides_from_options
from ..output import check_destination, document_text, print_text, warnings_reported, write_document


@with_groups
def codegen_verb(
    request: RequestPath,
    *,
    mapping: MappingPosition = 0,
    cost_model: CostModelName = None,
    set_values: SetValues = None,
    as_json: AsJson = False,
    out: CodePath = None,
) -> Action:
    """Print a mapping as a C program that checks itself: the tiled nest with all copies.

    It is C99 in one file without dependencies; compiled and run it prints OK and ends with 0, or else the first
    difference from the plain loop nest and ends with 1.
    """
    overrides = overrides_from_options({"cost_model": cost_model}, {"settings": set_values or []})
    return partial(run_codegen, request, overrides, mapping, out, as_json=as_json)


def run_codegen(path: Path, overrides: Overrides, position: int, out: Path | None, *, as_json: bool) -> int:
    """The program of a request's mapping, to a file where one is given; what is printed then is how to compile it."""
    check_destination(out)
    with warnings_reported():
        request = load_request_with_values(path, overrides)
    try:
        program = requested_program(request, position)
    except InputError as error:
        raise InputError(replace(fault, file=fault.file or str(path)) for fault in error.faults) from error
    text = document_text(program) if as_json else program.code
    if out is not None:
        write_document(out, text)
    compiled = out is not None and not as_json
    print_text(f"{out}: compile it with cc -std=c99 -O2 {out}\n" if compiled else text)
    return Exit.SOLVED
