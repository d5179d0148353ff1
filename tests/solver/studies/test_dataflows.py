"""The dataflow study: ratios by hand and against enumeration, what applies where, means, files, faults, Ctrl-C."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, Write
from commands import interrupted
from dmaze.cli.main import main
from dmaze.cli.reports.comparisons.study_tables import DATAFLOW_COLUMNS
from dmaze.model import DataflowStudy, InputError
from dmaze.model.documents.result import Number
from dmaze.model.documents.study_results import LayerDataflows, LayerOnDataflow
from dmaze.model.mapping import Factors
from dmaze.solver import dataflow_study, enumerate_mappings
from hypothesis import given, settings
from hypothesis import strategies as st
from study_specs import COLUMN, CONV5_2, ONE_ELEMENT_EACH, TINY, value_in_table

CONV = {
    "type": "conv2d",
    "name": "conv",
    "batch": 1,
    "out_channels": 2,
    "in_channels": 2,
    "in_height": 4,
    "in_width": 4,
    "kernel_height": 2,
    "kernel_width": 2,
    "padding": 0,
}
EVERY_DIMENSION = ("N", "M", "C", "Ox", "Oy", "Fx", "Fy")
CLASSIC = ("output stationary", "weight stationary", "row stationary", "TPU style")

spec = Specs(CONV, architecture=TINY)

Output = pytest.CaptureFixture[str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return spec.writer(tmp_path)


def under(layer: LayerDataflows) -> dict[str, LayerOnDataflow]:
    """What a layer does under every dataflow, by name."""
    return {entry.dataflow: entry for entry in layer.restricted}


def unrolled(entry: LayerOnDataflow) -> set[str]:
    """Dimensions that the best mapping spreads over several PEs."""
    assert entry.search is not None
    assert entry.search.best is not None
    tiling: dict[str, Factors] = entry.search.best.mapping.tiling
    return {name for name, factors in tiling.items() if factors.spatial > 1}


def test_a_convolution_with_other_names_loses_as_much() -> None:
    """As other tools' files name the dimensions."""
    imported = {
        "type": "loop_nest",
        "name": "conv",
        "bounds": {"K": 2, "C": 2, "P": 3, "Q": 3, "R": 2, "S": 2},
        "tensors": [
            {"name": "I", "index": ["C", "P + R", "Q + S"]},
            {"name": "W", "index": ["K", "C", "R", "S"]},
            {"name": "O", "index": ["K", "P", "Q"], "output": True},
        ],
    }
    (own,), (other,) = dataflow_study(spec()).layers, dataflow_study(Specs(imported, architecture=TINY)()).layers
    assert [entry.ratios for entry in other.restricted] == [entry.ratios for entry in own.restricted]
    assert [entry.spatial_dims for entry in other.restricted] == [("P", "Q"), ("R", "S"), ("Q", "S"), ("K", "C")]


