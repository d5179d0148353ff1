"""What a verb works on: one file of ours, or the files of a Timeloop design, of which one holds the architecture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ...model.base import Model
from ...model.documents.spec import Spec
from ...model.faults import InputError
from ...model.reading.interop.layer_files import is_many
from ...model.reading.interop.yaml_files import is_yaml
from ...model.reading.loading import ResolvedSpec, resolved
from ...model.reading.references import with_batch
from ...model.reading.sources.given_spec import SPEC_KINDS
from ...model.reading.tables.scalesim_machines import is_configuration
from ...model.reading.validation import validated
from .named_files import found
from .overrides import (
    FLAGS,
    Overrides,
    changes_of,
    is_layers,
    load_files_with_overrides,
    load_request_with_values,
    load_with_overrides,
    options_placed,
    ways_to_cost,
    with_overrides,
)

if TYPE_CHECKING:
    from ...model.evaluating import AnyRequest
    from ...model.reading.interop.imported_design import ImportedDesign

AnyDocument = TypeVar("AnyDocument", bound=Model)


def load_job(paths: Sequence[Path], overrides: Overrides) -> ResolvedSpec[Spec]:
    """The spec that the files are, with options in place of its own values.

    Raises:
        InputError: for faulty files or options.
    """
    paths = [found(path, SPEC_KINDS) for path in paths]
    design = design_in(paths)
    if design is None and len(paths) > 1 and all(is_layers(path) for path in paths):
        return load_files_with_overrides(paths, overrides)
    if design is None:
        return load_with_overrides(_single(paths), overrides)
    faulty = [field for field in ("architecture", "dims", "inputs") if field in overrides.model_fields_set]
    if faulty:
        message = "expected none, for the files hold an architecture and a problem with its sizes"
        raise InputError.single(None, FLAGS[faulty[0]], message)
    file = names_of(paths)
    spec = design.spec(overrides.accounting)
    if overrides.batch is not None:
        spec = spec.model_copy(update={"workload": with_batch(design.layers, overrides.batch, file)})
    if overrides.cost_model is not None:
        spec = spec.model_copy(update={"cost_model": overrides.cost_model})
    with options_placed(overrides):
        return with_overrides(resolved(_changed(spec, overrides), Path(), file), overrides)


def load_request_of(paths: Sequence[Path], overrides: Overrides) -> AnyRequest:
    """The request that the files are, with options in place of its own values.

    Raises:
        InputError: for faulty files or options, and for a design without a mapping.
    """
    design = design_in(paths)
    if design is None:
        return load_request_with_values(_single(paths), overrides)
    if design.mapping is None:
        raise InputError.single(names_of(paths), "", "expected a mapping of all loops among the files, got none")
    with options_placed(overrides):
        return _changed(design.request().model_copy(update=dict(ways_to_cost(overrides))), overrides)


def _changed(document: AnyDocument, overrides: Overrides) -> AnyDocument:
    """A spec or a request that stands in no file of its own, with other values of single fields.

    Raises:
        InputError: for fields that there are not, or values that they cannot have.
    """
    changes = changes_of(overrides)
    if changes is None:
        return document
    fields = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return validated(type(document), changes(fields, type(document)), None)


def design_in(paths: Sequence[Path]) -> ImportedDesign | None:
    """The design that files of another tool hold together; ``None`` for anything else."""
    if not any(is_configuration(path.name) for path in paths) and not all(_is_one_yaml(path) for path in paths):
        return None
    from ...model.reading.designs.foreign_designs import read_foreign_design  # loaded for such files only

    return read_foreign_design(paths)


def _is_one_yaml(path: Path) -> bool:
    return is_yaml(path.name) and not is_many(str(path), Path())


def names_of(paths: Sequence[Path]) -> str:
    """What faults of several files together name."""
    return ", ".join(map(str, paths))


def _single(paths: Sequence[Path]) -> Path:
    if len(paths) > 1:
        message = "expected one file, files of layers, or the YAML files of a Timeloop design with its architecture"
        raise InputError.single(names_of(paths), "", message)
    return paths[0]
