"""Re-checks a result independently of the search that made it, and says what it could check.

Numbers are recomputed by the one-at-a-time model (:mod:`.checks`). Bounds, and claims that no mapping exists, are
checked over the whole space by a route of their own: enumeration with bounds, and where time is too short for that,
CP-SAT with other parameters (``docs/certificates.md``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ..model.constraints import Constraints
from ..model.cost import cost_of_mapping
from ..model.documents import cost_to_document
from ..model.mapping import Mapping, MappingDocument, mapping_to_document
from ..model.result import LayerResult, Result
from ..model.verification import Counterexample, LayerVerification, ProofCheck, Verification
from .backend import LayerProblem
from .bounding import refute_by_costing_all, refute_with_bounds
from .checks import copy_faults, document_faults, solution_faults, verdict_faults
from .pipeline import num_cores
from .presets import resolve_preset, rounds
from .ranking import faults_of_candidate, objective_value
from .refutation import Refutation

Tell = Callable[[str], None]
"""Told what is being looked at."""

ROUTES = {"enumeration": "by enumeration", "cp-sat": "by cp-sat with other parameters"}
NOTHING_CLAIMED = ProofCheck(outcome="nothing claimed", text="no bound is claimed")
COPY = ProofCheck(outcome="nothing claimed", text="a copy: see the first of its kind")


@dataclass(frozen=True)
class VerificationLimits:
    """How long and how hard to check: seconds for the proof of each layer, threads (default: as many as cores)."""

    time_limit_s: float = 60.0
    workers: int | None = None


@dataclass(frozen=True)
class _Premises:
    """The problem that a layer's result is about; none where its constraints are not known. What else came up."""

    problem: LayerProblem | None
    faults: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


def verify(result: Result, limits: VerificationLimits | None = None, tell: Tell | None = None) -> Verification:
    """Check every claim of a result: solutions, verdicts, totals, and the proofs as far as time allows.

    Ctrl-C ends the checking; what was checked until then is reported, with ``interrupted`` set.

    Example:
        >>> from dmaze.model import load_result
        >>> verify(load_result("result.json")).holds  # doctest: +SKIP
        True
    """
    limits = limits or VerificationLimits()
    checked: list[LayerVerification] = []
    originals: dict[str, LayerResult] = {}
    interrupted = False
    for layer in result.layers:
        if layer.same_as is not None:
            checked.append(_checked_copy(layer, originals.get(layer.same_as)))
            continue
        originals.setdefault(layer.name, layer)
        if tell is not None:
            tell(layer.name)
        found = _checked_layer(result, layer, limits, prove=not interrupted)
        interrupted |= found.proof.text == _INTERRUPTED.text
        checked.append(found)
    faults = tuple(document_faults(result))
    return Verification(
        name=result.name,
        objective=result.objective,
        backend=result.backend,
        holds=not faults and all(not layer.faults and layer.proof.outcome != "disproved" for layer in checked),
        complete=all(not layer.not_checked and layer.proof.outcome != "not checked" for layer in checked),
        interrupted=interrupted,
        faults=faults,
        layers=tuple(checked),
    )


def _checked_copy(layer: LayerResult, original: LayerResult | None) -> LayerVerification:
    faults = tuple(copy_faults(layer, original))
    return LayerVerification(
        name=layer.name,
        status=layer.status,
        same_as=layer.same_as,
        solutions_checked=0,
        faults=faults,
        not_checked=(),
        proof=COPY,
    )


_INTERRUPTED = ProofCheck(outcome="not checked", text="proof not checked: interrupted")


def _checked_layer(result: Result, layer: LayerResult, limits: VerificationLimits, *, prove: bool) -> LayerVerification:
    started = time.monotonic()
    deadline = started + limits.time_limit_s
    try:
        premises = _premises(result, layer, deadline)
    except KeyboardInterrupt:
        premises, prove = _Premises(None, not_checked=("thresholds: interrupted",)), False
    faults, proof = list(premises.faults), NOTHING_CLAIMED
    if premises.problem is not None:
        faults += solution_faults(premises.problem, layer, result.solver.top_k)
        faults += verdict_faults(premises.problem, layer, result.solver.relative_gap)
    if _claim(layer) is not None:
        try:
            proof = _proof(premises.problem, layer, deadline, limits) if prove else _INTERRUPTED
        except KeyboardInterrupt:
            proof = _INTERRUPTED
    return LayerVerification(
        name=layer.name,
        status=layer.status,
        same_as=None,
        solutions_checked=len(layer.solutions) if premises.problem is not None else 0,
        faults=tuple(faults),
        not_checked=premises.not_checked,
        proof=proof.model_copy(update={"seconds": round(time.monotonic() - started, 3)}),
    )


# The problem that the result is about


