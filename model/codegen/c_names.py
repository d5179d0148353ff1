"""Identifiers for what a program names: legal in C99, all different, and as close to our names as may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .tiled_nest import TiledLoop, TiledNest

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
"""
_MACROS = """
BUFSIZ EOF FILE FILENAME_MAX FOPEN_MAX L_tmpnam NULL SEEK_CUR SEEK_END SEEK_SET TMP_MAX stderr stdin stdout
linux unix i386
"""
_OURS = """
main elem idx next_value tiled_nest plain_nest fill_tensors first_difference product
"""
_RESERVED = frozenset(f"{_KEYWORDS} {_MACROS} {_OURS}".split())
_RESERVED_FORMS = re.compile(r".*_(t|MAX|MIN|unlocked)|U?INT\w+_C|l?gamma_r")
"""Types, limits, macros and functions of the standard library (C99 section 7.26, POSIX) that composed names may hit."""

_LONGEST_PART = 24
"""Characters of a name that are kept where it is a part of another one; C99 tells at least 63 apart."""


@dataclass(frozen=True)
class Names:
    """Every identifier of a program that depends on the mapping.

    ``dims`` and ``axes``: loop variables of the plain nest and of copies. By node and dimension or tensor: ``loops``,
    ``arrays`` (those of the outermost node are the tensors as a whole), ``fills`` and ``drains`` (functions).
    """

    dims: tuple[str, ...]
    axes: tuple[str, ...]
    loops: dict[tuple[int, int], str]
    arrays: dict[tuple[int, int], str]
    fills: dict[tuple[int, int], str]
    drains: dict[tuple[int, int], str]
    expected: str

    def variable(self, loop: TiledLoop) -> str:
        """The variable of a loop of the tiled nest."""
        return self.loops[loop.node, loop.dim]


class _Allotment:
    """Gives out identifiers, each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def identifier(self, *parts: str) -> str:
        """An identifier made of the parts."""
        wanted = "_".join(_plain(part) for part in parts)
        if not re.match(r"[A-Za-z]", wanted):
            wanted = f"n{wanted}"
        if wanted in _RESERVED or _RESERVED_FORMS.fullmatch(wanted):
            wanted += "_"
        chosen, number = wanted, 2
        while chosen in self._used:
            chosen, number = f"{wanted}_{number}", number + 1
        self._used.add(chosen)
        return chosen


def names_of(tiled: TiledNest) -> Names:
    """The identifiers of a tiled nest."""
    allotment, nest, nodes = _Allotment(), tiled.nest, tiled.geometry.machine.nodes
    tensors = [tensor.name for tensor in nest.tensors]
    kept = [(edge.parent, edge.tensor) for edges in tiled.edges for edge in edges]
    filled = [(copy.edge.child, copy.edge.tensor) for copy in tiled.copies]

    def composed(pairs: Iterable[tuple[int, int]], verb: str | None = None) -> dict[tuple[int, int], str]:
        before = () if verb is None else (verb,)
        return {(node, t): allotment.identifier(*before, nodes[node], tensors[t]) for node, t in pairs}

    dims = tuple(allotment.identifier(dim) for dim in nest.dims)
    loops = {(loop.node, loop.dim): allotment.identifier(nest.dims[loop.dim], nodes[loop.node]) for loop in tiled.loops}
    return Names(
        dims=dims,
        axes=tuple(allotment.identifier(f"x{axis}") for axis in range(max(len(t.index) for t in nest.tensors))),
        loops=loops,
        arrays=composed(kept),
        fills=composed(filled, "fill"),
        drains=composed((pair for pair in filled if pair[1] == nest.output), "drain"),
        expected=allotment.identifier("expected", tensors[nest.output]),
    )


def _plain(name: str) -> str:
    """What of a name an identifier may hold."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)[:_LONGEST_PART]
