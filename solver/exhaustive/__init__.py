"""Back ends that enumerate: all tilings that fit, or those of them that lower bounds leave."""

from .bounded import BoundedBackend
from .search import ExhaustiveBackend

BACKEND = ExhaustiveBackend()
BOUNDED = BoundedBackend()
