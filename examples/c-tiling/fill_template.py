"""A compiler's use of dmaze-solve: tile a matrix product for a machine, and fill a C template with its loops.

``python fill_template.py`` prints a program that runs the tiled product and checks it; ``M N K`` are its arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

from dmaze.model import Gemm, Machine
from dmaze.solver import Tiling, tile

CORE = Machine.model_validate(
    {
        "name": "a core with two caches",
        "bytes_per_element": 4,
        "nodes": [
            {"storage": "DRAM", "read_pj": 640, "write_pj": 640, "bandwidth": 2},
            {"storage": "L2", "capacity_bytes": 262144, "read_pj": 20, "write_pj": 20, "bandwidth": 8},
            {"storage": "L1", "capacity_bytes": 16384, "read_pj": 4, "write_pj": 4, "bandwidth": 16},
        ],
    }
)
"""Sizes and ports of a small core, in elements of four bytes; prices are rough."""


def loops_of(tiling: Tiling) -> Iterator[str]:
    """The lines of the tiled nest: every level's loops in their order, each over the starts of the tiles inside it."""
    levels, start = list(tiling.orders), dict.fromkeys(tiling.factors, "0")
    depth = 1
    for place, level in enumerate(levels):
        for dim in tiling.orders[level]:
            variable, step = f"{dim.lower()}_{level.lower()}", _inside(tiling, dim, levels[place + 1 :])
            end = f"{start[dim]} + {step * tiling.factors[dim][level]}".removeprefix("0 + ")
            head = f"for (int {variable} = {start[dim]}; {variable} < {end}; {variable} += {step})"
            yield f"{'    ' * depth}{head}"
            start[dim], depth = variable, depth + 1
    m, n, k = (start[dim] for dim in ("M", "N", "K"))
    yield f"{'    ' * depth}C[{m}][{n}] += A[{m}][{k}] * B[{k}][{n}];"


def _inside(tiling: Tiling, dim: str, levels: list[str]) -> int:
    """The tile size of a dimension inside a level."""
    size = 1
    for level in levels:
        size *= tiling.factors[dim][level]
    return size


def program(m: int, n: int, k: int) -> str:
    """The C program of a product of the given sizes."""
    tiling = tile(Gemm(type="gemm", name="product", m=m, n=n, k=k).loop_nest(), CORE, "latency")
    assert tiling is not None, "every product fits, for tiles may have one element"
    proof = "proved to be the fewest" if tiling.proved else f"at least {tiling.bound:.0f} for any tiling"
    text = Path(__file__).with_name("matmul.c.template").read_text(encoding="utf-8")
    known = {"M": m, "N": n, "K": k, "machine": CORE.name, "cycles": tiling.cycles, "proof": proof}
    return Template(text).substitute(known, loops="\n".join(loops_of(tiling)))


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or [96, 128, 160]
    print(program(*sizes), end="")
