"""One case and what is known of it while a search goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ...model.dmazerunner.relaxation.cases import Case
from ...model.dmazerunner.relaxation.relaxed_model import Relaxation
from ...model.documents.result import ClassPair, ClosedBy
from ...model.loop_nest import LoopNest
from .case_solver import CaseHistory


@dataclass
class CaseState:
    """One case and what is known of it.

    ``least`` are lower bounds on energy and cycles over the case. ``bound`` holds for every mapping of it that is not
    costed exactly. ``refuted`` is the target for which the case was proved empty; ``closed_by`` says by what it was
    closed for good.
    """

    number: int
    case: Case
    relaxation: Relaxation
    least: dict[str, float]
    bound: float
    closed_by: ClosedBy | None = None
    refuted: float | None = None
    ties_closed: bool = False
    next_fraction: int = 0
    time_slices: int = 0
    seconds: float = 0.0
    history: CaseHistory = field(default_factory=CaseHistory)

    @property
    def closed(self) -> bool:
        """Whether nothing better than the incumbent can be in the case."""
        return self.closed_by is not None

    def class_pair(self, nest: LoopNest) -> ClassPair:
        """The row of a certificate."""
        spm, dram = self.case.labels(nest)
        return ClassPair(
            spm_reuse=spm,
            dram_reuse=dram,
            skipped=tuple(nest.tensors[t].name for t in sorted(self.case.skipped)),
            closed_by=self.closed_by,
            bound=self.bound if self.bound < math.inf else None,
            refuted=self.refuted if self.refuted is not None and self.refuted < math.inf else None,
            solver_calls=self.history.calls,
            seconds=round(self.seconds, 3),
        )
