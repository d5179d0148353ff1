"""How mappings are found: back ends propose, the pipeline checks, costs, ranks and judges.

Example:
    >>> from dmaze.model import load_spec
    >>> from dmaze.solver import solve
    >>> result = solve(load_spec("spec.json"))  # doctest: +SKIP
"""

from .backend import (
    ENTRY_POINT_GROUP,
    Backend,
    LayerProblem,
    Progress,
    Report,
    SearchLimits,
    SearchOutcome,
    available_backends,
)
from .fronts.layer_fronts import pareto_fronts
from .pipeline.cache import Cache
from .pipeline.observer import Observer
from .pipeline.solve import enumerate_mappings, solve
from .studies import dataflow_study, gap_study
from .sweeps import SweepProgress, sweep
from .verify.recheck import VerificationLimits, verify

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
    "SweepProgress",
    "VerificationLimits",
    "available_backends",
    "dataflow_study",
    "enumerate_mappings",
    "gap_study",
    "pareto_fronts",
    "solve",
    "sweep",
    "verify",
]
