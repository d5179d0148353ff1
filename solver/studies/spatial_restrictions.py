"""How a dataflow is asked for: the constraints under which no other loops than its own may be unrolled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, cast

from ...model.cost_model import DEFAULT_COST_MODEL, HIERARCHY
from ...model.dmazerunner.constraints import Constraints
from ...model.documents.kinds.any_constraints import AnyConstraints
from ...model.documents.spec import Spec
from ...model.documents.study_results import Dataflow
from ...model.faults import Fault, InputError
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ...model.hierarchy.machine import Fanout, Machine
from ...model.reading.loading import ResolvedSpec


class SpatialRestriction(Protocol):
    """A spec's constraints, and what they become under a dataflow."""

    def allowed(self, dims: Sequence[str], dataflow: Dataflow) -> tuple[str, ...]:
        """The dimensions of a dataflow that a nest with some dimensions may unroll."""
        ...

    def under(self, unrolled: tuple[str, ...]) -> AnyConstraints:
        """The constraints with only these dimensions unrolled."""
        ...

    def faults(self, dataflows: Sequence[Dataflow]) -> Iterator[Fault]:
        """What would make restricted and unrestricted searches speak of different spaces, or leave a dataflow empty."""
        ...


@dataclass(frozen=True)
class PublishedRestriction:
    """By ``spatial_dims``."""

    given: Constraints

    def allowed(self, dims: Sequence[str], dataflow: Dataflow) -> tuple[str, ...]:
        """Those that the nest has and the spec allows."""
        known = dims if self.given.spatial_dims is None else self.given.spatial_dims
        return tuple(name for name in dataflow.spatial_dims if name in dims and name in known)

    def under(self, unrolled: tuple[str, ...]) -> Constraints:
        """Nothing else over the PEs."""
        return self.given.model_copy(update={"spatial_dims": unrolled})

    def faults(self, dataflows: Sequence[Dataflow]) -> Iterator[Fault]:
        """A preset, and fixed factors that a dataflow rules out."""
        if self.given.preset is not None:
            message = "expected none for a dataflow study: every dataflow would end with thresholds of its own"
            yield Fault(None, "constraints.preset", f"{message}; give min_utilization instead")
        for name, factors in self.given.fixed.items():
            yield from _ruled_out(f"fixed.{name}.spatial", name, factors.spatial or 1, dataflows)


@dataclass(frozen=True)
class LevelRestriction:
    """By ``dims`` of every fanout of the PE array."""

    given: LevelConstraints
    array: tuple[Fanout, ...]

    def allowed(self, dims: Sequence[str], dataflow: Dataflow) -> tuple[str, ...]:
        """Those that the nest has, and that the spec and the machine allow at some fanout of the array."""
        known = {name for fanout in self.array for name in dims if self._may_unroll(fanout, name)}
        return tuple(name for name in dataflow.spatial_dims if name in known)

    def under(self, unrolled: tuple[str, ...]) -> LevelConstraints:
        """Nothing else over the fanouts of the array."""
        own = {fanout.name: tuple(name for name in unrolled if self._may_unroll(fanout, name)) for fanout in self.array}
        return self.given.model_copy(update={"dims": {**self.given.dims, **own}})

    def faults(self, dataflows: Sequence[Dataflow]) -> Iterator[Fault]:
        """Least factors at the array that a dataflow rules out."""
        names = [fanout.name for fanout in self.array]
        for rule in ("fixed", "min_factor"):
            asked = self.given.fixed if rule == "fixed" else self.given.min_factor
            for name, factors in asked.items():
                for node in (node for node in factors if node in names):
                    yield from _ruled_out(f"{rule}.{name}.{node}", name, factors[node], dataflows)

    def _may_unroll(self, fanout: Fanout, name: str) -> bool:
        limits = (fanout.dims, self.given.dims.get(fanout.name))
        return all(limit is None or name in limit for limit in limits)


def _ruled_out(place: str, name: str, factor: int, dataflows: Iterable[Dataflow]) -> Iterator[Fault]:
    """A factor above 1 of a dimension that some dataflow does not unroll."""
    against = next((dataflow for dataflow in dataflows if name not in dataflow.spatial_dims), None)
    if factor > 1 and against is not None:
        unrolled = "|".join(against.spatial_dims)
        message = f"expected 1, since dataflow {unrolled} unrolls nothing else, got {factor}"
        yield Fault(None, f"constraints.{place}", message)


def restriction_of(spec: ResolvedSpec[Spec]) -> SpatialRestriction:
    """How a spec's dataflows are asked for.

    Raises:
        InputError: for a hierarchy without one PE array.
    """
    kinds = {DEFAULT_COST_MODEL: _published, HIERARCHY: _on_levels}
    return kinds[spec.architecture.cost_model](spec)


def _published(spec: ResolvedSpec[Spec]) -> SpatialRestriction:
    return PublishedRestriction(cast("Constraints", spec.document.constraints))


def _on_levels(spec: ResolvedSpec[Spec]) -> SpatialRestriction:
    machine = cast("Machine", spec.architecture)
    places = [place for place, node in enumerate(machine.nodes) if isinstance(node, Fanout)]
    array = tuple(node for node in machine.nodes if isinstance(node, Fanout))
    if not 1 <= len(places) <= 2 or any(after - before > 1 for before, after in pairwise(places)):
        found = ", ".join(fanout.name for fanout in array) or "none"
        message = f"expected a machine with one PE array (one fanout, or two in a row) for dataflows, got {found}"
        raise InputError.single(None, "architecture", message)
    return LevelRestriction(cast("LevelConstraints", spec.document.constraints), array)
