"""Pictures of results, fronts, studies and sweeps as figures of matplotlib (extra ``plot``).

This is the package ``dmaze.pictures``; what draws is in ``dmaze.cli.pictures``, which the command uses as well.

Example:
    >>> from dmaze.pictures import plot_energy
    >>> from dmaze.solver import solve
    >>> plot_energy(solve("conv5_2")).savefig("energy.svg")  # doctest: +SKIP
"""

# As installed, `..` is `dmaze`; a checker that reads the folders of the repository takes it for `cli`.
# pyright: reportMissingImports=false, reportUnknownVariableType=false

from __future__ import annotations

from ..cli.pictures.library.plots import (
    plot,
    plot_cycles,
    plot_dataflows,
    plot_energy,
    plot_front,
    plot_gap,
    plot_level_energy,
    plot_roofline,
    plot_scatter,
    plot_sweep,
)

__all__ = [
    "plot",
    "plot_cycles",
    "plot_dataflows",
    "plot_energy",
    "plot_front",
    "plot_gap",
    "plot_level_energy",
    "plot_roofline",
    "plot_scatter",
    "plot_sweep",
]
