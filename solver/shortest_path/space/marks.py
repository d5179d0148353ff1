"""Marks: sums that are equal for partial mappings of which all counts are, where a level is accessed in blocks.

What partial blocks cost depends on the words that each level moves, and on its instances. A mark adds up the words with
constants that are as good as random in place of prices. Two marks of different words are equal to 40 bits with a
probability of about 1e-12, and there are ``COUNT`` of them; that of instances is an integer of 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .tile_vectors import Floats, Ints

BITS, KEPT_BITS = 64, 52
"""Bits of a number, and those without the last ones of a sum's mantissa, which rounding may change."""
COUNT = 2
"""Sums that are marks."""
KINDS = ("fill", "drain", "serve", "update")
"""The counts of a level (hierarchy model, section 5)."""


def of_instances(node: int, prime: int) -> int:
    """What a prime more of the instances of a fanout adds."""
    return _signed(_constant(node, prime))


def of_word(number: int, node: int, tensor: int, kind: str) -> float:
    """What a word of a count adds to a mark: from 1 to 2."""
    return 1 + _constant(number, node, tensor, KINDS.index(kind)) / 2**BITS


def told_apart(sums: Floats, columns: Sequence[int]) -> Ints:
    """Numbers that are equal for rows with equal sums in some columns, but for rounding."""
    found = np.zeros(len(sums), dtype=np.int64)
    for column in columns:
        bits = np.ascontiguousarray(sums[:, column] + 0.0).view(np.int64)
        found += (bits + 2 ** (BITS - KEPT_BITS - 1) >> BITS - KEPT_BITS) * np.int64(_signed(_constant(column) | 1))
    return found


def combined(*numbers: Ints) -> Ints:
    """Numbers that are equal where all of some numbers are."""
    found = np.zeros_like(numbers[0])
    for place, each in enumerate(numbers):
        found += each * np.int64(_signed(_constant(place) | 1))
    return found


def _constant(*parts: int) -> int:
    """A constant for some integers, by the finaliser of MurmurHash3 after each."""
    mixed = 0
    for part in parts:
        mixed = (mixed + part + 3) * 0x9E3779B97F4A7C15 % 2**BITS
        mixed = (mixed ^ mixed >> 33) * 0xFF51AFD7ED558CCD % 2**BITS
        mixed = (mixed ^ mixed >> 33) * 0xC4CEB9FE1A85EC53 % 2**BITS
        mixed ^= mixed >> 33
    return mixed


def _signed(number: int) -> int:
    """A number as 64 bits with a sign hold it."""
    return (number + 2 ** (BITS - 1)) % 2**BITS - 2 ** (BITS - 1)
