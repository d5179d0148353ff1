"""The price of a fixed dataflow: the best mapping that unrolls only a given pair of loops, against the best of all.

A dataflow is named by the loops that it unrolls over PEs. Here that is all it fixes (:mod:`.spatial_restrictions`): no
other loop may be unrolled, while tiling and loop orders are optimised and proved as for the unrestricted mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import exp, log
from statistics import fmean
from typing import TYPE_CHECKING

from ...model.documents.result import Number
from ...model.documents.spec import Spec
from ...model.documents.study_results import (
    Dataflow,
    DataflowStudy,
    LayerDataflows,
    LayerOnDataflow,
    MeanRatios,
    PublishedRatios,
    Ratios,
    StudySearch,
)
from ...model.faults import Fault, InputError, shown, suggestion
from ...model.layers import Layer
from ...model.layers.convolution_roles import convolution_roles
from ...model.reading.loading import ResolvedSpec, resolved_source
from ...model.reading.sources.given_spec import SpecSource
from ...model.reading.sources.spec_options import SpecOptions
from ..pipeline.observer import Observer, observed
from ..pipeline.summary import versions
from .searches import StudyRun
from .spatial_restrictions import SpatialRestriction, restriction_of

if TYPE_CHECKING:
    from typing import Unpack

CLASSIC_DATAFLOWS = (
    Dataflow(name="output stationary", spatial_dims=("Ox", "Oy")),
    Dataflow(name="weight stationary", spatial_dims=("Fx", "Fy")),
    Dataflow(name="row stationary", spatial_dims=("Oy", "Fy")),
    Dataflow(name="TPU style", spatial_dims=("M", "C")),
)
"""The prior dataflows that the paper compares with."""

PUBLISHED = PublishedRatios(
    source="Dave, Kim, Avancha, Lee, Shrivastava: dMazeRunner, ACM TECS 18(5s), 2019",
    mean_edp_ratio=9.16,
    mean_cycles_ratio=5.83,
)

MORE = "more"
"""Where faults in further dataflows lie."""


def dataflow_study(
    spec: SpecSource,
    observer: Observer | None = None,
    *,
    more: Sequence[Sequence[str]] = (),
    progress: bool = False,
    **options: Unpack[SpecOptions],
) -> DataflowStudy:
    """What every layer loses under each classic fixed dataflow, and under those that unroll the dimensions in ``more``.

    Spec, ``options`` and ``progress`` as :func:`dmaze.solver.solve` takes them. Ctrl-C ends the study with what was
    found so far, ``interrupted`` set.

    Raises:
        InputError: for a spec that makes no sense, a preset, a fixed spatial factor that a dataflow rules out, a
            hierarchy without one PE array, or a dimension in ``more`` that no layer has.
        BackendFault: when the spec's back end cannot be loaded.

    Example:
        >>> study = dataflow_study("spec.json", more=[("N", "M")])  # doctest: +SKIP
        >>> study.classic_mean.arithmetic.edp  # doctest: +SKIP
        4.2
    """
    with (
        resolved_source(Spec, spec, options) as known,
        observed(observer, known.document.objective, progress=progress) as observers,
    ):
        return dataflow_study_resolved(known, observers, more=more)


def dataflow_study_resolved(
    spec: ResolvedSpec[Spec],
    observer: Observer | None = None,
    *,
    more: Sequence[Sequence[str]] = (),
    at_once: bool = False,
) -> DataflowStudy:
    """What :func:`dataflow_study` gives, of a spec that is resolved already; ``at_once`` as in a run that solves."""
    given = restriction_of(spec)
    run = StudyRun(spec, observer)
    dataflows = _with_more(run.layers, more)
    faults = list(given.faults(dataflows))
    if faults:
        raise InputError(faults)
    layers = run.over_layers(
        lambda part, layer: _layer_dataflows(part, layer, given, dataflows),
        lambda layer, search: LayerDataflows(name=layer.name, count=layer.count, unrestricted=search),
        at_once=at_once,
    )
    classic = {dataflow.name for dataflow in CLASSIC_DATAFLOWS}
    return DataflowStudy(
        name=run.spec.name,
        cost_model=run.cost_model.name,
        accounting=run.cost_model.accounting,
        objective=run.spec.objective,
        backend=run.options.backend,
        architecture=run.architecture,
        constraints=run.spec.constraints,
        solver=run.options,
        versions=versions(run.options.backend),
        interrupted=run.interrupted,
        dataflows=dataflows,
        layers=layers,
        means=tuple(_means(layers, {dataflow.name}, dataflow.name) for dataflow in dataflows),
        classic_mean=_means(layers, classic, None),
        published=PUBLISHED,
    )


def _with_more(layers: Sequence[Layer], more: Sequence[Sequence[str]]) -> tuple[Dataflow, ...]:
    """The classic dataflows and the further ones, each set of dimensions once."""
    known = list(dict.fromkeys(dim for layer in layers for dim in layer.loop_nest().dims))
    unknown = dict.fromkeys(name for names in more for name in names if name not in known)
    if unknown:
        raise InputError(
            Fault(None, MORE, f"unknown dimension {shown(name)}; {suggestion(name, known)}") for name in unknown
        )
    further = (Dataflow(name="|".join(names), spatial_dims=tuple(names)) for names in more)
    distinct: dict[frozenset[str], Dataflow] = {}
    for dataflow in (*CLASSIC_DATAFLOWS, *further):
        distinct.setdefault(frozenset(dataflow.spatial_dims), dataflow)
    return tuple(distinct.values())


def _layer_dataflows(
    run: StudyRun, layer: Layer, given: SpatialRestriction, dataflows: Sequence[Dataflow]
) -> LayerDataflows:
    """The unrestricted search of a layer and one under each dataflow; those after an interruption are missing."""
    found = run.search(layer, "unrestricted")
    if found is None:
        return LayerDataflows(name=layer.name, count=layer.count)
    best = found.document()
    restricted = (_on_dataflow(run, layer, given, dataflow, best) for dataflow in dataflows)
    entries = tuple(entry for entry in restricted if entry is not None)
    return LayerDataflows(name=layer.name, count=layer.count, unrestricted=best, restricted=entries)


def _on_dataflow(
    run: StudyRun, layer: Layer, given: SpatialRestriction, dataflow: Dataflow, best: StudySearch
) -> LayerOnDataflow | None:
    """A layer under a dataflow; ``None`` after an interruption."""
    nest = layer.loop_nest()
    roles = convolution_roles(nest)
    named = tuple(roles.get(name, name) for name in dataflow.spatial_dims)
    unrolled = given.allowed(nest.dims, dataflow.model_copy(update={"spatial_dims": named}))
    if not unrolled:
        return LayerOnDataflow(dataflow=dataflow.name, spatial_dims=(), search=None, ratios=None, proved=False)
    found = run.search(layer, f"only {'|'.join(unrolled)} unrolled", constraints=given.under(unrolled))
    if found is None:
        return None
    search = found.document()
    return LayerOnDataflow(
        dataflow=dataflow.name,
        spatial_dims=unrolled,
        search=search,
        ratios=_ratios(search, best),
        proved=search.status == best.status == "optimal",
    )


def _ratios(search: StudySearch, best: StudySearch) -> Ratios | None:
    if search.best is None or best.best is None or search.objective_value is None or best.objective_value is None:
        return None
    own, unrestricted = search.best.cost, best.best.cost
    return Ratios(
        objective_value=_ratio(search.objective_value, best.objective_value),
        edp=_ratio(own.edp, unrestricted.edp),
        energy=_ratio(own.energy_pj, unrestricted.energy_pj),
        cycles=_ratio(own.cycles, unrestricted.cycles),
    )


def _ratio(value: Number, reference: Number) -> float | None:
    return float(Fraction(value) / Fraction(reference)) if reference else None


def _means(layers: Iterable[LayerDataflows], names: set[str], name: str | None) -> MeanRatios:
    """Means over the distinct layers of the ratios under the dataflows of the given names."""
    entries = [
        entry
        for layer in layers
        if layer.same_as is None
        for entry in layer.restricted
        if entry.dataflow in names and entry.ratios is not None
    ]
    ratios = [entry.ratios for entry in entries if entry.ratios is not None]
    return MeanRatios(
        dataflow=name,
        num_ratios=len(ratios),
        proved=bool(entries) and all(entry.proved for entry in entries),
        arithmetic=_mean_of_each(fmean, ratios),
        geometric=_mean_of_each(_geometric_mean, ratios),
    )


def _mean_of_each(mean: Callable[[Sequence[float]], float], ratios: Sequence[Ratios]) -> Ratios | None:
    """The mean of every figure; ``None`` for a figure that some ratio lacks."""
    if not ratios:
        return None

    def over(values: Iterable[float | None]) -> float | None:
        known = list(values)
        return mean([value for value in known if value is not None]) if None not in known else None

    return Ratios(
        objective_value=over(ratio.objective_value for ratio in ratios),
        edp=over(ratio.edp for ratio in ratios),
        energy=over(ratio.energy for ratio in ratios),
        cycles=over(ratio.cycles for ratio in ratios),
    )


def _geometric_mean(values: Sequence[float]) -> float:
    """Like that of ``statistics``, which refuses the 0 that a figure without a price can have."""
    return exp(fmean(map(log, values))) if all(values) else 0.0
