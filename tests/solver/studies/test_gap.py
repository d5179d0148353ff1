"""The optimality-gap study: every figure by hand or by brute force, what may be claimed, files, faults, Ctrl-C."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import Specs, Write, gemm, nest_of, only, whole_space, write_json
from commands import interrupted
from dmaze.cli.main import main
from dmaze.cli.reports.comparisons.study_tables import GAP_COLUMNS
from dmaze.model import GapStudy, InputError
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints, MinUtilization
from dmaze.model.dmazerunner.cost import costs_of_tiling
from dmaze.model.dmazerunner.legality import broken_rules
from dmaze.model.documents.result import LayerResult, Number, Status
from dmaze.model.documents.study_results import FullEnumeration, LayerGap, PrunedSearch, StudySearch
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Tiling
from dmaze.solver import LayerProblem, Progress, SearchLimits, SearchOutcome, gap_study
from dmaze.solver.studies import gap
from dmaze.solver.studies.agreement import loss, with_agreement
from hypothesis import given, settings
from hypothesis import strategies as st
from study_specs import COLUMN, CONV5_1, CONV5_2, ONE_ELEMENT_EACH, TINY, value_in_table

GEMM = gemm(6, 4, 4)
spec = Specs(GEMM, architecture=TINY, backend="cp-sat")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return spec.writer(tmp_path)


def enumerated(nest: LoopNest, architecture: Architecture, constraints: Constraints) -> list[Tiling]:
    """Every tiling that is allowed, found by trying all."""
    return [tiling for tiling in whole_space(nest) if not broken_rules(nest, architecture, constraints, tiling)]


def least_energy_pj(nest: LoopNest, architecture: Architecture, tilings: list[Tiling]) -> int:
    return min(c.energy_pj for tiling in tilings for _, _, c in costs_of_tiling(nest, architecture, tiling))


class TestFigures:
    def test_of_a_layer_that_can_be_counted_on_fingers(self) -> None:
        """C[4][1] = A[4][1] B[1][1]: M is split over PEs, SPM and DRAM, since a register file holds one element each.

        4 = spatial * spm * dram in 6 ways. All 4 PEs at once take 4 cycles to deliver and 1 to compute.
        """
        layer = only(gap_study(spec(COLUMN, architecture=ONE_ELEMENT_EACH, objective="latency")))
        assert layer.full is not None
        assert layer.full.search is not None
        assert layer.pruned is not None
        assert (layer.full.outcome, layer.full.search.tilings_costed, layer.full.done) == ("finished", 6, 1.0)
        assert layer.optimum == 4 + 1
        assert layer.proved_by == ("cp-sat", "exhaustive-bounded", "exhaustive")
        assert (layer.agree, layer.disagreements) == (True, ())
        # 0.8 is lowered by 0.1 until it is at most 0.3, when one tiling is enough: 0.2, which 1 PE of 4 passes
        assert layer.pruned.thresholds is not None
        assert layer.pruned.thresholds.pe == pytest.approx(0.2, abs=1e-15)
        assert layer.pruned.search.tilings_costed == 6
        assert (layer.pruned.loss, layer.pruned.search_reduction) == (0.0, 6 / 6)

    def test_are_those_of_trying_every_tiling(self) -> None:
        study = gap_study(spec(objective="energy"))
        layer, nest, tiny = only(study), nest_of(GEMM), Architecture.model_validate(TINY)
        everything = enumerated(nest, tiny, Constraints())
        optimum = least_energy_pj(nest, tiny, everything)
        assert layer.pruned is not None
        thresholds = layer.pruned.thresholds
        assert thresholds is not None
        assert min(thresholds.pe, thresholds.rf) > 0.3  # so that the rules are on
        rules = Constraints(min_utilization=thresholds, no_spatial_reduction=True, no_feature_from_dram=True)
        methods = enumerated(nest, tiny, rules)
        stricter = MinUtilization(pe=thresholds.pe + 0.1, rf=thresholds.rf + 0.1, spm=thresholds.spm + 0.1)
        assert len(enumerated(nest, tiny, rules.model_copy(update={"min_utilization": stricter}))) < 100 <= len(methods)
        best = least_energy_pj(nest, tiny, methods)
        assert (layer.optimum, layer.pruned.search.objective_value) == (optimum, best)
        assert layer.pruned.search.tilings_costed == len(methods)
        assert layer.pruned.loss == pytest.approx((best - optimum) / optimum, rel=1e-12)
        assert layer.pruned.loss > 0.02
        assert layer.space_tilings == len(everything)
        assert layer.pruned.search_reduction == len(everything) / len(methods)
        for search in (layer.solver, layer.bounded, layer.full and layer.full.search):
            assert search is not None
            assert (search.status, search.objective_value, search.bound) == ("optimal", optimum, optimum)

    def test_of_the_published_pruned_search_on_two_study_layers(self) -> None:
        """Methods and EDPs as the published implementation has them; conv5_1 loses against the proved optimum."""
        job = spec(CONV5_1, CONV5_2, architecture="dmazerunner-256pe", backend="portfolio")
        study = gap_study(job, full_limit_s=0)
        pruned = [layer.pruned.search for layer in study.layers if layer.pruned is not None]
        assert [search.tilings_costed for search in pruned] == [877, 753]
        assert [search.objective_value for search in pruned] == [8.048775494280192e15, 6.844957271165824e15]
        first, second = study.layers
        assert first.pruned is not None
        assert second.pruned is not None
        assert first.optimum is not None
        assert first.pruned.loss == pytest.approx(8.048775494280192e15 / first.optimum - 1, rel=1e-12)
        assert first.pruned.loss > 0.01
        assert second.pruned.loss == 0.0
        assert [layer.space_tilings for layer in study.layers] == [14_295_643, 17_545_176]
        assert study.agree is True
        assert (study.mean_loss, study.mean_loss_layers) == (first.pruned.loss / 2, 2)
        assert (study.published.mean_loss, study.published.search_reduction) == (0.0256, 9020)

    def test_means_count_distinct_layers_once(self) -> None:
        other = {**GEMM, "name": "h", "m": 8, "count": 5}
        study = gap_study(spec(GEMM, other, {**GEMM, "name": "again", "count": 7}, objective="energy"))
        first, second, copy = study.layers
        assert (copy.name, copy.count, copy.same_as) == ("again", 7, "g")
        assert copy.model_copy(update={"name": "g", "count": 1, "same_as": None}) == first
        assert first.pruned is not None
        assert second.pruned is not None
        losses = [first.pruned.loss, second.pruned.loss]
        assert all(lost is not None and lost > 0 for lost in losses)
        assert (study.mean_loss, study.mean_loss_layers) == (sum(filter(None, losses)) / 2, 2)
        assert study.mean_search_reduction_layers == 2

    def test_a_pruned_search_that_gives_up_has_no_loss(self) -> None:
        """One element of each tensor fills 6 of 65,536 bytes of SPM: no round's threshold is ever passed."""
        one = gemm(1, 1, 1, name="one")
        study = gap_study(spec(one, architecture="dmazerunner-256pe"))
        pruned = only(study).pruned
        assert pruned is not None
        assert (pruned.search.status, pruned.loss, pruned.search_reduction) == ("infeasible", None, None)
        assert (study.mean_loss, study.mean_loss_layers, study.mean_search_reduction) == (None, 0, None)

    def test_other_constraints_hold_for_all_searches(self) -> None:
        """With N whole in DRAM and only M over PEs: 5 factorisations of M fit 4 PEs for each of others."""
        constraints = {"spatial_dims": ["M"], "fixed": {"N": {"dram": 4}}}
        layer = only(gap_study(spec(constraints=constraints, objective="latency")))
        nest, tiny = nest_of(GEMM), Architecture.model_validate(TINY)
        space = enumerated(nest, tiny, Constraints.model_validate(constraints))
        assert layer.full is not None
        assert layer.full.search is not None
        assert layer.full.search.tilings_costed == len(space)
        assert layer.agree is True
        assert layer.pruned is not None
        assert layer.pruned.search.best is not None
        factors = layer.pruned.search.best.mapping.tiling
        assert factors["N"].dram == 4
        assert factors["K"].spatial == 1


