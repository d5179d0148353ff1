"""Re-checks a result independently of the search that made it, and says what it could check.

Numbers are recomputed by the one-at-a-time model (:mod:`.recomputation`). Bounds, and claims that no mapping exists,
are checked over the whole space by a route of their own: enumeration with bounds, and where time is too short for that,
CP-SAT with other parameters (``docs/certificates.md``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...model.cost_models import searchable_model_for
from ...model.dmazerunner.constraints import Constraints
from ...model.documents.kinds.any_constraints import AnyConstraints
from ...model.documents.result import LayerResult, Result
from ...model.documents.verification import LayerVerification, ProofCheck, Verification
from ...model.reading.results import load_result
from ...model.reading.sources.given_document import DocumentSource
from ..backend import AnyProblem, LayerProblem
from ..deadline import Deadline
from ..pipeline.observer import Observer, SilentObserver
from ..pipeline.padding import choices_of_bounds
from ..pipeline.presets import resolve_preset, rounds
from .proof_checks import check_proof, claim
from .recomputation import copy_faults, document_faults, padding_faults, solution_faults, status_faults

NOTHING_CLAIMED = ProofCheck(outcome="nothing claimed", text="no bound is claimed")
COPY = ProofCheck(outcome="nothing claimed", text="a copy: see the first of its kind")


NEVER_CHECKED = (
    "what the run says of itself: versions, times, notes, statistics, why it ended, what was cached",
    "certificates, pair by pair: the proof is made anew instead",
    "conflicts: that a layer has no mapping is checked, not what the reasons are or what can be had of a limit",
    "names and sources of networks, and what was left out when one was imported",
    "digests that whoever changed the result has made anew",
)
"""What no verification looks at."""

NO_QUESTION = "whether layers are missing or the question was changed: the result is older than its digests"


@dataclass(frozen=True)
class VerificationLimits:
    """How long and how hard to check."""

    time_limit_s: float = 60.0
    """Seconds for the proof of each layer."""
    workers: int | None = None
    """Threads; as many as cores if `None`."""


@dataclass(frozen=True)
class _Narrowed:
    """The constraints of a layer with its preset resolved; ``None`` where they are not known. What else came up."""

    constraints: AnyConstraints | None
    faults: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Premises:
    """The problem of a layer's solutions; ``None`` where its constraints are not known. What else came up.

    ``space`` is what the layer's bound speaks of: a problem for each choice of bounds.
    """

    problem: AnyProblem | None
    space: tuple[AnyProblem, ...] = ()
    faults: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()


def verify(
    result: Result | DocumentSource, limits: VerificationLimits | None = None, observer: Observer | None = None
) -> Verification:
    """Check every claim of a result: solutions, status, totals, and the proofs as far as time allows.

    The result is given as :func:`dmaze.model.load_result` takes it. What is wrong is told in ``faults`` of the answer.
    Ctrl-C ends the checking; what was checked until then is reported, with ``interrupted`` set.

    Example:
        >>> verify("result.json").holds  # doctest: +SKIP
        True
    """
    result = load_result(result)
    limits, hears = limits or VerificationLimits(), observer or SilentObserver()
    num_distinct = sum(layer.same_as is None for layer in result.layers)
    checked: list[LayerVerification] = []
    originals: dict[str, LayerResult] = {}
    interrupted = False
    for layer in result.layers:
        if layer.same_as is not None:
            checked.append(_checked_copy(layer, originals.get(layer.same_as)))
            continue
        originals.setdefault(layer.name, layer)
        hears.layer_started(layer.name, len(originals), num_distinct)
        found = _checked_layer(result, layer, limits, prove=not interrupted)
        interrupted |= found.proof.text == _INTERRUPTED.text
        checked.append(found)
    faults = tuple(document_faults(result))
    return Verification(
        name=result.name,
        cost_model=result.cost_model,
        objective=result.objective,
        backend=result.backend,
        holds=not faults and all(not layer.faults and layer.proof.outcome != "disproved" for layer in checked),
        complete=all(not layer.not_checked and layer.proof.outcome != "not checked" for layer in checked),
        interrupted=interrupted,
        faults=faults,
        not_checked=(*NEVER_CHECKED, *(() if result.question is not None else (NO_QUESTION,))),
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
    started, deadline = time.monotonic(), Deadline.after(limits.time_limit_s)
    try:
        premises = _premises(result, layer, deadline)
    except KeyboardInterrupt:
        premises, prove = _Premises(None, not_checked=("thresholds: interrupted",)), False
    faults, proof = list(premises.faults), NOTHING_CLAIMED
    if premises.problem is not None:
        faults += solution_faults(premises.problem, layer, result.solver.top_k)
        faults += status_faults(premises.problem, layer, result.solver.relative_gap)
    if claim(layer) is not None:
        try:
            proof = check_proof(premises.space, layer, deadline, limits.workers) if prove else _INTERRUPTED
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


def _premises(result: Result, layer: LayerResult, deadline: Deadline) -> _Premises:
    """The layer's nest and the choices of its bounds, with the constraints that it was to keep."""
    own, options = layer.layer.loop_nest(), result.solver
    model = searchable_model_for(result.cost_model)
    model = model if result.accounting is None else model.under(result.accounting)
    unpadded = LayerProblem(own, result.architecture, result.constraints, result.objective, cost_model=model)
    narrowed = _narrowed(unpadded, layer, deadline)
    if narrowed.constraints is None:
        return _Premises(None, (), narrowed.faults, narrowed.not_checked)
    choices = choices_of_bounds(own, result.constraints, options)
    space = tuple(replace(unpadded, nest=nest, constraints=narrowed.constraints) for nest in choices)
    faults = (*padding_faults(layer, choices, options), *narrowed.faults)
    not_checked = (*_unchecked_padding(layer), *narrowed.not_checked)
    return _Premises(replace(space[0], nest=layer.loop_nest()), space, faults, not_checked)


def _narrowed(problem: AnyProblem, layer: LayerResult, deadline: Deadline) -> _Narrowed:
    """The constraints of a layer; a preset's are those of the round with the stated thresholds."""
    given = problem.constraints
    if given.preset is None:
        return _Narrowed(given, () if layer.thresholds is None else ("thresholds are given, but no preset is",))
    constraints = _constraints_of_round(given, layer)
    if constraints is None:
        if layer.thresholds is None and layer.status == "unknown":
            return _Narrowed(None, not_checked=("everything: the thresholds of the preset are not known",))
        return _Narrowed(None, (f"thresholds: no round of the preset has {_shown_thresholds(layer)}",))
    resolved = resolve_preset(problem, deadline.share(2))
    if resolved.note is not None:
        return _Narrowed(constraints, not_checked=(f"thresholds: {resolved.note}",))
    if resolved.thresholds != layer.thresholds:
        return _Narrowed(constraints, (f"thresholds: {_shown_thresholds(layer)}; the preset ends with others",))
    return _Narrowed(constraints)


def _unchecked_padding(layer: LayerResult) -> Iterator[str]:
    """What a padded layer says of a mapping that is not in its result."""
    if layer.padding is not None and layer.unpadded_objective_value is not None:
        yield "unpadded_objective_value: its mapping is not given"


def _constraints_of_round(given: Constraints, layer: LayerResult) -> Constraints | None:
    return next((found.constraints(given) for found in rounds() if found.thresholds == layer.thresholds), None)


def _shown_thresholds(layer: LayerResult) -> str:
    return "none" if layer.thresholds is None else str(layer.thresholds.model_dump())
