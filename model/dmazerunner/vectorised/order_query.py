"""What is asked of the orders of a batch of tilings, and what gives the answers.

A tiling's orders fall into pairs of reuse classes, one class for each level. How good the best pair is can be found by
costing all pairs (:mod:`.all_pairs`) or, where there are very many, by searching them (:mod:`.order_search`): two
implementations of :class:`OrderSearch`, with the same answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...objectives import ObjectiveRule
from ..reuse import ReuseClass
from .batch import Array, Mask, TilingBatch
from .level_terms import DramTerms, RfPass, SharedTerms, Skips, SpmTerms, cost_of_terms, layer_cycles

Permit = Callable[[SharedTerms, DramTerms], Mask]
"""Which DRAM orders keep the traffic limits (:func:`.batch_legality.permit_of`)."""


@dataclass(frozen=True)
class Rules:
    """How orders are costed: exactly, or from below where inner factors are open (:mod:`.batch_bounds`).

    ``costs`` gives energy and cycles under orders of both levels, ``pass_cycles`` those of an SPM pass at least.
    ``spm_is_open``: the SPM factors are not chosen but taken as 1, so that all SPM orders are alike.
    """

    costs: Callable[[SpmTerms, DramTerms], tuple[Array, Array]]
    pass_cycles: Callable[[SpmTerms, Skips], Array]
    spm_is_open: bool = False


EXACT = Rules(lambda spm, dram: cost_of_terms(spm, dram, layer_cycles), lambda spm, skips: spm.spm_pass(skips)[0])


@dataclass(frozen=True)
class Costing:
    """By which rules orders are costed, and which are permitted.

    ``permit``: ``None`` where all orders are permitted. ``run``: as in :class:`.level_terms.SharedTerms`.
    """

    rules: Rules = EXACT
    permit: Permit | None = None
    run: RfPass | None = None


EXACTLY = Costing()
"""All orders, by the exact model."""


@dataclass(frozen=True)
class OrderQuery:
    """What is asked of orders; ``limit``: objective and other metric up to which they are of interest."""

    objective: ObjectiveRule
    costing: Costing = EXACTLY
    limit: tuple[float, float] = (np.inf, np.inf)


@dataclass(frozen=True)
class Best:
    """For every tiling the objective and the tie-breaking metric of its best orders.

    Infinite where no orders are permitted; where they are not of interest, anything from the limit up to what they are.
    """

    values: Array
    ties: Array


class OrderSearch(Protocol):
    """Finds the best orders of tilings of one loop nest on one architecture.

    Of equally good pairs of classes the first is taken, the SPM class varying slowest.
    """

    def best(self, batch: TilingBatch, query: OrderQuery) -> Best:
        """The best orders' objective of every tiling of a batch, as far as it is asked for."""
        ...

    def permitted(self, batch: TilingBatch, permit: Permit) -> Mask:
        """Which tilings of a batch have a DRAM order that is permitted."""
        ...

    def orders(self, batch: TilingBatch, query: OrderQuery) -> tuple[ReuseClass, ReuseClass] | None:
        """Classes (SPM, DRAM) of the best orders of a batch of one tiling; ``None`` where no orders are permitted."""
        ...
