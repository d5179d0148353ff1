"""What the dimensions of a nest would be called if it is a convolution in two dimensions, whatever their names are."""

from __future__ import annotations

from ..loop_nest import LoopNest, Tensor


def convolution_roles(nest: LoopNest) -> dict[str, str]:
    """The nest's own names by those of :class:`.convolution.Conv2d`; empty where it is no such convolution.

    A convolution reads a filter, and a tensor with two axes along each of which an index of the output meets one of the
    filter (``Ox`` and ``Fx`` along the first). Of the other dimensions, ``N`` indexes no filter, ``C`` no output and
    ``M`` no input; each is there only where one dimension alone is meant.

    Example:
        >>> from .general import LoopNestLayer
        >>> tensors = [
        ...     {"name": "I", "index": ["c", "p + r", "q + s"]},
        ...     {"name": "W", "index": ["k", "c", "r", "s"]},
        ...     {"name": "O", "index": ["k", "p", "q"], "output": True},
        ... ]
        >>> bounds = {"k": 8, "c": 4, "p": 7, "q": 7, "r": 3, "s": 3}
        >>> layer = {"type": "loop_nest", "name": "imported", "bounds": bounds, "tensors": tensors}
        >>> convolution_roles(LoopNestLayer.model_validate(layer).loop_nest())
        {'Ox': 'p', 'Fx': 'r', 'Oy': 'q', 'Fy': 's', 'C': 'c', 'M': 'k'}
    """
    reads = [tensor for tensor in nest.tensors if not tensor.is_output]
    inputs = [tensor for tensor in reads if len(_windows(tensor)) == 2]
    if len(reads) != 2 or len(inputs) != 1:
        return {}
    output, own = set(nest.tensors[nest.output].dims), set(inputs[0].dims)
    filters = {dim for tensor in reads if tensor is not inputs[0] for dim in tensor.dims}
    roles: dict[str, int] = {}
    for axis, pair in zip("xy", _windows(inputs[0]), strict=True):
        outer = [dim for dim in pair if dim in output - filters]
        inner = [dim for dim in pair if dim in filters - output]
        if len(outer) != 1 or len(inner) != 1:
            return {}
        roles |= {f"O{axis}": outer[0], f"F{axis}": inner[0]}
    rest = set(range(len(nest.dims))) - set(roles.values())
    others = {"N": (own & output) - filters, "C": (own & filters) - output, "M": (filters & output) - own}
    for role, dims in others.items():
        if len(found := dims & rest) == 1:
            roles[role] = found.pop()
    return {role: nest.dims[dim] for role, dim in roles.items()}


def _windows(tensor: Tensor) -> list[tuple[int, ...]]:
    """The dimensions of every axis in which two meet."""
    return [tuple(dim for dim, _ in index.terms) for index in tensor.index if len(index.terms) == 2]
