"""An infeasible limit says what can be had: a mapping keeps that value, and none keeps a better one."""

from __future__ import annotations

from math import nextafter
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm, only
from dmaze.cli.main import main
from dmaze.model.documents.kinds.achievable_value import AchievableValue
from dmaze.model.documents.result import LayerResult
from dmaze.model.reading.loading import resolved
from dmaze.solver import solve
from dmaze.solver.pipeline.further.frontiers import LARGEST, Frontier
from dmaze.solver.pipeline.solve import solve_layer

Output = pytest.CaptureFixture[str]
SPECS = Specs(gemm(6, 4, 10), backend="portfolio")
TINY = gemm(4, 3, 6)
SMALL: dict[str, Any] = {
    "name": "small",
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100},
        {"storage": "GLB", "capacity_bytes": 40, "read_pj": 5, "write_pj": 5},
        {"fanout": "X", "size": 5},
        {"storage": "RF", "partitions": {"*": 3}, "read_pj": 1, "write_pj": 1, "keep": "must"},
    ],
}


def answer(constraints: dict[str, Any], *layers: dict[str, Any], **fields: Any) -> LayerResult:
    return only(solve(SPECS(*layers, constraints=constraints, **fields)))


def with_limit(constraints: dict[str, Any], rule: str, value: float) -> dict[str, Any]:
    """Constraints with another value of a limit, by its name in results."""
    field, _, part = rule.partition(".")
    return {**constraints, field: {**constraints.get(field, {}), part: value} if part else value}


@pytest.mark.parametrize(
    ("rule", "asked", "others", "expected"),
    [
        # every operand once: 6*10 + 10*4 + 6*4 elements of 2 bytes
        ("max_dram_bytes", 1, {}, 2 * (60 + 40 + 24)),
        ("max_dram_bytes", 247, {"fixed": {"K": {"dram": 5}}}, None),
        ("max_dma_invocations", 0, {}, None),
        ("max_dma_invocations", 1, {"max_dram_bytes": 400}, None),
        ("min_utilization.pe", 0.5, {"spatial_dims": ["M"]}, 6 / 256),
        ("min_utilization.pe", 1, {}, 240 / 256),
        ("min_utilization.rf", 1, {"fixed": {"K": {"rf": 1}}}, 2 * (6 + 4 + 24) / 512),
        ("min_utilization.spm", 0.9, {"max_dram_bytes": 500}, None),
    ],
)
def test_on_the_published_machine(rule: str, asked: float, others: dict[str, Any], expected: float | None) -> None:
    constraints = with_limit(others, rule, asked)
    layer = answer(constraints)
    assert (layer.status, rule in layer.conflicts) == ("infeasible", True)
    found = layer.achievable[rule]
    assert (found.proved, found.value) == (True, found.bound)
    assert found.value is not None
    assert expected is None or found.value == expected
    better = found.value - 1 if rule.startswith("max_") else nextafter(found.value, 2)
    assert answer(with_limit(constraints, rule, found.value)).status == "optimal"
    assert answer(with_limit(constraints, rule, better)).status == "infeasible"


@pytest.mark.parametrize(
    ("rule", "asked", "others", "expected"),
    [
        ("max_words.DRAM", 1, {}, None),
        ("max_words.GLB", 10, {"keep": {"GLB": {"A": "must"}}}, None),
        ("min_utilization.X", 1, {"dims": {"X": ["M"]}}, 4 / 5),
        ("min_utilization.GLB", 1, {"keep": {"GLB": {"A": "must", "B": "never", "C": "never"}}}, 24 / 40),
        ("min_utilization.RF", 1, {"fixed": {"K": {"RF": 1}}}, None),
    ],
)
def test_on_a_hierarchy(rule: str, asked: float, others: dict[str, Any], expected: float | None) -> None:
    constraints = with_limit(others, rule, asked)
    layer = answer(constraints, TINY, architecture=SMALL)
    assert (layer.status, rule in layer.conflicts) == ("infeasible", True)
    found = layer.achievable[rule]
    assert (found.proved, found.value) == (True, found.bound)
    assert found.value is not None
    assert expected is None or found.value == expected
    better = found.value - 1 if rule.startswith("max_") else nextafter(found.value, 2)
    assert answer(with_limit(constraints, rule, found.value), TINY, architecture=SMALL).status == "optimal"
    assert answer(with_limit(constraints, rule, better), TINY, architecture=SMALL).status == "infeasible"


