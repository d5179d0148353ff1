"""The CP-SAT back end: the proof over all class pairs. The only package that imports OR-Tools."""

from .search import CpSatBackend

BACKEND = CpSatBackend()
