"""Real layers on the built-in machines, under random mappings: shrunk, executed, and as the model says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from dmaze.model.execution.agreement.execution_differences import execution_differences
from dmaze.model.execution.agreement.shrinking import shrunk
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.level_mapping import level_mapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.loading import resolve_workload
from hierarchy_cases import builtin_machines
from random_hierarchies import random_mapping

NETWORKS = ("resnet18", "bert-base-uncased")
MOST_MACS = 20_000


def different_nests(network: str) -> list[LoopNest]:
    """The nests of a network, equal ones once."""
    nests = [layer.loop_nest() for layer in resolve_workload(network, Path()).layers]
    return list({nest.key: nest for nest in nests}.values())


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("machine", builtin_machines(), ids=lambda machine: machine.name)
def test_executions_of_shrunk_layers_are_what_the_model_says(machine: Machine, network: str) -> None:
    nests = different_nests(network)
    assert len(nests) >= 5
    for seed, nest in enumerate(nests):
        resolved = resolved_machine(machine, nest)
        mapping = level_mapping(nest, resolved, random_mapping(Random(seed), nest, resolved))
        small = shrunk(nest, resolved, mapping, MOST_MACS)
        assert small.nest.num_macs <= MOST_MACS
        execution = execute(small.nest, resolved, small.mapping)
        assert execution.is_sound
        cost = hierarchy_cost(small.nest, resolved, small.mapping)
        assert execution_differences(small.nest, resolved, cost, execution.cost) == []