def test_limits_that_the_other_limits_leave_nothing_for_have_a_bound() -> None:
    layer = answer({"max_dram_bytes": 1, "max_dma_invocations": 1})
    assert set(layer.conflicts) == set(layer.achievable)
    ((rule, found),) = layer.achievable.items()
    alone = answer({rule: 1}).achievable[rule]
    assert found == AchievableValue(value=None, bound=alone.bound, proved=False)


def test_words_make_a_share_a_bound() -> None:
    asked = {"max_words": {"GLB": 10**6}, "min_utilization": {"X": 1}, "dims": {"X": ["M"]}}
    layer = answer(asked, TINY, architecture=SMALL)
    assert layer.achievable == {"min_utilization.X": AchievableValue(value=None, bound=0.8, proved=False)}


def test_what_is_no_limit_has_no_value() -> None:
    assert answer({"fixed": {"M": {"rf": 5}}}).achievable == {}
    assert answer({}).achievable == {}


def test_sweeps_and_studies_are_not_held_up_by_it() -> None:
    spec = SPECS(constraints={"max_dram_bytes": 1})
    known = resolved(spec, Path())
    layer = solve_layer(known, known.layers[0])
    assert (layer.conflicts, layer.achievable) == (("max_dram_bytes",), {})


def test_the_report_says_it(tmp_path: Path, capsys: Output) -> None:
    assert main([SPECS.writer(tmp_path)(constraints={"max_dram_bytes": 1}), "--no-cache"]) == 1
    assert "\n  - max_dram_bytes: the least that the other rules leave is 248\n" in capsys.readouterr().out
    both = SPECS.writer(tmp_path)(constraints={"max_dram_bytes": 1, "max_dma_invocations": 1})
    assert main([both, "--no-cache"]) == 1
    assert "at least " in capsys.readouterr().out


class TestFrontier:
    """The search for where what can be had ends."""

    @pytest.mark.parametrize("least", [2, 3, 7, 8, 1000, LARGEST])
    def test_the_least_is_found(self, least: int) -> None:
        found = Frontier.above(lambda number: number >= least, 1)
        assert found is not None
        assert found.least() == AchievableValue(value=least, bound=least, proved=True)

    @pytest.mark.parametrize("greatest", [0, 1, 6, 9])
    def test_the_greatest_is_found(self, greatest: int) -> None:
        found = Frontier.below(lambda number: number <= greatest, 10)
        assert found is not None
        assert found.greatest(20) == AchievableValue(value=greatest / 20, bound=greatest / 20, proved=True)

    def test_nothing_is_found_where_nothing_is(self) -> None:
        assert Frontier.above(lambda _: False, 1) is None
        assert Frontier.below(lambda _: False, 1) is None

    def test_what_is_not_decided_in_time_is_left_open(self) -> None:
        known = {2: False, 8: False, 32: True, 20: True}
        found = Frontier.above(known.get, 1)
        assert found is not None
        assert found.least() == AchievableValue(value=20, bound=9, proved=False)
        unknown = Frontier.above({}.get, 1)
        assert unknown is not None
        assert unknown.least() == AchievableValue(value=None, bound=2, proved=False)
        below = Frontier.below({0: True, 5: False}.get, 10)
        assert below is not None
        assert below.greatest(10) == AchievableValue(value=0.0, bound=0.4, proved=False)
        never = Frontier.below({}.get, 10)
        assert never is not None
        assert never.greatest(10) == AchievableValue(value=None, bound=0.9, proved=False)
