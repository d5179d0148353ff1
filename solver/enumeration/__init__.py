"""Back ends that enumerate: all tilings that fit, or those of them that lower bounds leave."""

from .bounded import BoundedBackend
from .exhaustive import ExhaustiveBackend

BACKEND = ExhaustiveBackend()
BOUNDED = BoundedBackend()
