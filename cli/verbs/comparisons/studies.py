"""What the verbs that compare searches, ``gap`` and ``dataflows``, have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ....model.documents.spec import Spec
from ....model.documents.study_results import StudySearch
from ....model.faults import InputError, escaped
from ....model.reading.loading import ResolvedSpec
from ....model.reading.sources.given_spec import SPEC_KINDS
from ....solver.studies.dataflows import MORE
from ...answer import Delivery, Exit
from ...arguments.named_files import found
from ...arguments.options import CsvPath, PlotPath
from ...arguments.overrides import Overrides, load_result_with_overrides, load_with_overrides, placed
from ...output import check_destination, complain, warnings_reported, write_file
from ...pictures.files import check_picture, write_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CSV = "--csv"
SPATIAL = "--spatial"


@dataclass(frozen=True)
class StudyFiles:
    """Further files that a study is written to: its figures as a table, and drawn."""

    csv: CsvPath = None
    plot: PlotPath = None

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


def prepared(
    path: Path, overrides: Overrides, delivery: Delivery, files: StudyFiles, *, of_result: bool = False
) -> ResolvedSpec[Spec]:
    """The spec with its options replaced, once all files that are to be written can be.

    The file is a spec, or where it is said ``of_result`` a result, which holds the spec that it answers.
    """
    check_destination(delivery.out)
    files.check()
    with warnings_reported():
        if of_result:
            return load_result_with_overrides(path, overrides)
        return load_with_overrides(found(path, SPEC_KINDS), overrides)


@contextmanager
def faults_placed(path: Path, overrides: Overrides) -> Generator[None]:
    """Say of faults that only the study found in which file or option they lie."""
    try:
        yield
    except InputError as error:
        raise InputError(
            replace(fault, place=SPATIAL) if fault.place == MORE else placed(fault, path, overrides)
            for fault in error.faults
        ) from error


def exit_code_of_study(searches: Mapping[str, Sequence[StudySearch]], *, interrupted: bool, solved: bool) -> Exit:
    """What a study means for the caller; faults are reported."""
    faults = {name: [s.fault for s in found if s.fault is not None] for name, found in searches.items()}
    for name, lines in faults.items():
        complain_of_layer(name, lines)
    if interrupted:
        return Exit.INTERRUPTED
    if any(faults.values()):
        return Exit.FAULT
    return Exit.SOLVED if solved else Exit.UNSOLVED


def complain_of_layer(layer: str, lines: Iterable[str]) -> None:
    """Report what is a fault of ours or of a back end, and ask for a report."""
    for line in lines:
        complain(f"dmaze-solve: layer {escaped(layer)}: {escaped(line)}; please report this line with the spec")