def _premises(result: Result, layer: LayerResult, deadline: float) -> _Premises:
    """The layer with its constraints; a preset's are those of the round with the stated thresholds."""
    problem = LayerProblem(layer.layer.loop_nest(), result.architecture, result.constraints, result.objective)
    if result.constraints.preset is None:
        stray = () if layer.thresholds is None else ("thresholds are given, but no preset is",)
        return _Premises(problem, stray)
    constraints = _constraints_of_round(result.constraints, layer)
    if constraints is None:
        if layer.thresholds is None and layer.status == "unknown":
            return _Premises(None, not_checked=("everything: the thresholds of the preset are not known",))
        return _Premises(None, (f"thresholds: no round of the preset has {_shown_thresholds(layer)}",))
    resolved = resolve_preset(problem, (time.monotonic() + deadline) / 2)
    problem = replace(problem, constraints=constraints)
    if resolved.note is not None:
        return _Premises(problem, not_checked=(f"thresholds: {resolved.note}",))
    if resolved.thresholds != layer.thresholds:
        return _Premises(problem, (f"thresholds: {_shown_thresholds(layer)}; the preset ends with others",))
    return _Premises(problem)


def _constraints_of_round(given: Constraints, layer: LayerResult) -> Constraints | None:
    return next((found.constraints(given) for found in rounds() if found.thresholds == layer.thresholds), None)


def _shown_thresholds(layer: LayerResult) -> str:
    return "none" if layer.thresholds is None else str(layer.thresholds.model_dump())


# The proof


def _claim(layer: LayerResult) -> float | None:
    """What no mapping may lie below: the bound; infinity where no mapping is said to exist; none without a claim."""
    return math.inf if layer.status == "infeasible" else layer.bound


def _proof(problem: LayerProblem | None, layer: LayerResult, deadline: float, limits: VerificationLimits) -> ProofCheck:
    """Look for a mapping that disproves the claim, by one route after the other until one decides."""
    limit = _claim(layer)
    if problem is None or limit is None:
        return ProofCheck(outcome="not checked", text="proof not checked: the constraints are not known")
    tried: list[str] = []
    for refutation in _answers(problem, layer, limit, deadline, limits):
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
    return ProofCheck(outcome="not checked", text=f"proof not checked: time ({'; '.join(tried)})")


def _answers(
    problem: LayerProblem, layer: LayerResult, limit: float, deadline: float, limits: VerificationLimits
) -> Iterator[Refutation]:
    """The answers of the routes, each with its share of the time; first one that the search did not take.

    Where no mapping is said to exist, bounds on its cost exclude nothing: then every tiling that fits is looked at
    first, a search that utilisation thresholds cut short early.
    """

    def share(num_routes: int) -> float:
        now = time.monotonic()
        return now + (deadline - now) / num_routes

    if limit == math.inf:
        yield refute_by_costing_all(problem, limit, share(3))
    enumeration = layer.certificate.enumeration if layer.certificate is not None else None
    by_enumeration = enumeration is not None and enumeration.finished and limit < math.inf
    if not by_enumeration:
        yield refute_with_bounds(problem, limit, share(2))
    yield _ask_cpsat(problem, limit, share(2) if by_enumeration else deadline, limits)
    if by_enumeration:
        yield refute_with_bounds(problem, limit, deadline)


def _ask_cpsat(problem: LayerProblem, limit: float, deadline: float, limits: VerificationLimits) -> Refutation:
    from .cpsat.refute import refute_with_cpsat  # here, as loading OR-Tools takes longer than most other commands

    workers = limits.workers or num_cores()
    return refute_with_cpsat(problem, limit, deadline, seed=VERIFIER_SEED, workers=workers)


VERIFIER_SEED = 20190918
"""Seed of CP-SAT in the second opinion: any but the default of the search."""


def _confirmed(problem: LayerProblem, limit: float, mapping: Mapping) -> Counterexample:
    """A counterexample on the one-at-a-time model.

    Raises:
        RuntimeError: when that model does not confirm it.
    """
    cost = cost_of_mapping(problem.nest, problem.architecture, mapping)
    value = objective_value(problem.objective, cost)
    broken = faults_of_candidate(problem, mapping)
    if broken or value >= limit:
        raise RuntimeError(f"the vectorised model takes {mapping} for legal and below {limit}: {broken}, {value}")
    return Counterexample(
        objective_value=value,
        mapping=mapping_to_document(problem.nest, mapping),
        cost=cost_to_document(problem.nest, problem.architecture, mapping.tiling, cost),
    )


def _disproof(problem: LayerProblem, layer: LayerResult, found: Counterexample) -> str:
    claim = "though none is said to exist" if layer.bound is None else f"below the bound of {layer.bound}"
    value = f"{problem.objective} {found.objective_value}"
    return f"DISPROVED: mapping {_shown_mapping(found.mapping)} has {value}, {claim}"


def _shown_mapping(mapping: MappingDocument) -> str:
    """Its factors above 1 and its orders."""
    rows = {name: {level: n for level, n in row.model_dump().items() if n > 1} for name, row in mapping.tiling.items()}
    factors = [" ".join([name, *(f"{level} {n}" for level, n in row.items())]) for name, row in rows.items() if row]
    orders = f"DRAM order {' '.join(mapping.dram_order or ())}, SPM order {' '.join(mapping.spm_order or ())}"
    return f"({', '.join(factors) or 'all factors 1'}; {orders})"