@settings(max_examples=10, deadline=None)
@given(
    m=st.sampled_from((1, 2, 6, 8)),
    n=st.sampled_from((1, 3, 4)),
    k=st.sampled_from((2, 4, 5)),
    pes=st.sampled_from((1, 4, 16)),
    objective=st.sampled_from(("edp", "energy", "latency")),
)
def test_pruning_never_gains_and_all_proofs_agree(m: int, n: int, k: int, pes: int, objective: str) -> None:
    layer = gemm(m, n, k, name="any")
    found = only(gap_study(spec(layer, architecture={**TINY, "pes": pes}, objective=objective, backend="portfolio")))
    assert found.agree is True
    assert found.proved_by == ("portfolio", "exhaustive-bounded", "exhaustive")
    assert found.pruned is not None
    assert found.space_tilings is not None
    assert (found.pruned.search.tilings_costed or 0) <= found.space_tilings
    assert found.pruned.loss is None or found.pruned.loss >= 0
    assert (found.pruned.loss is None) == (found.pruned.search.status == "infeasible")


def test_an_observer_hears_which_search_of_which_layer_runs() -> None:
    started: list[tuple[str, int, int]] = []
    progressed: set[str] = set()

    class Listener:
        def layer_started(self, name: str, position: int, total: int) -> None:
            started.append((name, position, total))

        def progressed(self, name: str, progress: Progress) -> None:  # noqa: ARG002 (the protocol has it)
            assert name == started[-1][0]
            progressed.add(name)

        def layer_finished(self, result: LayerResult) -> None:
            assert result.name in ("g", "column")

    gap_study(spec(GEMM, {**GEMM, "name": "again"}, COLUMN), Listener())
    searches = ("by cp-sat", "enumeration with bounds", "pruned search", "full enumeration")
    expected = [(f"{name}, {what}", place, 2) for place, name in enumerate(("g", "column"), 1) for what in searches]
    assert started == expected
    assert progressed == {name for name, *_ in expected}


