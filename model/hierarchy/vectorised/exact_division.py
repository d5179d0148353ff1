"""Quotients of integers in binary64, rounded once, as Python's are."""

from __future__ import annotations

import numpy as np

from .mapping_arrays import Floats, Ints

EXACT_INTEGERS = 2**53
"""Integers below convert to binary64 without rounding."""


def quotient(dividend: Ints, divisor: Ints | int) -> Floats:
    """``dividend / divisor``, neither negative: the binary64 number next to the exact quotient.

    numpy rounds large integers before it divides; those are left to Python.
    """
    found: Floats = np.asarray(dividend / divisor, dtype=np.float64)
    large = np.flatnonzero((dividend >= EXACT_INTEGERS) | (np.asarray(divisor) >= EXACT_INTEGERS))
    if len(large):
        divisors = np.broadcast_to(divisor, dividend.shape)
        found[large] = [int(dividend[row]) / int(divisors[row]) for row in large]
    return found
