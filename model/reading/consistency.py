"""Checks whether the parts of a spec make sense together: layers, constraints and architecture.

Only what makes no sense is a fault here: unknown names, nests too large to be counted. That a layer has no mapping is
an answer, which the search gives with its reason, and which does not keep the other layers from theirs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..base import MAX_BOUND
from ..cost_model import DEFAULT_COST_MODEL
from ..dmazerunner.architecture import Architecture
from ..dmazerunner.constraints import Constraints
from ..dmazerunner.reuse import has_more_classes
from ..documents.architectures import AnyArchitecture
from ..documents.kinds.any_constraints import AnyConstraints
from ..faults import Fault, InputWarning, Place, listed, place_text, shortened, suggestion
from ..hierarchy.constraints.constraint_faults import shares_of_nothing, unknown_names
from ..hierarchy.constraints.level_constraints import LevelConstraints
from ..hierarchy.machine import Machine
from ..hierarchy.per_tensor import name_faults
from ..hierarchy.resolved_machine import resolved_machine
from ..loop_nest import MAX_MACS, LoopNest

Nests = dict[str, LoopNest]
"""Loop nests by the names of their layers."""

_LONGEST_NAME = 60

MOST_WORDS = 2**53
"""Words of a tensor that a mapping may move: up to here the model over arrays counts exactly."""

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
        return _published_faults(nests, constraints, file)
    return [Fault(file, "constraints", f"expected those for {architecture.cost_model}, got others")]


def _faults_on_hierarchies(
    nests: Nests, constraints: LevelConstraints, machine: Machine, file: str | None
) -> list[Fault]:
    clashes = [*_too_large(nests)]
    for layer, nest in nests.items():
        clashes += [_Clash(("workload",), line, layer) for line in name_faults(nest)]
        found = shares_of_nothing(resolved_machine(machine, nest), constraints)
        clashes += [_Clash(("constraints", *place), message, layer) for place, message in found]
    unknown = unknown_names(nests.values(), machine, constraints)
    misnamed = [Fault(file, place_text(("constraints", *place)), message) for place, message in unknown]
    return [*misnamed, *_one_for_each_place(clashes, file)]


def _published_faults(nests: Nests, constraints: Constraints, file: str | None) -> list[Fault]:
    clashes = [*_too_large(nests), *_too_many_orders(nests)]
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
            elif (words := nest.num_macs * tensor.most_words_per_element(nest.bounds)) > MOST_WORDS:
                message = f"expected tensors of which no mapping moves more than 2**53 = {MOST_WORDS} words"
                yield _Clash(("workload",), f"{message}, got up to {words} of '{shortened(tensor.name, 60)}'", layer)
            elif steps and max(steps) > MAX_BOUND:
                message = f"expected multiples of dimensions of at most {MAX_BOUND} in an index, got {max(steps)}"
                yield _Clash(("workload",), message, layer)


def _too_many_orders(nests: Nests) -> Iterator[_Clash]:
    """Nests whose loop orders differ in more ways than can be told apart one by one."""
    for layer, nest in nests.items():
        if has_more_classes(nest, MOST_CLASSES):
            message = f"expected at most {MOST_CLASSES} classes of loop orders with the same reuse"
            yield _Clash(("workload",), f"{message}, but too many dimensions are missing from several tensors", layer)
