"""Pieces of C99: expressions, loops, comments and strings that no name can break."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence

INDENT = "  "
WIDTH = 116
"""Columns of a comment."""

_NOT_PRINTABLE = re.compile(r"[^ -~]")


def linear(terms: Iterable[tuple[int, str]], constant: int = 0) -> str:
    """A sum of multiples of variables and a constant.

    Example:
        >>> linear([(2, "Oy"), (1, "Fy"), (-1, "i")], 3), linear([]), linear([(-2, "i")], 6)
        ('2*Oy + Fy - i + 3', '0', '-2*i + 6')
    """
    parts = [(a < 0, name if abs(a) == 1 else f"{abs(a)}*{name}") for a, name in terms if a]
    if constant or not parts:
        parts.append((constant < 0, str(abs(constant))))
    text = "".join(f" {'-' if negative else '+'} {part}" for negative, part in parts)
    return f"-{text[3:]}" if text.startswith(" - ") else text[3:]


def subscripted(array: str, subscripts: Iterable[str]) -> str:
    """An element of an array.

    Example:
        >>> subscripted("RF_A", ["M_X", "2*K_RF + 1"])
        'RF_A[M_X][2*K_RF + 1]'
    """
    return array + "".join(f"[{subscript}]" for subscript in subscripts)


def for_head(variable: str, trips: int) -> str:
    """The head of a loop that counts from 0."""
    return f"for (idx {variable} = 0; {variable} < {trips}; {variable}++)"


def nested(heads: Sequence[str], body: Sequence[str], depth: int = 1) -> list[str]:
    """One statement inside loops that need no braces, indented so many steps.

    Example:
        >>> nested(["for (;;)"], ["x = 0;"])
        ['    for (;;)', '        x = 0;']
    """
    lines = [INDENT * (depth + at) + head for at, head in enumerate(heads)]
    return lines + [INDENT * (depth + len(heads)) + line for line in body]


def safe(text: str) -> str:
    r"""A name in a comment: ASCII on one line, without an end of the comment or a trigraph.

    Example:
        >>> safe("a*/b??/c"), safe("π")
        ('a* /b? ?/c', '\\u03c0')
    """
    return re.sub(r"\*(?=/)|/(?=\*)|\?(?=\?)", r"\g<0> ", _ascii(text))


def comment(text: str) -> str:
    """A comment on one line."""
    return f"/* {safe(text)} */"


def comment_lines(text: str) -> list[str]:
    """A comment on as many lines as it takes."""
    return textwrap.wrap(comment(text), WIDTH, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False)


def block_comment(paragraphs: Iterable[str]) -> list[str]:
    """A comment of several paragraphs; those that are wrapped go on a step further in than they began."""
    lines = ["/*"]
    for paragraph in paragraphs:
        text = safe(paragraph)
        indent = " " * (len(text) - len(text.lstrip()) + 2)
        wrapped = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        lines += [f" * {line}" for line in wrapped] or [" *"]
    return [*lines, " */"]


def in_format(text: str) -> str:
    r"""A name within the quotes of a format of ``printf``.

    Example:
        >>> in_format('50% "a"')
        '50%% \\"a\\"'
    """
    return re.sub(r'[\\"?]', r"\\\g<0>", _ascii(text)).replace("%", "%%")


def _ascii(text: str) -> str:
    return _NOT_PRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def plural(number: int, unit: str) -> str:
    """A number of things.

    Example:
        >>> plural(1, "byte"), plural(2, "byte")
        ('1 byte', '2 bytes')
    """
    return f"{number} {unit}{'' if number == 1 else 's'}"


def box_text(sizes: Sequence[int], bytes_per_element: int) -> str:
    """The elements of a box and the bytes that they take on the machine.

    Example:
        >>> box_text((4, 3), 2), box_text((), 1)
        ('4 x 3 = 12 elements, 24 bytes', '1 element, 1 byte')
    """
    product = math.prod(sizes)
    factors = f"{' x '.join(map(str, sizes))} = " if len(sizes) > 1 else ""
    return f"{factors}{plural(product, 'element')}, {plural(product * bytes_per_element, 'byte')}"
