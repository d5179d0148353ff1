"""Words that a tensor's tiles move at the least, whatever the loops between them and a larger tile vector.

They bound what tiles still pending will have cost once they are replaced. Where all words that a tile shares with the
one before stay, or none, the larger tile's words are moved once at the least. By the stride rule (hierarchy model,
section 9) fewer can be: a tile that an outer loop does not move is not counted again, although inner loops had moved it
away.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ....model.dmazerunner.factorisations import divisors
from ....model.hierarchy.exact.unions import distinct_offsets
from ....model.loop_nest import AffineIndex, LoopNest
from .tile_vectors import Floats, TileVectors

MOST_STATES = 50_000
"""States of tiles along one axis up to which they are all looked at."""


def strided_words(vectors: TileVectors, tensor: int, window_dims: frozenset[int]) -> Floats:
    """Words at the inner end of an edge over the whole run by the stride rule, by tile vector.

    It is that before the first loop that moves the tile; for a tensor that can slide more ways than one
    (:func:`slides_one_way`), that at which the tile is replaced at last. ``window_dims``: the tensor's dimensions that
    meet others in every axis in which they occur.
    """
    nest, found = vectors.nest, vectors.repeats.copy()
    for dim in nest.tensors[tensor].dims:
        if dim not in window_dims:
            found *= vectors.tiles[dim]
    windows = [index for index in nest.tensors[tensor].index if len(_terms(nest, index)) > 1]
    if not windows or not slides_one_way(nest, tensor):
        return found
    distinct, least = [vectors.distinct(index) for index in windows], np.full(vectors.size, np.inf)
    for first, index in enumerate(windows):
        others = math.prod((row for axis, row in enumerate(distinct) if axis != first), start=np.ones(vectors.size))
        np.minimum(least, _sliding_along(vectors, index) * others, out=least)
    return found * least


def slides_one_way(nest: LoopNest, tensor: int) -> bool:
    """Whether each loop moves a tensor's tile along one axis, all of an axis the same way.

    Once such a tile has slid along one axis, no loop over dimensions of others finds words again.
    """
    terms = [term for index in nest.tensors[tensor].index for term in index.terms]
    return len({dim for dim, _ in terms}) == len(terms) and all(a > 0 for _, a in terms)


def _terms(nest: LoopNest, index: AffineIndex) -> list[tuple[int, int]]:
    return [(dim, a) for dim, a in index.terms if nest.bounds[dim] > 1]


def _sliding_along(vectors: TileVectors, index: AffineIndex) -> Floats:
    """Words along one axis that loops will have moved that slide a tile there, if they begin at each point.

    They are counted by the iterations that are left at that point: the least share of all words that they can move.
    """
    terms = _terms(vectors.nest, index)
    moved = _moved_words(tuple(a for _, a in terms), [vectors.nest.bounds[dim] for dim, _ in terms])
    if moved is None:
        return np.ones(vectors.size)
    shares = {whole: words / math.prod(whole) for whole, words in moved.items()}
    begun = {
        tile: math.prod(tile) * min(share for whole, share in shares.items() if _divides(tile, whole)) for tile in moved
    }
    tiles, places = np.unique(np.stack([vectors.tiles[dim] for dim, _ in terms]), axis=1, return_inverse=True)
    return np.array([begun[tuple(map(int, column))] for column in tiles.T])[places.reshape(-1)]


def _divides(sizes: Sequence[int], others: Sequence[int]) -> bool:
    return all(other % size == 0 for size, other in zip(sizes, others, strict=True))


_Sizes = tuple[int, ...]


class _Slid(NamedTuple):
    """A tile of some length that has slid along one axis (:class:`..sweeping.halo_tiles.StridingTile`).

    ``offsets``: the steps and copies that fanouts have of it.
    """

    length: int
    stride: int = 0
    displaced: int = 0
    offsets: tuple[tuple[int, int], ...] = ()


def _moved_words(coefficients: _Sizes, bounds: Sequence[int]) -> dict[_Sizes, float] | None:
    """The least words of any tile, loops and fanouts along an axis, by what they have grown to; `None` for too many.

    Going through sizes from small to large, with the words of one instance for each state of a tile.
    """
    wholes = sorted(itertools.product(*map(divisors, bounds)), key=math.prod)
    states: dict[_Sizes, dict[_Slid, float]] = {whole: {} for whole in wholes}
    for whole in wholes:
        length = 1 + sum(a * (size - 1) for a, size in zip(coefficients, whole, strict=True))
        states[whole][_Slid(length)] = float(length)
        for tile, words in states[whole].items():
            for axis, size in enumerate(whole):
                for factor in divisors(bounds[axis] // size)[1:]:
                    larger = states[(*whole[:axis], size * factor, *whole[axis + 1 :])]
                    for after, moved in _grown(tile, words, coefficients[axis] * size, factor):
                        larger[after] = min(moved, larger.get(after, math.inf))
        if sum(map(len, states.values())) > MOST_STATES:
            return None
    return {
        whole: min(words * distinct_offsets(tile.offsets) for tile, words in found.items())
        for whole, found in states.items()
    }


def _grown(tile: _Slid, words: float, step: int, factor: int) -> Iterator[tuple[_Slid, float]]:
    """A tile and its words after a loop, and after a fanout, over some factor of a dimension."""
    shift = step - tile.displaced
    stride = tile.stride or shift
    overlap = max(0, tile.length - abs(shift)) if shift in (0, stride) else 0
    after = tile._replace(stride=stride, displaced=tile.displaced + step)
    yield after, factor * words - (factor - 1) * overlap
    yield tile._replace(offsets=tuple(sorted([*tile.offsets, (step, factor)]))), words
