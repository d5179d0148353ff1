"""Reads affine index expressions such as ``2*ox + fx - 1``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..loop_nest import AffineIndex


def parse_affine(text: str, dims: Sequence[str]) -> AffineIndex:
    """An affine index from text.

    Raises:
        ValueError: when it is not a sum of integer multiples of dimensions and integers.

    Example:
        >>> parse_affine("2*ox + fx - 1", ("ox", "fx"))
        AffineIndex(terms=((0, 2), (1, 1)), constant=-1)
    """
    if not re.fullmatch(r"[+-]?[^+-]+(?:[+-][^+-]+)*", text.strip()):
        raise ValueError(f"expected a sum such as '2*ox + fx - 1', got {text!r}")
    totals: dict[int, int] = {}
    constant = 0
    for sign, body in re.findall(r"([+-]?)([^+-]+)", text.strip()):
        factor, name = -1 if sign == "-" else 1, None
        for part in (piece.strip() for piece in body.split("*")):
            if re.fullmatch(r"\d{1,10}", part):
                factor *= int(part)
            elif part in dims and name is None:
                name = part
            else:
                expected = f"an integer times one of {', '.join(dims)}"
                raise ValueError(f"expected {expected}, got {body.strip()!r}{_reason(body, dims)}")
        if name is None:
            constant += factor
        else:
            position = dims.index(name)
            totals[position] = totals.get(position, 0) + factor
    return AffineIndex(tuple(sorted((dim, a) for dim, a in totals.items() if a)), constant)


def _reason(term: str, dims: Sequence[str]) -> str:
    """Why a term is not affine, where that is plain."""
    if "/" in term or "%" in term:
        return "; division and modulo are not affine"
    if "(" in term or "[" in term:
        return "; functions, brackets and indices taken from tensors are not affine"
    if sum(part.strip() in dims for part in term.split("*")) > 1:
        return "; a product of dimensions is not affine"
    return ""
