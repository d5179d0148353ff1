"""Marks: numbers of 64 bits that are equal for partial mappings of which all counts are.

A mark is a sum of constants as good as random, modulo 2**64: one for every prime of every factor, one for where each
tile is replaced. Two partial mappings with different counts have equal marks with a probability of about 1e-19.
"""

from __future__ import annotations

from ....model.dmazerunner.factorisations import prime_factors
from .tile_vectors import Axis, Floats, Ints

BITS = 64


def of_step(node: int, axis: Axis) -> int:
    """What a loop, or an unrolling, over a factor of a dimension at a node adds; factors multiply in any order."""
    added = sum(power * _constant(node, axis.dim, prime) for prime, power in prime_factors(axis.prime))
    return _signed(added)


def of_points(bit: int, points: Ints) -> Ints:
    """What tiles of a tensor, or of a boundary that is held apart, add that are replaced at given tile vectors."""
    return (points + 1) * _signed(_constant(-1, bit))


def of_words(place: int, number: int, words: Floats) -> Ints:
    """What tiles of a boundary add of which so many words have moved, of several kinds by number."""
    found: Ints = words.round().astype("int64") * _signed(_constant(-2, place, number))
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
