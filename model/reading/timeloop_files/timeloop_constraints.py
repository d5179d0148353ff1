"""Timeloop's constraints of architectures and map spaces as ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...faults import InputError, place_text, shown
from ...hierarchy.constraints.level_constraints import LevelConstraints
from ...hierarchy.machine import Keep
from ...loop_nest import LoopNest
from ..interop.timeloop_directives import Directive, FactorTerm, factor_terms, words
from ..validation import validated
from .component_levels import warn
from .placed_levels import KeepRules, PlacedLevel
from .targeted_entries import Constraint

_UTILIZATION = ("utilization", "parallelism")


def keep_rules(constraints: Iterable[Constraint], tensors: Sequence[str]) -> KeepRules:
    """What constraints say of data spaces: where they must and must not be kept, and what is not multicast."""
    keep: dict[str, dict[str, Keep]] = {}
    alone: dict[str, tuple[str, ...]] = {}
    for constraint in constraints:
        directive, level = constraint.directive, constraint.level.name
        if directive.kind == "bypass":
            for tensor, rule in _keeps(constraint, tensors):
                if keep.setdefault(level, {}).setdefault(tensor, rule) != rule:
                    message = f"expected {tensor} to be kept or bypassed at {level}, got both"
                    raise InputError.single(constraint.file, place_text(directive.place), message)
        elif directive.kind == "spatial":
            named: object = directive.fields.get("no_reuse") or directive.fields.get("no_multicast_no_reduction") or ""
            alone[level] = (*alone.get(level, ()), *_known(words(named, constraint.file, directive.place), tensors))
    return KeepRules(keep, alone)


def _keeps(constraint: Constraint, tensors: Sequence[str]) -> Iterator[tuple[str, Keep]]:
    fields, place, file = constraint.directive.fields, constraint.directive.place, constraint.file
    kept, bypassed = list(constraint.directive.kept), list(constraint.directive.bypassed)
    for field_name, own, other in (("keep_only", kept, bypassed), ("bypass_only", bypassed, kept)):
        if fields.get(field_name) is not None:
            only = words(fields[field_name], file, (*place, field_name))
            own += only
            other += [tensor for tensor in tensors if tensor not in only]
    for tensor in _known(kept, tensors):
        yield tensor, "must"
    for tensor in _known(bypassed, tensors):
        yield tensor, "never"


def _known(names: Sequence[str], tensors: Sequence[str]) -> list[str]:
    """Data spaces of the problem among these; ``*`` is all of them."""
    return list(tensors) if "*" in names else [name for name in names if name in tensors]


@dataclass
class _Collected:
    """Constraints of ours as they come together."""

    fixed: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    min_factor: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    max_factor: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    dims: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    orders: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    min_utilization: dict[str, float] = field(default_factory=dict[str, float])


def level_constraints(
    constraints: Sequence[Constraint],
    placed: Sequence[PlacedLevel],
    nest: LoopNest,
    keep: Mapping[str, Mapping[str, Keep]],
) -> LevelConstraints:
    """Constraints on loops as ours, beside the rules of keeping ``keep`` that the machine does not have already."""
    collected = _Collected()
    by_name = {each.level.name: each for each in placed}
    for each in placed:
        if each.level.kind == "passing" and each.storage is not None:
            for dim in nest.dims:
                collected.fixed.setdefault(dim, {})[each.storage] = 1
        if each.level.kind == "storage" and (share := each.level.number("min_utilization")):
            collected.min_utilization[each.level.name] = share
    _warn_of_strangers(constraints, nest)
    for constraint in constraints:
        _collect(collected, constraint, by_name[constraint.level.name], placed, nest)
    document = {name: value for name, value in vars(collected).items() if value}
    if keep:
        document["keep"] = {level: dict(rules) for level, rules in keep.items()}
    return validated(LevelConstraints, document, placed[0].level.file, ("constraints",))


def warn_of_free_axes(placed: Sequence[PlacedLevel], constraints: LevelConstraints) -> None:
    """Say where a search may put a dimension along X and Y at once, which one level of Timeloop's cannot have."""
    for each in placed:
        axes = [name for name in (each.along_x, each.along_y) if name is not None]
        if len(axes) > 1 and not any(name in constraints.dims for name in axes):
            message = f"{each.level.name}: without a split a dimension may lie along X and Y at once here"
            warn(each.level.file, each.level.place, message)


