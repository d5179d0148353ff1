"""``Einsum`` as a layer, where it is one perfect nest of loops around one multiply-accumulate."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterator, Sequence

from .work import Attributes, Shape, Work, loop_nest, text

_OPERAND_NAMES = string.ascii_uppercase.replace("O", "")


def einsum(operands: Sequence[Shape], attributes: Attributes) -> Work:
    """``Einsum`` of any number of operands; a subscript in upper and one in lower case are two dimensions.

    With one operand there is nothing to multiply, so that it counts no multiply-accumulates.

    Raises:
        ValueError: when the equation cannot be read, or does not fit the operands.
    """
    equation = text(attributes, "equation", "").replace(" ", "")
    inputs, output = _subscripts(equation, [len(shape) for shape in operands])
    bounds = _bounds(inputs, operands)
    unknown = [name for name in output if name not in bounds]
    if unknown or len(set(output)) < len(output):
        raise ValueError(f"its equation {equation} has an output that is not made of its inputs")
    if len(operands) < 2:
        return Work(0, reason=f"one operand ({equation}): nothing is multiplied")
    macs = math.prod(bounds.values())
    if len(operands) > len(_OPERAND_NAMES):
        return Work(macs, reason=f"{len(operands)} operands")
    indices = [
        [name for name, size in zip(names, shape, strict=True) if size > 1 or bounds[name] == 1]
        for names, shape in zip(inputs, operands, strict=True)
    ]
    tensors = dict(zip(_OPERAND_NAMES, indices, strict=False))
    return Work(macs, {"": loop_nest(bounds or {"one": 1}, {**tensors, "O": output}, "O")})


def _subscripts(equation: str, ranks: Sequence[int]) -> tuple[list[list[str]], list[str]]:
    """The subscripts of every operand and of the output; an ellipsis becomes ``dim0``, ``dim1`` ..., right-aligned.

    Raises:
        ValueError: when the equation cannot be read, or has other ranks.
    """
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks) or not all(re.fullmatch(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*", t) for t in (*terms, right)):
        raise ValueError(f"its equation {equation} does not fit its {len(ranks)} operands")
    covered = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    if any(count < 0 or (count > 0 and "..." not in term) for term, count in zip(terms, covered, strict=True)):
        raise ValueError(f"its equation {equation} does not fit operands of {', '.join(map(str, ranks))} dimensions")
    widest = max(covered)
    inputs = [list(_named(term, widest - count, widest)) for term, count in zip(terms, covered, strict=True)]
    if not arrow:
        letters = sorted(set(left) - set(",."))
        right = ("..." if "..." in left else "") + "".join(name for name in letters if left.count(name) == 1)
    return inputs, list(_named(right, 0, widest))


def _named(term: str, first: int, end: int) -> Iterator[str]:
    """The subscripts of a term whose ellipsis stands for the broadcast dimensions from ``first`` to ``end``."""
    for part in re.findall(r"\.\.\.|[A-Za-z]", term):
        if part == "...":
            yield from (f"dim{position}" for position in range(first, end))
        else:
            yield part


def _bounds(inputs: Sequence[Sequence[str]], operands: Sequence[Shape]) -> dict[str, int]:
    """The size of every subscript; those of 1 are broadcast.

    Raises:
        ValueError: when sizes contradict each other.
    """
    bounds: dict[str, int] = {}
    for names, shape in zip(inputs, operands, strict=True):
        for name, size in zip(names, shape, strict=True):
            if bounds.get(name, 1) != size and 1 not in (bounds.get(name, 1), size):
                raise ValueError(f"its subscript {name} is both {bounds[name]} and {size}")
            bounds[name] = size if bounds.get(name, 1) == 1 else bounds[name]
    return bounds
