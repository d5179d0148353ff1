"""What a result says about the run as a whole: totals over layers, versions of what computed them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from ...model.documents.result import LayerResult, Totals
from ..installed import available_backends

DISTRIBUTIONS = ("dmaze-solve", "ortools", "numpy")


def totals(layers: Sequence[LayerResult]) -> Totals:
    """Sums over layers times their counts, of every layer's best mapping; all null when a layer has none."""
    best = [(layer.count, layer.solutions[0].cost) for layer in layers if layer.solutions]
    if len(best) < len(layers):
        return Totals(energy_pj=None, cycles=None, edp=None, edp_sum=None)
    energy_pj = sum(count * cost.energy_pj for count, cost in best)
    cycles = sum(count * cost.cycles for count, cost in best)
    edp_sum = sum(count * cost.edp for count, cost in best)
    return Totals(energy_pj=energy_pj, cycles=cycles, edp=float(energy_pj) * float(cycles), edp_sum=edp_sum)


def versions(backend: str) -> dict[str, str]:
    """Versions of Python, of what we compute with, and of the distribution that brings the back end."""
    found = {"python": platform.python_version()}
    home = available_backends()[backend].dist
    names = dict.fromkeys((*DISTRIBUTIONS, home.name) if home is not None else DISTRIBUTIONS)
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # running from a checkout that is not installed
            continue
    return found
