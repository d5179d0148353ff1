"""Finds what a spec names (built-in data, files) and makes it one self-contained, consistent document.

Source: ``docs/contract.md`` section 1. Every fault is an :class:`InputError`; those inside a file that a spec refers to
name that file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ..cost_models import (
    AnyCostModel,
    AnySearchableModel,
    model_and_machine,
    model_for,
    searchable,
)
from ..documents.architectures import AnyArchitecture
from ..documents.kinds.any_constraints import AnyConstraints
from ..documents.spec import LayerList, Spec
from ..faults import Fault, InputError, place_text
from ..layers import Layer
from . import onnx_files
from .consistency import Nests, consistency_faults, warn_of_overlaps
from .interop import layer_files
from .interop.element_sizes import warn_of_element_sizes
from .interop.yaml_files import is_yaml
from .json_files import JsonObject, read_json
from .references import resolve_architecture, resolve_workload, with_architecture
from .results import load_result
from .sources.documents_of_ours import refuse_answer, refuse_sweep
from .sources.given_document import GivenDocument
from .sources.given_spec import SPEC_KINDS, SpecSource, given_spec, network_fields
from .sources.named_networks import is_named_network
from .sources.result_requests import spec_of_result
from .sources.spec_options import CheckedOptions, SpecOptions, checked_options
from .sources.substitutes import Substitutes, substituted
from .tables.table_files import is_table
from .validation import validated

if TYPE_CHECKING:
    from typing import Unpack

AnySpec = TypeVar("AnySpec", bound=Spec)
SpecT = TypeVar("SpecT", bound=Spec, covariant=True)


def load_spec(source: SpecSource, **options: Unpack[SpecOptions]) -> Spec:
    """A spec with its architecture and its layers in place of their names and paths.

    ``source`` is a spec, its fields, its text as JSON or YAML, the path of its file, or the name of a built-in network
    or example. Paths in a file are relative to its folder, other ones to the current folder. A network by name, an
    ONNX model, a YAML file of layers, or a folder of such files is a spec of nothing but a workload: its architecture
    is to be given. ``options`` stand in place of the spec's own values.

    Raises:
        InputError: with everything that is wrong with the spec, or else with what it refers to.

    Example:
        >>> load_spec("conv5_2").architecture.name
        'dmazerunner-256pe'
        >>> len(load_spec("resnet18", architecture="eyeriss-168", batch=4).workload.layers)
        21
    """
    with resolved_source(Spec, source, options) as known:
        return known.document


@contextmanager
def resolved_source(kind: type[AnySpec], source: SpecSource, options: SpecOptions) -> Generator[ResolvedSpec[AnySpec]]:
    """The parts of a spec however it is given; faults of the work on it are told as those of the spec.

    Raises:
        InputError: with everything that is wrong with the spec or the options, or else with what they refer to.
    """
    checked = checked_options(options)
    given = given_spec(source, SPEC_KINDS, is_network)
    with checked.faults_placed(str(given.path)):
        yield resolved_given(kind, given, checked)


def resolved_given(kind: type[AnySpec], given: GivenDocument, options: CheckedOptions) -> ResolvedSpec[AnySpec]:
    """The parts of a spec of some kind from its fields and options."""
    sizes = options.sizes
    substitutes = Substitutes(options.architecture, batch=sizes.batch, dims=sizes.dims, inputs=sizes.inputs)
    return _resolved_document(kind, options.applied(given.fields), given.path, substitutes)


def is_network(path: Path) -> bool:
    """Whether a path leads to layers and nothing else: a model, a file or table of layers, or a folder or pattern."""
    is_single = onnx_files.is_onnx(path.name) or is_yaml(path.name) or is_table(path.name)
    return is_single or layer_files.is_many(str(path), Path())


def load_resolved(kind: type[AnySpec], path: Path, substitutes: Substitutes | None = None) -> ResolvedSpec[AnySpec]:
    """The parts of a spec of some kind, as :func:`load_spec` finds them: what is to be searched need not look again."""
    document = network_fields(path) if is_network(path) or is_named_network(path) else read_json(path)
    return _resolved_document(kind, document, path, substitutes or Substitutes())


def load_spec_of_result(path: Path, substitutes: Substitutes | None = None) -> ResolvedSpec[Spec]:
    """The parts of the spec that the result in a file answers."""
    return _resolved_document(Spec, spec_of_result(load_result(path)), path, substitutes or Substitutes())


def load_layer_files(
    kind: type[AnySpec], paths: Sequence[Path], substitutes: Substitutes | None = None
) -> ResolvedSpec[AnySpec]:
    """The same for several files of layers, which are one network together."""
    document: JsonObject = {"workload": [str(p if is_named_network(p) else p.absolute()) for p in paths]}
    return _resolved_document(kind, document, Path(", ".join(map(str, paths))), substitutes or Substitutes())


def _resolved_document(
    kind: type[AnySpec], document: JsonObject, path: Path, given: Substitutes
) -> ResolvedSpec[AnySpec]:
    refuse_answer(document, "a spec", str(path))
    refuse_sweep(document, kind.model_fields, str(path))
    if given.architecture is not None:
        document["architecture"] = given.architecture
    if given.cost_model is not None:
        document["cost_model"] = given.cost_model
    if given.accounting is not None:
        document["accounting"] = given.accounting
    try:
        fields = with_architecture(document, path.parent)
        fields = fields if given.changes is None else given.changes(fields, kind)
        spec = validated(kind, fields, str(path))
    except InputError as error:
        raise InputError([*error.faults, *_reference_faults(document, path)]) from error
    workload = substituted(spec.workload, given, str(path))
    return resolved(spec.model_copy(update={"workload": workload}), path.parent, str(path))


def _reference_faults(document: JsonObject, path: Path) -> list[Fault]:
    """What is wrong with the names and paths of a spec that has other faults already."""
    faults: list[Fault] = []
    resolvers: dict[str, Callable[[str, Path, str | None], object]] = {
        "architecture": resolve_architecture,
        "workload": resolve_workload,
    }
    for field, resolve in resolvers.items():
        value: object = document.get(field)
        if isinstance(value, str) and value:
            try:
                resolve(value, path.parent, str(path))
            except InputError as error:
                faults += error.faults
    return faults


@dataclass(frozen=True)
class ResolvedSpec(Generic[SpecT]):
    """A spec whose parts are there and make sense together; ``document`` has them in place of their names and paths."""

    document: SpecT
    cost_model: AnySearchableModel
    architecture: AnyArchitecture
    workload: LayerList

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the workload."""
        return self.workload.layers

    def with_values(self, **changes: object) -> ResolvedSpec[SpecT]:
        """The same with other values of fields that name nothing."""
        return self.variant(self.layers, **changes)

    def variant(self, layers: tuple[Layer, ...], **changes: object) -> ResolvedSpec[SpecT]:
        """The same with some of its layers and other values of fields that name nothing."""
        workload = self.workload.model_copy(update={"layers": layers})
        document = self.document.model_copy(update={**changes, "workload": workload})
        return ResolvedSpec(document, self.cost_model, self.architecture, workload)


