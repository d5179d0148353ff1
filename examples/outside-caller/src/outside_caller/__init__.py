"""Another tool that uses dmaze-solve in the two ways open to it: as a plug-in, and as a command.

The tool here asks how many PEs a matrix product needs before more of them stop helping.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

from dmaze.model import Architecture, Constraints, EvaluateRequest, Gemm, evaluate, resolve_architecture
from dmaze.model.mapping import mapping_to_document
from dmaze.solver import Backend, LayerProblem, SearchLimits


def least_cycles(backend_name: str, layer: Gemm, architecture: Architecture) -> tuple[int, bool]:
    """Fewest cycles of a layer by a back end that is called directly, and whether they are proved."""
    (point,) = entry_points(group="dmaze.backends", name=backend_name)
    backend: Backend = point.load()
    problem = LayerProblem(layer.loop_nest(), architecture, Constraints(), "latency")
    outcome = backend.search(problem, SearchLimits(time_limit_s=30.0, workers=2), None)
    best = mapping_to_document(problem.nest, outcome.candidates[0])
    request = {"architecture": architecture, "layer": layer, "mappings": [best]}
    cost = evaluate(EvaluateRequest.model_validate(request)).costs[0]
    assert cost.cycles is not None
    return cost.cycles, outcome.exhausted


def by_command(layer: Gemm, architecture: Architecture) -> int:
    """Fewest cycles of a layer by the command, for tools that are not written in Python."""
    spec = {
        "architecture": architecture.model_dump(mode="json"),
        "workload": {"layers": [layer.model_dump(mode="json")]},
        "objective": "latency",
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        command = [str(Path(sys.executable).with_name("dmaze-solve")), str(path), "--json", "--no-cache"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["layers"][0]["solutions"][0]["cost"]["cycles"]


def run() -> None:
    """Print the fewest cycles for growing arrays of PEs, by three back ends and by the command."""
    layer = Gemm(type="gemm", name="product", m=256, n=256, k=256)
    base = resolve_architecture("dmazerunner-256pe")
    for pes in (64, 256, 1024):
        architecture = base.model_copy(update={"pes": pes})
        for name in ("portfolio", "cp-sat", "highs"):
            cycles, proved = least_cycles(name, layer, architecture)
            print(f"{pes:5} PEs, {name:10} {cycles:10,} cycles, {'proved' if proved else 'not proved'}")
        print(f"{pes:5} PEs, command    {by_command(layer, architecture):10,} cycles")
