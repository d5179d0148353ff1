"""Which choices of what is kept where can be good: a quick bound on each, tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...deadline import Deadline
from ..space.edge_prices import EdgePrices
from ..space.map_space import Kept, MapSpace
from ..space.quantities import ENERGY, Quantities
from .cost_to_go import CostToGo


@dataclass(frozen=True)
class KeepBounds:
    """Lower bounds on the energy of all mappings with a choice of what is kept where.

    Each tensor has its least energy on its own, as if the others had no tiles; ``known`` remembers it.
    """

    space: MapSpace
    deadline: Deadline
    known: dict[tuple[int, tuple[bool, ...]], float] = field(default_factory=dict[tuple[int, tuple[bool, ...]], float])

    def energy_pj(self, kept: Kept) -> float:
        """A lower bound in pJ; infinite where tiles of some tensor fit nowhere.

        Raises:
            TimeoutError: when the deadline passes.
        """
        total = self.space.nest.num_macs * self.space.machine.mac_pj
        for tensor in range(self.space.num_tensors):
            column = tuple(row[tensor] for row in kept)
            if (tensor, column) not in self.known:
                self.known[tensor, column] = self._alone(kept, tensor)
            total += self.known[tensor, column]
        return total

    def _alone(self, kept: Kept, tensor: int) -> float:
        """The least energy of one tensor; the others are kept in DRAM only and cost nothing."""
        alone = tuple(
            tuple(keeps and (position == tensor or node == 0) for position, keeps in enumerate(row))
            for node, row in enumerate(kept)
        )
        ahead = CostToGo(EdgePrices(self.space, Quantities((ENERGY,)), alone), self.deadline, by_axis=False)
        rest, saved = ahead.tails[0], ahead.tails[0].credit[tensor, 0] * self.space.vectors.first_visits[0]
        network = self.space.machine.network_at.get(ahead.stages[0].node)
        shared = network is not None and self.space.shares(tensor, network)
        words = self.space.nest.num_macs / (self.space.most_instances[network.node] if network and shared else 1)
        plain = rest.plain[tensor, 0] * words
        first = max(plain, rest.full[tensor, 0] * words - saved) if saved else plain
        return float(first) + ahead.at_start(0)
