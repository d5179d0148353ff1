"""Checks whether the parts of a spec make sense together: layers, constraints and architecture.

Only what no mapping can mend is a fault here; whatever needs a search to be found impossible is left to the search.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..base import MAX_BOUND
from ..cost_model import DEFAULT_COST_MODEL
from ..dmazerunner.architecture import Architecture
from ..dmazerunner.constraints import Constraints, FixedFactors
from ..dmazerunner.legality import pinned_factors
from ..dmazerunner.reuse import has_more_classes
from ..documents.architectures import AnyArchitecture
from ..documents.kinds.any_constraints import AnyConstraints
from ..faults import Fault, InputWarning, Place, listed, place_text, shortened, suggestion
from ..hierarchy.constraints.constraint_faults import contradictions, unknown_names
from ..hierarchy.constraints.level_constraints import LevelConstraints
from ..hierarchy.machine import Machine
from ..hierarchy.per_tensor import name_faults
from ..hierarchy.resolved_machine import resolved_machine
from ..loop_nest import MAX_MACS, LoopNest
from ..mapping import LEVELS

Nests = dict[str, LoopNest]
"""Loop nests by the names of their layers."""

_LONGEST_NAME = 60

MOST_CLASSES = 50_000
"""Reuse classes of a nest: far more than any tiling has, and few enough to be listed in about a second."""


@dataclass(frozen=True)
class _Clash:
    """Something wrong at a place of the spec on account of one layer."""

    place: Place
    message: str
    layer: str


def consistency_faults(
    nests: Nests, constraints: AnyConstraints, architecture: AnyArchitecture, file: str | None
) -> list[Fault]:
    """Everything in which constraints and architecture contradict the layers, one fault for each place of the spec."""
    if isinstance(architecture, Machine) and isinstance(constraints, LevelConstraints):
        return _faults_on_hierarchies(nests, constraints, architecture, file)
    if isinstance(architecture, Architecture) and isinstance(constraints, Constraints):
        return _published_faults(nests, constraints, architecture, file)
    return [Fault(file, "constraints", f"expected those for {architecture.cost_model}, got others")]


def _faults_on_hierarchies(
    nests: Nests, constraints: LevelConstraints, machine: Machine, file: str | None
) -> list[Fault]:
    clashes = [*_too_large(nests)]
    for layer, nest in nests.items():
        clashes += [_Clash(("workload",), line, layer) for line in name_faults(nest)]
        found = contradictions(nest, resolved_machine(machine, nest), constraints)
        clashes += [_Clash(("constraints", *place), message, layer) for place, message in found]
    unknown = unknown_names(nests.values(), machine, constraints)
    misnamed = [Fault(file, place_text(("constraints", *place)), message) for place, message in unknown]
    return [*misnamed, *_one_for_each_place(clashes, file)]


def _published_faults(
    nests: Nests, constraints: Constraints, architecture: Architecture, file: str | None
) -> list[Fault]:
    clashes = [
        *_too_large(nests),
        *_too_many_orders(nests),
        *_indivisible_factors(nests, constraints),
        *_contradictions(nests, constraints),
        *_too_many_pes(nests, constraints, architecture),
        *_too_small(nests, architecture),
    ]
    return [*listed(_unknown_dims(nests, constraints, file)), *_one_for_each_place(clashes, file)]


def warn_of_overlaps(nests: Nests, architecture: AnyArchitecture, file: str | None) -> None:
    """Warns of outputs that loops may meet in: published tiles count as disjoint (``docs/layers.md``)."""
    if architecture.cost_model != DEFAULT_COST_MODEL:
        return
    for layer, nest in nests.items():
        output = nest.tensors[nest.output]
        if not output.is_injective(nest.bounds):
            name, own = (shortened(text, _LONGEST_NAME) for text in (output.name, layer))
            message = f"different loops may add to one element of '{name}'; what that costs is not modelled"
            fault = Fault(file, "workload", f"{message} (layer '{own}')")
            warnings.warn(str(fault), InputWarning, stacklevel=2)


def _unknown_dims(nests: Nests, constraints: Constraints, file: str | None) -> Iterator[Fault]:
    """Names that no layer's nest has."""
    known = list(dict.fromkeys(dim for nest in nests.values() for dim in nest.dims))
    named: list[tuple[Place, str]] = [(("fixed", name), name) for name in constraints.fixed]
    named += [(("spatial_dims", position), name) for position, name in enumerate(constraints.spatial_dims or ())]
    for place, name in named:
        if name not in known:
            message = f"unknown dimension '{shortened(name, _LONGEST_NAME)}'; {suggestion(name, known)}"
            yield Fault(file, place_text(("constraints", *place)), message)


