"""A job that files of another tool describe: machine, layers, constraints, and a mapping if there is one."""

from __future__ import annotations

from dataclasses import dataclass

from ...documents.evaluation import EvaluateRequest
from ...documents.spec import LayerList, Spec
from ...hierarchy.accountings import AccountingName
from ...hierarchy.constraints.level_constraints import LevelConstraints
from ...hierarchy.level_mapping import LevelMappingDocument
from ...hierarchy.machine import Machine, StorageLevel
from ...layers import Layer
from ...objectives import Objective


@dataclass(frozen=True)
class ImportedDesign:
    """Layers on a machine, and what may be asked of their mappings; ``mapping`` is one of the first layer.

    ``accounting`` is how the tool counts, where that is known; ``objective`` what its files minimise, if they say so.
    ``machine_of_mapping`` is what the mapping is onto where that is another form of the machine.
    """

    machine: Machine
    layers: LayerList
    constraints: LevelConstraints
    mapping: LevelMappingDocument | None = None
    objective: Objective | None = None
    accounting: AccountingName = "executed"
    machine_of_mapping: Machine | None = None

    @property
    def layer(self) -> Layer:
        """The first layer."""
        return self.layers.layers[0]

    def spec(self, accounting: AccountingName | None = None) -> Spec:
        """The job of finding the best mappings, counted as the tool counts unless told otherwise.

        Where nothing has a price, time is minimised.
        """
        return Spec(
            name=self.layers.name or self.layer.name,
            architecture=self.machine,
            workload=self.layers,
            accounting=accounting or self.accounting,
            objective=self.objective or ("edp" if has_prices(self.machine) else "latency"),
            constraints=self.constraints,
        )

    def request(self, accounting: AccountingName | None = None) -> EvaluateRequest[LevelMappingDocument]:
        """The mapping, if there is one, to be costed as the tool counts unless told otherwise."""
        mappings = () if self.mapping is None else (self.mapping,)
        return EvaluateRequest[LevelMappingDocument](
            architecture=self.machine_of_mapping or self.machine,
            accounting=accounting or self.accounting,
            layer=self.layer,
            mappings=mappings,
        )


def has_prices(machine: Machine) -> bool:
    """Whether anything costs energy in memories or multipliers."""
    levels = [node for node in machine.nodes if isinstance(node, StorageLevel)]
    return machine.mac_pj > 0 or any(level.read_pj or level.write_pj for level in levels)
