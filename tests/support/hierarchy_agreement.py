"""In what two implementations of the hierarchy model differ on a case, quantity by quantity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from dmaze.model.execution.executing import Execution
from dmaze.model.hierarchy.hierarchy_cost import HierarchyCost


def differences_of_execution(cost: HierarchyCost, execution: Execution) -> list[str]:
    """One line for each quantity of a cost that an execution found otherwise; and whatever went wrong on the way."""
    found = list(execution.faults)
    if not execution.output_equals:
        found.append("the output is not numpy's")
    counted, executed = _of_cost(cost), execution.cost
    for quantity, value in counted.items():
        other = getattr(executed, quantity)
        other = dict(other) if isinstance(other, Mapping) else other
        if quantity == "held":  # DRAM holds the whole tensors
            other = {key: words for key, words in other.items() if key[0] > 0}
        if value != other:
            found.append(f"{quantity}: counted {value}, executed {other}")
    return found


def _of_cost(cost: HierarchyCost) -> dict[str, Any]:
    """The quantities of a cost by the names and in the forms that an execution has for them."""
    return {
        "accesses": dict(_by_place(cost.accesses)),
        "networks": dict(_by_place(cost.networks)),
        "busiest": {node: words for node, words in enumerate(cost.busiest) if words is not None},
        "held": {key: words for key, words in _by_place(cost.held) if key[0] > 0},
        "dma_cycles": cost.dma_cycles,
        "fits": {node: fits for node, fits in enumerate(cost.fits) if node > 0},
        "roofline": cost.roofline,
        "cycles": cost.cycles,
        "walk_cycles": cost.walk_cycles,
        "energy_parts_pj": cost.energy_parts_pj,
        "energy_pj": cost.energy_pj,
    }


def _by_place(rows: Iterable[Iterable[Any]]) -> Iterable[tuple[tuple[int, int], Any]]:
    """The values of a table by node and tensor."""
    return (
        ((node, tensor), value)
        for node, row in enumerate(rows)
        for tensor, value in enumerate(row)
        if value is not None
    )


def differences_of_costs(one: HierarchyCost, other: HierarchyCost) -> list[str]:
    """One line for each field in which two costs are not equal to the last bit, and one if their types differ."""
    names = [field.name for field in fields(HierarchyCost)]
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in names]
    return [f"{name}: {left} and {right}" for name, left, right in pairs if repr(left) != repr(right)]
