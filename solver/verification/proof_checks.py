"""Checks of what a result claims of a whole space: no search is taken over, and first goes the route it did not take.

Enumeration with bounds, and where time is too short for that, CP-SAT with other parameters (``docs/certificates.md``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import cast

from ...model.documents.kinds.any_mappings import AnyMappingDocument
from ...model.documents.result import LayerResult
from ...model.documents.verification import Counterexample, ProofCheck
from ...model.hierarchy.constraints.level_constraints import LevelConstraints
from ...model.hierarchy.level_mapping import LevelMappingDocument
from ...model.mapping import Mapping
from ..backend import AnyProblem, LevelsProblem, published
from ..deadline import Deadline
from ..enumeration.refute import refute_by_costing_all, refute_with_bounds
from ..hierarchies.level_refutation import refute_levels
from ..pipeline.ranking import cost_candidate, faults_of_candidate, objective_value
from ..pipeline.runs.solve_job import num_cores
from ..refutation import Refutation
from .path_refutation import refute_by_shortest_path

ROUTES = {
    "enumeration": "by enumeration",
    "cp-sat": "by cp-sat with other parameters",
    "shortest-path": "by a shortest path",
}


def claim(layer: LayerResult) -> float | None:
    """What no mapping may lie below: the bound; infinity where none is said to exist; ``None`` without a claim."""
    return math.inf if layer.status == "infeasible" else layer.bound


def check_proof(space: Sequence[AnyProblem], layer: LayerResult, deadline: Deadline, workers: int | None) -> ProofCheck:
    """Look for a mapping that disproves the claim, in every part of the space; the first one ends it."""
    limit = claim(layer)
    if not space or limit is None:
        return ProofCheck(outcome="not checked", text="proof not checked: the constraints are not known")
    checks: list[ProofCheck] = []
    for position, problem in enumerate(space):
        until = deadline.share(len(space) - position)
        checks.append(_check_part(problem, layer, limit, until, workers))
        if checks[-1].outcome == "disproved":
            return checks[-1]
    return checks[0] if len(checks) == 1 else _together(checks)


def _together(checks: Sequence[ProofCheck]) -> ProofCheck:
    """What became of a proof over several choices of bounds, none of which disproves it."""
    missing = [check for check in checks if check.outcome != "checked"]
    routes = {check.route for check in checks}
    shown = missing[0] if missing else checks[0]
    counted = f"{len(checks) - len(missing)} of {len(checks)} choices of bounds checked"
    route = checks[0].route if len(routes) == 1 else None
    return ProofCheck(outcome=shown.outcome, text=f"{counted}; {shown.text}", route=route)


def _check_part(
    problem: AnyProblem, layer: LayerResult, limit: float, deadline: Deadline, workers: int | None
) -> ProofCheck:
    """Look for a mapping of one problem below a limit, by one route after the other until one decides."""
    tried: list[str] = []
    for refutation in _answers(problem, layer, limit, deadline, workers):
        route = ROUTES[refutation.route]
        if refutation.counterexample is not None:
            found = _confirmed(problem, limit, refutation.counterexample)
            return ProofCheck(
                outcome="disproved",
                text=_disproof(problem, layer, found),
                route=refutation.route,
                counterexample=found,
            )
        if refutation.complete:
            before = f"; undecided before: {'; '.join(tried)}" if tried else ""
            text = f"proof checked {route} ({refutation.examined}){before}"
            return ProofCheck(outcome="checked", text=text, route=refutation.route)
        tried.append(f"{route}, {refutation.examined}")
    why = "time" if not isinstance(problem.constraints, LevelConstraints) or deadline.passed else "left as claimed"
    return ProofCheck(outcome="not checked", text=f"proof not checked: {why} ({'; '.join(tried)})")


def _answers(
    problem: AnyProblem, layer: LayerResult, limit: float, deadline: Deadline, workers: int | None
) -> Iterator[Refutation]:
    """The answers of the routes, each with its share of the time; first one that the search did not take.

    Where no mapping is said to exist, bounds on its cost exclude nothing: then every tiling that fits is looked at
    first, a search that utilisation thresholds cut short early.
    """
    if isinstance(problem.constraints, LevelConstraints):
        yield from _answers_on_hierarchy(cast("LevelsProblem", problem), layer, limit, deadline, workers)
        return
    if limit == math.inf:
        yield refute_by_costing_all(published(problem), limit, deadline.share(3))
    enumeration = layer.certificate.enumeration if layer.certificate is not None else None
    by_enumeration = enumeration is not None and enumeration.finished and limit < math.inf
    if not by_enumeration:
        yield refute_with_bounds(published(problem), limit, deadline.share(2))
    yield _ask_cpsat(problem, limit, deadline.share(2) if by_enumeration else deadline, workers)
    if by_enumeration:
        yield refute_with_bounds(published(problem), limit, deadline)


def _answers_on_hierarchy(
    problem: LevelsProblem, layer: LayerResult, limit: float, deadline: Deadline, workers: int | None
) -> Iterator[Refutation]:
    """All mappings costed where they are few; then the prover that the search did not need, then the other."""
    yield refute_levels(problem, limit, deadline.share(2))
    by_cpsat = layer.statistics.get("proved_by") == "cp-sat"
    first, second = (_ask_programme, _ask_cpsat_on_levels) if by_cpsat else (_ask_cpsat_on_levels, _ask_programme)
    yield first(problem, limit, deadline.part(FIRST_PROVER_SHARE), workers)
    yield second(problem, limit, deadline, workers)


FIRST_PROVER_SHARE = 0.7
"""Part of the time for the prover that the search did not need."""


def _ask_programme(problem: LevelsProblem, limit: float, deadline: Deadline, _workers: int | None) -> Refutation:
    return refute_by_shortest_path(problem, limit, deadline)


def _ask_cpsat_on_levels(problem: LevelsProblem, limit: float, deadline: Deadline, workers: int | None) -> Refutation:
    from ..cpsat.levels.level_proof import refute_levels_with_cpsat  # here, as below

    workers = workers or num_cores()
    return refute_levels_with_cpsat(problem, limit, deadline, seed=VERIFIER_SEED, workers=workers)


def _ask_cpsat(problem: AnyProblem, limit: float, deadline: Deadline, workers: int | None) -> Refutation:
    from ..cpsat.case_refutation import (
        refute_with_cpsat,  # here, as loading OR-Tools takes longer than most other commands
    )

    workers = workers or num_cores()
    return refute_with_cpsat(published(problem), limit, deadline, seed=VERIFIER_SEED, workers=workers)


VERIFIER_SEED = 20190918
"""Seed of CP-SAT in the second opinion: any but the default of the search."""


def _confirmed(problem: AnyProblem, limit: float, mapping: Mapping) -> Counterexample:
    """A counterexample on the one-at-a-time model.

    Raises:
        RuntimeError: when that model does not confirm it.
    """
    found = cost_candidate(problem, mapping)
    value = objective_value(problem.objective, found.cost)
    rules = faults_of_candidate(problem, mapping)
    if rules or value >= limit:
        raise RuntimeError(f"the vectorised model takes {mapping} for legal and below {limit}: {rules}, {value}")
    model, nest = problem.cost_model, problem.nest
    return Counterexample(
        objective_value=value,
        mapping=model.mapping_document(nest, problem.architecture, mapping),
        cost=model.cost_document(nest, problem.architecture, mapping, found.cost),
    )


def _disproof(problem: AnyProblem, layer: LayerResult, found: Counterexample) -> str:
    claim = "though none is said to exist" if layer.bound is None else f"below the bound of {layer.bound}"
    value = f"{problem.objective} {found.objective_value}"
    return f"DISPROVED: mapping {_shown_mapping(found.mapping)} has {value}, {claim}"


def _shown_mapping(mapping: AnyMappingDocument) -> str:
    """Its factors above 1 and its orders."""
    if isinstance(mapping, LevelMappingDocument):
        return json.dumps(mapping.model_dump(mode="json"))
    rows = {name: {level: n for level, n in row.model_dump().items() if n > 1} for name, row in mapping.tiling.items()}
    factors = [" ".join([name, *(f"{level} {n}" for level, n in row.items())]) for name, row in rows.items() if row]
    orders = f"DRAM order {' '.join(mapping.dram_order or ())}, SPM order {' '.join(mapping.spm_order or ())}"
    return f"({', '.join(factors) or 'all factors 1'}; {orders})"
