"""Optima that are proved on a hierarchy are confirmed by running them: every word that the model counts moves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import write_json
from dmaze.cli.main import main

POINTWISE = {
    "type": "conv2d",
    "name": "layer2.0.downsample.0",
    "batch": 1,
    "out_channels": 128,
    "in_channels": 64,
    "in_height": 56,
    "in_width": 56,
    "kernel_height": 1,
    "kernel_width": 1,
    "stride": 2,
}
CLASSIFIER = {"type": "gemm", "name": "fc", "m": 1, "n": 1000, "k": 512}


@pytest.mark.parametrize("layer", [POINTWISE, CLASSIFIER], ids=["convolution", "product"])
def test_the_optimum_of_a_layer_of_resnet18_on_eyeriss_moves_what_is_counted(
    layer: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipe of docs/hierarchies.md."""
    spec = write_json(tmp_path / "spec.json", {"architecture": "eyeriss-168", "workload": {"layers": [layer]}})
    assert main([str(spec), "--no-cache", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (solved,) = result["layers"]
    assert solved["status"] == "optimal"
    mappings = [solved["solutions"][0]["mapping"]]
    request = {"architecture": result["architecture"], "layer": solved["layer"], "mappings": mappings}
    path = write_json(tmp_path / "request.json", request)
    assert main(["execute", str(path), "--shrink", "--json"]) == 0
    (execution,) = json.loads(capsys.readouterr().out)["executions"]
    assert execution["shrunk"]["lost"] == []
    assert (execution["output_equals"], execution["agrees"], execution["differences"]) == (True, True, [])
