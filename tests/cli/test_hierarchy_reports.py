"""Mappings onto hierarchies in the readable report, as loop nests and on the HTML page."""

from __future__ import annotations

import html
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.cli.pictures.level_bars import level_energy_figure, roofline_figure
from dmaze.cli.reports.level_listing import level_listing
from dmaze.cli.reports.levels_report import pj_text, print_levels
from dmaze.model import EvaluatedLevels, EvaluateRequest, evaluate
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.layers import LoopNestLayer
from hierarchy_cases import hierarchy_cases
from rich.console import Console
from test_hierarchy_cli import MACHINE, MAPPING, TOO_LARGE

Output = pytest.CaptureFixture[str]

REQUEST: dict[str, Any] = {"architecture": MACHINE, "layer": gemm(2, 3, 8), "mappings": [MAPPING, TOO_LARGE]}


UNEXPLAINED = r"<th (?![^>]*title=)[^>]*>([^<]*)"
"""Headings of a page's tables that do not say what they mean: names of what stands below them."""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(REQUEST), encoding="utf-8")
    return str(file)


def evaluated(*, detail: bool) -> list[EvaluatedLevels]:
    costs = evaluate(EvaluateRequest.model_validate(REQUEST), detail=detail).costs
    return [cost for cost in costs if isinstance(cost, EvaluatedLevels)]


def printed(*, detail: bool, width: int = 80) -> str:
    stream = StringIO()
    print_levels(Console(file=stream, width=width, highlight=False, markup=False), evaluated(detail=detail))
    return stream.getvalue()


LISTING = """\
# DRAM: everything
# C: GLB -> DRAM, 6 elements, once; stays over K_DRAM
for K_DRAM in range(2):
  # A: DRAM -> GLB, 8 elements, twice
  # B: DRAM -> GLB, 12 elements, twice
  # GLB: keeps A 8, B 12, C 6 elements, 81% full
  # B: GLB -> RF, 6 elements to each of 2, twice; stays over M_GLB
  for M_GLB in range(2):
    # A: GLB -> RF, 2 elements to each of 2, 4 times
    # C: RF -> GLB, 3 elements from each of 2, 4 times; partial sums go back twice
    # X: 2 of 4 instances; 2 partial sums of each C are added
    parallel for K_X in range(2):
      # RF x 2: keeps A 2, B 6, C 3 elements
      for N_RF in range(3):
        for K_RF in range(2):
          # operands: A, B, C in RF
          C[M][N] += A[M][K] * B[K][N]
"""


def test_a_loop_nest_says_what_moves_when_and_what_stays(path: str, capsys: Output) -> None:
    assert main(["evaluate", path, "--loops"]) == 0
    out = capsys.readouterr().out
    assert f"\nmapping 0 as a loop nest:\n\n{LISTING}\nmapping 1 as a loop nest:\n\n" in out
    assert "# GLB: keeps A 16, B 24, C 6 elements, 144% full: DOES NOT FIT\n" in out
    assert "# X: 8 of 4 instances: DOES NOT FIT; 8 partial sums of each C are added\n" in out


BYPASS: dict[str, Any] = {
    "name": "rows",
    "nodes": [
        {"storage": "DRAM"},
        {"storage": "GLB", "keep": {"read2": "never"}},
        {"fanout": "X", "size": 8},
        {"storage": "IN", "keep": {"read1": "must", "*": "never"}, "halo": True},
        {"storage": "OUT", "keep": {"output": "must", "*": "never"}},
    ],
}
CONVOLUTION: dict[str, Any] = {
    "type": "loop_nest",
    "name": "conv",
    "bounds": {"m": 4, "x": 12, "r": 3},
    "tensors": [
        {"name": "I", "index": ["x + r"]},
        {"name": "W", "index": ["m", "r"]},
        {"name": "O", "index": ["m", "x"], "output": True},
    ],
}
BYPASSED = """\
# DRAM: everything
# I: DRAM -> GLB, 14 elements, once; stays over m_DRAM
for m_DRAM in range(2):
  # O: GLB -> DRAM, 24 elements, twice
  # GLB: keeps I 14, O 24 elements
  for x_GLB in range(6):
    # I: GLB -> IN, 3 elements to each of 4, 12 times; 26 of 36 fetched, the others are there already
    # O: OUT -> GLB, 1 element from each of 4, 12 times
    # X: 4 of 8 instances; each I goes to 2 at once; each W goes to 2 at once
    parallel for m_X in range(2):
      parallel for x_X in range(2):
        # IN x 4: keeps I 3 elements
        # OUT x 4: keeps O 1 elements
        for r_OUT in range(3):
          # operands: I in IN; W in DRAM; O in OUT
          O[m][x] += I[x + r] * W[m][r]
"""


def test_a_loop_nest_shows_bypass_halo_and_multicast() -> None:
    """12 windows of 3 words: 3 at first, 2 at each of 2 * 5 advances of x by 2, 3 as m advances and x wraps: 26."""
    nest = LoopNestLayer.model_validate(CONVOLUTION).loop_nest()
    mapping = {"tiling": {"m": {"DRAM": 2, "X": 2}, "x": {"GLB": 6, "X": 2}, "r": {"OUT": 3}}}
    document = LevelMappingDocument.model_validate(mapping)
    listing = level_listing(nest, Machine.model_validate(BYPASS), document)
    assert "\n".join(listing) + "\n" == BYPASSED