def _warn_of_strangers(constraints: Sequence[Constraint], nest: LoopNest) -> None:
    """Say once for each file which dimensions it names that the problem has not; what it says of them is left out."""
    for file in dict.fromkeys(constraint.file for constraint in constraints):
        directives = [constraint.directive for constraint in constraints if constraint.file == file]
        named = [name for each in directives for name in (*each.permutation, *(term.dim for term in each.terms))]
        strangers = [name for name in dict.fromkeys(named) if name not in (*nest.dims, "_")]
        if strangers:
            message = (
                f"what constraints say of {', '.join(strangers)} is left out, for the problem has no such dimension"
            )
            warn(file, (), message)


def _collect(
    collected: _Collected, constraint: Constraint, at: PlacedLevel, placed: Sequence[PlacedLevel], nest: LoopNest
) -> None:
    directive = constraint.directive
    if directive.kind == "temporal":
        _collect_temporal(collected, constraint, at, nest)
    elif directive.kind == "spatial":
        _collect_spatial(collected, constraint, at, nest)
    elif directive.kind in _UTILIZATION:
        _collect_utilization(collected, constraint, placed)
    elif directive.kind != "bypass":
        warn(constraint.file, directive.place, f"constraints of type {directive.kind} are not modelled")


def _collect_utilization(collected: _Collected, constraint: Constraint, placed: Sequence[PlacedLevel]) -> None:
    """The least share of all multipliers as that of every fanout, which is less where there are several."""
    least: object = constraint.directive.fields.get("min")
    if isinstance(least, bool) or not isinstance(least, int | float):
        place = place_text((*constraint.directive.place, "min"))
        raise InputError.single(constraint.file, place, f"expected a share, got {shown(least)}")
    fanouts = [name for each in placed for name in (each.along_x, each.along_y) if name is not None]
    collected.min_utilization |= dict.fromkeys(fanouts, float(least))
    if len(fanouts) > 1:
        message = f"a least share of all multipliers is asked of {', '.join(fanouts)} one by one"
        warn(constraint.file, constraint.directive.place, message)


def _collect_temporal(collected: _Collected, constraint: Constraint, at: PlacedLevel, nest: LoopNest) -> None:
    terms = list(_terms(constraint, nest))
    if at.storage is None:
        if any(term.value > 1 and term.relation != "<=" for term in terms):
            message = f"expected no loops in time at {at.level.name}, which stores nothing"
            raise InputError.single(constraint.file, place_text(constraint.directive.place), message)
        return
    for term in terms:
        _add_term(collected, constraint, term, at.storage)
    given = [dim for dim in _prefix(constraint, nest) if dim in nest.dims]
    if given and collected.orders.setdefault(at.storage, given[::-1]) != given[::-1]:
        place = place_text((*constraint.directive.place, "permutation"))
        raise InputError.single(constraint.file, place, f"expected one permutation at {at.level.name}, got two")


def _collect_spatial(collected: _Collected, constraint: Constraint, at: PlacedLevel, nest: LoopNest) -> None:
    along = (
        dict(zip((at.along_x, at.along_y), _axes(constraint, nest), strict=True)) if at.along_x or at.along_y else {}
    )
    for name, dims in along.items():
        if name is not None and len(dims) < len(nest.dims):
            collected.dims[name] = [dim for dim in dims if dim in collected.dims.get(name, dims)]
    for term in _terms(constraint, nest):
        possible = [name for name, dims in along.items() if name is not None and term.dim in dims]
        if not possible:
            if term.value > 1 and term.relation != "<=":
                message = f"expected {term.dim}=1 at {at.level.name}, which has no instances to spread it over"
                raise InputError.single(constraint.file, place_text(constraint.directive.place), message)
            continue
        if len(possible) > 1 and term.relation != "<=" and term.value > 1:
            message = f"{term.dim}{term.relation}{term.value} is asked along X, for no split says which axis it is"
            warn(constraint.file, constraint.directive.place, message)
            _add_term(collected, constraint, term, possible[0])
            _add_term(collected, constraint, FactorTerm(term.dim, "=", 1), possible[1])
            continue
        for name in possible:
            _add_term(collected, constraint, term, name)


