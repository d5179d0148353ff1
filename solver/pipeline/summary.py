"""What a result says about the run as a whole: totals over layers, versions of what computed them, what was asked."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ...model.documents.result import LayerResult, NetworkShare, Question, Result, Totals
from ...model.documents.spec import SolverOptions
from ..installed import available_backends

DISTRIBUTIONS = ("dmaze-solve", "ortools", "numpy")


def totals(layers: Sequence[LayerResult]) -> Totals:
    """Sums over layers times their counts, of every layer's best mapping; all null when a layer has none."""
    best = [(layer.count, layer.solutions[0].cost) for layer in layers if layer.solutions]
    if len(best) < len(layers):
        return Totals(energy_pj=None, cycles=None, edp=None, edp_sum=None)
    energy_pj = sum(count * cost.energy_pj for count, cost in best)
    cycles = sum(count * cost.cycles for count, cost in best)
    edp_sum = sum(count * cost.edp for count, cost in best)
    return Totals(energy_pj=energy_pj, cycles=cycles, edp=float(energy_pj) * float(cycles), edp_sum=edp_sum)


def with_shares(layers: Sequence[LayerResult]) -> tuple[LayerResult, ...]:
    """The layers, each with its part of the totals; as they are when a layer has no mapping."""
    total = totals(layers)
    return tuple(layer.model_copy(update={"share": share_of(layer, total)}) for layer in layers)


def share_of(layer: LayerResult, total: Totals) -> NetworkShare | None:
    """A layer's part of the totals, its count included; nothing without totals, or where they are 0."""
    if not layer.solutions or not total.energy_pj or not total.cycles:
        return None
    cost = layer.solutions[0].cost
    return NetworkShare(
        energy=layer.count * cost.energy_pj / total.energy_pj, cycles=layer.count * cost.cycles / total.cycles
    )


def versions(backend: str) -> dict[str, str]:
    """Versions of Python, of what we compute with, and of the distribution that brings the back end."""
    found = {"python": platform.python_version()}
    home = available_backends()[backend].dist
    names = dict.fromkeys((*DISTRIBUTIONS, home.name) if home is not None else DISTRIBUTIONS)
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # running from a checkout that is not installed
            continue
    return found


def with_question(result: Result, workload: str | None) -> Result:
    """A result that says what it answers."""
    return result.model_copy(update={"question": question_of(result, workload)})


def question_of(result: Result, workload: str | None) -> Question:
    """What a result answers, told from all that it holds."""
    layers = [layer.layer.model_dump(mode="json", by_alias=True) for layer in result.layers]
    conditions = {
        "architecture": result.architecture.model_dump(mode="json"),
        "cost_model": result.cost_model,
        "accounting": result.accounting,
        "objective": result.objective,
        "constraints": result.constraints.model_dump(mode="json"),
        "backend": result.backend,
        "solver": result.solver.model_dump(mode="json", exclude=_left_out(result.solver)),
    }
    return Question(workload=workload, num_layers=len(layers), layers=_digest(layers), conditions=_digest(conditions))


def _left_out(options: SolverOptions) -> set[str]:
    """Options that digests leave out where they are not given, as results of before have no such field."""
    return {"until_gap"} if options.until_gap is None else set()


def _digest(part: object) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
