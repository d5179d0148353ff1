"""The comment at the head of a program: the nest, the machine and the mapping, node by node."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..hierarchy.exact.holding import fits
from ..hierarchy.resolved_machine import Level, Network
from ..loop_nest import LoopNest, Tensor
from .c_text import block_comment, box_text, linear, plural
from .tiled_nest import TiledNest

_READING = """\
Every level has an array for each tensor that it keeps, of the size of its tile; a copy stands where the tile changes, \
above the innermost loops that do not index the tensor (it is stationary there). Loops at a fanout stand for instances \
that work side by side; here they take turns, and arrays inside begin with the instance. Copies move whole tiles.\
"""
_RUNNING = """\
The program fills the tensors with small integers, computes the output as mapped and by the plain loop nest, and \
prints OK (exit 0) or the first difference (exit 1). Compile it with: cc -std=c99 -O2\
"""
_LARGEST_STATIC_BYTES = 2**31
"""Static arrays that compilers place without being told to expect more."""


def header(name: str, tiled: TiledNest, *, bytes_of_elem: int = 8) -> list[str]:
    """The lines of the comment."""
    machine, nest = tiled.geometry.machine, tiled.nest
    bounds = ", ".join(f"{dim} < {bound}" for dim, bound in zip(nest.dims, nest.bounds, strict=True))
    nodes = [
        line
        for node in range(machine.num_nodes)
        for line in (
            _level_lines(tiled, machine.level_at[node])
            if node in machine.level_at
            else _fanout_lines(tiled, machine.network_at[node])
        )
    ]
    size = bytes_of_elem * _elements_of_arrays(tiled)
    paragraphs = [
        f"{name} on {machine.name}: a mapping as a C99 program, printed by dmaze-solve codegen.",
        "",
        f"  {_statement(nest)}",
        f"  for {bounds}: {plural(nest.num_macs, 'multiply-accumulate')}",
        "",
        "The machine and the mapping, from the outermost node in:",
        "",
        *nodes,
        "",
        _READING,
        "",
        f"{_RUNNING} (static arrays: {plural(size, 'byte')}).",
        *([_TOO_LARGE] if size >= _LARGEST_STATIC_BYTES else []),
        *_warnings(tiled),
    ]
    return block_comment(paragraphs)


_TOO_LARGE = "So much needs -mcmodel=large on most 64-bit systems."


def _statement(nest: LoopNest) -> str:
    reads = [reference(nest, tensor) for tensor in nest.tensors if not tensor.is_output]
    return f"{reference(nest, nest.tensors[nest.output])} += {' * '.join(reads) or '1'}"


def reference(nest: LoopNest, tensor: Tensor) -> str:
    """A tensor with its index in the nest's own names."""
    indices = [linear([(a, nest.dims[dim]) for dim, a in axis.terms], axis.constant) for axis in tensor.index]
    return tensor.name + "".join(f"[{index}]" for index in indices)


def _level_lines(tiled: TiledNest, level: Level) -> Iterator[str]:
    machine, kept = tiled.geometry.machine, tiled.geometry.mapping.kept[level.node]
    limits = [plural(level.capacity_bytes, "byte")] if level.capacity_bytes is not None else []
    limits += ["double-buffered"] if level.buffers > 1 else []
    limits += [_instances(tiled, level.node)] if tiled.instances(level.node) else []
    limited = f" ({', '.join(limits)})" if limits else ""
    yield f"  {level.name}{limited}: loops {_loops_at(tiled, level.node)}"
    for t, tensor in enumerate(tiled.nest.tensors):
        if kept[t]:
            says = box_text(tiled.extents(t, level.node), machine.bytes_per_element[t])
            limit = level.partitions[t]
            yield f"    keeps {tensor.name}: {says}{f' of {limit}' if limit is not None else ''}"


def _fanout_lines(tiled: TiledNest, network: Network) -> Iterator[str]:
    spread = tiled.geometry.spread(network.node)
    partial = math.prod(
        loop.trips for loop in tiled.loops if loop.node == network.node and loop.dim not in tiled.output.dims
    )
    adding = f"; adds up {partial} partial sums of {tiled.output.name}" if partial > 1 else ""
    yield f"  {network.name} (fanout, {spread} of {network.size} used): {_loops_at(tiled, network.node)}{adding}"


def _loops_at(tiled: TiledNest, node: int) -> str:
    """The loops of a node with their trip counts, the outermost first."""
    loops = [f"{tiled.nest.dims[loop.dim]} {loop.trips}" for loop in tiled.loops if loop.node == node]
    return ", ".join(loops) or "none"


def _instances(tiled: TiledNest, node: int) -> str:
    return plural(math.prod(loop.trips for loop in tiled.instances(node)), "instance")


def _elements_of_arrays(tiled: TiledNest) -> int:
    """Elements of all arrays, those of the output that is computed for comparison included."""
    arrays = [(edge.parent, edge.tensor) for edges in tiled.edges for edge in edges] + [(0, tiled.nest.output)]
    return sum(
        math.prod(tiled.extents(t, node)) * math.prod(loop.trips for loop in tiled.instances(node))
        for node, t in arrays
    )


def _warnings(tiled: TiledNest) -> Iterator[str]:
    """What does not fit."""
    geometry = tiled.geometry
    crowded = [level.name for level in geometry.machine.levels if not fits(geometry, level)]
    crowded += [network.name for network in geometry.machine.networks if geometry.spread(network.node) > network.size]
    if crowded:
        yield ""
        yield f"WARNING: the mapping does not fit the machine; too small: {', '.join(crowded)}."