def _axes(constraint: Constraint, nest: LoopNest) -> tuple[list[str], list[str]]:
    """The dimensions that may lie along X and those that may lie along Y."""
    split = constraint.directive.split
    if split is None:
        return list(nest.dims), list(nest.dims)
    listed = [dim for dim in _prefix(constraint, nest) if dim in nest.dims]
    unlisted = [dim for dim in nest.dims if dim not in listed]
    if split >= len(nest.dims):
        return list(nest.dims), []
    if split > len(listed):
        return list(nest.dims), unlisted
    return listed[:split], [*listed[split:], *unlisted]


def _prefix(constraint: Constraint, nest: LoopNest) -> list[str]:
    """The innermost loops of a permutation; what it says of the outermost ones, behind ``_``, only if it has all."""
    names = list(constraint.directive.permutation)
    if "_" not in names:
        return names
    if set(nest.dims) <= set(names):
        return [name for name in names if name != "_"]
    place = (*constraint.directive.place, "permutation")
    warn(constraint.file, place, "which loops are outermost is left out; only innermost ones can be asked for")
    return names[: names.index("_")]


def _terms(constraint: Constraint, nest: LoopNest) -> Iterator[FactorTerm]:
    """Factors asked for, of dimensions that the problem has; 0 is the whole bound, more than that is left out."""
    directive = constraint.directive
    bounds = dict(zip(nest.dims, nest.bounds, strict=True))
    only = directive.fields.get("factors_only")
    where = (*directive.place, "factors")
    terms = [*directive.terms, *factor_terms(only, bounds, constraint.file, where)]
    named = {term.dim for term in terms}
    terms += [FactorTerm(dim, "=", 1) for dim in _stopped(directive, constraint.file, nest) if dim not in named]
    for relation, name in (("<=", "default_max_factor"), (">=", "default_min_factor")):
        value: object = directive.fields.get(name)
        if isinstance(value, int):
            terms += [FactorTerm(dim, relation, value) for dim in nest.dims if dim not in named]
    for term in terms:
        bound = bounds.get(term.dim)
        if bound is None:
            continue
        if term.relation == "=" and term.value > bound:
            warn(constraint.file, where, f"{term.dim}={term.value} is left out, for it exceeds the bound {bound}")
        else:
            yield FactorTerm(term.dim, term.relation, term.value or bound)


def _stopped(directive: Directive, file: str, nest: LoopNest) -> list[str]:
    """Dimensions that must not iterate by ``factors_only`` or ``no_iteration_over_dataspaces``."""
    if directive.fields.get("factors_only") is not None:
        return list(nest.dims)
    named: object = directive.fields.get("no_iteration_over_dataspaces") or ""
    tensors = [tensor.name for tensor in nest.tensors]
    stopped = _known(words(named, file, directive.place), tensors)
    indexing = {dim for tensor in nest.tensors if tensor.name in stopped for dim in tensor.dims}
    return [nest.dims[dim] for dim in sorted(indexing)]


def _add_term(collected: _Collected, constraint: Constraint, term: FactorTerm, node: str) -> None:
    table = {"=": collected.fixed, "<=": collected.max_factor, ">=": collected.min_factor}[term.relation]
    if table.setdefault(term.dim, {}).setdefault(node, term.value) != term.value:
        place = place_text((*constraint.directive.place, "factors"))
        given = f"{table[term.dim][node]} and {term.value}"
        raise InputError.single(constraint.file, place, f"expected one factor of {term.dim} at {node}, got {given}")
