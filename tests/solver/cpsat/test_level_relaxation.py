"""The CP-SAT model of hierarchies: it takes every mapping, for no more than it costs, and only what fits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from dmaze.model.dmazerunner.factorisations import divisors
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.level_legality import broken_level_rules
from dmaze.model.hierarchy.constraints.resolved_constraints import ResolvedConstraints, resolved_constraints
from dmaze.model.hierarchy.exact.unions import union_length
from dmaze.model.hierarchy.level_mapping import LevelMapping
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.hierarchy.vectorised.mapping_arrays import level_mappings
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.cpsat.levels.relaxation.held_tiles import least_whole
from dmaze.solver.cpsat.levels.relaxation.index_components import IndexComponent, components_of
from dmaze.solver.cpsat.levels.relaxation.level_exponents import LevelExponents
from dmaze.solver.cpsat.levels.relaxation.planes_below import SLOPE_SCALE, planes_below
from hierarchy_cases import nest_of
from level_optima import TooManyError, allowed_mappings
from level_relaxation import relaxed_value
from ortools.sat.python import cp_model
from random_constraints import KINDS_OF_CONSTRAINT, random_constraints
from random_hierarchies import RandomCase, Traits, described, random_case
from random_layers import KINDS

CLOSE = 1e-8
"""Relative room for the digits that quantities are rounded to."""
ANY = Traits(most_levels=3)
PLAIN = Traits(most_levels=4, halo=0.0, dma=0.5, blocks=0.0)
Costs = dict[tuple[object, ...], tuple[LevelMapping, dict[Objective, float]]]


def costs_of_tilings(constraints: ResolvedConstraints) -> Costs:
    """By factors and what is kept: a mapping, and the least of each objective over its orders."""
    found: Costs = {}
    for arrays, cost in allowed_mappings(constraints, 600):
        mappings = level_mappings(constraints.nest, constraints.machine, arrays)
        for place, mapping in enumerate(mappings):
            values = {name: float(rule.of_arrays(*cost)[0][place]) for name, rule in OBJECTIVES.items()}
            _, least = found.setdefault((mapping.factors, mapping.kept), (mapping, values))
            least.update({name: min(value, least[name]) for name, value in values.items()})
    return found


def problems(
    seeds: range, traits: Traits, number: int, *, constrained: bool
) -> Iterator[tuple[RandomCase, LevelConstraints]]:
    """Problems of some mappings, not too many; some with constraints."""
    for seed in seeds:
        case = random_case(seed, 12, traits)
        kinds = Random(seed).sample(list(KINDS_OF_CONSTRAINT), 2) if constrained and seed % 3 else []
        constraints = random_constraints(Random(seed), case, kinds)
        if case.nest.num_macs >= 4 and len(case.machine.levels) > 1:
            number -= 1
            yield case, constraints
        if number == 0:
            return


@pytest.mark.parametrize("place", range(len(KINDS)), ids=list(KINDS))
def test_every_mapping_is_taken_for_no_more_than_it_costs(place: int) -> None:
    """And for exactly what it costs under its best orders, where the model says that nothing is relaxed."""
    checked = exact = 0
    for case, constraints in problems(range(50_000_000 + place, 51_000_000, len(KINDS)), ANY, 12, constrained=True):
        resolved = resolved_constraints(case.nest, case.machine, constraints)
        try:
            found = list(costs_of_tilings(resolved).values())
        except TooManyError:
            continue
        mapping, costs = found[len(found) // 2] if found else (case.mapping, {})
        for objective, cost in costs.items():
            one, told = relaxed_value(resolved, objective, mapping), f"{described(case)} {constraints} {mapping}"
            assert one.value is not None, told
            assert one.value <= cost * (1 + CLOSE), told
            if not one.is_relaxed:
                assert one.value >= cost * (1 - CLOSE) - CLOSE, told
                exact += 1
            checked += 1
    assert checked >= 3
    assert exact >= 1


def test_products_of_energy_and_cycles_keep_their_solutions() -> None:
    """OR-Tools 9.15 calls this mapping infeasible where the product of its energy and cycles may have 57 bits."""
    case = random_case(60_000_730, 12, ANY)
    resolved = resolved_constraints(case.nest, case.machine, LevelConstraints(min_utilization={"L1": 0.1}))
    factors, orders = ((1, 2, 1, 1), (3, 1, 2, 1)), ((0, 2, 3, 1), (1, 3, 0, 2))
    mapping = LevelMapping(factors, orders, ((True, True, True), (True, True, False)))
    assert relaxed_value(resolved, "edp", mapping).value == pytest.approx(6.27 * 120, rel=CLOSE)


def test_what_does_not_fit_is_refused() -> None:
    refused = 0
    for case, constraints in problems(range(52_000_000, 53_000_000), PLAIN, 60, constrained=True):
        resolved = resolved_constraints(case.nest, case.machine, constraints)
        broken = [
            rule for rule in broken_level_rules(resolved, case.mapping) if not rule.startswith(("orders", "inner"))
        ]
        value = relaxed_value(resolved, "energy", case.mapping).value
        if resolved.max_words == (None,) * case.machine.num_nodes:
            assert (value is None) == bool(broken), f"{described(case)} {constraints} {case.mapping} {broken}"
            refused += bool(broken)
    assert refused > 5


def window(x: int, r: int, stride: int, dilation: int) -> IndexComponent:
    """The component of a sliding window of an index."""
    index = [f"{stride}*x + {dilation}*r"]
    tensors = [{"name": "i", "index": index}, {"name": "o", "index": ["x"], "output": True}]
    nest = nest_of({"bounds": {"x": x, "r": r}, "tensors": tensors})
    machine = Machine.model_validate({"name": "m", "nodes": [{"storage": "DRAM"}]})
    constraints = resolved_constraints(nest, resolved_machine(machine, nest), LevelConstraints())
    axes = LevelExponents(cp_model.CpModel(), constraints).axes
    (component,) = components_of(nest, axes, nest.tensors[0])
    return component


@pytest.mark.parametrize(
    ("x", "r", "stride", "dilation"), [(12, 3, 1, 1), (8, 3, 2, 1), (6, 2, 3, 1), (4, 4, 1, 2), (4, 4, 2, 3)]
)
def test_shared_words_are_at_least_what_the_tables_say(x: int, r: int, stride: int, dilation: int) -> None:
    """For every tile and every number of instances of it, side by side and with loops between."""
    component, equal = window(x, r, stride, dilation), 0
    place = {(tile["x"], tile["r"]): powers for powers, tile in _tiles(component)}
    for tile_x, tile_r in itertools.product(divisors(x), divisors(r)):
        for f_x, f_r in itertools.product(divisors(x // tile_x), divisors(r // tile_r)):
            extent = stride * (tile_x - 1) + dilation * (tile_r - 1) + 1
            repeats = x // (tile_x * f_x) * (r // (tile_r * f_r))
            powers = place[tile_x * f_x, tile_r * f_r]
            words = union_length([(stride * tile_x, f_x), (dilation * tile_r, f_r)], extent) * repeats
            assert component.contiguous[powers] <= words
            equal += component.contiguous[powers] == words
            for gap_x, gap_r in itertools.product(divisors(x // tile_x // f_x), divisors(r // tile_r // f_r)):
                steps = [(stride * tile_x * gap_x, f_x), (dilation * tile_r * gap_r, f_r)]
                assert component.scattered[powers] <= union_length(steps, extent) * repeats
    assert equal > 0


def _tiles(component: IndexComponent) -> Iterator[tuple[tuple[int, ...], dict[str, int]]]:
    for powers in np.ndindex(*component.shape):
        tile = {"x": 1, "r": 1}
        for number, power in zip(component.numbers, powers, strict=True):
            axis = component.axes[number]
            tile["xr"[axis.dim]] *= axis.prime**power
        yield powers, tile


def test_planes_are_nowhere_above_their_table() -> None:
    random, planes = Random(1), 0
    for _ in range(50):
        bases = [random.choice((2, 3, 5, 7)) for _ in range(random.randint(1, 3))]
        table = np.array(1)
        for base in bases:
            table = np.multiply.outer(table, base ** np.arange(random.randint(2, 4)))
        for constant, slopes in planes_below(table):
            below = constant + sum(s * along for s, along in zip(slopes, np.indices(table.shape), strict=True))
            assert (below <= table * SLOPE_SCALE).all()
            assert (below > table * SLOPE_SCALE - 20 * SLOPE_SCALE).any()
            planes += 1
    assert planes > 100


def test_the_least_use_of_a_share_is_that_of_binary64() -> None:
    for whole in range(1, 200):
        for share in (0.01, 0.1, 0.3, 1 / 3, 0.7, 0.9, 1.0):
            assert least_whole(share, whole) == next(n for n in range(whole + 1) if n / whole >= share)
            assert math.isclose(least_whole(share, whole) / whole, share, abs_tol=1 / whole)