class TestRestriction:
    def test_of_a_layer_that_can_be_costed_on_fingers(self) -> None:
        """C[4][1] = A[4][1] B[1][1], one element of each in a register file.

        All 4 PEs at once: 4 cycles to deliver, 1 to compute. One PE: 4 times 1 cycle to deliver and 1 to compute.
        """
        study = dataflow_study(spec(COLUMN, architecture=ONE_ELEMENT_EACH, objective="latency"), more=[("N",)])
        (layer,) = study.layers
        assert layer.unrestricted is not None
        assert layer.unrestricted.objective_value == 4 + 1
        found = under(layer)
        assert [dataflow.name for dataflow in study.dataflows] == [*CLASSIC, "N"]
        alone, tpu = found["N"], found["TPU style"]
        assert alone.search is not None
        assert alone.search.objective_value == 4 * (1 + 1)
        assert alone.ratios is not None
        assert (alone.ratios.cycles, alone.ratios.objective_value, alone.proved) == (8 / 5, 8 / 5, True)
        # a GEMM's M is unrolled under M|C, which is no restriction here; the other classic ones do not apply
        assert tpu.spatial_dims == ("M",)
        assert tpu.ratios is not None
        assert tpu.ratios.cycles == 5 / 5
        for name in CLASSIC[:3]:
            assert found[name] == LayerOnDataflow(
                dataflow=name, spatial_dims=(), search=None, ratios=None, proved=False
            )
        assert study.classic_mean.num_ratios == 1

    def test_of_a_real_layer_gives_what_enumeration_gives(self) -> None:
        fixed = {"C": {"rf": 1}, "M": {"rf": 1}}
        job = spec(CONV5_2, architecture="dmazerunner-256pe", backend="portfolio", constraints={"fixed": fixed})
        (layer,) = dataflow_study(job, more=[("N", "Oy")]).layers
        for entry in under(layer).values():
            alone = spec(constraints={"fixed": fixed, "spatial_dims": entry.spatial_dims}).constraints
            (expected,) = enumerate_mappings(job.model_copy(update={"constraints": alone})).layers
            assert expected.status == "optimal"
            assert entry.search is not None
            assert entry.search.objective_value == expected.objective_value
            assert unrolled(entry) <= set(entry.spatial_dims)

    @settings(max_examples=12, deadline=None)
    @given(
        shape=st.fixed_dictionaries(
            {
                "out_channels": st.sampled_from((1, 2, 4)),
                "in_height": st.sampled_from((2, 3, 5)),
                "in_width": st.sampled_from((2, 4)),
                "kernel_height": st.sampled_from((1, 2)),
                "kernel_width": st.sampled_from((1, 2)),
                "stride": st.sampled_from((1, 2)),
            }
        ),
        objective=st.sampled_from(("edp", "energy", "latency")),
    )
    def test_is_never_better_than_none(self, shape: dict[str, int], objective: str) -> None:
        study = dataflow_study(spec({**CONV, **shape}, objective=objective), more=[EVERY_DIMENSION])
        (layer,) = study.layers
        assert layer.unrestricted is not None
        optimum = layer.unrestricted.objective_value
        values: dict[str, Number] = {}
        for name, entry in under(layer).items():
            assert entry.search is not None
            assert entry.search.objective_value is not None
            assert entry.ratios is not None
            assert entry.proved
            assert entry.ratios.objective_value is not None
            assert entry.ratios.objective_value >= 1
            assert unrolled(entry) <= set(entry.spatial_dims)
            values[name] = entry.search.objective_value
        assert values["|".join(EVERY_DIMENSION)] == optimum
        assert min(values.values()) == optimum

    def test_uses_the_dimensions_that_a_layer_has(self) -> None:
        """A depthwise convolution has no M: TPU style unrolls its C alone."""
        study = dataflow_study(spec({**CONV, "groups": 2}))
        found = under(study.layers[0])
        dims = [found[name].spatial_dims for name in CLASSIC]
        assert dims == [("Ox", "Oy"), ("Fx", "Fy"), ("Oy", "Fy"), ("C",)]
        assert unrolled(found["TPU style"]) <= {"C"}

    def test_stays_within_what_the_spec_allows(self) -> None:
        """Where the spec lets only M and Oy be unrolled, so do the dataflows; Fx|Fy has nothing left to unroll."""
        study = dataflow_study(spec(constraints={"spatial_dims": ["M", "Oy"]}))
        found = under(study.layers[0])
        dims = [found[name].spatial_dims for name in CLASSIC]
        assert dims == [("Oy",), (), ("Oy",), ("M",)]
        for entry in found.values():
            if entry.ratios is not None:
                assert entry.ratios.edp is not None
                assert entry.ratios.edp >= 1

    def test_that_nothing_satisfies_is_told_and_left_out_of_the_means(self) -> None:
        """3 of 4 PEs are asked for. With M kept in the register file, M|C can use 2, for the 2 values of C."""
        study = dataflow_study(spec(constraints={"min_utilization": {"pe": 0.75}, "fixed": {"M": {"rf": 2}}}))
        found = under(study.layers[0])
        tpu = found["TPU style"]
        assert tpu.search is not None
        assert (tpu.search.status, tpu.ratios, tpu.proved) == ("infeasible", None, False)
        assert any("spatial_dims" in conflict for conflict in tpu.search.conflicts)
        (mean,) = [mean for mean in study.means if mean.dataflow == "TPU style"]
        assert (mean.num_ratios, mean.arithmetic, mean.proved) == (0, None, False)
        assert (study.classic_mean.num_ratios, study.classic_mean.proved) == (3, True)


