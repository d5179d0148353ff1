"""One worker's time slice on one case: ask for better mappings until none is left, or the slice is over."""

from __future__ import annotations

import math
import time

from ...model.dmazerunner.relaxation.relaxed_model import CYCLES, ENERGY
from ..deadline import Deadline
from .case_search import CaseSearch
from .case_state import CaseState
from .formulation.case_model import CaseModel
from .formulation.cutoff import Target


def work_on(search: CaseSearch, state: CaseState) -> None:
    """Spend one time slice on a case."""
    TimeSlice(search, state).work()


class TimeSlice:
    """A time slice on one case, which begins when it is made."""

    def __init__(self, search: CaseSearch, state: CaseState) -> None:
        self._search, self._state = search, state
        self._started = time.monotonic()
        length = search.parameters.first_time_slice_s * 2**state.time_slices
        self._end = min(search.deadline, Deadline.after(length))
        self._raising_end = min(self._end, Deadline.after(length * search.parameters.raising_share))

    def work(self) -> None:
        """Close the case, or its ties where it is closed already, as far as there is time."""
        search, state = self._search, self._state
        if state.closed:
            while self._goes_on(self._end) and not state.ties_closed and search.ties_wanted:
                state.ties_closed = self._is_empty_up_to(search.best.value, self._end, search.best.tie)
        else:
            if state.time_slices and search.best.kept:
                self._raise_bound()
            while self._goes_on(self._end) and not state.closed:
                self._close()
        state.time_slices += 1
        state.seconds += time.monotonic() - self._started

    def _goes_on(self, until: Deadline) -> bool:
        return not self._search.stopping.is_set() and not until.passed

    def _close(self) -> None:
        """Ask once for a mapping that improves on the incumbent; the first time, for equally good ones too."""
        search, state = self._search, self._state
        with search.lock:
            value, target = search.best.value, search.admissible()
        ties_too = state.history.calls == 0 and value < math.inf and search.gap is None
        target = value if ties_too else target
        if self._is_empty_up_to(target, self._end):
            proved = value if search.gap is None else target
            with search.lock:
                state.bound, state.refuted = max(state.bound, proved), target
                state.closed_by, state.ties_closed = search.solver.engine.name, ties_too

    def _raise_bound(self) -> None:
        """Prove that the case has nothing below ever larger parts of the incumbent's value."""
        search, state, fractions = self._search, self._state, self._search.parameters.fractions
        while state.next_fraction < len(fractions) and self._goes_on(self._raising_end):
            asked = search.best.value * fractions[state.next_fraction]
            if asked <= state.bound or self._is_empty_up_to(asked, self._raising_end):
                with search.lock:
                    state.bound = max(state.bound, asked)
                state.next_fraction += 1

    def _is_empty_up_to(self, target: float, end: Deadline, tie: float = math.inf) -> bool:
        """Whether the case has no mapping within the target that is not costed yet; what the solver finds is costed."""
        search, state = self._search, self._state
        if target < 0 or state.bound > target or search.best.value <= 0:
            return True
        asked = Target(search.problem.objective, target, state.least[ENERGY], state.least[CYCLES], tie)
        model = CaseModel(search.problem, state.case, state.relaxation, search.ranges, asked).build()
        return search.solver.ask(model, state.history, end).impossible
