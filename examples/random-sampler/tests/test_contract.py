"""The checks that dmaze-solve ships for back ends, and one run through its command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.solver.backend_contract import BackendContract


class TestRandomSampler(BackendContract):
    backend_name = "random-sampler"


def test_the_command_selects_it_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = {"type": "gemm", "name": "product", "m": 64, "n": 32, "k": 16}
    own = {"backend": "random-sampler"}
    spec = {"architecture": "dmazerunner-256pe", "workload": {"layers": [layer]}, "solver": own}
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    assert main([str(path), "--json", "--no-cache"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["backend"] == "random-sampler"
    assert "dmaze-random-sampler" in result["versions"]
    assert result["layers"][0]["status"] == "feasible"
    assert result["layers"][0]["bound"] is None
