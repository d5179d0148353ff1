"""The verb ``import``: a layer of another tool as a request for ``evaluate``, a design as a spec for ``solve``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...model.cost_model import DEFAULT_COST_MODEL
from ...model.cost_models import model_and_machine
from ...model.documents.architectures import AnyArchitecture
from ...model.documents.evaluation import EvaluateRequest
from ...model.faults import InputError, shown
from ...model.reading.builtin_data import builtin_names
from ...model.reading.interop.foreign_layers import read_layer
from ...model.reading.interop.imported_design import ImportedDesign
from ...model.reading.interop.timeloop_mapping import MEMORIES
from ...model.reading.loading import resolve_architecture
from ..answer import Action, Delivery, Exit
from ..arguments.grouping import with_groups
from ..arguments.job_files import design_in
from ..arguments.operands import ForeignPaths
from ..arguments.options import AccountingOption, ArchitectureOfRequest, LayerName, LevelNames
from ..arguments.overrides import FLAGS, overrides_from_options
from ..output import check_destination, document_text, json_text, warnings_reported

DEFAULT_ARCHITECTURE = "dmazerunner-256pe"


@dataclass(frozen=True)
class ImportOptions:
    """What a request is made of beside the files."""

    architecture: ArchitectureOfRequest = DEFAULT_ARCHITECTURE
    layer: LayerName = None
    levels: LevelNames = None
    accounting: AccountingOption = None


@with_groups
def import_verb(files: ForeignPaths, *, options: ImportOptions, delivery: Delivery) -> Action:
    """Print another tool's layer and mapping as a request (JSON) that evaluate takes.

    A Timeloop architecture among the files is the machine: with a mapping they become a request, without one a spec
    with its constraints, counted as Timeloop counts. Dimensions and tensors keep the names that they have in the files.
    What matters there and is not modelled is warned about on standard error.
    """
    return partial(run_import, files, options, delivery)


def run_import(files: Sequence[Path], options: ImportOptions, delivery: Delivery) -> int:
    """Make a request of other tools' files; an architecture that is not built in goes into it as a whole."""
    check_destination(delivery.out)
    with warnings_reported():
        design = design_in(files)
        if design is not None:
            return _deliver_design(design, options, delivery)
        if options.accounting is not None:
            raise InputError.single(None, FLAGS["accounting"], "expected none without a Timeloop architecture")
        imported = read_layer(files, options.layer, _levels(options.levels))
        architecture = _architecture(options.architecture)
    mappings = () if imported.mapping is None else (imported.mapping,)
    request = EvaluateRequest(architecture=architecture, layer=imported.layer, mappings=mappings)
    _deliver(document_text(request, leave_out_absent=True), "dmaze-solve evaluate", delivery)
    return Exit.SOLVED


def _deliver(text: str, command: str, delivery: Delivery) -> None:
    """Print a document, or where a file is written, which command takes it."""
    told = text if delivery.out is None else f"{delivery.out}: use it with {command} {delivery.out}\n"
    delivery.deliver(text, lambda: told)


def _deliver_design(design: ImportedDesign, options: ImportOptions, delivery: Delivery) -> int:
    """A request, or a spec where there is no mapping.

    Raises:
        InputError: for options that choose what the files hold themselves.
    """
    chosen = {"--layer": options.layer, "--levels": options.levels}
    if options.architecture != DEFAULT_ARCHITECTURE:
        chosen["--architecture"] = options.architecture
    for flag, value in chosen.items():
        if value is not None:
            raise InputError.single(None, flag, f"expected none beside files that hold a machine, got {shown(value)}")
    accounting = overrides_from_options({"accounting": options.accounting}).accounting
    document = design.spec(accounting) if design.mapping is None else design.request(accounting)
    text = json_text(document.model_dump(mode="json", by_alias=True, exclude_unset=True))
    _deliver(text, "dmaze-solve" if design.mapping is None else "dmaze-solve evaluate", delivery)
    return Exit.SOLVED


def _architecture(name: str) -> str | AnyArchitecture:
    """A built-in architecture by its name, any other one as a whole; of the published kind, as imported mappings are.

    Raises:
        InputError: when it is not there, faulty, or of another kind.
    """
    try:
        architecture = resolve_architecture(name, Path.cwd())
        model_and_machine(architecture, DEFAULT_COST_MODEL, None)
        return name if name in builtin_names("architectures") else architecture
    except InputError as error:
        raise InputError(f if f.file else replace(f, place="--architecture") for f in error.faults) from error


def _levels(text: str | None) -> tuple[str, ...] | None:
    """The names of the three levels that an option's value gives, outermost first."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != len(MEMORIES) or not all(names):
        raise InputError.single(None, "--levels", f"expected three names such as DRAM,SPM,RF, got {shown(text)}")
    return names
