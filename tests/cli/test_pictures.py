"""Pictures show the numbers of the documents that they are drawn from, and the same document gives the same bytes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.cli.pictures import album
from dmaze.cli.pictures.cycle_bars import cycles_figure
from dmaze.cli.pictures.dataflow_bars import dataflows_figure
from dmaze.cli.pictures.energy_bars import energy_figure
from dmaze.cli.pictures.files import check_picture, write_picture
from dmaze.cli.pictures.gap_bars import gap_figure
from dmaze.cli.pictures.scatter import how_many, scatter_figure
from dmaze.cli.pictures.style import picture_bytes
from dmaze.cli.pictures.trace_chart import MOST_PANELS, trace_figure
from dmaze.cli.trace_file import SearchTrace, TracePoint
from dmaze.model import InputError, Result
from dmaze.model.documents.result import LayerResult
from dmaze.model.documents.study_results import (
    Dataflow,
    DataflowStudy,
    FullEnumeration,
    GapStudy,
    LayerDataflows,
    LayerGap,
    LayerOnDataflow,
    MeanRatios,
    PrunedSearch,
    PublishedGap,
    PublishedRatios,
    Ratios,
    StudySearch,
)
from dmaze.solver import solve
from dmaze.solver.backend import LayerProblem
from dmaze.solver.studies.cost_distribution import CostDistribution, cost_distribution
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from paths import SUPPORT

GEMM, OTHER, IMPOSSIBLE = gemm(3, 4, 4), gemm(5, 6, 8, name="h", count=3), gemm(31, 31, 37, name="no")
ODD_NAMES = ("a$b", "$x^{$", "<script>alert(1)</script>", "名前 😀", "tab\there", "n" * 200, "&amp;")


@cache
def solved() -> tuple[Result, tuple[TracePoint, ...]]:
    """Two layers with a copy of the first, and one whose 3,255 elements of 2 bytes are more than may be moved."""
    points: list[TracePoint] = []
    layers = (GEMM, {**GEMM, "name": "again", "count": 2}, OTHER, IMPOSSIBLE)
    spec = Specs()(*layers, constraints={"max_dram_bytes": 3000})
    return solve(spec, SearchTrace(points.append)), tuple(points)


PARTS = {"mac": "MAC", "rf": "RF", "noc": "NoC", "spm": "SPM", "dram": "DRAM"}
"""How the parts of the published machine are called, from the PEs outwards."""


def renamed(names: tuple[str, ...]) -> Result:
    """Solved layers of the given names."""
    result, _ = solved()
    layers = tuple(result.layers[0].model_copy(update={"name": name}) for name in names)
    return result.model_copy(update={"layers": layers})


def texts(figure: Figure) -> str:
    """All that a figure says."""
    return picture_bytes(figure, ".svg").decode()


def bars(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """By the name in the legend (start, end) of every bar."""
    return {
        str(container.get_label()): [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in container]
        for container in axes.containers
    }


def lines(axes: Axes) -> dict[str, Line2D]:
    return {str(line.get_label()): line for line in axes.lines}


def test_the_bars_are_the_energies_of_the_document() -> None:
    result, _ = solved()
    figure = energy_figure(result)
    (axes,) = figure.axes
    drawn = bars(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["g ×3", "h ×3", "no"]
    distinct = [(result.layers[0], 1 + 2), (result.layers[2], 3), (result.layers[3], 1)]
    for row, (layer, times) in enumerate(distinct):
        energies = layer.solutions[0].cost.energy_breakdown_pj.model_dump() if layer.solutions else {}
        start = 0.0
        for part, name in PARTS.items():
            end = start + times * energies.get(part, 0.0) / 1e6
            assert drawn[name][row] == pytest.approx((start, end), rel=1e-12)
            start = end
    assert ">infeasible<" in texts(figure)


def test_the_bars_of_time_are_the_cycles_of_the_document() -> None:
    result, _ = solved()
    figure = cycles_figure(result)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["g ×3", "h ×3", "no"]
    drawn, picture = bars(axes), texts(figure)
    assert list(drawn) == ["busy", "partly idle", "waiting"]
    for row, layer in enumerate((result.layers[0], result.layers[2])):
        cost = layer.solutions[0].cost
        ends = [0, 3 * (cost.ideal_cycles or 0), 3 * cost.roofline["compute"], 3 * cost.cycles]
        assert [drawn[name][row] for name in drawn] == list(pairwise(ends))
        assert f">{3 * cost.cycles:,} {cost.bound_by}<" in picture
    assert ">infeasible<" in picture


def test_cycles_of_which_nothing_is_known_are_drawn_as_a_whole() -> None:
    result, _ = solved()
    layer = result.layers[0]
    best = layer.solutions[0]
    older = best.cost.model_copy(update={"ideal_cycles": None, "roofline": {}, "bound_by": None})
    own = layer.model_copy(update={"solutions": (best.model_copy(update={"cost": older}),)})
    figure = cycles_figure(result.model_copy(update={"layers": (own,)}))
    assert bars(figure.axes[0]) == {"busy": [(0, 0)], "not known": [(0, older.cycles)]}
    assert f">{older.cycles:,}<" in texts(figure)


def test_sixty_layers_each_have_a_row_of_their_own() -> None:
    names = tuple(f"block{number}.0.conv" for number in range(60))
    figure = energy_figure(renamed(names))
    (axes,) = figure.axes
    picture_bytes(figure, ".svg")
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert len(boxes) == 60
    assert all(above.y0 >= below.y1 for above, below in pairwise(boxes))
    assert all(box.x0 >= 0 for box in boxes)


def test_the_trace_holds_every_change_and_ends_with_the_result() -> None:
    result, _ = solved()
    layer = result.layers[0].model_copy(update={"wall_s": 2.0})
    one = result.model_copy(update={"layers": (layer,)})
    points = [
        TracePoint(0.1, "g", None, 10.0, ""),
        TracePoint(0.5, "g", 90.0, 10.0, ""),
        TracePoint(1.0, "g", 80.0, 60.0, ""),
        TracePoint(0.7, "another", 1.0, 1.0, ""),
        TracePoint(2.0, "g", 80.0, 80.0, "optimal"),
    ]
    (axes,) = trace_figure(one, points).axes
    best, bound = lines(axes)["best so far"], lines(axes)["lower bound"]
    assert np.column_stack(best.get_data()).tolist() == [[0.5, 90], [1.0, 80], [2.0, 80], [2.0, 80]]
    assert np.column_stack(bound.get_data()).tolist() == [[0.1, 10], [0.5, 10], [1.0, 60], [2.0, 80], [2.0, 80]]
    assert best.get_drawstyle() == "steps-post"
    assert axes.get_title("left") == "g: optimal after 2.0 s, gap 0.00%"


def test_the_slowest_layers_are_traced_in_their_order() -> None:
    result, _ = solved()
    seconds = (5.0, 1.0, 7.0, 2.0, 3.0, 6.0)
    layers = tuple(
        result.layers[0].model_copy(update={"name": f"l{number}", "wall_s": wall_s})
        for number, wall_s in enumerate(seconds)
    )
    points = [TracePoint(wall_s, f"l{number}", 1.0, 1.0, "optimal") for number, wall_s in enumerate(seconds)]
    figure = trace_figure(result.model_copy(update={"layers": layers}), points)
    assert len(figure.axes) == MOST_PANELS == 4
    assert [axes.get_title("left")[:2] for axes in figure.axes] == ["l0", "l2", "l4", "l5"]


def test_layers_of_which_nothing_is_known_are_left_out_of_the_trace() -> None:
    result, points = solved()
    shown = [axes.get_title("left").split(":")[0] for axes in trace_figure(result, points).axes]
    assert shown == ["g", "h"]
    empty = result.model_copy(update={"layers": result.layers[3:]})
    assert "no search trace: nothing was found for any layer" in texts(trace_figure(empty, points))


@cache
def tiny_landscape() -> tuple[CostDistribution, LayerResult]:
    result, _ = solved()
    layer = result.layers[0]
    problem = LayerProblem(layer.loop_nest(), result.architecture, result.constraints, "edp")
    return cost_distribution(problem, 60.0), layer


def test_few_methods_are_points_with_the_front_and_the_chosen_one() -> None:
    seen, layer = tiny_landscape()
    cost = layer.solutions[0].cost
    (axes,) = scatter_figure("g", seen, cost, "edp").axes
    assert seen.points is not None
    np.testing.assert_array_equal(lines(axes)["method"].get_data(), seen.points)
    front = lines(axes)["Pareto front"]
    np.testing.assert_array_equal(front.get_data(), seen.front)
    chosen = lines(axes)["least EDP found"]
    assert np.column_stack(chosen.get_data()).tolist() == [[cost.cycles, cost.energy_pj]]
    assert [cost.cycles, cost.energy_pj] in seen.front.T.tolist()
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_title("left") == f"g\nall {seen.num_methods:,} methods of {seen.num_tilings:,} tilings"
    low, high = axes.get_xlim()
    assert low < seen.points[0].min() <= seen.points[0].max() < high


@pytest.mark.parametrize(("objective", "further"), [("edp", (10, 0.1)), ("energy", (10, 1)), ("latency", (1, 0.1))])
def test_the_line_through_the_chosen_method_is_where_all_is_as_good(
    objective: Any, further: tuple[float, float]
) -> None:
    seen, layer = tiny_landscape()
    cost = layer.solutions[0].cost
    (axes,) = scatter_figure("g", seen, cost, objective).axes
    (line,) = (line for name, line in lines(axes).items() if name.startswith("equal "))
    assert line.get_xy1() == (cost.cycles, cost.energy_pj)  # type: ignore[attr-defined]
    other = (cost.cycles * further[0], cost.energy_pj * further[1])
    assert line.get_xy2() == pytest.approx(other)  # type: ignore[attr-defined]


def test_many_methods_are_a_density_of_their_counts() -> None:
    seen, layer = tiny_landscape()
    seen = replace(seen, points=None)
    axes, _ = scatter_figure("g", seen, layer.solutions[0].cost, "edp").axes
    assert seen.grid is not None
    drawn = np.ma.filled(axes.collections[0].get_array(), 0)
    np.testing.assert_array_equal(drawn, seen.grid.counts.T)


def test_a_sample_says_so() -> None:
    seen, _ = tiny_landscape()
    sample = replace(seen, complete=False, space_tilings=1_234_567)
    assert how_many(sample).endswith(" tilings,\ndrawn uniformly from 1,234,567")
    assert how_many(replace(sample, space_counted=False)).endswith("drawn uniformly from about 1,200,000")
    (axes,) = scatter_figure("g", sample, None, "edp").axes
    assert "Pareto front" in lines(axes)
    (axes,) = scatter_figure("g", replace(sample, front_proved=False), None, "edp").axes
    assert "best of both found" in lines(axes)


def test_a_space_without_methods_is_words() -> None:
    seen, _ = tiny_landscape()
    nothing = replace(seen, grid=None, num_methods=0, num_tilings=0)
    assert "g: all 0 methods of 0 tilings" in texts(scatter_figure("g", nothing, None, "edp"))


def search(seconds: float) -> StudySearch:
    return StudySearch(backend="x", status="optimal", objective_value=1.0, bound=1.0, gap=0.0, seconds=seconds)


def gap_study(*layers: LayerGap, **fields: Any) -> GapStudy:
    result, _ = solved()
    common = {"backend": "portfolio", "architecture": result.architecture, "constraints": result.constraints}
    numbers = {"full_limit_s": 60.0, "mean_loss": 0.02, "mean_loss_layers": 1, "agree": True}
    reductions = {"mean_search_reduction": 9.0, "mean_search_reduction_layers": 1}
    published = PublishedGap(source="paper", mean_loss=0.0256, search_reduction=9020.0)
    given: dict[str, Any] = {"objective": "edp", **common, **numbers, **reductions, "published": published, **fields}
    return GapStudy(solver=result.solver, layers=layers, **given)


def test_the_gap_picture_shows_losses_means_and_seconds() -> None:
    pruned = PrunedSearch(search=search(0.25), thresholds=None, loss=0.02)
    done = FullEnumeration(outcome="finished", search=search(40.0), done=1.0, projected_s=None)
    cut = FullEnumeration(outcome="abandoned", search=search(5.0), done=0.1, projected_s=500.0)
    study = gap_study(
        LayerGap(name="a", count=1, solver=search(2.0), bounded=search(3.0), pruned=pruned, full=done),
        LayerGap(name="b", count=1, solver=search(4.0), full=cut),
        LayerGap(name="copy", count=1, same_as="a", solver=search(9.0), pruned=pruned),
    )
    losses, seconds = gap_figure(study).axes
    assert [label.get_text() for label in losses.get_yticklabels()] == ["a", "b"]
    assert bars(losses)["loss of the pruned search"] == [(0.0, pytest.approx(2.0))]
    assert {text.get_text() for text in losses.texts} == {"2.00", "not known"}
    places = {name: line.get_xdata() for name, line in lines(losses).items()}
    assert places["mean loss, 2.00%"] == pytest.approx([2.0, 2.0])
    assert places["published mean loss, 2.56%"] == pytest.approx([2.56, 2.56])
    assert seconds.get_xscale() == "log"
    ends = {name: [end for _, end in both] for name, both in bars(seconds).items()}
    assert ends == {
        "solver": pytest.approx([2.0, 4.0]),
        "enumeration with bounds": pytest.approx([3.0]),
        "pruned search": pytest.approx([0.25]),
        "full enumeration": pytest.approx([40.0]),
        "full enumeration, projected": pytest.approx([500.0]),
    }


def test_the_published_loss_is_left_out_where_it_compares_with_nothing() -> None:
    losses, _ = gap_figure(gap_study(LayerGap(name="a", count=1), objective="energy", mean_loss=None)).axes
    assert lines(losses) == {}


def ratios(edp: float, cycles: float) -> Ratios:
    return Ratios(objective_value=edp, edp=edp, energy=1.0, cycles=cycles)


def test_the_dataflow_picture_shows_all_ratios_and_means() -> None:
    result, _ = solved()
    flows = (Dataflow(name="f", spatial_dims=("M", "C")), Dataflow(name="g", spatial_dims=("Ox", "Oy")))
    layer = LayerDataflows(
        name="a",
        count=1,
        restricted=(
            LayerOnDataflow(
                dataflow="f", spatial_dims=("M", "C"), search=search(1.0), ratios=ratios(4.0, 0.5), proved=True
            ),
            LayerOnDataflow(dataflow="g", spatial_dims=(), search=None, ratios=None, proved=False),
        ),
    )
    mean = MeanRatios(dataflow="f", num_ratios=1, proved=True, arithmetic=ratios(4.0, 0.5), geometric=None)
    none = MeanRatios(dataflow="g", num_ratios=0, proved=False, arithmetic=None, geometric=None)
    study = DataflowStudy(
        objective="edp",
        backend="portfolio",
        architecture=result.architecture,
        constraints=result.constraints,
        solver=result.solver,
        dataflows=flows,
        layers=(layer, layer.model_copy(update={"name": "copy", "same_as": "a"})),
        means=(mean, none),
        classic_mean=mean.model_copy(update={"dataflow": None}),
        published=PublishedRatios(source="paper", mean_edp_ratio=9.16, mean_cycles_ratio=5.83),
    )
    edp, cycles = dataflows_figure(study).axes
    assert [label.get_text() for label in edp.get_yticklabels()] == ["a", "mean"]
    assert bars(edp) == {"f (M|C)": [(1.0, 4.0), (1.0, 4.0)], "g (Ox|Oy)": []}
    assert bars(cycles)["f (M|C)"] == [(1.0, 0.5), (1.0, 0.5)]
    assert edp.get_xscale() == cycles.get_xscale() == "log"
    assert [edp.get_title(), cycles.get_title()] == ["mean 4.00x, published 9.16x", "mean 0.50x, published 5.83x"]
    assert lines(cycles)["published mean"].get_xdata() == [5.83, 5.83]
    assert lines(edp)["mean over layers and classic dataflows"].get_xdata() == [4.0, 4.0]


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "energy": lambda: energy_figure(solved()[0]),
    "trace": lambda: trace_figure(*solved()),
    "scatter": lambda: scatter_figure("g", tiny_landscape()[0], tiny_landscape()[1].solutions[0].cost, "edp"),
    "gap": lambda: gap_figure(gap_study(LayerGap(name="a", count=1, solver=search(2.0)))),
}


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_input_gives_the_same_bytes(name: str, suffix: str) -> None:
    first = picture_bytes(DRAWINGS[name](), suffix)
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "mine"}):
        assert picture_bytes(DRAWINGS[name](), suffix) == first
    assert dict(mpl.rcParams) == before
    assert first.startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")
    assert b"dc:date" not in first


def test_nothing_is_cut_off() -> None:
    seen, layer = tiny_landscape()
    many = replace(seen, complete=False, num_methods=10**10, num_tilings=10**9, space_tilings=1e15, points=None)
    long = "features.denseblock4.denselayer16.conv2"
    drawings = (
        energy_figure(renamed((long, "short"))),
        trace_figure(renamed((long,)), [TracePoint(1.0, long, 1.0, 0.1, "")]),
        scatter_figure(long, many, layer.solutions[0].cost, "latency"),
        gap_figure(gap_study(LayerGap(name=long, count=1, solver=search(2.0)))),
    )
    rounding = 0.05  # inches: text is measured at another resolution here than it was laid out for
    for figure in drawings:
        picture_bytes(figure, ".svg")
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(drawn.x0, drawn.y0) >= -rounding
        assert drawn.x1 <= width + rounding
        assert drawn.y1 <= height + rounding


def test_text_in_svg_is_text() -> None:
    assert re.search(r"<text [^>]*>h ×3</text>", texts(energy_figure(solved()[0])))


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    result = renamed((name,))
    points = [TracePoint(0.1, name, 1.0, 0.5, "")]
    drawings = (energy_figure(result), trace_figure(result, points), scatter_figure(name, *chosen(), "edp"))
    for figure in drawings:
        assert "<script>" not in texts(figure)
    assert picture_bytes(energy_figure(result), ".png")


def chosen() -> tuple[CostDistribution, Any]:
    seen, layer = tiny_landscape()
    return seen, layer.solutions[0].cost


def test_a_dollar_sign_is_a_dollar_sign() -> None:
    assert ">a$b$c</text>" in texts(energy_figure(renamed(("a$b$c",))))


@pytest.mark.parametrize("name", ["p.png", "p.svg", "P.SVG"])
def test_a_picture_is_written_as_its_ending_says(tmp_path: Path, name: str) -> None:
    check_picture(tmp_path / name)
    write_picture(tmp_path / name, energy_figure(solved()[0]))
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG" if name == "p.png" else b"<?xml")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("p.pdf", r"--plot: expected a file that ends in \.png or \.svg, got .*p\.pdf"),
        ("p", r"--plot: expected a file that ends in \.png or \.svg, got .*p"),
        ("none/p.png", "--plot: expected a file in a folder that exists, but there is no folder .*none"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_picture(tmp_path / path)
    assert re.fullmatch(message, str(caught.value))


@pytest.mark.usefixtures("plugins")
def test_without_matplotlib_pictures_are_refused_before_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    spec = Specs(GEMM, backend="fake-crash").writer(tmp_path)()
    for option, target in (("--report", "r.html"), ("--pictures", "folder")):
        assert main([spec, option, str(tmp_path / target)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        needed = "pictures need matplotlib, which is not installed: pip install 'dmaze-solve[plot]'"
        assert err == f"{option}: {needed}\n"
    with pytest.raises(InputError, match="pip install"):
        check_picture(tmp_path / "p.png")
    assert [path.name for path in tmp_path.iterdir()] == ["spec.json"]


def test_nothing_but_drawing_imports_matplotlib() -> None:
    code = "import sys, dmaze.cli.main; raise SystemExit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_drawing_leaves_pyplot_alone() -> None:
    draw = "import sys, test_pictures; test_pictures.DRAWINGS['energy']()"
    code = f"{draw}; raise SystemExit('matplotlib.pyplot' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    folder = Path(__file__).parent
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, env=env).returncode == 0


def test_the_layer_drawn_is_the_one_with_the_largest_share_of_the_edp() -> None:
    result, _ = solved()
    own = [layer for layer in result.layers if layer.solutions and layer.same_as is None]
    shares = {layer.name: layer.solutions[0].cost.edp * 3 for layer in own}  # g: 1 + 2 times, h: 3 times
    layer = album.most_costly(result)
    assert layer is not None
    assert layer.name == max(shares, key=lambda name: shares[name])
    assert album.most_costly(result.model_copy(update={"layers": result.layers[3:]})) is None
