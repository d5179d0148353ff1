"""Reads Timeloop mappings (v0.2 to v0.4, flattened) as mappings onto DRAM, scratchpad, PEs and register files."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ...faults import Fault, InputError, InputWarning, Place, place_text, shown
from ...mapping import Factors, MappingDocument
from ..json_files import JsonObject
from .timeloop_directives import Directive, completed, expect_known, outermost_first, read_directive

MEMORIES = ("dram", "spm", "rf")
"""Our memories, outermost first."""

_KNOWN_NAMES = {
    "dram": r"dram|main_?memory|backing_?stor.*|off_?chip.*",
    "rf": r"(.*_)?rf|.*reg(ister)?(_?files?|s)?|.*spad|pe_?buffer",
    "spm": r"spm|.*scratch_?pad|.*(global|shared|glb|l2).*|.*buffer|.*sram",
}
"""Names of storage levels, matched in this order and without regard to case."""


def mapping_of(document: object) -> list[Any] | None:
    """The directives of a mapping in a file's data, or ``None``: a list under ``mapping`` or its ``nodes``."""
    if not isinstance(document, dict):
        return None
    mapping = cast("JsonObject", document).get("mapping")
    nodes = cast("JsonObject", mapping).get("nodes") if isinstance(mapping, dict) else mapping
    return cast("list[Any]", nodes) if isinstance(nodes, list) else None


def read_mapping(
    entries: Sequence[Any], bounds: Mapping[str, int], file: str, levels: Sequence[str] | None = None
) -> MappingDocument:
    """The mapping of a nest with the given bounds that the entries describe.

    ``levels`` names the targets that are our DRAM, scratchpad and register files; otherwise they are known by name.

    Raises:
        InputError: for what is malformed, or what our machine has not: further levels of storage, tensors that bypass
            one, loops split over more than one scratchpad, factors that leave a remainder.
    """
    directives = [_directive(entry, bounds, file, ("mapping", number)) for number, entry in enumerate(entries)]
    memory_of = _memories(directives, file, levels)
    tiling: dict[str, dict[str, int]] = {dim: {} for dim in bounds}
    orders: dict[str, tuple[str, ...]] = {}
    for directive in directives:
        level = _level(directive, memory_of, file)
        if level is None:
            continue
        for dim, factor in directive.factors.items():
            if level in MEMORIES and level in tiling[dim]:
                place = place_text(directive.place)
                raise InputError.single(file, place, f"expected loops of {directive.target} once, but given twice")
            tiling[dim][level] = tiling[dim].get(level, 1) * factor
        if level in ("dram", "spm"):
            orders[level] = _order(directive, bounds, file)
    for dim, bound in bounds.items():
        tiling[dim] = completed(dim, bound, tiling[dim], file)
    absent = [memory for memory in MEMORIES if memory not in memory_of.values()]
    if absent:
        _warn(file, ("mapping",), f"has no level for our {' and '.join(absent)}; no loop iterates there")
    every_dim = tuple(bounds)
    return MappingDocument(
        tiling={dim: Factors(**factors) for dim, factors in tiling.items()},
        dram_order=orders.get("dram", every_dim),
        spm_order=orders.get("spm", every_dim),
    )


def _directive(entry: Any, bounds: Mapping[str, int], file: str, place: Place) -> Directive:
    directive = read_directive(entry, bounds, file, place)
    expect_known(directive, bounds, file)
    if directive.kind not in ("temporal", "spatial", "bypass"):
        expected = "temporal, spatial, datatype, dataspace or bypass"
        raise InputError.single(file, place_text((*place, "type")), f"expected {expected}, got {shown(directive.kind)}")
    return directive


def _memories(directives: Sequence[Directive], file: str, levels: Sequence[str] | None) -> dict[str, str]:
    """Which of our memories every target is; targets in between at which no loop iterates are none of them."""
    targets = list(dict.fromkeys(directive.target for directive in directives))
    iterating = [d.target for d in directives if d.kind == "temporal" and not d.is_trivial]
    if levels is not None:
        chosen = {target: memory for target, memory in zip(levels, MEMORIES, strict=True) if target in targets}
    elif all(target.isdecimal() for target in targets):
        outermost_first = sorted(map(int, targets), reverse=True)
        chosen = {str(target): memory for target, memory in zip(outermost_first, MEMORIES, strict=False)}
    else:
        by_memory: dict[str, str] = {}
        for target in sorted(targets, key=lambda target: target not in iterating):
            by_memory.setdefault(_memory_by_name(target), target)
        chosen = {target: memory for memory, target in by_memory.items() if memory}
    left = [target for target in iterating if target not in chosen]
    if left:
        known = ", ".join(f"{target} as {memory}" for target, memory in chosen.items()) or "none"
        message = (
            f"cannot place level {shown(left[0])} beside {known}; without an architecture it is DRAM, SPM and RF "
            "(see --levels): give the mapping's architecture file, too"
        )
        raise InputError.single(file, "mapping", message)
    return chosen


def _memory_by_name(target: str) -> str:
    """Which of our memories a level is by its name; empty where the name says nothing."""
    fitting = (memory for memory, names in _KNOWN_NAMES.items() if re.fullmatch(names, target, re.IGNORECASE))
    return next(fitting, "")


def _level(directive: Directive, memory_of: Mapping[str, str], file: str) -> str | None:
    """The level whose factors a directive gives: a memory, ``spatial``, or ``None`` where it says nothing of ours.

    Raises:
        InputError: for what our machine has not.
    """
    memory, place = memory_of.get(directive.target), place_text(directive.place)
    if directive.kind == "bypass":
        if memory is not None and directive.bypassed:
            tensors = ", ".join(directive.bypassed)
            message = f"expected every tensor to be kept in {directive.target} ({memory}), but {tensors} bypasses it"
            raise InputError.single(file, f"{place}.bypass", message)
        return None
    if directive.kind == "temporal":
        return memory
    if directive.is_trivial:
        return None
    if memory in ("dram", "rf"):
        instances = "scratchpads" if memory == "dram" else "multipliers in a PE"
        message = f"expected no loops over several {instances} below {directive.target}; our machine has one"
        raise InputError.single(file, f"{place}.factors", message)
    if memory is None:
        _warn(file, directive.place, f"{shown(directive.target)} is taken to be the PEs between SPM and RF")
    return "spatial"


def _order(directive: Directive, bounds: Mapping[str, int], file: str) -> tuple[str, ...]:
    """The order of a directive's loops, outermost first; dimensions that it leaves out do not iterate."""
    left_out = [dim for dim in bounds if dim not in directive.permutation]
    unplaced = [dim for dim in left_out if directive.factors.get(dim, 1) != 1]
    if len(unplaced) > 1 or (unplaced and directive.permutation):
        place = place_text((*directive.place, "permutation"))
        raise InputError.single(file, place, f"expected every dimension that iterates, but {unplaced[0]} is left out")
    return outermost_first(tuple(bounds), directive.permutation)


def _warn(file: str, place: Place, message: str) -> None:
    warnings.warn(str(Fault(file, place_text(place), message)), InputWarning, stacklevel=2)
