"""The back end ``shortest-path``: the proved optimum on any hierarchy (``docs/shortest_path.md``)."""

from .shortest_path_backend import BACKEND

__all__ = ["BACKEND"]
