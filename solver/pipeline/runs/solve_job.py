"""What all layers of a run share: the spec, the back end with its options and cache, and how long it may take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ....model.cost_models import AnySearchableModel
from ....model.documents.architectures import AnyArchitecture
from ....model.documents.kinds.any_mappings import AnyMappingDocument
from ....model.documents.result import LayerResult, Limit, Solution
from ....model.documents.spec import Spec
from ....model.faults import InputError
from ....model.loop_nest import LoopNest
from ....model.reading.loading import ResolvedSpec
from ...backend import AnyMapping, AnyProblem, LayerProblem
from ...deadline import Deadline
from ...registry import load_backend_for
from ...routed_backend import RoutedBackend
from ..cache import Cache
from ..layer_cache import LayerCache
from ..layer_search import LayerSearch
from ..observer import Observer


@dataclass(frozen=True)
class SolveJob:
    """What all layers of a run share. ``total`` is when the run as a whole must end.

    ``until_gap`` is the gap up to which layers are searched beyond their time limit, if they are. ``explains``: for
    limits that no mapping keeps, what can be had is looked for.
    """

    spec: ResolvedSpec[Spec]
    layer_search: LayerSearch
    observer: Observer | None
    total: Deadline
    warm_starts: tuple[AnyMappingDocument, ...] = ()
    until_gap: float | None = None
    explains: bool = False

    def load(self) -> None:
        """Load and build what every layer needs, so that processes share it instead of doing so one by one."""
        if isinstance(self.layer_search.backend, RoutedBackend):
            self.layer_search.backend.method_for(self.spec.cost_model)
        for document in (Solution, LayerResult):
            document.model_rebuild()

    def part(self, workers: int, observer: Observer) -> SolveJob:
        """The same for a part of the layers, with threads and an observer of its own."""
        options = self.layer_search.options.model_copy(update={"workers": workers})
        return replace(self, layer_search=replace(self.layer_search, options=options), observer=observer)

    @property
    def limit_s(self) -> float:
        """Seconds that the next layer may take; not positive when the run's time is used up."""
        return min(self.layer_search.options.time_limit_s, self.total.left_s)

    @property
    def binding_limit(self) -> Limit:
        """Which limit the next layer's time is cut by."""
        return Limit.TOTAL_TIME if self.total.left_s < self.layer_search.options.time_limit_s else Limit.TIME

    def problem(self, nest: LoopNest) -> AnyProblem:
        """The problem of one nest."""
        spec = self.spec.document
        warm_starts = tuple(_warm_starts(self.spec.cost_model, nest, self.spec.architecture, self.warm_starts))
        return LayerProblem(
            nest, self.spec.architecture, spec.constraints, spec.objective, warm_starts, self.spec.cost_model
        )


def layer_search_of(known: ResolvedSpec[Spec], cache: Cache | None) -> LayerSearch:
    """The back end that a spec asks for, with its options and the cache, if there is one."""
    spec = known.document
    options = spec.solver.model_copy(update={"workers": spec.solver.workers or num_cores()})
    if options.pad_bounds and spec.constraints.preset is not None:
        message = f"expected false beside constraints.preset '{spec.constraints.preset}', which does not pad"
        raise InputError.single(None, "solver.pad_bounds", message)
    if options.pad_bounds and options.until_gap is not None:
        raise InputError.single(None, "solver.until_gap", "expected none beside solver.pad_bounds")
    backend = load_backend_for(options.backend, known.cost_model)
    return LayerSearch(backend, options, None if cache is None else LayerCache.of_run(cache, options))


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _warm_starts(
    model: AnySearchableModel, nest: LoopNest, machine: AnyArchitecture, documents: Iterable[AnyMappingDocument]
) -> Iterator[AnyMapping]:
    """Those of some mappings that tile the nest."""
    for document in documents:
        try:
            yield model.mapping_of(nest, machine, document)
        except ValueError:
            continue
