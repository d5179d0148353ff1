"""All ways of calling give the same proved optimum."""

from __future__ import annotations

from dmaze.model import Gemm, resolve_architecture
from outside_caller import by_command, least_cycles


def test_all_ways_give_the_same_optimum() -> None:
    layer = Gemm(type="gemm", name="product", m=64, n=48, k=32)
    architecture = resolve_architecture("dmazerunner-256pe")
    answers = {least_cycles(name, layer, architecture) for name in ("portfolio", "cp-sat", "highs")}
    assert answers == {(by_command(layer, architecture), True)}