class TestMeans:
    def test_are_arithmetic_and_geometric_over_distinct_layers(self) -> None:
        wide = {**CONV, "name": "wide", "out_channels": 4, "count": 9}
        study = dataflow_study(spec(CONV, wide, {**CONV, "name": "again"}), more=[("N", "M")])
        first, second, copy = study.layers
        assert (copy.same_as, copy.unrestricted, copy.restricted) == ("conv", first.unrestricted, first.restricted)
        means = {mean.dataflow: mean for mean in study.means}
        every: list[float] = []
        for name in (*CLASSIC, "N|M"):
            ratios = [under(layer)[name].ratios for layer in (first, second)]
            a, b = (ratio.edp for ratio in ratios if ratio is not None and ratio.edp is not None)
            mean = means[name]
            assert mean.arithmetic is not None
            assert mean.geometric is not None
            assert mean.arithmetic.edp == (a + b) / 2
            assert mean.geometric.edp == pytest.approx(math.sqrt(a * b), rel=1e-12)
            assert (mean.num_ratios, mean.proved) == (2, True)
            every += [a, b] if name in CLASSIC else []
        assert study.classic_mean.arithmetic is not None
        assert study.classic_mean.geometric is not None
        assert study.classic_mean.num_ratios == len(every) == 2 * 4
        assert study.classic_mean.arithmetic.edp == pytest.approx(sum(every) / 8, rel=1e-12)
        assert study.classic_mean.geometric.edp == pytest.approx(math.prod(every) ** (1 / 8), rel=1e-12)
        assert (study.published.mean_edp_ratio, study.published.mean_cycles_ratio) == (9.16, 5.83)

    def test_are_absent_for_figures_without_a_price(self) -> None:
        free = {**TINY, "access_energy_pj": dict.fromkeys(TINY["access_energy_pj"], 0.0)}
        study = dataflow_study(spec(architecture=free, objective="latency"))
        mean = study.classic_mean.arithmetic
        assert mean is not None
        assert (mean.energy, mean.edp) == (None, None)
        assert mean.cycles is not None
        assert mean.cycles >= 1


def test_a_further_dataflow_that_is_there_already_is_not_searched_twice() -> None:
    study = dataflow_study(spec(), more=[("Fy", "Fx"), ("N",), ("N",)])
    assert [dataflow.name for dataflow in study.dataflows] == [*CLASSIC, "N"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"constraints": {"preset": "dmazerunner-auto"}}, "constraints.preset"),
        ({"constraints": {"fixed": {"Oy": {"spatial": 3}}}}, "constraints.fixed.Oy.spatial"),
        ({"solver": {"pad_bounds": True}}, "solver.pad_bounds"),
        ({"backend": "nobody"}, "solver.backend"),
    ],
)
def test_what_a_dataflow_study_cannot_honour_is_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InputError) as caught:
        dataflow_study(spec(**fields))
    assert [fault.place for fault in caught.value.faults] == [place]


