"""What stands in place of a spec's own: an architecture, how it is costed, the sizes of its network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...base import Model
from ...documents.architectures import AnyArchitecture
from ...documents.imported_network import InputValue
from ...documents.spec import LayerList, NetworkReference
from ...faults import InputError
from ...hierarchy.accountings import AccountingName
from ..json_files import JsonObject
from ..references import AnyWorkload, with_batch

Changes: TypeAlias = Callable[[JsonObject, type[Model]], JsonObject]
"""What makes the fields of a document of some type into those that are read; an architecture stands there itself."""


@dataclass(frozen=True)
class Substitutes:
    """What stands in place of a spec's own: an architecture, how it is costed, its network's sizes.

    ``changes`` makes other values of single fields once the architecture is there.
    """

    architecture: AnyArchitecture | None = None
    cost_model: str | None = None
    accounting: AccountingName | None = None
    batch: int | None = None
    dims: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])
    inputs: Mapping[str, InputValue] = dataclasses.field(default_factory=dict[str, InputValue])
    changes: Changes | None = None


def substituted(workload: AnyWorkload, given: Substitutes, file: str) -> AnyWorkload:
    """A workload with other sizes than its own.

    Raises:
        InputError: for sizes that the workload does not have, and those that it cannot have.
    """
    if isinstance(workload, tuple):
        if given.batch is None and not given.dims and not given.inputs:
            return workload
        raise InputError.single(file, "workload", "expected one network to change sizes or inputs of, got many files")
    if isinstance(workload, LayerList):
        if given.dims:
            raise InputError.single(file, "workload.dims", "expected none, for layers have no symbolic dimensions")
        if given.inputs:
            raise InputError.single(file, "workload.inputs", "expected none, for layers have no inputs by name")
        return workload if given.batch is None else with_batch(workload, given.batch, file)
    if given.batch is None and not given.dims and not given.inputs:
        return workload
    network = NetworkReference(network=workload) if isinstance(workload, str) else workload
    own = {"dims": {**network.dims, **given.dims}, "inputs": {**network.inputs, **given.inputs}}
    return network.model_copy(update={"batch": given.batch or network.batch, **own})