def _one_for_each_place(clashes: Iterable[_Clash], file: str | None) -> Iterator[Fault]:
    """The first message for each place, with the number of further layers that it concerns."""
    by_place: dict[Place, list[_Clash]] = {}
    for clash in clashes:
        by_place.setdefault(clash.place, []).append(clash)
    for place, found in by_place.items():
        others = len({clash.layer for clash in found}) - 1
        more = f" and {others} more" if others else ""
        layer = f"(layer '{shortened(found[0].layer, _LONGEST_NAME)}'{more})"
        yield Fault(file, place_text(place), f"{found[0].message} {layer}")


def _too_large(nests: Nests) -> Iterator[_Clash]:
    """Tensors whose counts would not fit the numbers that the vectorised model and the solver count with."""
    for layer, nest in nests.items():
        for tensor in nest.tensors:
            steps = [abs(step) for index in tensor.index for _, step in index.terms]
            elements = tensor.footprint(nest.bounds)
            if elements > MAX_MACS:
                message = f"expected tensors that span at most 2**48 = {MAX_MACS} elements, got {elements}"
                yield _Clash(("workload",), message, layer)
            elif steps and max(steps) > MAX_BOUND:
                message = f"expected multiples of dimensions of at most {MAX_BOUND} in an index, got {max(steps)}"
                yield _Clash(("workload",), message, layer)


def _too_many_orders(nests: Nests) -> Iterator[_Clash]:
    """Nests whose loop orders differ in more ways than can be told apart one by one."""
    for layer, nest in nests.items():
        if has_more_classes(nest, MOST_CLASSES):
            message = f"expected at most {MOST_CLASSES} classes of loop orders with the same reuse"
            yield _Clash(("workload",), f"{message}, but too many dimensions are missing from several tensors", layer)


def _fixed_dims(nests: Nests, constraints: Constraints) -> Iterator[tuple[str, str, int, FixedFactors]]:
    """Layer, dimension, its bound and its fixed factors, wherever a layer has a dimension with some."""
    for layer, nest in nests.items():
        for name, bound in zip(nest.dims, nest.bounds, strict=True):
            if name in constraints.fixed:
                yield layer, name, bound, constraints.fixed[name]


def _indivisible_factors(nests: Nests, constraints: Constraints) -> Iterator[_Clash]:
    """Fixed factors that cannot multiply to the bound of a dimension."""
    for layer, name, bound, factors in _fixed_dims(nests, constraints):
        place, given = ("constraints", "fixed", name), factors.given()
        wrong = {level: factor for level, factor in given.items() if bound % factor}
        for level, factor in wrong.items():
            yield _Clash((*place, level), f"expected a divisor of the bound {bound}, got {factor}", layer)
        product = math.prod(given.values())
        if not wrong and len(given) == len(LEVELS) and product != bound:
            yield _Clash(place, f"expected factors that multiply to the bound {bound}, got {product}", layer)
        elif not wrong and bound % product:
            yield _Clash(place, f"expected factors whose product divides the bound {bound}, got {product}", layer)


def _contradictions(nests: Nests, constraints: Constraints) -> Iterator[_Clash]:
    """Fixed factors that another constraint sets otherwise."""
    for layer, nest in nests.items():
        pins = pinned_factors(nest, constraints)
        required = {(pin.level, pin.dim): pin for pin in pins if not pin.rule.startswith("fixed.")}
        for pin in pins:
            other = required.get((pin.level, pin.dim))
            if other is not None and other.factor != pin.factor:
                place = ("constraints", "fixed", nest.dims[pin.dim], pin.level)
                yield _Clash(place, f"expected {other.factor}, as {other.rule} asks, got {pin.factor}", layer)


def _too_many_pes(nests: Nests, constraints: Constraints, architecture: Architecture) -> Iterator[_Clash]:
    """Fixed spatial factors that together need more PEs than there are."""
    for layer, nest in nests.items():
        pes = math.prod(constraints.fixed[name].spatial or 1 for name in nest.dims if name in constraints.fixed)
        if pes > architecture.pes:
            message = f"expected spatial factors that need at most the architecture's {architecture.pes} PEs, got {pes}"
            yield _Clash(("constraints", "fixed"), message, layer)


def _too_small(nests: Nests, architecture: Architecture) -> Iterator[_Clash]:
    """Memories that cannot hold one element of each tensor of a layer."""
    name, size = shortened(architecture.name, _LONGEST_NAME), architecture.bytes_per_element
    banks_per_element = -(-size // architecture.spm.bytes_per_bank)
    for layer, nest in nests.items():
        tensors = len(nest.tensors)
        needs: tuple[tuple[Place, int, int], ...] = (
            (("rf_bytes_per_pe",), tensors * size, architecture.rf_bytes_per_pe),
            (("spm", "banks"), tensors * banks_per_element, architecture.spm.banks),
        )
        for place, needed, available in needs:
            if needed > available:
                message = f"expected at least {needed} in '{name}' for one element of each of {tensors} tensors"
                yield _Clash(("architecture", *place), f"{message}, got {available}", layer)
