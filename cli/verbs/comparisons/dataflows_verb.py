"""The verb ``dataflows``: what every layer loses under fixed dataflows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ....model.documents.study_results import DataflowStudy, LayerDataflows, StudySearch
from ....model.faults import Fault, InputError
from ....solver.studies.dataflows import dataflow_study_resolved
from ...answer import Action, Delivery
from ...arguments.grouping import with_groups
from ...arguments.operands import ModelPath
from ...arguments.option_groups import SpecValues, TimeLimits
from ...arguments.options import BackendName, Spatial, Workers
from ...arguments.overrides import Overrides, overrides_from_options
from ...drawing import rendered
from ...output import document_text, kept_for_the_answer
from ...progress_line import shown_progress
from ...reports.comparisons.dataflows_report import print_dataflows
from ...reports.comparisons.study_tables import dataflows_csv
from .studies import SPATIAL, StudyFiles, exit_code_of_study, faults_placed, prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@with_groups
def dataflows_verb(
    spec: ModelPath,
    *,
    delivery: Delivery,
    files: StudyFiles,
    spatial: Spatial = None,
    values: SpecValues,
    backend: BackendName = None,
    times: TimeLimits,
    workers: Workers = None,
) -> Action:
    """What every layer loses under the classic fixed dataflows, against the best mapping of all.

    Output stationary (Ox|Oy), weight stationary (Fx|Fy), row stationary (Oy|Fy), TPU style (M|C), and any others.
    """
    given = {**values.given, "backend": backend, **times.given, "workers": workers}
    overrides = overrides_from_options(given, values.named)
    more = dims_from_options(spatial or [])
    return partial(run_dataflows, spec, overrides, delivery, files, more=more)


def dims_from_options(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The dimensions of further dataflows, from texts such as ``N,M``.

    Raises:
        InputError: for an empty name, or one that stands there twice.
    """
    dataflows = tuple(tuple(name.strip() for name in text.split(",")) for text in texts)
    wrong = [text for text, names in zip(texts, dataflows, strict=True) if "" in names or len(set(names)) < len(names)]
    if wrong:
        raise InputError(Fault(None, SPATIAL, f"expected distinct dimensions such as N,M, got '{t}'") for t in wrong)
    return dataflows


def run_dataflows(
    path: Path, overrides: Overrides, delivery: Delivery, files: StudyFiles, *, more: Sequence[Sequence[str]]
) -> int:
    """Hold the best mapping of every layer under fixed dataflows against the best of all."""
    spec = prepared(path, overrides, delivery, files)
    with faults_placed(path, overrides), shown_progress(spec.document.objective) as display, kept_for_the_answer():
        study = dataflow_study_resolved(spec, display, more=more, at_once=True)
    delivery.deliver(document_text(study), lambda: rendered(lambda console: print_dataflows(console, study)))
    searches = {layer.name: _searches_of_dataflows(layer) for layer in study.layers if layer.same_as is None}
    solved = all(layer.unrestricted is not None and layer.unrestricted.best is not None for layer in study.layers)
    code = exit_code_of_study(searches, interrupted=study.interrupted, solved=solved)
    files.write(lambda: dataflows_csv(study), lambda: _dataflows_figure(study))
    return code


def _dataflows_figure(study: DataflowStudy) -> Figure:
    from ...pictures.dataflow_bars import dataflows_figure

    return dataflows_figure(study)


def _searches_of_dataflows(layer: LayerDataflows) -> list[StudySearch]:
    searches = (layer.unrestricted, *(entry.search for entry in layer.restricted))
    return [search for search in searches if search is not None]
