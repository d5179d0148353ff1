"""Words that a tensor's tiles move at the least, whatever the loops between them and a larger tile vector.

They bound what tiles still pending will have cost once they are replaced. Where all words that a tile shares with the
one before stay, or none, the larger tile's words are moved once at the least. By the stride rule (hierarchy model,
section 9) fewer can be: a tile that an outer loop does not move is not counted again, although inner loops had moved it
away.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ....model.dmazerunner.factorisations import divisors, prime_factors
from ....model.loop_nest import AffineIndex, Tensor
from .tile_vectors import Floats, TileVectors

MOST_CASES = 200_000
"""Choices of loops along one axis up to which they are all looked at."""


def strided_words(vectors: TileVectors, tensor: int, window_dims: frozenset[int]) -> Floats:
    """Words at the inner end of an edge over the whole run by the stride rule, by the tile vector that replaces a tile.

    ``window_dims``: the tensor's dimensions that meet others in every axis in which they occur.
    """
    nest, found = vectors.nest, vectors.repeats.copy()
    windows = [index for index in nest.tensors[tensor].index if sum(nest.bounds[dim] > 1 for dim in _dims(index)) > 1]
    for dim in nest.tensors[tensor].dims:
        if dim not in window_dims:
            found *= vectors.tiles[dim]
    if not windows or not _is_rising(nest.tensors[tensor], windows):
        return found
    distinct = [vectors.distinct(index) for index in windows]
    least = np.full(vectors.size, np.inf)
    for first, index in enumerate(windows):
        others = math.prod((row for axis, row in enumerate(distinct) if axis != first), start=np.ones(vectors.size))
        np.minimum(least, np.minimum(_sliding_along(vectors, index), distinct[first]) * others, out=least)
    return found * least


def _dims(index: AffineIndex) -> tuple[int, ...]:
    return tuple(dim for dim, _ in index.terms)


def _is_rising(tensor: Tensor, windows: Sequence[AffineIndex]) -> bool:
    """Whether loops move the tile one way only, each along one axis."""
    terms = [term for index in tensor.index for term in index.terms]
    return len({dim for dim, _ in terms}) == len(terms) and all(a > 0 for index in windows for _, a in index.terms)


def _sliding_along(vectors: TileVectors, index: AffineIndex) -> Floats:
    """Words along one axis of loops that slide a tile there, until it has grown to the size at each point.

    A tile of e words, slid by the first loop of n iterations in steps of s, and N iterations of other loops, have
    moved e + N*(n - 1)*min(e, s) words at the least: what is not counted again is e words at a time.
    """
    terms = [(dim, a) for dim, a in index.terms if vectors.nest.bounds[dim] > 1]
    sizes = [divisors(vectors.nest.bounds[dim]) for dim, _ in terms]
    if math.prod(len(size) ** 3 for size in sizes) > MOST_CASES:
        return np.ones(vectors.size)
    table = np.empty([len(size) for size in sizes])
    for place in itertools.product(*(range(len(size)) for size in sizes)):
        table[place] = _least_of(terms, [size[at] for size, at in zip(sizes, place, strict=True)])
    flat = np.zeros(vectors.size, dtype=np.int64)
    for (dim, _), size in zip(terms, sizes, strict=True):
        flat = flat * len(size) + np.unique(vectors.tiles[dim], return_inverse=True)[1].reshape(-1)
    found: Floats = table.ravel()[flat]
    return found


def _least_of(terms: Sequence[tuple[int, int]], whole: Sequence[int]) -> float:
    """The least over all tiles, what is unrolled over fanouts and the first loop, up to a whole tile; infinite without.

    Fanouts send copies of a tile at offsets that differ in one dimension at the least.
    """
    choices = [[(tile, copies) for tile in divisors(size) for copies in divisors(size // tile)] for size in whole]
    least = math.inf
    for chosen in itertools.product(*choices):
        extent = 1 + sum(a * (tile - 1) for (_, a), (tile, _) in zip(terms, chosen, strict=True))
        trips = [size // (tile * copies) for size, (tile, copies) in zip(whole, chosen, strict=True)]
        all_trips, copies = math.prod(trips), max(copies for _, copies in chosen)
        moved = [
            all_trips * (1 - 1 / prime_factors(trip)[0][0]) * min(extent, a * tile)
            for (_, a), (tile, _), trip in zip(terms, chosen, trips, strict=True)
            if trip > 1
        ]
        if moved:
            least = min(least, copies * (extent + min(moved)))
    return least