class TestCommand:
    def test_prints_ratios_means_and_the_published_figures(self, write: Write, capsys: Output) -> None:
        assert main(["dataflows", write(CONV, {**CONV, "name": "depthwise", "groups": 2}, COLUMN)]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        _, edp, cycles = out.split(" of the best mapping under each dataflow / without restriction:\n")
        for table in (edp, cycles):
            assert [line.split()[0] for line in table.splitlines() if line.count("x  ")] != []
            rows = {line.split("  ")[0].strip(): line for line in table.splitlines()}
            assert {"conv", "depthwise", "column", "arithmetic mean", "geometric mean"} <= rows.keys()
            assert rows["depthwise"].endswith("x (C)")
            assert rows["column"].split()[1:4] == ["n/a"] * 3
        assert "n/a: the layer has none of the dimensions that the dataflow unrolls" in cycles
        assert "arithmetic mean over 9 pairs of layer and classic dataflow: EDP " in cycles
        assert "published, on the authors' model, layers and machine: EDP 9.16x, execution time 5.83x" in cycles

    def test_writes_documents_that_keep_to_the_schema_and_tables_that_say_the_same(
        self, write: Write, capsys: Output, tmp_path: Path
    ) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        out, table, plot = tmp_path / "study.json", tmp_path / "study.csv", tmp_path / "study.svg"
        files = ["--out", str(out), "--csv", str(table), "--plot", str(plot)]
        assert main(["dataflows", write(CONV, COLUMN), "--json", "--spatial", "N,M", *files]) == 0
        printed = capsys.readouterr().out
        assert printed == out.read_text()
        study = json.loads(printed)
        assert DataflowStudy.model_validate(study).model_dump(mode="json", by_alias=True) == study
        assert main(["schema", "dataflows"]) == 0
        jsonschema.validate(study, json.loads(capsys.readouterr().out))
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        expected = [
            {"layer": layer, **entry}
            for layer in study["layers"]
            for entry in ({"dataflow": "unrestricted", "search": layer["unrestricted"]}, *layer["restricted"])
        ]
        assert [row["dataflow"] for row in rows] == ["unrestricted", *CLASSIC, "N|M"] * 2
        for row, entry in zip(rows, expected, strict=True):
            assert {column: value_in_table(entry, column) for column in DATAFLOW_COLUMNS} == row
        assert plot.read_text(encoding="utf-8").lstrip().startswith("<?xml")

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--spatial", "Ox,"], "--spatial: expected distinct dimensions such as N,M, got 'Ox,'"),
            (["--spatial", "Ox,Ox"], "--spatial: expected distinct dimensions such as N,M, got 'Ox,Ox'"),
            (["--spatial", ""], "--spatial: expected distinct dimensions such as N,M, got ''"),
            (["--spatial", "N,ox"], "--spatial: unknown dimension 'ox'; did you mean 'Ox'?"),
            (["--time-limit", "0"], "--time-limit: expected a number above 0, got 0"),
            (["--plot", "study"], "--plot: expected a file that ends in .png or .svg, got study"),
            (["--full-limit", "3"], "dmaze-solve: No such option: --full-limit"),
        ],
    )
    def test_bad_options_are_told_in_one_line(
        self, write: Write, capsys: Output, arguments: list[str], complaint: str
    ) -> None:
        assert main(["dataflows", write(), *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith(complaint)

    def test_options_may_stand_before_the_verb(self, write: Write, capsys: Output) -> None:
        assert main(["--json", "--spatial", "N", "dataflows", write(COLUMN)]) == 0
        assert DataflowStudy.model_validate_json(capsys.readouterr().out).dataflows[-1].name == "N"

    def test_ctrl_c_prints_what_was_found_and_ends_with_130(self, write: Write) -> None:
        path = write(CONV, COLUMN, backend="fake-slow")
        out, err = interrupted("dataflows", path, "--json")
        assert err == ""
        study = DataflowStudy.model_validate_json(out)
        assert study.interrupted
        first, second = study.layers
        assert first.unrestricted is not None
        assert (first.unrestricted.status, first.unrestricted.note) == ("feasible", "interrupted")
        assert first.restricted == ()
        assert second == LayerDataflows(name="column", count=1)
        assert study.classic_mean.arithmetic is None
