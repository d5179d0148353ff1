"""The walk through a layer's space: subspaces, then array tiles, then tilings, wherever it is worth looking.

What is worth looking at is the business of whoever walks: enumeration with bounds asks whether the incumbents can be
improved on, a refutation whether a limit can be undercut, the search for a front whether the front lacks anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...model.dmazerunner.vectorised.batch import Array, Mask
from .branching import chosen_of
from .partial_tilings import PartialTilings

WorthIt = Callable[[Array], Mask]
"""Which of some subspaces or array tiles are worth looking into; it may take note of those that are not."""


@dataclass(frozen=True)
class Walk:
    """Walks a space, asked at every stage what is worth looking into; the answers may change on the way."""

    space: PartialTilings
    subspaces: WorthIt
    array_tiles: WorthIt

    def tilings(self, subspaces: Array) -> Iterator[Array]:
        """The allowed tilings of some subspaces wherever it is worth looking."""
        for tiles in self.space.array_tiles(chosen_of(subspaces, self.subspaces(subspaces))):
            yield from self.space.tilings(chosen_of(tiles, self.array_tiles(tiles)))
