"""Mutants of our code that an independent check found alive: a test for each (benchmarks/mutation_testing.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.faults import InputError
from dmaze.model.layers import nest_from_expressions
from dmaze.model.loop_nest import LoopNest
from dmaze.model.reading.interop.foreign_layers import read_layer
from dmaze.model.reading.onnx_files.convolutions import convolution, transposed_convolution
from dmaze.solver.backend import LayerProblem, SearchLimits
from dmaze.solver.backend_contract import TINY_MACHINE
from dmaze.solver.enumeration import BACKEND, BOUNDED
from dmaze.solver.portfolio import BACKEND as PORTFOLIO
from dmaze.solver.spaces.lower_bounds import LowerBounds, PairBounds


def many_classes() -> LoopNest:
    """Ten dimensions of bound 2 or 1, of which no tensor has all: far more reuse classes than are listed."""
    names = "abcdefghij"
    tensors = {
        "X": [{name: 1} for name in names[:4]],
        "Y": [{name: 1} for name in names[3:8]],
        "O": [{name: 1} for name in names[6:]],
    }
    return nest_from_expressions({name: 2 if name in "aej" else 1 for name in names}, tensors, "O")


NESTS = {"a product": gemm_nest(2, 3, 5), "a nest of many classes": many_classes()}
HALF = Constraints.model_validate({"min_utilization": {"pe": 0.5}})


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_a_share_of_the_pes_that_is_reached_exactly_is_enough(name: str, objective: str) -> None:
    """Half of four PEs is asked for, and no mapping may use more than two."""
    nest = NESTS[name]
    machine = TINY_MACHINE.model_copy(update={"rf_bytes_per_pe": 64, "pes": 4})
    fixed = {"fixed": {dim: {"spatial": 1} for dim in nest.dims[1:]}}
    constraints = HALF.model_validate({**HALF.model_dump(exclude_unset=True), **fixed})
    problem = LayerProblem(nest, machine, constraints, objective)  # type: ignore[arg-type]
    every = BACKEND.search(problem, SearchLimits(), None)
    assert every.bound is not None
    assert every.candidates[0].tiling.pes_used == 2
    for backend in (BOUNDED, PORTFOLIO):
        outcome = backend.search(problem, SearchLimits(relative_gap=0.0), None)
        assert (outcome.bound, outcome.exhausted) == (every.bound, True)
    levels = np.ones((4, len(nest.dims), 1))
    levels[2, :, 0] = nest.bounds
    (value,), _ = LowerBounds(problem).of_subspaces(levels)
    assert np.isfinite(value)
    if name == "a product":
        assert all(np.isfinite(pair.cycles).all() for pair in PairBounds(problem).of_subspaces(levels))


@pytest.mark.parametrize(("channels", "groups"), [(6, 1), (3, 2), (1, 1)])
def test_weights_for_other_channels_than_the_inputs_are_no_convolution(channels: int, groups: int) -> None:
    shapes, attributes = [(1, channels, 8, 8), (4, 3, 3, 3)], {"group": groups}
    with pytest.raises(ValueError, match=f"its weights are for {3 * groups} channels, its input has {channels}"):
        convolution(shapes, attributes)


@pytest.mark.parametrize(("channels", "groups"), [(5, 1), (4, 3)])
def test_weights_for_other_channels_are_no_transposed_convolution(channels: int, groups: int) -> None:
    shapes, attributes = [(1, channels, 8, 8), (4, 3, 3, 3)], {"group": groups}
    with pytest.raises(ValueError, match=f"its weights are for 4 channels, its input has {channels}"):
        transposed_convolution(shapes, attributes)


PROBLEM = """
problem:
  shape:
    dimensions: [M, K]
    data_spaces:
    - {{name: A, projection: [[[M]], [[K]]]}}
    - {{name: O, projection: [[[M]]], read_write: true}}
  instance: {{M: 6, K: 4}}
mapping:
- {{target: DRAM, type: temporal, factors: "M0 K1", permutation: KM}}
- {{target: SPM, type: temporal, factors: "M{spm} K1", permutation: KM}}
- {{target: RF, type: temporal, factors: "M1 K4", permutation: KM}}
"""


@pytest.mark.parametrize(("spm", "dram"), [(2, 3), (6, 1), (4, None)])
def test_zero_stands_for_a_rest_only_where_the_other_factors_divide(spm: int, dram: int | None, tmp_path: Path) -> None:
    path = tmp_path / "layer.yaml"
    path.write_text(PROBLEM.format(spm=spm))
    if dram is None:
        with pytest.raises(InputError, match="expected factors of M that multiply to its bound 6"):
            read_layer([path])
        return
    imported = read_layer([path])
    assert imported.mapping is not None
    assert imported.mapping.tiling["M"].dram == dram
