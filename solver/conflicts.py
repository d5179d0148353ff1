"""Why a layer has no mapping: a smallest set of constraints and capacities that cannot hold together."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..model.architecture import Architecture
from ..model.constraints import Constraints, FixedFactors
from ..model.legality import pinned_factors
from ..model.loop_nest import LoopNest
from .backend import LayerProblem
from .feasibility import is_feasible

CAPACITIES = ("pes", "rf_bytes_per_pe", "spm")
THRESHOLDS = {"min_utilization.pe": "pe", "min_utilization.rf": "rf", "min_utilization.spm": "spm"}
FLAGS = ("no_spatial_reduction", "no_feature_from_dram")
LIMITS = ("max_dram_bytes", "max_dma_invocations")
PRESET = "preset"


def find_conflicts(problem: LayerProblem, time_limit_s: float, *, by_preset: bool = False) -> tuple[str, ...]:
    """Names of constraints and capacities that clash; empty when the problem is found to have a mapping.

    None of the names can be left out: without it the others can hold. That is not so of rules that could not be
    judged in time; they are named as well, so that what is named clashes in any case. ``by_preset`` says that a preset
    has set the least utilisations and the two pruning rules, which are then one rule called ``preset``.
    """
    deadline = time.monotonic() + time_limit_s
    groups = _rules(problem, by_preset=by_preset)
    if is_feasible(problem, _share(deadline, len(groups) + 1)):
        return ()
    needed = list(groups)
    for number, name in enumerate(groups):
        others = [other for other in needed if other != name]
        relaxed = _relaxed(problem, {rule for other in others for rule in groups[other]})
        if is_feasible(relaxed, _share(deadline, len(groups) - number)) is False:
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
    names += [name for name in LIMITS if getattr(constraints, name) is not None]
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
    ...
