"""The published model against executions of the same mappings: known conventions explain every word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from random import Random

import pytest
from builders import gemm_nest, nest_of
from dmaze.model.dmazerunner.cost import ExactCost, cost_of_mapping
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.execution.agreement.execution_differences import Difference
from dmaze.model.execution.agreement.published_relation import (
    FIRST_READ_BACKS,
    FIRST_READS,
    HOLES,
    NO_READ_BACKS,
    OVERLAPS,
    RF_FILLS,
    SPM_FILLS,
    PublishedRelation,
    published_relation,
)
from dmaze.model.execution.executed_cost import ExecutedCost
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.from_architecture import level_mapping_of, machine_of
from dmaze.model.hierarchy.level_mapping import level_mapping
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping, Tiling
from random_layers import KINDS, random_layer
from reference import REFERENCE

PRICES = {name: Fraction(str(price)) for name, price in REFERENCE.access_energy_pj.model_dump().items()}
NUM_CASES = 200


def executed_cost(nest: LoopNest, mapping: Mapping) -> ExecutedCost:
    """The cost of executing a published mapping; raises ValueError for one that is no mapping of a hierarchy."""
    machine = resolved_machine(machine_of(REFERENCE), nest)
    execution = execute(nest, machine, level_mapping(nest, machine, level_mapping_of(nest, mapping)))
    assert execution.is_sound
    return execution.cost


def random_published_mapping(random: Random, nest: LoopNest) -> Mapping:
    tiling = Tiling.from_levels(zip(*(random.choice(factorisations(bound)) for bound in nest.bounds), strict=True))
    dims = range(len(nest.dims))
    return Mapping(tiling, tuple(random.sample(dims, len(dims))), tuple(random.sample(dims, len(dims))))


@cache
def executed_cases() -> tuple[tuple[LoopNest, Mapping, ExactCost, ExecutedCost, PublishedRelation], ...]:
    """Random mappings of nests of every kind, executed."""
    return tuple(_cases())


def _cases() -> Iterator[tuple[LoopNest, Mapping, ExactCost, ExecutedCost, PublishedRelation]]:
    for seed in range(NUM_CASES):
        random = Random(seed)
        nest = random_layer(random, list(KINDS)[seed % len(KINDS)], 600)
        mapping = random_published_mapping(random, nest)
        try:
            executed = executed_cost(nest, mapping)
        except ValueError:  # it unrolls what a hierarchy cannot
            continue
        cost = cost_of_mapping(nest, REFERENCE, mapping)
        yield nest, mapping, cost, executed, published_relation(nest, REFERENCE, mapping, cost, executed)


def test_known_conventions_explain_every_word_of_every_case() -> None:
    cases = executed_cases()
    assert len(cases) > 0.9 * NUM_CASES
    assert not [relation.differences for *_, relation in cases if relation.differences]
    reasons = Counter(known.reason for *_, relation in cases for known in relation.known)
    assert reasons.keys() == {RF_FILLS, SPM_FILLS, FIRST_READS, FIRST_READ_BACKS, NO_READ_BACKS, HOLES, OVERLAPS}


def test_published_and_executed_energy_differ_by_the_known_differences_exactly() -> None:
    for nest, _, cost, executed, relation in executed_cases():
        published = sum(
            Fraction(round(energy / float(PRICES[part]))) * PRICES[part]
            for part, energy in cost.energy_breakdown_pj.items()
        )
        moved = PRICES["mac"] * nest.num_macs
        for (node, _), access in executed.accesses.items():
            moved += (access.reads + access.writes) * PRICES[{0: "dram", 1: "spm", 3: "rf"}[node]]
        for passed in executed.networks.values():
            moved += (passed.down + passed.up) * PRICES["noc"] + passed.adds * (3 * PRICES["rf"] + PRICES["mac"])
        assert published == moved + sum(known.words * PRICES[known.part] for known in relation.known)
        assert relation.published_energy_pj == pytest.approx(float(published), rel=1e-12)
        assert relation.executed_energy_pj == pytest.approx(float(moved), rel=1e-12)


def test_bytes_of_dram_and_additions_are_the_published_ones() -> None:
    for nest, _, cost, executed, relation in executed_cases():
        if not any(known.reason == OVERLAPS for known in relation.known):
            assert relation.dram_bytes == sum(t.dram for t in cost.traffic) * REFERENCE.bytes_per_element
        adds = executed.networks[2, nest.output].adds
        assert adds == cost.traffic[nest.output].reduction


def product_relation(**changes: int) -> PublishedRelation:
    """A small product whose published traffic of the output is altered by so many words."""
    nest = gemm_nest(4, 2, 6)
    tiling = Tiling(dram=(2, 1, 3), spm=(1, 2, 1), rf=(1, 1, 1), spatial=(2, 1, 2))
    mapping = Mapping(tiling, (0, 2, 1), (0, 1, 2))
    cost, executed = cost_of_mapping(nest, REFERENCE, mapping), executed_cost(nest, mapping)
    traffic = list(cost.traffic)
    altered = {name: getattr(traffic[nest.output], name) + more for name, more in changes.items()}
    traffic[nest.output] = replace(traffic[nest.output], **altered)
    return published_relation(nest, REFERENCE, mapping, replace(cost, traffic=tuple(traffic)), executed)


def test_known_differences_of_a_product_by_hand() -> None:
    """M, N, K over DRAM 2, -, 3; SPM -, 2, -; PEs 2, -, 2: each of 4 PEs holds one word of C in 12 RF passes."""
    found = {(known.part, known.tensor, known.reason): known.words for known in product_relation().known}
    assert found == {
        ("rf", "A", RF_FILLS): -4 * 6,
        ("spm", "A", SPM_FILLS): -4 * 6,
        ("rf", "B", RF_FILLS): -4 * 12,
        ("spm", "B", SPM_FILLS): -4 * 6,
        ("rf", "C", RF_FILLS): -(4 * 12) - 2 * (12 - 4),
        ("rf", "C", FIRST_READS): 4 * 4,
        ("noc", "C", FIRST_READ_BACKS): 2 * 4,
        ("spm", "C", FIRST_READ_BACKS): 2 * 4,
        ("spm", "C", SPM_FILLS): -4 * 2,
    }


@pytest.mark.parametrize("part", ["noc", "spm", "dram"])
def test_a_word_that_nothing_explains_is_a_difference(part: str) -> None:
    whole, found = product_relation(), product_relation(**{part: 1})
    assert whole.differences == ()
    accesses, energy = found.differences
    assert (accesses.quantity, accesses.place) == ("accesses", f"{part}.C")
    assert accesses.model == (accesses.executed or 0) + 1
    assert (energy.quantity, energy.place) == ("energy_pj", part)


def test_an_addition_that_nothing_explains_is_a_difference() -> None:
    differences = product_relation(reduction=1).differences
    assert [(found.quantity, found.place) for found in differences] == [
        ("accesses", "mac.C"),
        ("accesses", "rf.C"),
        ("accesses", "noc.C"),
        ("energy_pj", "mac"),
        ("energy_pj", "rf"),
        ("energy_pj", "noc"),
    ]
    assert differences[0] == Difference("accesses", "mac.C", 48 + 24 + 1, 48 + 24)


def test_read_backs_of_an_output_that_stays_in_the_register_files_are_not_charged() -> None:
    """C outside M outside F at DRAM: O's word stays while F runs, and each of M's 2 words is visited in C's 3 turns."""
    layer = {
        "type": "loop_nest",
        "name": "two reductions",
        "bounds": {"M": 2, "C": 3, "F": 2},
        "tensors": [{"name": "I", "index": ["M", "C", "F"]}, {"name": "O", "index": ["M"], "output": True}],
    }
    ones = (1, 1, 1)
    nest, mapping = nest_of(layer), Mapping(Tiling((2, 3, 2), ones, ones, ones), (1, 0, 2), (0, 1, 2))
    cost = cost_of_mapping(nest, REFERENCE, mapping)
    relation = published_relation(nest, REFERENCE, mapping, cost, executed_cost(nest, mapping))
    found = [(known.part, known.words) for known in relation.known if known.reason == NO_READ_BACKS]
    assert found == [("noc", -(3 * 2 - 2)), ("spm", -(3 * 2 - 2))]
    assert relation.differences == ()


def test_holes_of_a_stride_are_charged_at_the_scratchpad() -> None:
    """Two PEs take every fourth word of 5: the box around them has 5 words, of which 2 are used."""
    layer = {
        "type": "loop_nest",
        "name": "stride",
        "bounds": {"x": 2},
        "tensors": [{"name": "I", "index": ["4*x"]}, {"name": "O", "index": ["x"], "output": True}],
    }
    mapping = Mapping(Tiling((1,), (1,), (1,), (2,)), (0,), (0,))
    nest = nest_of(layer)
    cost = cost_of_mapping(nest, REFERENCE, mapping)
    relation = published_relation(nest, REFERENCE, mapping, cost, executed_cost(nest, mapping))
    holes = [(known.part, known.tensor, known.words) for known in relation.known if known.reason == HOLES]
    assert holes == [("spm", "I", 5 - 2)]
    assert relation.differences == ()
