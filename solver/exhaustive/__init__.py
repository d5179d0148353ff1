"""The exhaustive back end: enumeration of all tilings that fit, on the vectorised exact model."""

from .search import ExhaustiveBackend

BACKEND = ExhaustiveBackend()
