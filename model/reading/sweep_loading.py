"""Finds what the spec of a sweep names besides what every spec does: tables of energies by capacity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..documents.sweep_spec import EnergyRules, EnergyTable, SweepSpec
from ..faults import Fault, InputError, Place, place_text
from .loading import ResolvedSpec, resolved
from .references import referenced
from .validation import validated

PRICES = "access_energy_pj"
"""The field of an architecture, and of a sweep, that holds energies."""


@dataclass(frozen=True)
class ResolvedSweep:
    """The spec of a sweep whose parts are there, and what energies follow from."""

    spec: ResolvedSpec[SweepSpec]
    rules: EnergyRules

    @property
    def document(self) -> SweepSpec:
        """The spec with its parts in place of their names."""
        return self.spec.document

    def with_workers(self, workers: int) -> ResolvedSweep:
        """The same on another number of processes."""
        options = self.document.solver.model_copy(update={"workers": workers})
        return ResolvedSweep(self.spec.with_values(solver=options), self.rules)


def resolve_sweep(spec: SweepSpec, base: Path, file: str | None = None) -> ResolvedSweep:
    """The parts of a sweep's spec, looked up where it names them; paths are relative to ``base``.

    Raises:
        InputError: for unknown names, faulty files, and parts that contradict each other.
    """
    return with_rules(resolved(spec, base, file), base, file)


def with_rules(known: ResolvedSpec[SweepSpec], base: Path, file: str | None = None) -> ResolvedSweep:
    """A resolved spec with what its sweep names, as :func:`resolve_sweep` looks it up."""
    rules = _rules(known.document, base, file)
    axes = known.document.sweep.model_copy(update={PRICES: rules})
    return ResolvedSweep(known.with_values(sweep=axes), rules)


def _rules(spec: SweepSpec, base: Path, file: str | None) -> EnergyRules:
    """The rules of a sweep, with those of energy tables in place of names and paths.

    Raises:
        InputError: when there is no such table, it is faulty, or it lacks the energy that it is named for.
    """
    given, place = spec.sweep.access_energy_pj, ("sweep", PRICES)
    if isinstance(given, str):
        rules = _table(given, base, file, place)
    else:
        named = {part: rule for part, rule in given.given() if isinstance(rule, str)}
        found = {part: getattr(_table(name, base, file, (*place, part)), part) for part, name in named.items()}
        lacking = [part for part, rule in found.items() if rule is None]
        if lacking:
            faults = (f"energy table '{named[part]}' has no energy for {part}" for part in lacking)
            raise InputError(Fault(file, place_text((*place, p)), m) for p, m in zip(lacking, faults, strict=True))
        rules = given.model_copy(update=found)
    return rules


def _table(text: str, base: Path, file: str | None, place: Place) -> EnergyRules:
    """The rules of an energy table, by the name of a built-in one or by its path."""
    document, source = referenced(text, "energy_tables", base, file, place)
    rules = validated(EnergyTable, document, source).access_energy_pj
    names = [part for part, rule in rules.given() if isinstance(rule, str)]
    if names:
        message = "expected a table or a power law, got a name"
        raise InputError(Fault(source, place_text((PRICES, part)), message) for part in names)
    return rules
