"""How mappings are found: back ends propose, the pipeline checks, costs, ranks and states what is proved.

Example:
    >>> from dmaze.solver import solve
    >>> result = solve("resnet18", architecture="eyeriss-168")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from .backend import Backend, LayerProblem, Progress, Report, SearchLimits, SearchOutcome
    from .best_tiling import Tiling, tile
    from .environment import show_versions
    from .explaining.explain import explain
    from .fronts.layer_fronts import pareto_fronts
    from .installed import ENTRY_POINT_GROUP, available_backends
    from .network.network_optimum import network_optimum
    from .pipeline.cache import Cache
    from .pipeline.observer import Observer, SilentObserver
    from .pipeline.solve import enumerate_mappings, solve
    from .studies import dataflow_study, gap_study
    from .sweeps import sweep
    from .verification.network_recheck import verify_network
    from .verification.recheck import VerificationLimits, verify

    __version__: str

__all__ = [
    "ENTRY_POINT_GROUP",
    "Backend",
    "Cache",
    "LayerProblem",
    "Observer",
    "Progress",
    "Report",
    "SearchLimits",
    "SearchOutcome",
    "SilentObserver",
    "Tiling",
    "VerificationLimits",
    "available_backends",
    "dataflow_study",
    "enumerate_mappings",
    "explain",
    "gap_study",
    "network_optimum",
    "pareto_fronts",
    "show_versions",
    "solve",
    "sweep",
    "tile",
    "verify",
    "verify_network",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "backend": ("Backend", "LayerProblem", "Progress", "Report", "SearchLimits", "SearchOutcome"),
            "best_tiling": ("Tiling", "tile"),
            "environment": ("show_versions",),
            "explaining.explain": ("explain",),
            "fronts.layer_fronts": ("pareto_fronts",),
            "installed": ("ENTRY_POINT_GROUP", "available_backends"),
            "network.network_optimum": ("network_optimum",),
            "pipeline.cache": ("Cache",),
            "pipeline.observer": ("Observer", "SilentObserver"),
            "pipeline.solve": ("enumerate_mappings", "solve"),
            "studies": ("dataflow_study", "gap_study"),
            "sweeps": ("sweep",),
            "verification.network_recheck": ("verify_network",),
            "verification.recheck": ("VerificationLimits", "verify"),
        },
    )