@pytest.mark.parametrize("case", hierarchy_cases("executed")[::8], ids=lambda case: str(case.id))
def test_every_loop_and_every_move_is_listed_once(case: Any) -> None:
    lines = level_listing(case.nest, case.document, case.mapping_document)
    loops = [line.strip() for line in lines if line.endswith(":") and " in range(" in line]
    factors = [
        f"{'for' if node in case.machine.level_at else 'parallel for'} {dim}_{name} in range({factor}):"
        for node, name in enumerate(case.machine.nodes)
        for dim, factor in zip(case.nest.dims, case.mapping.factors[node], strict=True)
        if factor > 1
    ]
    assert sorted(loops) == sorted(factors)
    moves = [line for line in lines if " -> " in line]
    assert len(moves) == sum(map(sum, case.mapping.kept)) - len(case.nest.tensors)
    for line in moves:
        name, levels, words = re.match(r" *# (\w+): (\w+ -> \w+), ([\d,]+) element", line).groups()  # type: ignore[union-attr]
        outer, inner = levels.split(" -> ") if name != output_of(case) else reversed(levels.split(" -> "))
        assert int(words.replace(",", "")) == case.expect["held"][inner][name]
        assert outer == "DRAM" or name in case.expect["held"][outer]


def output_of(case: Any) -> str:
    return case.nest.tensors[case.nest.output].name


def test_published_mappings_have_loop_nests_if_they_have_orders(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "request.json"
    tiling = {"M": {"spm": 2}, "N": {"rf": 3}, "K": {"dram": 2, "spatial": 4}}
    order = ["M", "N", "K"]
    mappings = [{"tiling": tiling}, {"tiling": tiling, "dram_order": order, "spm_order": order}]
    document = {"architecture": "dmazerunner-256pe", "layer": gemm(2, 3, 8), "mappings": mappings}
    file.write_text(json.dumps(document), encoding="utf-8")
    assert main(["evaluate", str(file), "--loops"]) == 0
    out = capsys.readouterr().out
    assert "mapping 0 as a loop nest:\n\nwithout orders, there is none\n" in out
    assert "mapping 1 as a loop nest:\n\n# DRAM, SPM passes: 2; stationary: C over K (2x)\n" in out
    report = tmp_path / "report.html"
    assert main(["evaluate", str(file), "--report", str(report)]) == 0
    page = report.read_text(encoding="utf-8")
    assert re.findall(UNEXPLAINED, page) == ["mapping"]
    assert "<td>" in page
    assert "DRAM, SPM passes: 2" in page
    assert "<img" not in page


SUMMARY = """\
mapping   fits         energy pJ   cycles   bound by   walk cycles            EDP
─────────────────────────────────────────────────────────────────────────────────
      0   yes             10,098       24   compute             24   2.423520e+05
"""


def test_the_report_has_a_row_for_every_mapping() -> None:
    text = printed(detail=False, width=100)
    assert text.startswith(SUMMARY)
    assert len(text.splitlines()) == 4
    assert max(map(len, printed(detail=True).splitlines())) <= 80


def test_the_details_are_tables() -> None:
    rows = [line.split() for line in printed(detail=True, width=120).splitlines()]
    assert ["GLB", "624", "6.2%", "81.2%", "yes"] in rows
    assert ["GLB", "C", "6", "0", "6", "6", "12", "144"] in rows
    assert ["X", "C", "6", "24", "12", "0"] in rows
    assert ["compute", "24", "100.0%"] in rows
    assert ["X", "0", "0.0%", "200.0%", "no"] in rows


def test_small_energies_are_not_rounded_to_nothing() -> None:
    assert [pj_text(energy) for energy in (0.0, 0.25, 1234.5678, 123456.7)] == ["0", "0.25", "1,234.57", "123,457"]


def test_the_page_has_costs_pictures_the_machine_and_loop_nests(path: str, tmp_path: Path, capsys: Output) -> None:
    report = tmp_path / "report.html"
    assert main(["evaluate", path, "--report", str(report), "--json"]) == 0
    assert "accesses" not in capsys.readouterr().out
    page = report.read_text(encoding="utf-8")
    assert set(re.findall(UNEXPLAINED, page)) == {"mapping", "node", "level", "tensor", "fanout", "roofline"}
    assert page.count("<img ") == 4
    text = html.unescape(re.sub(r"<[^>]+>", "\n", page))
    assert "2 mappings on the cost model hierarchy, counted as executed." in text
    assert "no: GLB, X" in text
    assert LISTING.rstrip() in text
    assert "┌─ GLB " in text
    (request,) = re.findall(r"<details><summary>The request</summary><pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert json.loads(html.unescape(request)) == EvaluateRequest.model_validate(REQUEST).model_dump(
        mode="json", exclude_unset=True
    )


def test_the_pictures_show_the_figures() -> None:
    cost = evaluated(detail=True)[0]
    axes = level_energy_figure(cost).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["mac", "DRAM", "GLB", "X", "RF"]
    assert [text.get_text() for text in axes.texts] == ["2.4e-05", "0.0092", "0.000624", "0", "0.00025"]
    widths = sum(bar.get_width() for bar in axes.patches)
    assert widths == pytest.approx(cost.energy_pj / 1e6)
    axes = roofline_figure(cost).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["compute"]
    assert [text.get_text() for text in axes.texts] == ["24"]


def test_a_report_that_cannot_be_written_is_told_first(path: str, tmp_path: Path, capsys: Output) -> None:
    assert main(["evaluate", path, "--report", str(tmp_path / "no" / "report.html")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("--report: expected a file in a folder that exists")


@pytest.mark.parametrize("accounting", ["timeloop", "accelforge"])
def test_other_accountings_are_reported_as_well(accounting: str, path: str, tmp_path: Path, capsys: Output) -> None:
    report = tmp_path / "report.html"
    arguments = ["evaluate", path, "--accounting", accounting, "--detail", "--report", str(report)]
    assert main(arguments) == 0
    assert ("words and additions" in capsys.readouterr().out) == (accounting == "executed")
    assert f"counted as {accounting}." in report.read_text(encoding="utf-8")
