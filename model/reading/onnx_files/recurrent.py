"""Recurrent operators of the ONNX standard: their multiply-accumulates are counted, but they are no perfect nests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .work import Attributes, Shape, Work, of_rank

REASON = "each step needs the result of the one before, which is not one perfect nest"


def recurrent(num_gates: int) -> Callable[[Sequence[Shape], Attributes], Work]:
    """What counts an operator whose cell has so many gates.

    Operands are X, of two leading dimensions for steps and sequences in either order, W of [directions, gates * hidden,
    inputs], and R of [directions, gates * hidden, hidden]; peepholes and biases multiply element by element.
    """

    def work(operands: Sequence[Shape], attributes: Attributes) -> Work:  # noqa: ARG001 (shapes say it all)
        data, weights, recurrence = (of_rank(shape, 3, "operand") for shape in operands)
        directions, rows, inputs = weights
        hidden = recurrence[2]
        if data[2] != inputs or recurrence[:2] != (directions, rows) or rows != num_gates * hidden:
            raise ValueError("its operands do not match")
        return Work(data[0] * data[1] * directions * rows * (inputs + hidden), reason=REASON)

    return work
