"""The back end on random tiny problems, with and without constraints, against costing every mapping."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from random import Random

import pytest
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.accountings import AccountingName
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.hierarchy_model import MODEL, HierarchyModel
from level_optima import TooManyError
from random_constraints import KINDS_OF_CONSTRAINT
from random_hierarchies import Traits, random_case
from random_layers import KINDS
from shortest_path_agreement import (
    ALL_BLOCKS,
    EXACT,
    Searched,
    compared,
    drawn_problem,
    right_searches,
    search,
    with_blocks_at_even_prices,
)

ANY = Traits(most_levels=3, blocks=0.0)
HALO = Traits(most_levels=3, halo=1.0, dma=0.0, blocks=0.0)
DMA = Traits(most_levels=3, halo=0.0, dma=1.0, blocks=0.0)
BLOCKS = Traits(most_levels=3, blocks=1.0)
MOST, MOST_CHOICES = 2000, 4
"""Mappings that are costed, and choices of what is kept where; problems with more are passed over."""


def checked(
    seeds: Sequence[int],
    number: int,
    traits: Traits = ANY,
    kinds: Sequence[str] = (),
    model: HierarchyModel = MODEL,
) -> list[Searched]:
    searched = partial(compared, most=MOST, most_choices=MOST_CHOICES, model=model)
    return right_searches(seeds, number, traits, kinds, searched, (TooManyError, InputError))


@pytest.mark.parametrize("place", range(len(KINDS)), ids=list(KINDS))
def test_optima_are_those_of_all_mappings(place: int) -> None:
    checked(range(30_000_009 + place, 31_000_000, len(KINDS)), 1 + place % 2)


def windows(first: int) -> list[int]:
    """Seeds of nests with windows."""
    places = [place for place, kind in enumerate(KINDS) if kind in ("conv1d", "conv2d", "depthwise", "convolved")]
    return [round_ * len(KINDS) + place for round_ in range(first, first + 100) for place in places]


def test_optima_with_halo_are_those_of_all_mappings() -> None:
    checked(windows(2_400_000), 4, HALO)


@pytest.mark.parametrize("name", ["timeloop", "accelforge"])
def test_optima_as_other_tools_count_are_those_of_all_mappings(name: AccountingName) -> None:
    model = MODEL.under(name)
    checked(windows(2_500_000), 3, HALO, model=model)
    checked(range(37_000_000, 38_000_000), 3, ANY, model=model)
    checked(range(38_000_000, 39_000_000), 2, ANY, Random(len(name)).sample(list(KINDS_OF_CONSTRAINT), 3), model)


def test_optima_with_dma_engines_are_those_of_all_mappings() -> None:
    checked(range(32_000_000, 33_000_000), 3, DMA)


@pytest.mark.parametrize("kind", KINDS_OF_CONSTRAINT)
def test_optima_under_constraints_of_a_kind_are_those_of_all_mappings_that_keep_them(kind: str) -> None:
    checked(range(33_000_000, 34_000_000), 2, ANY, (kind,))


@pytest.mark.parametrize("start", range(34_000_000, 34_000_300, 100))
def test_optima_under_several_constraints_are_those_of_all_mappings_that_keep_them(start: int) -> None:
    kinds = Random(start).sample(list(KINDS_OF_CONSTRAINT), 4)
    checked(range(start, start + 100), 2, ANY, kinds)


@pytest.mark.parametrize("name", ["executed", "timeloop"])
def test_optima_with_blocks_are_proved_although_sweeps_leave_partial_ones_out(
    name: AccountingName,
) -> None:
    found = checked(range(35_000_000, 36_000_000), 4, BLOCKS, model=MODEL.under(name))
    told = [str(one.outcome.statistics["relaxed"]).split(", ") for one in found]
    assert sum("blocks of elements" in relaxed for relaxed in told) > 5
    assert all(one.proved for one, relaxed in zip(found, told, strict=True) if relaxed == ["blocks of elements"])


@pytest.mark.parametrize("seed", [63_000_104, 63_000_109, 63_000_352, 63_000_353])
def test_a_mapping_of_fewer_words_is_not_taken_for_one_that_costs_less_in_blocks(seed: int) -> None:
    """Optima that are missed where labels go for any that has less energy, or whatever their instances are."""
    case = with_blocks_at_even_prices(Random(seed), random_case(seed, 24, ALL_BLOCKS))
    for one in compared(case, EXACT, 20_000, 4):
        assert (one.wrong, one.proved) == ((), True)


def test_blocks_are_told_of_where_there_are_any_and_only_there() -> None:
    for seed in range(36_000_000, 36_000_010):
        case = random_case(seed, 6, Traits(most_levels=2, blocks=0.5))
        relaxed = search(case, "energy").statistics["relaxed"]
        assert (relaxed == "nothing") == all(level.block_elements == 1 for level in case.machine.levels)


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(22_000_151, id="a fanout outside loops over which tiles slide"),
        pytest.param(22_000_430, id="a fanout of which some share must be used"),
    ],
)
def test_problems_that_were_once_not_proved(seed: int) -> None:
    for one in compared(*drawn_problem(seed)[:2], 10_000, 16):
        assert (one.wrong, one.proved) == ((), True)


def test_loops_over_which_a_tile_slides_are_kept_whole() -> None:
    """A dimension that has two runs of loops at one level costs less there than any mapping."""
    for one in compared(random_case(50_001_885, 24, HALO), EXACT, 10_000, 16):
        assert (one.wrong, one.proved) == ((), True)


def test_bounds_of_nothing_are_raised() -> None:
    """Seed 12 has an energy of which nothing is certain at first, so that targets cannot be multiples of its bound."""
    for one in compared(random_case(12, 20, ANY), EXACT, MOST, MOST_CHOICES):
        assert (one.wrong, one.proved) == ((), True)


def test_tiles_fill_a_level_together() -> None:
    """A least share of a level that no tensor's tile takes by itself."""
    case = next(
        case
        for case in (random_case(seed, 16, ANY) for seed in range(1000))
        if any(level.capacity_bytes == 40 and not any(level.partitions) for level in case.machine.levels)
    )
    (level, *_) = (level.name for level in case.machine.levels if level.capacity_bytes == 40)
    for one in compared(case, LevelConstraints(min_utilization={level: 0.25}), 20_000, 64):
        assert (one.wrong, one.proved) == ((), True)
