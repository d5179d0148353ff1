"""Searches that tests look into."""

from __future__ import annotations

from dmaze.model.dmazerunner.vectorised.batch import Array
from dmaze.model.dmazerunner.vectorised.order_query import Best
from dmaze.solver.enumeration.branch_and_bound import BranchAndBound
from dmaze.solver.search.incumbents import Incumbents


class Watched(Incumbents):
    """Notes the bound of a search whenever tilings are offered."""

    def __init__(self) -> None:
        super().__init__(1)
        self.bounds: list[float] = []
        self.search: BranchAndBound | None = None

    def offer(self, scores: Best, levels: Array) -> bool:
        assert self.search is not None
        self.bounds.append(self.search.bound)
        return super().offer(scores, levels)
