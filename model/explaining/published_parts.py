"""The published machine as explanations see it: one array of PEs, three memories and a DMA engine.

Source: ``docs/model.md`` sections 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..dmazerunner.architecture import Architecture
from ..dmazerunner.capacities import capacities, grown
from ..dmazerunner.constraints import Constraints
from ..dmazerunner.factorisations import divisors
from ..dmazerunner.legality import pinned_factors
from ..loop_nest import LoopNest
from ..mapping import LEVELS, Mapping, Tiling
from .explainable import ArrayInUse, Enlarged, FieldChange, row_of, splits, with_factor

PES = "PE"
SPATIAL = LEVELS.index("spatial")


def published_array(
    nest: LoopNest, machine: Architecture, constraints: Constraints, mapping: Mapping
) -> tuple[ArrayInUse]:
    """The PEs, and which factors of every dimension its bound and the constraints allow there."""
    pes = capacities(machine).pes
    pinned = {pin.dim: pin.factor for pin in pinned_factors(nest, constraints) if pin.level == pes.level}
    choices = tuple(
        tuple(factor for factor in divisors(bound) if pinned.get(dim, factor) == factor)
        for dim, bound in enumerate(nest.bounds)
    )
    return (ArrayInUse(PES, pes.limit, mapping.tiling.spatial, nest.bounds, choices, pes.rule, pes.threshold_rule),)


def published_spreads(nest: LoopNest, mapping: Mapping, dim: int, factor: int) -> Iterator[Mapping]:
    """The mapping with another spatial factor of a dimension; the rest of its bound lies on DRAM, SPM and RF."""
    levels = mapping.tiling.levels
    for others in splits(nest.bounds[dim] // factor, SPATIAL):
        rows = (with_factor(row, dim, own) for row, own in zip(levels, (*others, factor), strict=True))
        yield replace(mapping, tiling=Tiling(*rows))


def with_least_pes(constraints: Constraints, share: float) -> Constraints:
    """The constraints with a least share of PEs in use."""
    asked = constraints.min_utilization.model_copy(update={"pe": share})
    return constraints.model_copy(update={"min_utilization": asked})


def enlarged_architectures(machine: Architecture) -> Iterator[Enlarged[Architecture]]:
    """One more row of PEs, twice the register files, twice the SPM, twice the DMA's rate; each by itself."""
    pes, row = machine.pes, row_of(machine.pes)
    more = machine.model_copy(update={"pes": pes + row})
    noun = "row of PEs" if row > 1 else "PE"
    yield Enlarged(f"one more {noun}", (FieldChange("pes", pes, pes + row),), more)
    for capacity, what in zip(capacities(machine)[1:], ("register files", "SPM"), strict=True):
        twice = {own.rule: 2 if own.rule == capacity.rule else 1 for own in capacities(machine)}
        change = FieldChange(".".join(capacity.field), capacity.limit, 2 * capacity.limit)
        yield Enlarged(f"twice the {what}", (change,), grown(machine, twice))
    rate = machine.dma.cycles_per_byte
    dma = machine.dma.model_copy(update={"cycles_per_byte": rate / 2})
    change = FieldChange("dma.cycles_per_byte", rate, rate / 2)
    yield Enlarged("twice the DMA bandwidth", (change,), machine.model_copy(update={"dma": dma}))
