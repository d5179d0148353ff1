"""Fields of a machine that a format has no place for, though they change what a mapping costs or whether it fits.

What only narrows a search (``dims``, ``reduce``, ``keep``) is not among them: an exported mapping is a mapping already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from ...hierarchy.resolved_machine import Level, Network, ResolvedMachine

_EFFECTS = {
    "partitions": "limits of single tensors",
    "bank_bytes": "tiles take whole banks",
    "halo": "only the words that a tile has not yet are fetched",
    "dma": "a DMA engine",
    "bandwidth": "words per cycle",
    "word_pj": "energy of a word on the network",
    "add_pj": "energy of an addition on the network",
    "tile_overhead": "cycles of every tile besides its words",
}
"""What the fields that some format cannot say are about."""


@dataclass(frozen=True)
class UnsaidFields:
    """Fields of storage levels and of fanouts for which a format has no place; none has one for overheads of tiles.

    ``others`` says what a format has a place for, but says otherwise than the machine.
    """

    of_levels: tuple[str, ...]
    others: Callable[[ResolvedMachine], Iterable[str]] | None = None
    of_fanouts: tuple[str, ...] = ("word_pj", "add_pj", "bandwidth")

    def lines(self, machine: ResolvedMachine) -> Iterator[str]:
        """A line for every field in use that is left out, with the nodes that have it.

        Example:
            >>> from ...hierarchy.machine import Machine
            >>> from ...hierarchy.resolved_machine import resolved_machine
            >>> from ...layers import Gemm
            >>> nodes = [{"storage": "DRAM"}, {"fanout": "PE", "size": 4, "add_pj": 1}, {"storage": "RF", "halo": True}]
            >>> nest = Gemm(type="gemm", name="g", m=2, n=3, k=4).loop_nest()
            >>> machine = resolved_machine(Machine.model_validate({"name": "m", "nodes": nodes}), nest)
            >>> print(*UnsaidFields(("halo",)).lines(machine), sep="\n")
            halo of RF cannot be said there (only the words that a tile has not yet are fetched)
            add_pj of PE cannot be said there (energy of an addition on the network)
        """
        yield from _unsaid(self.of_levels, machine.levels)
        yield from _unsaid(self.of_fanouts, machine.networks)
        if machine.tiled is not None:
            name = machine.level_at[machine.tiled.node].name
            yield f"tile_overhead of {name} cannot be said there ({_EFFECTS['tile_overhead']})"
        if self.others is not None:
            yield from self.others(machine)


def _unsaid(fields: tuple[str, ...], nodes: tuple[Level, ...] | tuple[Network, ...]) -> Iterator[str]:
    for field in fields:
        having = [node.name for node in nodes if _is_used(getattr(node, field))]
        if having:
            yield f"{field} of {' and '.join(having)} cannot be said there ({_EFFECTS[field]})"


def _is_used(value: object) -> bool:
    """Whether a field says something: it is neither left out nor zero, for any tensor."""
    return any(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else bool(value)
