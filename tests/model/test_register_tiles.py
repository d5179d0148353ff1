"""What is said of all tiles that fit a register file holds for each of them, and is reached by one."""

import numpy as np
from builders import gemm_nest
from dmaze.model.dmazerunner.capacities import capacities
from dmaze.model.dmazerunner.vectorised.batch import RF, SPATIAL, TilingBatch, to_array
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.dmazerunner.vectorised.level_terms import exact_rf_pass
from dmaze.model.dmazerunner.vectorised.register_tiles import register_tiles
from random_problems import describe, every_tiling, problems
from reference import REFERENCE


def test_a_register_file_of_eight_elements_by_hand() -> None:
    # A 2 x 2 block of C takes 2 words of A, 2 of B and 4 of C for 4 iterations; 1 x 1 x 3 takes 3 + 3 + 1 for 3
    machine = REFERENCE.model_copy(update={"rf_bytes_per_pe": 16})
    tiles = register_tiles(gemm_nest(12, 12, 12), capacities(machine).rf)
    assert tiles is not None
    assert tiles.most_macs == 4
    assert [iterations / words for iterations, words in tiles.uses] == [3, 3, 3]
    assert tiles.least_words(0, np.array([1.0, 3.0, 4.0])).tolist() == [1, 1, 2]


def test_no_allowed_tiling_does_better() -> None:
    checked = 0
    for problem in problems(range(52_000, 52_150)):
        nest, machine = problem.nest, problem.architecture
        tilings, tiles = every_tiling(nest, problem.constraints), register_tiles(nest, capacities(machine).rf)
        levels = to_array(tilings) if tilings else np.ones((4, len(nest.dims), 0))
        legal = levels[:, :, allowed(nest, machine, problem.constraints, levels)] if tilings else levels
        if not legal.shape[2]:
            continue
        assert tiles is not None, describe(problem)
        batch = TilingBatch(nest, legal)
        macs = batch.product_except(RF, ()) * batch.product_except(SPATIAL, ())
        assert (macs <= tiles.most_macs * machine.pes).all(), describe(problem)
        words = exact_rf_pass(batch).noc_words
        for t in range(len(nest.tensors)):
            if t != nest.output:
                assert (tiles.least_words(t, macs) <= words[t]).all(), describe(problem)
        checked += 1
    assert checked > 100
