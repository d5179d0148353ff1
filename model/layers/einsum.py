"""Reads einsum strings, as numpy and PyTorch have them, where they are one affine loop nest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

OPERAND_NAMES = "ABCDEFGHIJKLMNPQRSTUVWXYZ"
"""Names of the operands in order; the output is ``O``."""

OUTPUT_NAME = "O"


@dataclass(frozen=True)
class Einsum:
    """The dimensions that index every operand, outermost first, and those that index the output."""

    operands: tuple[str, ...]
    output: str

    @property
    def tensors(self) -> dict[str, str]:
        """The dimensions of every tensor by its name, the output last."""
        return {**dict(zip(OPERAND_NAMES, self.operands, strict=False)), OUTPUT_NAME: self.output}


def parse_einsum(text: str) -> Einsum:
    """The operands and the output of an einsum; without ``->`` the output has the letters that occur once, sorted.

    Raises:
        ValueError: saying why a text is no einsum, or none that is one affine loop nest.

    Example:
        >>> parse_einsum("bhqd, bhkd -> bhqk")
        Einsum(operands=('bhqd', 'bhkd'), output='bhqk')
    """
    if "." in text:
        raise ValueError(
            "expected a letter for every dimension, got an ellipsis; the number of dimensions must be known"
        )
    match = re.fullmatch(r"([A-Za-z,]*)(?:->([A-Za-z]*))?", "".join(text.split()))
    if match is None:
        raise ValueError(f"expected letters for dimensions, ',' between operands and one '->', got {text!r}")
    operands = tuple(match[1].split(","))
    if len(operands) > len(OPERAND_NAMES):
        raise ValueError(f"expected at most {len(OPERAND_NAMES)} operands, got {len(operands)}")
    times = Counter("".join(operands))
    if not times:
        raise ValueError(f"expected at least one dimension, got {text!r}")
    output = match[2] if match[2] is not None else "".join(sorted(d for d, count in times.items() if count == 1))
    for letter, count in Counter(output).items():
        if letter not in times:
            raise ValueError(f"expected an output of the operands' dimensions, but {letter!r} is in none of them")
        if count > 1:
            raise ValueError(f"expected every dimension once in the output, got {letter!r} {count} times")
    return Einsum(operands, output)


def check_bounds(einsum: Einsum, bounds: Mapping[str, int]) -> None:
    """Refuses bounds that are not those of the einsum's dimensions.

    Raises:
        ValueError: naming the dimensions without a bound, or the bounds without a dimension.
    """
    letters = dict.fromkeys("".join(einsum.operands))
    missing = [letter for letter in letters if letter not in bounds]
    unused = [name for name in bounds if name not in letters]
    if missing:
        raise ValueError(
            f"bounds: expected a bound for every dimension of the einsum, but none for {', '.join(missing)}"
        )
    if unused:
        raise ValueError(f"bounds: expected dimensions of the einsum only, got {', '.join(unused)}")
