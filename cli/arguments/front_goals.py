"""Options that ask for fronts or for the best of a network as a whole, instead of the best of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...model.faults import InputError
from ...model.objectives import OBJECTIVES
from .options import MaxCycles, MaxEnergy, NetworkObjective, Pareto

if TYPE_CHECKING:
    from ...model.documents.networks.network_result import NetworkGoal

PARETO, NETWORK, MAX_CYCLES, MAX_ENERGY = "--pareto", "--network", "--max-cycles", "--max-energy"
FLAGS_OF_GOAL: Mapping[str, str] = {
    "objective": NETWORK,
    "max_cycles": MAX_CYCLES,
    "max_energy_pj": MAX_ENERGY,
}
"""What the fields of a network's goal are called on the command line."""


@dataclass(frozen=True)
class FrontGoals:
    """Every layer's front, or what is minimised of the whole network and what limits it."""

    pareto: Pareto = False
    network: NetworkObjective = None
    max_cycles: MaxCycles = None
    max_energy: MaxEnergy = None

    @property
    def asked(self) -> str | None:
        """The option that asks for something else than the best mappings of every layer; ``None`` where none does.

        Raises:
            InputError: for two of them.
        """
        for_network = (self.network, self.max_cycles, self.max_energy) != (None, None, None)
        if self.pareto and for_network:
            raise InputError.single(None, PARETO, f"expected without {', '.join(FLAGS_OF_GOAL.values())}")
        return PARETO if self.pareto else NETWORK if for_network else None

    @property
    def goal(self) -> NetworkGoal | None:
        """What is asked for; a limit alone asks for the least of the other metric.

        Raises:
            InputError: for values that make no sense, or not together.
        """
        given = {"objective": self.network, "max_cycles": self.max_cycles, "max_energy_pj": self.max_energy}
        if all(value is None for value in given.values()):
            return None
        self._check_limits()
        return _goal_of({field: value for field, value in given.items() if value is not None})

    def _check_limits(self) -> None:
        """Refuse two limits, and a limit beside what it does not go with, by the names of the options."""
        if self.max_cycles is not None and self.max_energy is not None:
            raise InputError.single(None, MAX_ENERGY, f"expected without {MAX_CYCLES}: a limit is of one metric")
        limits = ((MAX_CYCLES, self.max_cycles, "energy"), (MAX_ENERGY, self.max_energy, "latency"))
        for flag, limit, minimised in limits:
            if limit is not None and self.network in set(OBJECTIVES) - {minimised}:
                message = f"expected alone or with {NETWORK} {minimised}, got {NETWORK} {self.network}"
                raise InputError.single(None, flag, message)


def _goal_of(given: Mapping[str, str]) -> NetworkGoal:
    from ...model.documents.networks.network_result import NetworkGoal  # here, as few commands need these documents
    from ...model.reading.validation import validated
    from .overrides import number_from_text

    implied = {"objective": "energy" if "max_cycles" in given else "latency"}
    numbers = {field: number_from_text(text) for field, text in given.items() if field != "objective"}
    try:
        return validated(NetworkGoal, {**implied, **given, **numbers}, None)
    except InputError as error:
        faults = error.faults
        raise InputError(
            replace(f, place=FLAGS_OF_GOAL.get(f.place.partition(".")[0], f.place)) for f in faults
        ) from error
