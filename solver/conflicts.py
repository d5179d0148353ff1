"""Why a layer has no mapping."""

from __future__ import annotations

from .backend import LayerProblem


def find_conflicts(problem: LayerProblem, time_limit_s: float) -> tuple[str, ...]:  # noqa: ARG001 (placeholder)
    """Names of constraints and capacities that clash. PLACEHOLDER: names none."""
    return ()
