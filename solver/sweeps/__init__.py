"""Design sweeps: every layer of a workload on every design, each problem once, resumable, on any number of machines."""

from .study import sweep

__all__ = ["sweep"]