@pytest.mark.parametrize(
    ("value", "optimum", "expected"),
    [
        (11, 10, 0.1),
        (10, 10, 0.0),
        (0, 0, 0.0),
        (1, 0, None),
        (9, 10, -0.1),
        (2**60 + 1, 2**60, 2.0**-60),
        (3e300, 2e300, 0.5),
    ],
)
def test_a_loss_is_exact(value: Number, optimum: Number, expected: float | None) -> None:
    assert loss(value, optimum) == expected


def search(backend: str, status: Status, value: Number | None = None, bound: float | None = None) -> StudySearch:
    return StudySearch(backend=backend, status=status, objective_value=value, bound=bound, gap=None, seconds=1.0)


A10, B10 = search("a", "optimal", 10, 10), search("b", "optimal", 10, 10)
NOTHING_A, NOTHING_B = search("a", "infeasible"), search("b", "infeasible")


@pytest.mark.parametrize(
    ("solver", "bounded", "agree", "optimum", "words"),
    [
        (A10, B10, True, 10, ()),
        (A10, search("b", "feasible", 12, 9), None, 10, ()),
        (A10, search("b", "unknown"), None, 10, ()),
        (search("a", "feasible", 11, 9), search("b", "unknown"), None, None, ()),
        (search("a", "optimal", 10.5, 10), B10, True, 10, ()),  # a relative gap was allowed
        (A10, search("b", "optimal", 9, 9), False, 9, ("b found 9, but a claims a bound of 10.0",)),
        (A10, search("b", "feasible", 9, 8), False, 10, ("b found 9, but a claims a bound of 10.0",)),
        (search("a", "feasible", 9, None), B10, False, 10, ("a found 9, but b claims a bound of 10.0",)),
        (NOTHING_A, NOTHING_B, True, None, ()),
        (NOTHING_A, B10, False, 10, ("b found 10, but a claims that there is no mapping",)),
    ],
)
def test_searches_agree_when_all_their_claims_can_be_true(
    solver: StudySearch, bounded: StudySearch, agree: bool | None, optimum: Number | None, words: tuple[str, ...]
) -> None:
    layer = with_agreement(LayerGap(name="x", count=1, solver=solver, bounded=bounded))
    assert (layer.agree, layer.optimum, layer.disagreements) == (agree, optimum, words)


