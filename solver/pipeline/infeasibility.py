"""Why a layer has no mapping: a smallest set of constraints and capacities that cannot hold together."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from ...model.dmazerunner.architecture import Architecture
from ...model.dmazerunner.constraints import Constraints, FixedFactors, MinUtilization
from ...model.dmazerunner.legality import TRAFFIC_LIMITS, occupancy, pinned_factors, traffic_limits
from ...model.dmazerunner.mapping import Tiling
from ...model.loop_nest import LoopNest
from ..backend import LayerProblem
from ..enumeration.feasibility import Feasibility

CAPACITIES = ("pes", "rf_bytes_per_pe", "spm")
THRESHOLDS = {"min_utilization.pe": "pe", "min_utilization.rf": "rf", "min_utilization.spm": "spm"}
FLAGS = ("no_spatial_reduction", "no_feature_from_dram")
PRESET = "preset"


def find_conflicts(problem: LayerProblem, time_limit_s: float, *, by_preset: bool = False) -> tuple[str, ...]:
    """Names of constraints and capacities that clash; empty when the problem is found to have a mapping.

    None of the names can be left out: without it the others can hold. That is not so of rules that could not be
    judged in time; they are named as well, so that what is named clashes in any case. ``by_preset`` says that a preset
    has set the least utilisations and the two pruning rules, which are then one rule called ``preset``.
    """
    deadline = time.monotonic() + time_limit_s
    groups = _rules(problem, by_preset=by_preset)
    feasibility = Feasibility(problem.nest)
    if feasibility.decide(problem, _share(deadline, len(groups) + 1)):
        return ()
    needed = list(groups)
    for number, name in enumerate(groups):
        others = [other for other in needed if other != name]
        relaxed = _relaxed(problem, {rule for other in others for rule in groups[other]})
        if feasibility.decide(relaxed, _share(deadline, len(groups) - number)) is False:
            needed = others
    return tuple(needed)


def _share(deadline: float, num_checks: int) -> float:
    """The deadline of the first of some checks that share the time left."""
    now = time.monotonic()
    return now + (deadline - now) / num_checks


def _rules(problem: LayerProblem, *, by_preset: bool) -> dict[str, list[str]]:
    """The rules in force, in the order in which they are tried: machine first. Some go by a common name."""
    constraints = problem.constraints
    asked = constraints.min_utilization.model_dump()
    names = [*CAPACITIES, *(name for name, part in THRESHOLDS.items() if asked[part])]
    names += dict.fromkeys(pin.rule for pin in pinned_factors(problem.nest, constraints))
    names += traffic_limits(constraints)
    groups: dict[str, list[str]] = {}
    for name in names:
        of_preset = by_preset and (name in THRESHOLDS or name in FLAGS)
        groups.setdefault(PRESET if of_preset else name, []).append(name)
    return groups


def _relaxed(problem: LayerProblem, kept: set[str]) -> LayerProblem:
    """The problem with only some of its rules.

    Least utilisations stay shares of the original capacities: a capacity that is dropped grows by a power of two, the
    share shrinks by the same, and every comparison comes out as before.
    """
    architecture, asked = problem.architecture, problem.constraints.min_utilization
    growth = {name: 1 if name in kept else factor for name, factor in _enough(problem.nest, architecture).items()}
    spm = architecture.spm.model_copy(update={"banks": architecture.spm.banks * growth["spm"]})
    rf_bytes_per_pe = architecture.rf_bytes_per_pe * growth["rf_bytes_per_pe"]
    larger = {"pes": architecture.pes * growth["pes"], "rf_bytes_per_pe": rf_bytes_per_pe, "spm": spm}
    thresholds = MinUtilization(
        pe=asked.pe / growth["pes"] if "min_utilization.pe" in kept else 0.0,
        rf=asked.rf / growth["rf_bytes_per_pe"] if "min_utilization.rf" in kept else 0.0,
        spm=asked.spm / growth["spm"] if "min_utilization.spm" in kept else 0.0,
    )
    constraints = _only(problem.constraints, kept).model_copy(update={"min_utilization": thresholds})
    return replace(problem, architecture=architecture.model_copy(update=larger), constraints=constraints)


def _enough(nest: LoopNest, architecture: Architecture) -> dict[str, int]:
    """For every capacity a power of two by which it must grow so that nothing exceeds it."""
    ones = (1,) * len(nest.dims)
    whole = occupancy(nest, architecture, Tiling(dram=ones, spm=ones, rf=nest.bounds, spatial=ones))
    shares = {
        "pes": nest.num_macs / architecture.pes,
        "rf_bytes_per_pe": whole.rf_bytes / architecture.rf_bytes_per_pe,
        "spm": whole.spm_banks / architecture.spm.banks,
    }
    return {name: 1 << max(0, math.ceil(math.log2(share)) + 1) for name, share in shares.items()}


def _only(constraints: Constraints, kept: set[str]) -> Constraints:
    """The constraints without those that are not kept, least utilisations aside."""
    fixed = {
        dim: FixedFactors(**{level: f for level, f in factors.given().items() if f"fixed.{dim}.{level}" in kept})
        for dim, factors in constraints.fixed.items()
    }
    dropped: dict[str, object] = {name: False for name in FLAGS if name not in kept}
    dropped |= {name: None for name in ("spatial_dims", *TRAFFIC_LIMITS) if name not in kept}
    return constraints.model_copy(update={**dropped, "fixed": fixed})
