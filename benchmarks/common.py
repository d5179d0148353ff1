"""What all benchmarks share: the machine, the versions, the append-only results."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def machine() -> dict[str, Any]:
    """CPU, cores, system and the load before the run."""
    cpu = platform.processor() or "unknown"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    load = [round(value, 2) for value in os.getloadavg()]
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(), "load_average": load}


def versions(*distributions: str) -> dict[str, str]:
    """Python, this project with its commit where there is one, and the named distributions."""
    found = {"python": platform.python_version()} | {name: version(name) for name in ("dmaze-solve", *distributions)}
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        found["commit"] = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    return found


def append_result(path: Path, record: Mapping[str, Any]) -> None:
    """Append one line to a file of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