def resolve_spec(spec: AnySpec, base: Path, file: str | None = None) -> AnySpec:
    """The spec with its architecture and its layers in place of their names and paths, which are relative to ``base``.

    ``file`` is where the spec stands, for its faults to name.

    Raises:
        InputError: for unknown names, faulty files, and parts that contradict each other, all of them together.
    """
    return resolved(spec, base, file).document


def resolved(spec: AnySpec, base: Path, file: str | None = None) -> ResolvedSpec[AnySpec]:
    """The parts of a spec, looked up where it names them; paths are relative to ``base``.

    ``file`` is where the spec stands, for its faults to name.

    Raises:
        InputError: for unknown names, faulty files, and parts that contradict each other, all of them together.
    """
    faults: list[Fault] = []
    chosen, workload = None, None
    try:
        chosen = _chosen(spec, base, file)
    except InputError as error:
        faults += error.faults
    try:
        workload = resolve_workload(spec.workload, base, file)
    except InputError as error:
        faults += error.faults
    if chosen is None or workload is None:
        raise InputError(faults)
    nests = _loop_nests(workload, file)
    cost_model, architecture = _searchable(spec, chosen, file)
    constraints = _own_constraints(spec.constraints, cost_model, file)
    faults = consistency_faults(nests, constraints, architecture, file)
    if faults:
        raise InputError(faults)
    warn_of_overlaps(nests, architecture, file)
    warn_of_element_sizes(workload, architecture, file)
    own = {"architecture": architecture, "workload": workload, "constraints": constraints}
    document = spec.model_copy(update=own)
    return ResolvedSpec(document, cost_model, architecture, workload)


_Chosen = tuple[AnyCostModel, AnyArchitecture]


def _chosen(spec: Spec, base: Path, file: str | None) -> _Chosen:
    """The cost model of a spec and the machine that it makes of the architecture.

    Raises:
        InputError: for either of them that is not there, both together; and where they do not go together.
    """
    try:
        architecture = resolve_architecture(spec.architecture, base, file)
    except InputError as error:
        faults = list(error.faults)
        try:
            model_for(spec.cost_model, file)
        except InputError as unknown:
            faults = [*unknown.faults, *faults]
        raise InputError(faults) from error
    return model_and_machine(architecture, spec.cost_model, spec.accounting, file)


def _searchable(spec: Spec, chosen: _Chosen, file: str | None) -> tuple[AnySearchableModel, AnyArchitecture]:
    """The same, where mappings can be searched for.

    Raises:
        InputError: for a cost model without constraints to search with, at the field that chose it.
    """
    model, machine = chosen
    return searchable(model, "architecture" if spec.cost_model is None else "cost_model", file), machine


def _own_constraints(given: AnyConstraints, model: AnySearchableModel, file: str | None) -> AnyConstraints:
    """Constraints of the cost model's kind, where they were read before that was known.

    Raises:
        InputError: for those of another kind, at every field that this one lacks.
    """
    kind: type[AnyConstraints] = model.constraints_type
    if isinstance(given, kind):
        return given
    return validated(kind, given.model_dump(mode="json", exclude_unset=True), file, ("constraints",))


def _loop_nests(workload: LayerList, file: str | None) -> Nests:
    """The loop nests of all layers by name."""
    nests: Nests = {}
    faults: list[Fault] = []
    for position, layer in enumerate(workload.layers):
        try:
            nests[layer.name] = layer.loop_nest()
        except ValueError as error:
            faults.append(Fault(file, place_text(("workload", "layers", position)), str(error)))
    if faults:
        raise InputError(faults)
    return nests
