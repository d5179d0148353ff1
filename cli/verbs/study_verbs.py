"""What the verbs that compare searches do, once their arguments are understood."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ...model.base import Model
from ...model.documents.spec import Spec
from ...model.documents.study_results import DataflowStudy, GapStudy, LayerDataflows, LayerGap, StudySearch
from ...model.faults import Fault, InputError, escaped
from ...model.reading.validation import validated
from ...solver.studies import dataflow_study, gap_study, load_mappings
from ...solver.studies.agreement import whole_searches
from ...solver.studies.dataflows import MORE
from ...solver.studies.gap import DEFAULT_FULL_LIMIT_S
from ..output import check_destination, complain, document_text, rendered, write_file
from ..overrides import Overrides, load_with_overrides, number_from_text
from ..pictures.files import check_picture, write_picture
from ..progress import shown_progress
from ..reports.dataflows_report import print_dataflows
from ..reports.gap_report import print_gap
from ..reports.study_tables import dataflows_csv, gap_csv
from .commands import Delivery, Exit, placed, warnings_told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CSV = "--csv"
SPATIAL = "--spatial"
FULL_LIMIT = "--full-limit"


@dataclass(frozen=True)
class StudyFiles:
    """Further files that a study is written to: its figures as a table, and drawn."""

    csv: Path | None
    plot: Path | None

    def check(self) -> None:
        """Find out before any work is done whether they can be written.

        Raises:
            InputError: when one cannot.
        """
        check_destination(self.csv, CSV)
        check_picture(self.plot)

    def write(self, table: Callable[[], str], figure: Callable[[], Figure]) -> None:
        """Write those that were asked for."""
        if self.csv is not None:
            write_file(self.csv, table().encode(), CSV)
        if self.plot is not None:
            write_picture(self.plot, figure())


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


def run_gap(
    path: Path,
    overrides: Overrides,
    delivery: Delivery,
    files: StudyFiles,
    *,
    full_limit_s: float,
    mapping: Path | None,
) -> int:
    """Hold the pruned search of every layer against its proved optimum."""
    spec = _prepared(path, overrides, delivery, files)
    mappings = load_mappings(mapping, spec) if mapping is not None else ()
    with _faults_placed(path, overrides), shown_progress(spec.objective) as display:
        study = gap_study(spec, display, full_limit_s=full_limit_s, mappings=mappings)
    files.write(lambda: gap_csv(study), lambda: _gap_figure(study))
    delivery.deliver(document_text(study), lambda: rendered(lambda console: print_gap(console, study)))
    for layer in study.layers:
        if layer.same_as is None:
            _complain(layer.name, (f"the proofs disagree: {line}" for line in layer.disagreements))
    searches = {layer.name: _searches_of_gap(layer) for layer in study.layers if layer.same_as is None}
    solved = all(layer.solver is not None and layer.solver.best is not None for layer in study.layers)
    code = _exit_code(searches, interrupted=study.interrupted, solved=solved)
    return Exit.FAULT if study.agree is False and code != Exit.INTERRUPTED else code


def run_dataflows(
    path: Path, overrides: Overrides, delivery: Delivery, files: StudyFiles, *, more: Sequence[Sequence[str]]
) -> int:
    """Hold the best mapping of every layer under fixed dataflows against the best of all."""
    spec = _prepared(path, overrides, delivery, files)
    with _faults_placed(path, overrides), shown_progress(spec.objective) as display:
        study = dataflow_study(spec, display, more=more)
    files.write(lambda: dataflows_csv(study), lambda: _dataflows_figure(study))
    delivery.deliver(document_text(study), lambda: rendered(lambda console: print_dataflows(console, study)))
    searches = {layer.name: _searches_of_dataflows(layer) for layer in study.layers if layer.same_as is None}
    solved = all(layer.unrestricted is not None and layer.unrestricted.best is not None for layer in study.layers)
    return _exit_code(searches, interrupted=study.interrupted, solved=solved)


def _prepared(path: Path, overrides: Overrides, delivery: Delivery, files: StudyFiles) -> Spec:
    """The spec with its options replaced, once all files that are to be written can be."""
    check_destination(delivery.out)
    files.check()
    with warnings_told():
        return load_with_overrides(path, overrides)


@contextmanager
def _faults_placed(path: Path, overrides: Overrides) -> Generator[None]:
    """Say of faults that only the study found in which file or option they lie."""
    try:
        yield
    except InputError as error:
        raise InputError(
            replace(fault, place=SPATIAL) if fault.place == MORE else placed(fault, path, overrides)
            for fault in error.faults
        ) from error


def _gap_figure(study: GapStudy) -> Figure:
    from ..pictures.gap_bars import gap_figure

    return gap_figure(study)


def _dataflows_figure(study: DataflowStudy) -> Figure:
    from ..pictures.dataflow_bars import dataflows_figure

    return dataflows_figure(study)


def _searches_of_gap(layer: LayerGap) -> list[StudySearch]:
    pruned = [layer.pruned.search] if layer.pruned is not None else []
    return [*whole_searches(layer), *pruned]


def _searches_of_dataflows(layer: LayerDataflows) -> list[StudySearch]:
    searches = (layer.unrestricted, *(entry.search for entry in layer.restricted))
    return [search for search in searches if search is not None]


def _exit_code(searches: Mapping[str, Sequence[StudySearch]], *, interrupted: bool, solved: bool) -> Exit:
    """What a study means for the caller; faults are told."""
    faults = {name: [s.fault for s in found if s.fault is not None] for name, found in searches.items()}
    for name, lines in faults.items():
        _complain(name, lines)
    if interrupted:
        return Exit.INTERRUPTED
    if any(faults.values()):
        return Exit.FAULT
    return Exit.SOLVED if solved else Exit.UNSOLVED


def _complain(layer: str, lines: Iterable[str]) -> None:
    for line in lines:
        complain(f"dmaze-solve: layer {escaped(layer)}: {line}; please report this line with the spec")
