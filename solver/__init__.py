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
from .observer import Observer
from .pipeline import enumerate_mappings, solve
from .verification import VerificationLimits, verify

__all__ = [
    "ENTRY_POINT_GROUP",
    "Backend",
    "LayerProblem",
    "Observer",
    "Progress",
    "Report",
    "SearchLimits",
    "SearchOutcome",
    "VerificationLimits",
    "available_backends",
    "enumerate_mappings",
    "solve",
    "verify",
]
