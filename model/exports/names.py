"""Names that other tools and file systems accept, derived from ours; the same input always gives the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from string import ascii_uppercase

from ..loop_nest import LoopNest

CONVENTIONAL_DIMS = {"Ox": "P", "Oy": "Q", "Fx": "R", "Fy": "S", "Batch": "B"}
"""What Timeloop and AccelForge call the dimensions of a convolution (rows first) and a batched matrix product."""

_LONGEST_FILE_NAME = 80


def allotted_names(
    names: Iterable[str], wanted: Callable[[str], str | None], spare: Iterable[str]
) -> tuple[str, ...] | None:
    """One name for each of ours, all different even when case is ignored; ``None`` when the spare names run out.

    ``wanted`` gives the name that one of ours would like to have, if any is allowed; whoever comes second, or likes
    none, gets the next spare name.
    """
    used: set[str] = set()
    ours = list(names)
    chosen: dict[int, str] = {}
    for position, name in enumerate(ours):
        candidate = wanted(name)
        if candidate is not None and candidate.lower() not in used:
            chosen[position] = candidate
            used.add(candidate.lower())
    free = (name for name in spare if name.lower() not in used)
    for position in range(len(ours)):
        if position not in chosen:
            name = next(free, None)
            if name is None:
                return None
            chosen[position] = name
    return tuple(chosen[position] for position in range(len(ours)))


def dimension_letters(nest: LoopNest) -> tuple[str, ...] | None:
    """One capital letter for every dimension of a nest, or ``None`` where it has more than 26.

    Example:
        >>> from ..layers import Gemm
        >>> dimension_letters(Gemm(type="gemm", name="g", m=2, n=3, k=4, batch=5).loop_nest())
        ('B', 'M', 'N', 'K')
    """

    def letter(name: str) -> str | None:
        conventional = CONVENTIONAL_DIMS.get(name, name).upper()
        return conventional if re.fullmatch(r"[A-Z]", conventional) else None

    return allotted_names(nest.dims, letter, ascii_uppercase)


def renaming_comments(ours: Sequence[str], theirs: Sequence[str], what: str) -> Iterator[str]:
    """A comment that says which of our names became which of theirs; ``None`` where all stayed as they are."""
    renamed = [f"{our} = {their}" for our, their in zip(ours, theirs, strict=True) if our != their]
    if renamed:
        yield f"{what} of dmaze-solve and their names here: {', '.join(renamed)}."


def workload_comments(nest: LoopNest, dims: Sequence[str], tensors: Sequence[str], count: int) -> Iterator[str]:
    """Comments on a layer that occurs so often: its names there (in the nest's order), and what formats leave out."""
    yield from renaming_comments(nest.dims, dims, "Dimensions")
    yield from renaming_comments([tensor.name for tensor in nest.tensors], tensors, "Tensors")
    yield "Not said here: constants in indices, and how large a tensor is stored where that is more than is reached."
    if count > 1:
        yield f"The layer occurs {count} times."


def file_names(names: Iterable[str]) -> Mapping[str, str]:
    """A name for a folder or file for every name, safe on every file system and different even when case is ignored.

    Example:
        >>> file_names(["conv1", "layer/1 a", "layer/1:a", "CONV1"])
        {'conv1': 'conv1', 'layer/1 a': 'layer_1_a', 'layer/1:a': 'layer_1_a-2', 'CONV1': 'CONV1-2'}
    """
    used: set[str] = set()
    chosen: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).strip(".-")[:_LONGEST_FILE_NAME] or "layer"
        candidate, number = plain, 2
        while candidate.lower() in used:
            candidate, number = f"{plain}-{number}", number + 1
        used.add(candidate.lower())
        chosen[name] = candidate
    return chosen
