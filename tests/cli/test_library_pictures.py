"""``dmaze.pictures``: a figure of every kind of documents, drawn by what the command draws with."""

from __future__ import annotations

import sys
from typing import Any

import dmaze.pictures
import numpy as np
import pytest
from builders import gemm
from dmaze.cli.pictures.library.plots import PLOTS
from dmaze.model import InputError, ParetoFronts, Result, SpecOptions, evaluate
from dmaze.pictures import (
    plot,
    plot_cycles,
    plot_energy,
    plot_front,
    plot_level_energy,
    plot_roofline,
    plot_scatter,
)
from dmaze.solver import pareto_fronts, solve
from matplotlib.figure import Figure

SPEC: dict[str, Any] = {
    "architecture": "dmazerunner-256pe",
    "workload": {"layers": [gemm(4, 6, 8, name="a"), gemm(4, 6, 8, name="copy"), gemm(4, 6, 10, name="b")]},
    "solver": {"workers": 1, "backend": "exhaustive-bounded"},
}
IMPOSSIBLE: SpecOptions = {"constraints": {"min_utilization": {"rf": 1.0, "pe": 1.0, "spm": 1.0}}}


@pytest.fixture(scope="module")
def result() -> Result:
    return solve(SPEC)


@pytest.fixture(scope="module")
def fronts() -> ParetoFronts:
    return pareto_fronts(SPEC)


def texts(figure: Figure) -> str:
    from matplotlib.text import Text

    return "\n".join(found.get_text() for found in figure.findobj(Text))


def test_the_names_are_those_of_what_draws() -> None:
    for name in dmaze.pictures.__all__:
        found = getattr(dmaze.pictures, name)
        assert found.__module__ == "dmaze.cli.pictures.library.plots"
        assert found in PLOTS.values() or name in ("plot", "plot_cycles", "plot_scatter", "plot_level_energy")


def test_a_figure_is_its_own_picture_in_a_notebook(result: Result) -> None:
    figure = plot_energy(result)
    assert isinstance(figure, Figure)
    picture = figure._repr_png_()  # type: ignore[attr-defined]
    assert picture.startswith(b"\x89PNG")
    assert picture == plot(result)._repr_png_()  # type: ignore[attr-defined]


def test_cycles_have_a_row_for_every_distinct_layer(result: Result) -> None:
    shown = texts(plot_cycles(result)).splitlines()
    rows = dict.fromkeys(name for name in shown if name.partition(" ")[0] in ("a", "copy", "b"))
    assert list(rows) == ["a ×2", "b"]
    assert "cycles of the best mapping, times its count" in shown


def test_a_front_has_a_panel_for_every_distinct_layer(fronts: ParetoFronts) -> None:
    figure = plot_front(fronts)
    assert [axes.get_title("left") for axes in figure.axes] == ["a: 3 points, complete", "b: 3 points, complete"]
    for axes, layer in zip(figure.axes, (fronts.layers[0], fronts.layers[2]), strict=True):
        line, best = axes.get_lines()
        costs = sorted((point.cost.cycles, point.cost.energy_pj) for point in layer.points)
        assert np.array_equal(line.get_xydata(), costs)
        least = min((point.cost for point in layer.points), key=lambda cost: cost.edp)
        assert np.array_equal(best.get_xydata(), [(least.cycles, least.energy_pj)])


def test_a_front_may_be_that_of_one_layer(fronts: ParetoFronts) -> None:
    assert [axes.get_title("left") for axes in plot_front(fronts, "copy").axes] == ["copy: 3 points, complete"]
    with pytest.raises(InputError, match=r"^layer: no layer is called 'coyp'; did you mean 'copy'\?$"):
        plot_front(fronts, "coyp")
    nothing = fronts.model_copy(update={"layers": (fronts.layers[0].model_copy(update={"points": ()}),)})
    assert texts(plot_front(nothing)) == "no layer has a point"


def test_a_scatter_is_of_the_layer_that_matters_most_or_of_a_named_one(result: Result) -> None:
    assert "a\nall " in texts(plot_scatter(result))
    assert "b\nall " in texts(plot_scatter(result, "b", time_limit_s=5.0))
    with pytest.raises(InputError, match=r"^layer: no layer is called 'c'"):
        plot_scatter(result, "c")
    assert texts(plot_scatter(solve(SPEC, **IMPOSSIBLE))) == "no layer has a mapping"


def test_a_mapping_onto_a_hierarchy_has_two_pictures() -> None:
    mapping = {"tiling": {"M": {"DRAM": 4}, "N": {"DRAM": 6}, "K": {"DRAM": 8}}}
    request = {"architecture": "tpu-v1", "layer": gemm(4, 6, 8), "mappings": [mapping]}
    cost: Any = evaluate(request, detail=True).costs[0]
    assert cost.bound_by in texts(plot_roofline(cost))
    assert texts(plot(cost)) == texts(plot_roofline(cost))
    assert "DRAM" in texts(plot_level_energy(cost))


def test_other_documents_have_none(result: Result) -> None:
    with pytest.raises(InputError, match=r"^plot: expected one of Result, GapStudy, .*, got LayerResult$"):
        plot(result.layers[0])


def test_without_matplotlib_it_is_said_how_to_get_it(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for name in dmaze.pictures.__all__:
        asked = "plot_energy" if name == "plot" else name
        told = rf"^{asked}: pictures need matplotlib, which is not installed: pip install 'dmaze-solve\[plot\]'$"
        with pytest.raises(InputError, match=told):
            getattr(dmaze.pictures, name)(result)
