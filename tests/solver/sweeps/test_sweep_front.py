"""The front of a sweep holds what no combination of designs and mappings beats: compared with trying all of them."""

from __future__ import annotations

from itertools import product
from typing import Any

from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.cost_document import Cost
from dmaze.model.documents.pareto import LayerFront, ParetoFronts
from dmaze.model.documents.result import Solution
from dmaze.model.documents.sweep_results import SweptDesign
from dmaze.model.layers import Gemm
from dmaze.solver.sweeps.sweep_front import sweep_front
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_specs import MACHINE

Figures = tuple[int, int, float]

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, database=None)
"""Of every run the same; the file asks nothing of the machine's speed."""


def solution(rank: int, energy_pj: int, cycles: int) -> Solution:
    zero = dict.fromkeys(("mac", "rf", "noc", "spm", "dram"), 0.0)
    cost = {
        "energy_pj": energy_pj,
        "cycles": cycles,
        "edp": float(energy_pj * cycles),
        "energy_breakdown_pj": zero,
        "tensor_energy_pj": {},
        "dram_bytes": 0,
        "dma_invocations": 0,
        "utilization": {"pe": 0.0, "rf": 0.0, "spm": 0.0},
    }
    return Solution.model_validate({"rank": rank, "mapping": {"tiling": {}}, "cost": Cost.model_validate(cost)})


def front(name: str, count: int, stairs: list[tuple[int, int]]) -> LayerFront:
    layer = Gemm(type="gemm", name=name, m=1, n=1, k=1, count=count)
    points = tuple(solution(rank, *figures) for rank, figures in enumerate(stairs, start=1))
    return LayerFront(name=name, count=count, layer=layer, complete=True, infeasible=not stairs, points=points)


def design(number: int, area: float, layers: list[LayerFront]) -> SweptDesign:
    fronts = ParetoFronts(
        architecture=Architecture.model_validate(MACHINE), constraints=Constraints(), layers=tuple(layers)
    )
    infeasible = any(layer.infeasible for layer in layers)
    status = "infeasible" if infeasible else "optimal"
    return SweptDesign(values={"pes": number}, area_proxy_bytes=area, status=status, fronts=fronts)


def stairs(values: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The unbeaten ones of some pairs."""
    return sorted(p for p in set(values) if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in values))


layer_stairs = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=0, max_size=5).map(stairs)
sweeps = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.tuples(st.integers(1, 3), layer_stairs), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


def swept(drawn: Any) -> list[SweptDesign]:
    return [
        design(number, float(area), [front(f"l{n}", count, found) for n, (count, found) in enumerate(layers)])
        for number, (area, layers) in enumerate(drawn)
    ]


def combinations(designs: list[SweptDesign]) -> set[tuple[int, Figures]]:
    """Number and figures of every design with every choice of points."""
    found: set[tuple[int, Figures]] = set()
    for one in designs:
        assert one.fronts is not None
        layers = one.fronts.layers
        for chosen in product(*(layer.points for layer in layers)):
            energy = sum(layer.count * point.cost.energy_pj for layer, point in zip(layers, chosen, strict=True))
            cycles = sum(layer.count * point.cost.cycles for layer, point in zip(layers, chosen, strict=True))
            found.add((int(one.values["pes"]), (energy, cycles, one.area_proxy_bytes)))
    return found


def beats(one: Figures, other: Figures) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@SETTINGS
@given(sweeps)
def test_without_tolerance_it_is_what_trying_all_combinations_gives(drawn: Any) -> None:
    designs = swept(drawn)
    every = combinations(designs)
    expected = {(n, figures) for n, figures in every if not any(beats(other, figures) for _, other in every)}
    found = sweep_front(designs, 0.0)
    assert {(p.values["pes"], (p.energy_pj, p.cycles, p.area_proxy_bytes)) for p in found.points} == expected
    assert len(found.points) == len(expected)
    assert found.complete


@SETTINGS
@given(sweeps, st.sampled_from([1e-3, 0.05, 0.3, 1.0]))
def test_with_a_tolerance_every_combination_is_matched(drawn: Any, tolerance: float) -> None:
    designs = swept(drawn)
    every = combinations(designs)
    shown = [(p.energy_pj, p.cycles, p.area_proxy_bytes) for p in sweep_front(designs, tolerance).points]
    assert {
        (int(p.values["pes"]), s) for p, s in zip(sweep_front(designs, tolerance).points, shown, strict=True)
    } <= every
    for _, (energy, cycles, area) in every:
        assert any(
            e <= energy * (1 + tolerance) and c <= cycles * (1 + tolerance) and a <= area for e, c, a in shown
        ), (energy, cycles, area)
    for figure in (0, 1):
        assert min((s[figure] for s in shown), default=None) == min((s[figure] for _, s in every), default=None)


@SETTINGS
@given(sweeps)
def test_a_point_says_which_point_of_each_layer_it_takes(drawn: Any) -> None:
    designs = swept(drawn)
    for point in sweep_front(designs, 1e-3).points:
        fronts = designs[int(point.values["pes"])].fronts
        assert fronts is not None
        chosen = [(layer.count, layer.points[point.layer_points[layer.name] - 1].cost) for layer in fronts.layers]
        assert point.energy_pj == sum(count * cost.energy_pj for count, cost in chosen)
        assert point.cycles == sum(count * cost.cycles for count, cost in chosen)
        assert point.edp == point.energy_pj * point.cycles


def test_it_is_complete_only_when_every_layer_is() -> None:
    whole = design(1, 1.0, [front("a", 1, [(1, 2), (2, 1)])])
    part = whole.model_copy(update={"values": {"pes": 2}, "status": "feasible"})
    nothing = design(3, 1.0, [front("a", 1, [])])
    assert sweep_front([whole, nothing], 0.0).complete
    assert not sweep_front([whole, part], 0.0).complete
    assert [p.values["pes"] for p in sweep_front([whole, part], 0.0).points] == [1, 2, 1, 2]  # equal ones both stay


def test_tolerance_keeps_the_front_of_many_layers_small() -> None:
    """Ten layers with six points each have 6 ** 10 combinations."""
    layers = [front(f"l{n}", 1, [(1000 + 17 * n + 7 * i, 2000 - 31 * i - n * i) for i in range(6)]) for n in range(10)]
    found = sweep_front([design(1, 1.0, layers)], 1e-2)
    assert 2 < len(found.points) < 100
    assert found.points[0].energy_pj == sum(1000 + 17 * n for n in range(10))
    assert found.points[-1].cycles == sum(2000 - 31 * 5 - n * 5 for n in range(10))
