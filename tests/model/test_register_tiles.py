"""What is said of all tiles that fit a register file holds for each of them, and is reached by one."""

import math

import numpy as np
import pytest
from builders import gemm_nest
from dmaze.model.dmazerunner.capacities import capacities
from dmaze.model.dmazerunner.vectorised.batch import RF, SPATIAL, TilingBatch, to_array
from dmaze.model.dmazerunner.vectorised.batch_legality import allowed
from dmaze.model.dmazerunner.vectorised.level_terms import exact_rf_pass
from dmaze.model.dmazerunner.vectorised.register_tiles import RegisterTiles, register_tiles
from dmaze.model.layers import Conv2d
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


@pytest.mark.parametrize(
    ("iterations", "words", "macs", "least"),
    [
        (2953, 334, 61_131_954_144_353, 6_914_349_029_534),
        (1670, 639, 82_860_101_607_700, 31_705_152_651_090),
        (3657, 3241, 128_291_967_068_985, 113_698_185_745_305),
    ],
)
def test_rounding_adds_no_word(iterations: int, words: int, macs: int, least: int) -> None:
    assert macs * words == least * iterations
    assert math.ceil(float(macs) * words / iterations) == least + 1
    tiles = RegisterTiles(1.0, ((float(iterations), float(words)),))
    assert tiles.least_words(0, np.array([float(macs)])).tolist() == [least]
    assert tiles.least_words(0, np.array([float(macs + 1)])).tolist() == [least + 1]


def test_of_too_many_tiles_nothing_is_said() -> None:
    machine = REFERENCE.model_copy(update={"rf_bytes_per_pe": 1 << 40})
    rf = capacities(machine).rf
    kernel = {"kernel_height": 24, "kernel_width": 1}
    most = Conv2d(
        type="conv2d", name="c", batch=24, out_channels=24, in_channels=24, in_height=47, in_width=2, **kernel
    )
    tiles = register_tiles(most.loop_nest(), rf)  # 8^5 * 2 tiles
    assert tiles is not None
    assert tiles.most_macs == most.loop_nest().num_macs
    assert register_tiles(most.model_copy(update={"kernel_width": 2, "in_width": 3}).loop_nest(), rf) is None


def test_register_files_that_hold_nothing_say_nothing() -> None:
    machine = REFERENCE.model_copy(update={"rf_bytes_per_pe": 4})
    assert register_tiles(gemm_nest(2, 3, 4), capacities(machine).rf) is None


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
