"""The cases into which the space of mappings is split: which reuse holds at both levels, and who is skipped.

Within a case the energy is a sum of monomials and the cycles have linear lower bounds (:mod:`.relaxed_model`). Together
the cases cover, for every tiling, its cheapest orders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from ...loop_nest import LoopNest
from ...mapping import Tiling
from ..reuse import ReuseClass, has_more_classes


@dataclass(frozen=True)
class Case:
    """A pair of reuse classes with what follows from them.

    ``spm_class`` is None when there is one RF pass (all SPM factors 1), ``dram_class`` when there is one SPM pass (all
    DRAM factors 1); otherwise the class is attained by a loop that iterates. ``skipped`` tensors stay in the register
    files across SPM passes: their SPM reuse covers all RF passes, and their DRAM reuse is above 1. Any other tensor
    that is reused at DRAM has RF passes that its SPM reuse does not cover, or a DRAM reuse of 1.
    """

    spm_class: ReuseClass | None
    dram_class: ReuseClass | None
    skipped: frozenset[int]
    any_rounds: bool = False

    def spm_reused(self, tensor: int) -> frozenset[int]:
        """Dimensions over which a tensor is reused in the SPM level."""
        return self.spm_class.reused[tensor] if self.spm_class is not None else frozenset()

    def dram_reused(self, tensor: int) -> frozenset[int]:
        """Dimensions over which a tensor is reused in the DRAM level."""
        return self.dram_class.reused[tensor] if self.dram_class is not None else frozenset()

    def labels(self, nest: LoopNest) -> tuple[str, str]:
        """What is reused over which loops, in the SPM level and in the DRAM level."""
        return class_label(nest, self.spm_class), class_label(nest, self.dram_class)


def class_label(nest: LoopNest, reuse_class: ReuseClass | None) -> str:
    """What a class reuses, over which loops; ``None`` stands for a level with one pass."""
    if reuse_class is None:
        return "none (one pass)"
    names = [
        f"{nest.tensors[t].name}({' '.join(nest.dims[d] for d in sorted(dims))})"
        for t, dims in enumerate(reuse_class.reused)
        if dims
    ]
    return " ".join(names) or "none"


MOST_CLASSES = 32
"""Reuse classes of which all pairs become cases: about 2,500 cases, which take some 10 s to be set up alone."""


def has_few_cases(nest: LoopNest) -> bool:
    """Whether a nest's space can be split into cases; a nest with very many reuse classes is left to enumeration."""
    return not has_more_classes(nest, MOST_CLASSES)


def all_cases(classes: Sequence[ReuseClass]) -> list[Case]:
    """The cases of a nest with these classes: every tiling with its cheapest orders belongs to at least one."""
    cases: list[Case] = []
    single = all(sum(bool(dims) for dims in c.reused) <= 1 for c in classes)
    for dram_class in (None, *classes):
        reused = [t for t, dims in enumerate(dram_class.reused) if dims] if dram_class is not None else []
        for spm_class in (None, *classes):
            for skipped in map(frozenset[int], _subsets(reused)):
                covers = spm_class is not None and all(spm_class.reused[t] for t in skipped)
                if spm_class is None and skipped and single:
                    continue  # in the case that follows with the class that reuses the skipped tensor
                if spm_class is None and not skipped and reused and single:
                    continue  # with one RF pass whatever is reused at DRAM is skipped
                if spm_class is not None and skipped and not covers:
                    continue  # skipping needs all RF passes covered: only with one RF pass, treated elsewhere
                cases.append(Case(spm_class, dram_class, skipped, any_rounds=bool(skipped) and single))
    return cases


def _subsets(items: Sequence[int]) -> chain[tuple[int, ...]]:
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


def holds(nest: LoopNest, case: Case, tiling: Tiling) -> bool:
    """Whether a tiling, with orders of the case's classes, belongs to a case."""
    rounds, passes = tiling.rf_passes, tiling.spm_passes
    if case.spm_class is None:
        if rounds > 1:
            return False
    elif not case.spm_class.attained(tiling.spm) or (rounds == 1 and not case.any_rounds):
        return False
    if case.dram_class is None:
        if passes > 1:
            return False
    elif passes == 1 or not case.dram_class.attained(tiling.dram):
        return False
    for t in range(len(nest.tensors)):
        covered = math.prod(tiling.spm[d] for d in case.spm_reused(t)) == rounds
        moved_less = math.prod(tiling.dram[d] for d in case.dram_reused(t)) > 1
        if (covered and moved_less) != (t in case.skipped):
            return False
    return True
