"""The best design of a sweep with and without ``--prove-best``: how much is searched, and processor time.

    python benchmarks/prove_best.py FOLDER [--spec FILE] [--seconds S] [--workers N]

Each part is run as a user runs it, with ``--results`` and at most so many seconds at a time; the same command continues
until both parts are complete (FOLDER keeps results and times). Both must name the same design with the same objective,
and no bound of an excluded design may be above its value. Then one JSON line is appended to results/prove_best.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from common import HERE, RESULTS, append_result, machine, versions

COMMAND = str(Path(sys.executable).with_name("dmaze-solve"))
SPEC = HERE.parent / "specs" / "sweeps" / "memory-designs.json"
PARTS = {"full": (), "prove_best": ("--prove-best",)}


def advance(part: str, folder: Path, spec: Path, seconds: float, workers: int) -> dict[str, Any]:
    """Run one part for a while more, and give what is known of it."""
    state, out = folder / f"{part}.state.json", folder / f"{part}.json"
    files = ("--results", str(folder / f"{part}.jsonl"), "--out", str(out))
    limits = ("--total-time-limit", str(seconds), "--workers", str(workers), "--no-cache")
    known = (
        json.loads(state.read_text(encoding="utf-8")) if state.exists() else {"cpu_s": 0.0, "wall_s": 0.0, "runs": 0}
    )
    before, started = os.times(), time.perf_counter()
    subprocess.run([COMMAND, "sweep", str(spec), *files, *limits, *PARTS[part]], stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    counts = json.loads(out.read_text(encoding="utf-8"))["counts"]
    known = {
        "cpu_s": round(known["cpu_s"] + busy, 1),
        "wall_s": round(known["wall_s"] + time.perf_counter() - started, 1),
        "runs": known["runs"] + 1,
        "left": counts["left"],
        "searched": known.get("searched", 0) + counts["searched"],
        "refuted": counts["refuted"],
        "excluded": counts["excluded"],
    }
    state.write_text(json.dumps(known), encoding="utf-8")
    return known


def compared(folder: Path) -> dict[str, Any]:
    """What both parts say of the best design; they must agree."""
    full, proved = (json.loads((folder / f"{part}.json").read_text(encoding="utf-8")) for part in PARTS)
    if full["best"] != proved["best"] or not full["best"]["proved"]:
        raise SystemExit(f"the full sweep says {full['best']}, the proof {proved['best']}")
    slack: list[float] = []
    for ours, theirs in zip(proved["designs"], full["designs"], strict=True):
        if ours["excluded"] is not None and ours["excluded"]["bound"] is not None and theirs["objective_value"]:
            slack.append(ours["excluded"]["bound"] / theirs["objective_value"])
    if max(slack, default=0.0) > 1:
        raise SystemExit("the bound of an excluded design lies above its value")
    excluded = [design["excluded"] for design in proved["designs"] if design["excluded"] is not None]
    return {
        "best": full["best"],
        "designs": len(full["designs"]),
        "designs_excluded": len(excluded),
        "without_any_search": sum(not one["solved"] and not one["refuted"] for one in excluded),
        "problems": full["counts"]["problems"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--spec", type=Path, default=SPEC)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    before = machine()
    parts: dict[str, Any] = {}
    for part in PARTS:
        state = options.folder / f"{part}.state.json"
        known = json.loads(state.read_text(encoding="utf-8")) if state.exists() else None
        if known is None or known["left"]:
            known = advance(part, options.folder, options.spec, options.seconds, options.workers)
            print(json.dumps({part: known}), flush=True)
            if known["left"]:
                return
        parts[part] = known
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": before,
        "versions": versions("ortools", "numpy"),
        "spec": options.spec.name,
        "workers": options.workers,
        **compared(options.folder),
        "parts": parts,
    }
    print(json.dumps(record))
    append_result(RESULTS / "prove_best.jsonl", record)


if __name__ == "__main__":
    main()
