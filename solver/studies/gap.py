"""The optimality gap of dMazeRunner's auto-pruned search: pruned against proved optima, layer by layer.

Every layer is searched four times on the same exact model: by the spec's back end, by enumeration with bounds (a second
proof without a solver), by the pruned search, and, where that is feasible, by costing every tiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ...model.dmazerunner.constraints import SET_BY_PRESET, Constraints
from ...model.documents.spec import Spec
from ...model.documents.study_results import (
    FullEnumeration,
    GapStudy,
    GivenMapping,
    LayerGap,
    PrunedSearch,
    PublishedGap,
    StudySearch,
)
from ...model.faults import Fault, InputError
from ...model.layers import Layer
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ..pipeline.observer import Observer, observed
from ..pipeline.summary import versions
from .agreement import finished, loss, with_agreement
from .given import LayerMapping, hold_against
from .searches import Found, StudyRun

if TYPE_CHECKING:
    from typing import Unpack

PRUNED = "dmazerunner-auto"
ENUMERATION = "exhaustive"
BOUNDED = "exhaustive-bounded"

DEFAULT_FULL_LIMIT_S = 60.0
"""Time of the full enumeration of one layer."""

COUNTING_LIMIT_S = 10.0
"""Time to count the tilings of one layer without listing them."""

PROBE_SHARE = 0.1
"""Share of its limit after which a full enumeration is asked how far it came."""

CLEARLY_BEYOND = 1.5
"""A projection beyond the limit by this factor is not followed up: it is an estimate from the first part alone."""

PUBLISHED = PublishedGap(
    source="Dave, Kim, Avancha, Lee, Shrivastava: dMazeRunner, ACM TECS 18(5s), 2019",
    mean_loss=0.0256,
    search_reduction=9020.0,
)


def gap_study(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    full_limit_s: float = DEFAULT_FULL_LIMIT_S,
    mappings: Sequence[LayerMapping] = (),
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> GapStudy:
    """What pruning costs: every layer's pruned search against its proved optimum, and whether the proofs agree.

    Spec, ``options`` and ``progress`` as :func:`dmaze.solver.solve` takes them. ``full_limit_s`` is the time of the
    full enumeration of a layer, 0 for none. ``mappings`` are somebody else's, to be held against the optima. Ctrl-C
    ends the study with what was found so far, ``interrupted`` set.

    Raises:
        InputError: for a spec that makes no sense, or that sets what the pruned search sets.
        BackendFault: when the spec's back end cannot be loaded.

    Example:
        >>> study = gap_study("spec.json", full_limit_s=0)  # doctest: +SKIP
        >>> study.mean_loss  # doctest: +SKIP
        0.0144
    """
    with (
        resolved_source(Spec, spec, options) as known,
        observed(observer, known.document.objective, progress=progress) as observers,
    ):
        return gap_study_resolved(known, observers, full_limit_s=full_limit_s, mappings=mappings)


def gap_study_resolved(
    spec: ResolvedSpec[Spec],
    observer: Observer | None = None,
    *,
    full_limit_s: float = DEFAULT_FULL_LIMIT_S,
    mappings: Sequence[LayerMapping] = (),
    at_once: bool = False,
) -> GapStudy:
    """What :func:`gap_study` gives, of a spec that is resolved already; ``at_once`` as in a run that solves."""
    if isinstance(spec.document.constraints, Constraints):
        _refuse_what_the_preset_sets(spec.document.constraints)
    run = StudyRun(spec, observer)
    layers = run.over_layers(
        lambda part, layer: _layer_gap(part, layer, full_limit_s),
        lambda layer, search: LayerGap(name=layer.name, count=layer.count, solver=search),
        at_once=at_once,
    )
    given, layers = hold_against(run, layers, mappings)
    return _concluded(run, layers, given, full_limit_s)


def _concluded(
    run: StudyRun, layers: tuple[LayerGap, ...], given: tuple[GivenMapping, ...], full_limit_s: float
) -> GapStudy:
    """The study with its means over distinct layers."""
    distinct = [layer for layer in layers if layer.same_as is None]
    pruned = [layer.pruned for layer in distinct if layer.pruned is not None]
    losses = [search.loss for search in pruned if search.loss is not None]
    reductions = [search.search_reduction for search in pruned if search.search_reduction is not None]
    verdicts = [layer.agree for layer in distinct if layer.agree is not None]
    return GapStudy(
        name=run.spec.name,
        cost_model=run.cost_model.name,
        accounting=run.cost_model.accounting,
        objective=run.spec.objective,
        backend=run.options.backend,
        architecture=run.architecture,
        constraints=run.spec.constraints,
        solver=run.options,
        full_limit_s=full_limit_s,
        versions=versions(run.options.backend),
        interrupted=run.interrupted,
        layers=layers,
        mappings=given,
        mean_loss=fmean(losses) if losses else None,
        mean_loss_layers=len(losses),
        mean_search_reduction=fmean(reductions) if reductions else None,
        mean_search_reduction_layers=len(reductions),
        agree=all(verdicts) if verdicts else None,
        published=PUBLISHED,
    )


def _refuse_what_the_preset_sets(given: Constraints) -> None:
    """The pruned space must be a part of the space that the optimum is proved over."""
    own = Constraints()
    changed = [name for name in (*sorted(SET_BY_PRESET), "preset") if getattr(given, name) != getattr(own, name)]
    message = f"expected none for a gap study: its pruned search sets it by the preset {PRUNED}, the others search all"
    if changed:
        raise InputError(Fault(None, f"constraints.{name}", message) for name in changed)


def _layer_gap(run: StudyRun, layer: Layer, full_limit_s: float) -> LayerGap:
    """All searches of one layer; those after an interruption are missing."""
    own = run.options.backend
    solver = _document(run.search(layer, f"by {own}"))
    given = run.spec.constraints
    bounds = isinstance(given, Constraints) and own != BOUNDED
    bounded = _document(run.search(layer, "enumeration with bounds", backend=BOUNDED)) if bounds else None
    pruned = _pruned(run, layer, given) if isinstance(given, Constraints) else None
    full = _full(run, layer, full_limit_s)
    gap = LayerGap(
        name=layer.name,
        count=layer.count,
        space_tilings=run.num_tilings(layer, COUNTING_LIMIT_S),
        solver=solver,
        pruned=pruned,
        full=full,
        bounded=bounded,
    )
    return _with_loss(with_agreement(gap))


def _document(found: Found | None) -> StudySearch | None:
    return None if found is None else found.document()


def _pruned(run: StudyRun, layer: Layer, given: Constraints) -> PrunedSearch | None:
    """The published search: the preset beside the spec's other constraints, every method costed."""
    others = given.model_dump(exclude=SET_BY_PRESET, exclude_unset=True)
    constraints = Constraints.model_validate({**others, "preset": PRUNED})
    found = run.search(layer, "pruned search", constraints=constraints, backend=ENUMERATION)
    return PrunedSearch(search=found.document(), thresholds=found.result.thresholds) if found is not None else None


