"""From a spec to the optimum of its network: fronts of all layers first, then the best choice of a point for each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from ...model.cost_model import HIERARCHY
from ...model.documents.networks.network_result import NetworkGoal, NetworkResult
from ...model.documents.pareto import LayerFront
from ...model.documents.spec import Spec
from ...model.objectives import Objective
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ...model.reading.validation import validated
from ..deadline import Deadline
from ..fronts.layer_fronts import pareto_fronts_resolved
from ..pipeline.observer import Observer, observed
from ..routed_backend import map_space_of
from .front_floors import floors_of
from .front_groups import groups_of
from .network_choice import Network, NetworkChoice, choose
from .network_document import NetworkAnswer, network_document

if TYPE_CHECKING:
    from typing import Unpack

FRONT_SLACK = {HIERARCHY: Fraction(2, 10**11)}
"""By how much (relative) energies may be below a complete front's, by the map space: what bounds allow for rounding."""


def network_optimum(
    spec: SpecSource,
    goal: NetworkGoal | Objective = "edp",
    observer: Observer | None = None,
    *,
    check: bool = False,
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> NetworkResult:
    """The best choice of one mapping for every occurrence of every layer, for a goal of the network as a whole.

    Spec, ``options`` and ``progress`` as :func:`dmaze.solver.solve` takes them; the spec's objective and back end do
    not matter. ``time_limit_s`` holds for each layer's front, ``total_time_limit_s`` for all. ``check`` adds a second
    proof of the fronts, as for ``pareto_fronts``. Ctrl-C ends the running search; what was found until then is given,
    with ``interrupted`` set.

    Raises:
        InputError: for names, files or constraints that do not make sense.

    Example:
        >>> network_optimum("spec.json").total.edp  # doctest: +SKIP
        2.33930762054951e+17
        >>> goal = NetworkGoal(objective="energy", max_cycles=20_000_000)
        >>> network_optimum("spec.json", goal).total.energy_pj  # doctest: +SKIP
        11938093115
    """
    wanted = goal if isinstance(goal, NetworkGoal) else validated(NetworkGoal, {"objective": goal}, None, ("goal",))
    with resolved_source(Spec, spec, options) as known, observed(observer, None, progress=progress) as observers:
        return network_optimum_resolved(known, wanted, observers, check=check)


def network_optimum_resolved(
    known: ResolvedSpec[Spec],
    goal: NetworkGoal,
    observer: Observer | None = None,
    *,
    check: bool = False,
    at_once: bool = False,
) -> NetworkResult:
    """What :func:`network_optimum` gives, of a spec that is resolved already; ``at_once`` as in a run that solves."""
    started, limit_s = time.monotonic(), known.document.solver.total_time_limit_s
    deadline = Deadline.of_limit(limit_s)
    fronts = pareto_fronts_resolved(known, observer, check=check, at_once=at_once)
    answer = answer_of(known, fronts.layers, goal, deadline)
    gap = known.document.solver.relative_gap
    return network_document(fronts, goal, gap, answer).model_copy(update={"wall_s": time.monotonic() - started})


def answer_of(
    known: ResolvedSpec[Spec], fronts: Sequence[LayerFront], goal: NetworkGoal, deadline: Deadline
) -> NetworkAnswer:
    """The best choice from fronts, complete or not."""
    impossible = next((front for front in fronts if front.infeasible), None)
    if impossible is not None:
        note = f"layer {impossible.name} has no mapping (proved)"
        return NetworkAnswer(NetworkChoice(None, None), (), infeasible=True, note=note)
    floors = {front.name: floors_of(known, front) for front in fronts if front.same_as is None}
    groups, units = groups_of(fronts, floors)
    slack = FRONT_SLACK.get(map_space_of(known.cost_model), Fraction(0))
    choice = choose(Network(groups, units, slack), goal, deadline)
    return NetworkAnswer(choice, groups, infeasible=choice.infeasible, note=_note(fronts, goal, choice))


def _note(fronts: Sequence[LayerFront], goal: NetworkGoal, choice: NetworkChoice) -> str | None:
    """Why there is no choice, or what its proof lacks."""
    open_ones = [front.name for front in fronts if not front.complete and front.same_as is None]
    without = next((front.name for front in fronts if not front.points), None)
    if choice.least is not None:
        limit = (
            f"at most {goal.max_cycles:,} cycles"
            if goal.max_cycles is not None
            else f"at most {goal.max_energy_pj:,} pJ"
        )
        proved = "" if open_ones else " (proved)"
        return f"no choice of mappings needs {limit}: the least is {choice.least:,}{proved}"
    if without is not None:
        return f"no mapping is known of layer {without}"
    if open_ones:
        return f"{len(open_ones)} fronts are not proved complete, among them that of {open_ones[0]}"
    return None