def test_the_pruned_search_can_disprove_a_bound_but_claims_none() -> None:
    pruned = PrunedSearch(search=search("exhaustive", "optimal", 9, 9))
    layer = with_agreement(LayerGap(name="x", count=1, solver=A10, pruned=pruned))
    assert layer.disagreements == ("exhaustive found 9, but a claims a bound of 10.0",)
    pruned = PrunedSearch(search=search("exhaustive", "infeasible"))
    assert with_agreement(LayerGap(name="x", count=1, solver=A10, bounded=B10, pruned=pruned)).agree is True


def test_full_enumeration_must_cost_as_many_tilings_as_there_are() -> None:
    costed = B10.model_copy(update={"tilings_costed": 7})
    full = FullEnumeration(outcome="finished", search=costed, done=1.0, projected_s=None)
    layer = LayerGap(name="x", count=1, solver=A10, full=full, space_tilings=7)
    assert with_agreement(layer).agree is True
    wrong = with_agreement(layer.model_copy(update={"space_tilings": 8}))
    assert (wrong.agree, wrong.disagreements) == (False, ("b costed 7 tilings, but there are 8",))


class TestFullEnumeration:
    @pytest.fixture
    def limits(self, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Enumeration that never ends and says what share is done; gives the time limits it had, rounded up.

        The first search is the pruned one.
        """
        monkeypatch.setattr(gap, "ENUMERATION", "fake-scripted")
        calls: list[int] = []

        def enumeration(problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
            mapping = fakes.everything_in_dram(problem.nest)
            done = self.done[len(calls)]
            calls.append(math.ceil(limits.time_limit_s))
            report(Progress(None, None, (mapping,), done=done))
            return SearchOutcome((mapping,), None, exhausted=False)

        fakes.SCRIPTED.script = enumeration
        return calls

    done: tuple[float | None, ...]

    def full(self, limit_s: float) -> FullEnumeration:
        layer = only(gap_study(spec(solver={"time_limit_s": 7.0}), full_limit_s=limit_s))
        assert layer.full is not None
        return layer.full

    def test_is_left_out_with_a_limit_of_0(self, limits: list[int]) -> None:
        self.done = (None,)
        assert self.full(0) == FullEnumeration(outcome="not asked for", search=None, done=None, projected_s=None)
        assert limits == [7]

    def test_stops_early_where_a_first_part_shows_that_it_is_hopeless(self, limits: list[int]) -> None:
        self.done = (None, 1e-12)
        full = self.full(60.0)
        assert limits == [7, 60 * 0.1]
        assert (full.outcome, full.done) == ("abandoned", 1e-12)
        assert full.search is not None
        assert full.projected_s == full.search.seconds / 1e-12

    @pytest.mark.parametrize("share", [0.5, None])
    def test_has_all_its_time_where_that_may_do(self, limits: list[int], share: float | None) -> None:
        self.done = (None, share, share)
        full = self.full(60.0)
        assert limits == [7, 60 * 0.1, 60]
        assert (full.outcome, full.done, full.projected_s is None) == ("abandoned", share, share is None)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"constraints": {"preset": "dmazerunner-auto"}}, "constraints.preset"),
        ({"constraints": {"min_utilization": {"pe": 0.5}}}, "constraints.min_utilization"),
        ({"constraints": {"no_spatial_reduction": True}}, "constraints.no_spatial_reduction"),
        ({"constraints": {"no_feature_from_dram": True}}, "constraints.no_feature_from_dram"),
        ({"solver": {"pad_bounds": True}}, "solver.pad_bounds"),
        ({"backend": "cp-sta"}, "solver.backend"),
        ({"constraints": {"spatial_dims": ["Q"]}}, "constraints.spatial_dims[0]"),
    ],
)
def test_what_a_gap_study_cannot_honour_is_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as caught:
        gap_study(spec(**fields))
    assert [fault.place for fault in caught.value.faults] == [place]


def test_a_total_time_limit_is_for_all_searches_together() -> None:
    study = gap_study(spec(solver={"total_time_limit_s": 1e-9}))
    layer = only(study)
    assert layer.solver is not None
    assert (layer.solver.status, study.interrupted, study.mean_loss, study.agree) == ("unknown", False, None, None)
    assert layer.solver.note == "total_time_limit_s was reached before this layer"


class TestCommand:
    def test_prints_a_table_the_mean_and_the_published_figure(self, write: Write, capsys: Output) -> None:
        assert main(["gap", write(GEMM, {**GEMM, "name": "again"}, objective="energy")]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        lines = out.splitlines()
        (row,) = [line for line in lines if line.startswith("g ")]
        assert "74,676" in row
        assert "2.57%" in row
        assert row.split()[-7:-5] == ["177", "690"]
        assert row.endswith("3 agree")
        assert any(line.startswith("again ") and line.endswith("= g") for line in lines)
        assert "mean loss of the pruned search: 2.57% (arithmetic mean, distinct layers: 1)" in lines
        assert any(line.startswith("published, on the authors' model") and "2.56%" in line for line in lines)

    def test_writes_documents_that_keep_to_the_schema_and_tables_that_say_the_same(
        self, write: Write, capsys: Output, tmp_path: Path
    ) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        out, table, plot = tmp_path / "gap.json", tmp_path / "gap.csv", tmp_path / "gap.svg"
        files = ["--out", str(out), "--csv", str(table), "--plot", str(plot)]
        assert main(["gap", write(GEMM, {**GEMM, "name": "again"}, COLUMN), "--json", *files]) == 0
        printed = capsys.readouterr().out
        assert printed == out.read_text()
        study = json.loads(printed)
        assert GapStudy.model_validate(study).model_dump(mode="json", by_alias=True) == study
        assert main(["schema", "gap"]) == 0
        jsonschema.validate(study, json.loads(capsys.readouterr().out))
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [tuple(row) for row in rows] == [GAP_COLUMNS] * 3
        for row, layer in zip(rows, study["layers"], strict=True):
            assert {column: value_in_table(layer, column) for column in GAP_COLUMNS} == row
        assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--full-limit", "-1"], "--full-limit: expected a number of at least 0, got -1"),
            (["--full-limit", "NaN"], "--full-limit: expected a finite number, got NaN"),
            (["--full-limit", "soon"], "--full-limit: expected a number, got 'soon'"),
            (["--workers", "0"], "--workers: expected an integer of at least 1, got 0"),
            (["--backend", "nobody"], "--backend: unknown back end 'nobody'"),
            (["--plot", "gap.pdf"], "--plot: expected a file that ends in .png or .svg, got gap.pdf"),
            (["--csv", "no/such/folder/gap.csv"], "--csv: expected a file in a folder that exists"),
            (["--mapping", "nowhere.json"], "nowhere.json"),
            (["--top-k", "3"], "dmaze-solve: No such option: --top-k"),
        ],
    )
    def test_bad_options_are_told_in_one_line(
        self, write: Write, capsys: Output, arguments: list[str], complaint: str
    ) -> None:
        assert main(["gap", write(), *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert complaint in err

    def test_faults_of_the_spec_name_its_file(self, write: Write, capsys: Output) -> None:
        path = write(constraints={"preset": "dmazerunner-auto"})
        assert main(["gap", path]) == 2
        assert capsys.readouterr().err.startswith(f"{path}: constraints.preset: expected none for a gap study")

    def test_without_matplotlib_a_plot_is_refused_before_any_work(
        self, write: Write, capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        out = tmp_path / "gap.json"
        assert main(["gap", write(), "--plot", str(tmp_path / "gap.png"), "--out", str(out)]) == 2
        assert "--plot: pictures need matplotlib" in capsys.readouterr().err
        assert not out.exists()

    def test_a_proof_that_is_wrong_ends_with_70(self, fakes: ModuleType, write: Write, capsys: Output) -> None:
        def claims_the_first_mapping(problem: LayerProblem, _limits: SearchLimits, _report: Any) -> SearchOutcome:
            return SearchOutcome((fakes.everything_in_dram(problem.nest),), None, exhausted=True)

        fakes.SCRIPTED.script = claims_the_first_mapping
        assert main(["gap", write(backend="fake-scripted"), "--json"]) == 70
        out, err = capsys.readouterr()
        study = GapStudy.model_validate_json(out)
        assert study.agree is False
        lines = [line for line in err.splitlines() if line.startswith("dmaze-solve: layer g: the proofs disagree: ")]
        assert len(lines) == len(only(study).disagreements) == 3  # by enumeration with bounds, in full and pruned
        assert "exhaustive-bounded found" in err
        assert "but fake-scripted claims a bound of" in err

    def test_a_back_end_that_fails_ends_with_70_and_keeps_the_other_searches(
        self, fakes: ModuleType, write: Write, capsys: Output
    ) -> None:
        assert fakes.CRASH.name == "fake-crash"
        assert main(["gap", write(backend="fake-crash"), "--json"]) == 70
        out, err = capsys.readouterr()
        layer = only(GapStudy.model_validate_json(out))
        assert layer.solver is not None
        assert layer.solver.fault is not None
        assert layer.bounded is not None
        assert layer.optimum == layer.bounded.objective_value
        assert layer.agree is True
        assert err.startswith("dmaze-solve: layer g: ZeroDivisionError: something third-party")

    def test_an_infeasible_layer_ends_with_1(self, write: Write, capsys: Output) -> None:
        assert main(["gap", write(constraints={"max_dram_bytes": 0})]) == 1
        assert "g: infeasible: " in capsys.readouterr().out

    def test_ctrl_c_prints_what_was_found_and_ends_with_130(self, write: Write, tmp_path: Path) -> None:
        target = tmp_path / "gap.json"
        path = write(GEMM, COLUMN, backend="fake-slow")
        out, err = interrupted("gap", path, "--out", str(target))
        assert err == ""
        assert "(interrupted)" in out
        study = GapStudy.model_validate_json(target.read_text())
        assert study.interrupted
        first, second = study.layers
        assert first.solver is not None
        assert (first.solver.status, first.solver.bound, first.solver.note) == ("feasible", 1.0, "interrupted")
        assert (first.bounded, first.pruned, first.full) == (None, None, None)
        assert second == LayerGap(name="column", count=1)


EVERYTHING_IN_DRAM = {"M": {"dram": 6}, "N": {"dram": 4}, "K": {"dram": 4}}
ORDERS = {"dram_order": ["M", "N", "K"], "spm_order": ["M", "N", "K"]}


class TestGivenMappings:
    def test_are_costed_and_held_against_the_optimum(self, write: Write, tmp_path: Path, capsys: Output) -> None:
        mappings = [
            {"layer": "g", "tiling": EVERYTHING_IN_DRAM, **ORDERS},
            {"layer": "g", "tiling": EVERYTHING_IN_DRAM},
            {"layer": "g", "tiling": {**EVERYTHING_IN_DRAM, "M": {"spatial": 6}}},
        ]
        given = write_json(tmp_path / "mappings.json", {"mappings": mappings})
        path = write(objective="energy")
        assert main(["gap", path, "--full-limit", "0", "--mapping", str(given), "--json"]) == 0
        study = GapStudy.model_validate_json(capsys.readouterr().out)
        with_orders, without, too_many = study.mappings
        optimum = only(study).optimum
        assert optimum is not None
        # every element of A and B from DRAM for each of 6*4*4 MACs, C kept over K
        assert with_orders.cost.energy_breakdown_pj.dram == 1000 * (96 + 96 + 6 * 4)
        for entry in study.mappings:
            assert entry.objective_value == entry.cost.energy_pj
            assert entry.loss == pytest.approx(entry.cost.energy_pj / optimum - 1, rel=1e-12)
        assert (with_orders.orders_given, with_orders.broken_rules) == (True, ())
        assert (without.orders_given, without.broken_rules) == (False, ())
        assert without.objective_value <= with_orders.objective_value
        assert without.mapping.dram_order is not None
        assert too_many.broken_rules == ("pes",)

    def test_of_a_result_are_the_best_ones_and_lose_nothing(self, write: Write, capsys: Output, tmp_path: Path) -> None:
        result = tmp_path / "result.json"
        path = write(GEMM, {**GEMM, "name": "again"}, COLUMN, objective="energy")
        assert main([path, "--out", str(result)]) == 0
        assert main(["gap", path, "--full-limit", "0", "--mapping", str(result)]) == 0
        out = capsys.readouterr().out
        table = out[out.index("The given mappings:") :].splitlines()
        rows = {line.split()[0]: line for line in table if line.endswith("nothing")}
        assert rows.keys() == {"g", "column"}
        assert all(" 0.00%" in row for row in rows.values())

    def test_of_a_request_belong_to_the_layer_with_the_same_loop_nest(
        self, write: Write, tmp_path: Path, capsys: Output
    ) -> None:
        request = {
            "architecture": TINY,
            "layer": {**GEMM, "name": "mine"},
            "mappings": [{"tiling": EVERYTHING_IN_DRAM}],
        }
        given = write_json(tmp_path / "request.json", request)
        assert main(["gap", write(COLUMN, GEMM), "--full-limit", "0", "--mapping", str(given), "--json"]) == 0
        (mapping,) = GapStudy.model_validate_json(capsys.readouterr().out).mappings
        assert (mapping.layer, mapping.broken_rules) == ("g", ())

    def test_that_beat_a_proof_disprove_it(
        self, fakes: ModuleType, write: Write, tmp_path: Path, capsys: Output
    ) -> None:
        def claims_a_bound(_problem: LayerProblem, _limits: SearchLimits, _report: Any) -> SearchOutcome:
            return SearchOutcome((), 1e30, exhausted=False)

        fakes.SCRIPTED.script = claims_a_bound
        given = write_json(tmp_path / "list.json", {"mappings": [{"layer": "g", "tiling": EVERYTHING_IN_DRAM}]})
        spec_path = write(backend="fake-scripted")
        assert main(["gap", spec_path, "--full-limit", "0", "--mapping", str(given), "--json"]) == 70
        out, err = capsys.readouterr()
        assert GapStudy.model_validate_json(out).agree is False
        assert "a mapping that was given has " in err

    @pytest.mark.parametrize(
        ("content", "complaints"),
        [
            ({"tiling": {}}, ["expected a result ('schema'), an evaluate request"]),
            ({"schema": "dmaze-solve/gap/1"}, ["schema: expected 'dmaze-solve/result/1', got 'dmaze-solve/gap/1'"]),
            ({"mappings": []}, ["mappings: expected 1 or more entries, got 0"]),
            ({"mappings": [{"tiling": {}}]}, ["mappings[0].layer: expected, but missing"]),
            (
                {"mappings": [{"layer": "gg", "tiling": EVERYTHING_IN_DRAM}, {"layer": "g", "tiling": {"Q": {}}}]},
                [
                    "mappings[0].layer: unknown layer 'gg'; did you mean 'g'?",
                    "mappings[1].tiling.Q: unknown dimension; expected one of M, N, K",
                    "mappings[1].tiling.M: factors multiply to 1; expected the bound 6",
                    "mappings[1].tiling.N: factors multiply to 1; expected the bound 4",
                    "mappings[1].tiling.K: factors multiply to 1; expected the bound 4",
                ],
            ),
            (
                {"mappings": [{"layer": "g", "tiling": EVERYTHING_IN_DRAM, "dram_order": ["M", "N", "K"]}]},
                ["mappings[0].spm_order: expected both orders or none"],
            ),
            (
                {"architecture": ONE_ELEMENT_EACH, "layer": GEMM, "mappings": [{"tiling": EVERYTHING_IN_DRAM}]},
                ["architecture: expected the spec's architecture"],
            ),
            (
                {"architecture": TINY, "layer": COLUMN, "mappings": [{"tiling": {"M": {"dram": 4}}}]},
                ["mappings[0].layer: expected a layer of the spec, but none is the loop nest that 'column' is"],
            ),
        ],
    )
    def test_that_make_no_sense_are_refused_before_any_work(
        self, write: Write, tmp_path: Path, capsys: Output, content: dict[str, Any], complaints: list[str]
    ) -> None:
        given = write_json(tmp_path / "mappings.json", content)
        assert main(["gap", write(backend="fake-crash"), "--mapping", str(given)]) == 2
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert (out, len(lines)) == ("", len(complaints))
        for line, complaint in zip(lines, complaints, strict=True):
            assert line.startswith(f"{given}: {complaint}")
