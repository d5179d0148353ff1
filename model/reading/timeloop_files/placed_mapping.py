"""A Timeloop mapping of a Timeloop machine as a mapping onto ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...faults import InputError, place_text
from ...hierarchy.level_mapping import LevelMappingDocument
from ...loop_nest import LoopNest
from ..interop.timeloop_directives import completed, expect_known, outermost_first
from .component_levels import warn
from .placed_levels import PlacedLevel
from .targeted_entries import Constraint


def placed_mapping(
    directives: Sequence[Constraint], placed: Sequence[PlacedLevel], nest: LoopNest, file: str
) -> LevelMappingDocument:
    """The mapping that the directives describe; levels that they leave out keep what they may, and do not iterate.

    Raises:
        InputError: for loops that are given twice, stand where the machine has no instances or stores nothing, or do
            not multiply to the bounds.
    """
    bounds = dict(zip(nest.dims, nest.bounds, strict=True))
    by_name = {each.level.name: each for each in placed}
    tiling: dict[str, dict[str, int]] = {dim: {} for dim in nest.dims}
    orders: dict[str, tuple[str, ...]] = {}
    keep: dict[str, tuple[str, ...]] = {}
    for directive in directives:
        at = by_name[directive.level.name]
        expect_known(directive.directive, bounds, file)
        if directive.directive.kind == "bypass":
            if at.storage is not None:
                bypassed = () if at.level.kind == "passing" else directive.directive.bypassed
                held = () if at.level.kind == "passing" else tuple(tensor.name for tensor in nest.tensors)
                keep[at.storage] = tuple(name for name in held if name not in bypassed)
        elif directive.directive.kind in ("temporal", "spatial"):
            for (dim, node), factor in _factors(directive, at, nest).items():
                if node in tiling[dim]:
                    place = place_text(directive.directive.place)
                    raise InputError.single(file, place, f"expected loops over {dim} at {node} once, but given twice")
                tiling[dim][node] = factor
            if directive.directive.kind == "temporal" and at.storage is not None:
                orders[at.storage] = outermost_first(nest.dims, directive.directive.permutation)
        else:
            warn(file, directive.directive.place, f"{directive.directive.kind} is not modelled")
    _warn_of_links(directives, placed, [tensor.name for tensor in nest.tensors], file)
    whole = {dim: completed(dim, bound, tiling[dim], file) for dim, bound in bounds.items()}
    return LevelMappingDocument(
        tiling={dim: {node: n for node, n in factors.items() if n > 1} for dim, factors in whole.items()},
        orders={level: tuple(dim for dim in order if whole[dim].get(level, 1) > 1) for level, order in orders.items()},
        keep=keep,
    )


def _factors(directive: Constraint, at: PlacedLevel, nest: LoopNest) -> Mapping[tuple[str, str], int]:
    """The factors of a directive by dimension and node of ours."""
    is_temporal = directive.directive.kind == "temporal"
    split = directive.directive.split
    order = outermost_first(nest.dims, directive.directive.permutation)[::-1]
    along_x = order if split is None else order[:split]
    found: dict[tuple[str, str], int] = {}
    for dim, factor in directive.directive.factors.items():
        across = at.along_x if dim in along_x else at.along_y
        node = at.storage if is_temporal else across
        if node is not None:
            found[dim, node] = factor
        elif factor != 1:
            axis = "X" if dim in along_x else "Y"
            lacks = "stores nothing" if is_temporal else f"has one instance inside along {axis}"
            message = f"expected {dim}=1 at {at.level.name}, which {lacks}, got {factor}"
            raise InputError.single(directive.file, place_text((*directive.directive.place, "factors")), message)
    return found


def _warn_of_links(
    directives: Sequence[Constraint], placed: Sequence[PlacedLevel], tensors: Sequence[str], file: str
) -> None:
    """Timeloop lets neighbours pass words on unless a mapping says otherwise."""
    spreading = [d.directive for d in directives if d.directive.kind == "spatial" and not d.directive.is_trivial]
    linked = [d for d in spreading if not set(tensors) <= set(map(str, d.fields.get("no_link_transfer") or ()))]
    if linked and placed:
        message = "words that neighbours pass to each other are not modelled (Timeloop: no_link_transfer)"
        warn(file, linked[0].place, message)
