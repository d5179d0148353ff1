"""Accelergy's energy reference tables (ERT): what an action of a component costs, in pJ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ...faults import InputError, Place, place_text, shown
from ..json_files import JsonObject
from .component_levels import ComponentLevel, as_object, plain_name, warn

_READ = ("random_read", "read")
_FILL = ("random_fill", "random_write", "fill", "write")
_UPDATE = ("random_update", "random_write", "update", "write")
_COMPUTE = ("mac_random", "mult_random", "mac", "mult", "compute")
_LEAK = "leak"

EnergyTables = Mapping[str, Mapping[str, float]]
"""Energy in pJ by component and action: the dearest where it depends on arguments, as Timeloop takes it."""


@dataclass(frozen=True)
class AccessPrices:
    """Energy in pJ of an access of a whole block; ``fill``: what comes from outside, ``update``: from inside."""

    read: float = 0.0
    fill: float = 0.0
    update: float = 0.0


def read_energies(document: object, file: str) -> EnergyTables:
    """The tables of an ERT of v0.2 (by component and action) to v0.4 (lists)."""
    place: Place = ("ERT", "tables")
    tables: object = as_object(document).get("tables")
    if isinstance(tables, dict):
        pairs = list(cast("JsonObject", tables).items())
    elif isinstance(tables, list):
        members = [cast("JsonObject", member) for member in cast("list[object]", tables) if isinstance(member, dict)]
        pairs = [(str(member.get("name", "")), cast("object", member.get("actions"))) for member in members]
    else:
        raise InputError.single(file, place_text(place), f"expected tables of energies, got {shown(tables)}")
    found: dict[str, dict[str, float]] = {}
    for name, actions in pairs:
        energies = found.setdefault(plain_name(name, file, place), {})
        for action, energy in _actions(actions):
            energies[action] = max(energies.get(action, 0.0), _energy(energy, file, (*place, name, action)))
    return found


def _actions(actions: object) -> Iterator[tuple[str, object]]:
    """Pairs of an action and an energy, from a list of actions or an object of lists."""
    if isinstance(actions, dict):
        for action, given in cast("JsonObject", actions).items():
            for each in cast("list[object]", given) if isinstance(given, list) else [cast("object", given)]:
                yield action, cast("JsonObject", each).get("energy") if isinstance(each, dict) else each
    elif isinstance(actions, list):
        for each in cast("list[object]", actions):
            if isinstance(each, dict):
                fields = cast("JsonObject", each)
                yield str(fields.get("name", "")), cast("object", fields.get("energy"))


def _energy(value: object, file: str, place: Place) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError.single(file, place_text(place), f"expected an energy in pJ, got {shown(value)}")
    return float(value)


def access_prices(level: ComponentLevel, tables: EnergyTables) -> AccessPrices:
    """What accesses of a storage level cost; an energy among its own attributes comes first."""
    own = level.number("vector_access_energy", "vector-access-energy")
    if own is not None:
        return AccessPrices(own, own, own)
    energies = _of_component(level, tables)
    prices = AccessPrices(*(_first(energies, names) or 0.0 for names in (_READ, _FILL, _UPDATE)))
    if prices.fill != prices.update:
        warn(
            level.file,
            level.place,
            f"{level.name}: a write costs the same from either side here; updates take {prices.update} pJ and what is "
            f"only read {prices.fill} pJ, partial sums that are read back too much or too little",
        )
    return prices


def compute_price(level: ComponentLevel, tables: EnergyTables) -> float:
    """Energy in pJ of a multiply-accumulate."""
    own = level.number("compute_energy", "compute-energy")
    return own if own is not None else _first(_of_component(level, tables), _COMPUTE) or 0.0


def _of_component(level: ComponentLevel, tables: EnergyTables) -> Mapping[str, float]:
    if tables and level.name not in tables:
        warn(level.file, level.place, f"{level.name}: not in the ERT, so that its accesses cost nothing")
    return tables.get(level.name, {})


def leaking(levels: Sequence[ComponentLevel], tables: EnergyTables) -> list[str]:
    """The levels whose leakage costs energy in every cycle."""
    return [level.name for level in levels if tables.get(level.name, {}).get(_LEAK)]


def _first(energies: Mapping[str, float], actions: Sequence[str]) -> float | None:
    return next((energies[action] for action in actions if action in energies), None)
