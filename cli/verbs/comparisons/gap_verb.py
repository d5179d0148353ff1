"""The verb ``gap``: what the published pruned search loses against the proved optimum."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ....model.base import Model
from ....model.documents.study_results import GapStudy, LayerGap, StudySearch
from ....model.faults import InputError
from ....model.reading.validation import validated
from ....solver.studies.agreement import whole_searches
from ....solver.studies.gap import DEFAULT_FULL_LIMIT_S, gap_study_resolved
from ....solver.studies.given import load_mappings_resolved
from ...answer import Action, Delivery, Exit
from ...arguments.grouping import with_groups
from ...arguments.operands import StudiedPath
from ...arguments.option_groups import SpecValues, TimeLimits
from ...arguments.options import BackendName, FullLimit, MappingPath, Workers
from ...arguments.overrides import Overrides, number_from_text, overrides_from_options
from ...drawing import rendered
from ...output import document_text, kept_for_the_answer
from ...progress_line import shown_progress
from ...reports.comparisons.gap_report import print_gap
from ...reports.comparisons.study_tables import gap_csv
from .studies import StudyFiles, complain_of_layer, exit_code_of_study, faults_placed, prepared

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FULL_LIMIT = "--full-limit"


@with_groups
def gap_verb(
    spec: StudiedPath = None,
    *,
    delivery: Delivery,
    files: StudyFiles,
    full_limit: FullLimit = None,
    mapping: MappingPath = None,
    values: SpecValues,
    backend: BackendName = None,
    times: TimeLimits,
    workers: Workers = None,
) -> Action:
    """What dMazeRunner's pruned search loses against the proved optimum, layer by layer.

    Every layer is also proved by enumeration with bounds, and enumerated in full where that is feasible. Exit code 70
    when two proofs disagree; else as for solve.
    """
    given = {**values.given, "backend": backend, **times.given, "workers": workers}
    overrides = overrides_from_options(given, values.named)
    limit = full_limit_from_option(full_limit)
    if spec is None and mapping is None:
        message = "dmaze-solve: expected a SPEC, or the mappings of a result, which holds its own"
        raise InputError.single(None, "", f"{message}; see dmaze-solve gap --help")
    return partial(run_gap, spec, overrides, delivery, files, full_limit_s=limit, mapping=mapping)


class _FullLimit(Model):
    full_limit_s: Annotated[float, Field(strict=True, ge=0, le=1e9)] = DEFAULT_FULL_LIMIT_S


def full_limit_from_option(text: str | None) -> float:
    """The seconds that a full enumeration may take.

    Raises:
        InputError: for anything but a number of at least 0.
    """
    try:
        given = {} if text is None else {"full_limit_s": number_from_text(text)}
        return validated(_FullLimit, given, None).full_limit_s
    except InputError as error:
        raise InputError(replace(fault, place=FULL_LIMIT) for fault in error.faults) from error


def run_gap(
    spec_path: Path | None,
    overrides: Overrides,
    delivery: Delivery,
    files: StudyFiles,
    *,
    full_limit_s: float,
    mapping: Path | None,
) -> int:
    """Hold the pruned search of every layer against its proved optimum; a spec that is left out is the result's."""
    path = spec_path or mapping
    assert path is not None
    spec = prepared(path, overrides, delivery, files, of_result=spec_path is None)
    mappings = load_mappings_resolved(mapping, spec) if mapping is not None else ()
    with faults_placed(path, overrides), shown_progress(spec.document.objective) as display, kept_for_the_answer():
        study = gap_study_resolved(spec, display, full_limit_s=full_limit_s, mappings=mappings, at_once=True)
    delivery.deliver(document_text(study), lambda: rendered(lambda console: print_gap(console, study)))
    for layer in study.layers:
        if layer.same_as is None:
            complain_of_layer(layer.name, (f"the proofs disagree: {line}" for line in layer.disagreements))
    searches = {layer.name: _searches_of_gap(layer) for layer in study.layers if layer.same_as is None}
    solved = all(layer.solver is not None and layer.solver.best is not None for layer in study.layers)
    code = exit_code_of_study(searches, interrupted=study.interrupted, solved=solved)
    files.write(lambda: gap_csv(study), lambda: _gap_figure(study))
    return Exit.FAULT if study.agree is False and code != Exit.INTERRUPTED else code


def _gap_figure(study: GapStudy) -> Figure:
    from ...pictures.gap_bars import gap_figure

    return gap_figure(study)


def _searches_of_gap(layer: LayerGap) -> list[StudySearch]:
    pruned = [layer.pruned.search] if layer.pruned is not None else []
    return [*whole_searches(layer), *pruned]