def _with_loss(layer: LayerGap) -> LayerGap:
    """The layer with what its pruned search loses and saves, as far as it ended and the whole space is known."""
    pruned, optimum, space = layer.pruned, layer.optimum, layer.space_tilings
    if pruned is None or not finished(pruned.search):
        return layer
    value, methods = pruned.search.objective_value, pruned.search.tilings_costed
    lost = loss(value, optimum) if value is not None and optimum is not None else None
    reduction = space / methods if space is not None and methods else None
    completed = pruned.model_copy(update={"loss": lost, "search_reduction": reduction})
    return layer.model_copy(update={"pruned": completed})


def _full(run: StudyRun, layer: Layer, limit_s: float) -> FullEnumeration | None:
    """Every tiling costed, unless a first part shows that this takes far longer than the limit."""
    if limit_s == 0:
        return FullEnumeration(outcome="not asked for", search=None, done=None, projected_s=None)
    probe = _enumerated(run, layer, limit_s * PROBE_SHARE)
    if probe is None or probe.outcome != "abandoned":
        return probe
    if probe.projected_s is not None and probe.projected_s > limit_s * CLEARLY_BEYOND:
        return probe
    return _enumerated(run, layer, limit_s) or probe


def _enumerated(run: StudyRun, layer: Layer, limit_s: float) -> FullEnumeration | None:
    found = run.search(layer, "full enumeration", backend=ENUMERATION, time_limit_s=limit_s)
    if found is None:
        return None
    search = found.document()
    if finished(search):
        return FullEnumeration(outcome="finished", search=search, done=1.0, projected_s=None)
    failed = run.interrupted or search.fault is not None
    return FullEnumeration(
        outcome="no answer" if failed else "abandoned",
        search=search,
        done=found.done,
        projected_s=search.seconds / found.done if found.done else None,
    )
