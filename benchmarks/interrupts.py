"""What becomes of a command that is interrupted at a random moment (protocol: benchmarks/README.md)."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from common import RESULTS, append_result, machine, versions

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LINE = "dmaze-solve: interrupted\n"
COMMAND = "import os, sys; os.write(int(sys.argv.pop(1)), b'x'); from dmaze.cli.main import run; run()"
"""The command; a byte on a pipe says that Python has started and its first instruction runs."""

HARD: dict[str, Any] = {
    "architecture": {
        "name": "big", "pes": 4096, "rf_bytes_per_pe": 4096, "spm": {"banks": 64, "bytes_per_bank": 65536},
        "bytes_per_element": 1, "clock_mhz": 1000,
        "dma": {"init_cycles": 100, "cycles_per_byte": 0.1, "clock_mhz": 1000},
        "access_energy_pj": {"rf": 0.5, "noc": 1, "spm": 6, "dram": 100, "mac": 0.1},
    },
    "workload": {"layers": [{
        "type": "conv3d", "name": "c", "batch": 60, "out_channels": 720, "in_channels": 720, "in_depth": 62,
        "in_height": 62, "in_width": 62, "kernel_depth": 3, "kernel_height": 3, "kernel_width": 3,
    }]},
}  # fmt: skip
"""A spec whose search outlasts every delay."""


def started(spec: Path) -> Popen[str]:
    """The command, whose first instruction has been reached, with Ctrl-C in force as on a terminal."""
    told, tell = os.pipe()
    command = [sys.executable, "-c", COMMAND, str(tell), str(spec), "--no-cache", "--json"]
    process = Popen(command, stdout=PIPE, stderr=PIPE, text=True, pass_fds=(tell,))
    os.close(tell)
    os.read(told, 1)
    os.close(told)
    return process


def outcome(spec: Path, delay_s: float, number: signal.Signals, *, twice: bool) -> str:
    """How the command ends that hears a signal so many seconds after its first instruction."""
    with started(spec) as process:
        time.sleep(delay_s)
        process.send_signal(number)
        if twice:
            time.sleep(0.05)
            process.send_signal(number)
        out, err = process.communicate(timeout=60)
    if process.returncode != 130:
        return f"exit code {process.returncode}: {err[-200:]}"
    if (out, err) == ("", LINE):
        return "130 with one line"
    if err == "" and json.loads(out)["interrupted"]:
        return "130 with what was found"
    return f"130 with something else: {err[-200:]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0, help="longest delay after the first instruction")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--results", type=Path, default=RESULTS / "interrupts.jsonl")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or the command would inherit that it is ignored
    before, draw = machine(), random.Random(options.seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "hard.json"
        spec.write_text(json.dumps(HARD), encoding="utf-8")
        for _ in range(options.count):
            delay_s, number = draw.uniform(0, options.seconds), draw.choice(SIGNALS)
            outcomes[outcome(spec, delay_s, number, twice=draw.random() < 0.5)] += 1
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("numpy", "ortools"),
        "seed": options.seed,
        "interrupts": options.count,
        "longest_delay_s": options.seconds,
        "outcomes": dict(outcomes),
        "as_documented": sum(times for what, times in outcomes.items() if what in DOCUMENTED),
    }
    append_result(options.results, record)
    print(json.dumps(record["outcomes"], indent=1))


DOCUMENTED = ("130 with one line", "130 with what was found")
"""What the contract says."""


if __name__ == "__main__":
    main()
