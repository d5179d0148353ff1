"""Random specs, YAML files and ONNX models from grammars: each is to be read or refused. See README.md.

Ends with status 1 when something else came out; its seed makes the input again.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from common import RESULTS, append_result, machine, versions
from fuzzing import KINDS, tried

MOST_BYTES = 3 * 2**30
"""Of address space, several times what any input may take: beyond it memory counts as used up."""


def limit_memory() -> None:
    """Let an input that takes too much fail on its own, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="wall time, divided among the kinds")
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed of each kind; the others follow")
    parser.add_argument("--results", type=Path, default=RESULTS / "fuzz_inputs.jsonl")
    options = parser.parse_args()
    limit_memory()
    started, processor = time.monotonic(), time.process_time()
    load = machine()
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    faults: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn, kind in enumerate(KINDS, 1):
            seed = options.seed
            while time.monotonic() - started < options.seconds * turn / len(KINDS):
                outcome = tried(kind, seed, Path(folder))
                outcomes[kind]["read" if outcome == "read" else "refused" if outcome == "refused" else "fault"] += 1
                if outcome not in ("read", "refused"):
                    faults.append({"kind": kind, "seed": seed, "outcome": outcome})
                    print(json.dumps(faults[-1]))
                seed += 1
    record = {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "first_seed": options.seed,
        "outcomes": outcomes,
        "faults": faults,
        "wall_s": round(time.monotonic() - started, 1),
        "processor_s": round(time.process_time() - processor, 1),
        "machine": load,
        "versions": versions("onnx", "pyyaml", "pydantic"),
    }
    append_result(options.results, record)
    print(json.dumps(record["outcomes"]))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
