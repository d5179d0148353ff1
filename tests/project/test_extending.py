"""The worked examples of docs/backends.md and docs/extending.md, each run as a distribution of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.model import EvaluateRequest, evaluate
from dmaze.model.reading.results import load_result
from dmaze.solver import Backend, available_backends
from dmaze.solver.backend_contract import BackendContract
from paths import ROOT
from reference import REFERENCE

SLOW_DMA = REFERENCE.model_copy(update={"dma": REFERENCE.dma.model_copy(update={"init_cycles": 10_000.0})}).model_dump()
"""The reference machine with a DMA engine that takes most of a layer's time to start."""

PAGES = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("backends.md", "extending.md"))


def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    """An example's module, and the entry point that its page gives for it, on the path of this process."""
    _, _, rest = PAGES.partition(f"<!-- worked example: {example} -->")
    code, entry_point = re.findall(r"```(?:python|toml)\n(.*?)```", rest, flags=re.DOTALL)[:2]
    group, line = re.fullmatch(r'\[project\.entry-points\."([\w.]+)"\]\n(.*)\n', entry_point, flags=re.DOTALL).groups()  # type: ignore[union-attr]
    package = f"worked_example_{example.replace(' ', '_')}"
    (tmp_path / f"{package}.py").write_text(f"from __future__ import annotations\n\n{code}", encoding="utf-8")
    metadata = tmp_path / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    line = line.replace('"', "").replace("my_package", package)
    (metadata / "entry_points.txt").write_text(f"[{group}]\n{line}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


def solved(tmp_path: Path, *options: str, **fields: Any) -> Path:
    """The result file of a small product."""
    spec, result = tmp_path / "spec.json", tmp_path / "result.json"
    document = {"architecture": SLOW_DMA, "workload": {"layers": [gemm(12, 18, 24)]}, **fields}
    spec.write_text(json.dumps(document), encoding="utf-8")
    assert main([str(spec), "--no-cache", "--json", "--out", str(result), *options]) == 0
    return result


SMALL = {"workload": {"layers": [gemm(4, 6, 8)]}}


def test_the_back_end_of_the_page_is_selected_checked_and_proves_the_optimum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(tmp_path, monkeypatch, "every tiling")
    layer = load_result(solved(tmp_path, "--backend", "every-tiling", **SMALL)).layers[0]
    best = load_result(solved(tmp_path, "--backend", "exhaustive", **SMALL)).layers[0]
    assert capsys.readouterr().err == ""
    assert (layer.status, best.status, len(layer.solutions)) == ("optimal", "optimal", 5)
    assert [found.mapping for found in layer.solutions] == [found.mapping for found in best.solutions]


def test_the_back_end_of_the_page_passes_the_checks_for_back_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "every tiling")

    class Checks(BackendContract):
        backend_name = "every-tiling"
        proves = True
        short_s = 0.2

        def backend(self) -> Backend:
            """The object itself: processes of its own are tested elsewhere."""
            return available_backends()[self.backend_name].load()

    Checks().test_it_goes_by_the_name_that_it_is_registered_under()
    Checks().test_it_agrees_with_enumeration()
    Checks().test_an_infeasible_problem_gets_no_mapping()
    Checks().test_it_keeps_its_time_limit()
    Checks().test_what_it_reports_on_the_way_is_true()


def test_the_back_end_of_the_page_for_hierarchies_is_selected_for_them_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(tmp_path, monkeypatch, "outermost loops")
    path = solved(tmp_path, "--backend", "outermost-loops", architecture="eyeriss-168", **SMALL)
    (found,) = load_result(path).layers[0].solutions
    assert found.mapping.tiling == {"M": {"DRAM": 4}, "N": {"DRAM": 6}, "K": {"DRAM": 8}}
    assert capsys.readouterr().err == ""
    (spec := tmp_path / "spec.json").write_text(json.dumps({"architecture": SLOW_DMA, **SMALL}), encoding="utf-8")
    assert main([str(spec), "--backend", "outermost-loops"]) == 2
    assert "--backend: expected one for mappings of the cost model dmazerunner" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["portfolio", "cp-sat", "exhaustive", "exhaustive-bounded"])
@pytest.mark.parametrize("objective", ["edp", "latency"])
def test_the_cost_model_of_the_page_is_searched_proved_and_verified(
    backend: str, objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(tmp_path, monkeypatch, "cost model")
    path = solved(tmp_path, "--backend", backend, "--objective", objective, cost_model="instant-dma")
    result, published = load_result(path), load_result(solved(tmp_path, "--objective", objective))
    layer, machine = result.layers[0], result.architecture
    assert (result.cost_model, layer.status) == ("instant-dma", "optimal")
    at_once = machine.model_copy(update={"dma": machine.dma.model_copy(update={"init_cycles": 0.0})})
    request = EvaluateRequest(architecture=at_once, layer=layer.layer, mappings=(layer.solutions[0].mapping,))
    cost = evaluate(request).costs[0]
    assert layer.objective_value == (cost.edp if objective == "edp" else cost.cycles)
    assert layer.objective_value is not None
    assert published.layers[0].objective_value is not None
    assert layer.objective_value < published.layers[0].objective_value
    capsys.readouterr()
    path.write_text(result.model_dump_json(by_alias=True), encoding="utf-8")
    assert main(["verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"]


def test_an_unknown_cost_model_is_named_with_the_nearest_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.json"
    document = {"architecture": "dmazerunner-256pe", "workload": {"layers": [gemm(4, 4, 4)]}}
    spec.write_text(json.dumps({**document, "cost_model": "dmazeruner"}), encoding="utf-8")
    assert main([str(spec)]) == 2
    line = capsys.readouterr().err
    assert line == f"{spec}: cost_model: unknown cost model 'dmazeruner'; did you mean 'dmazerunner'?\n"
