"""How much better the proved optimum is than what was published for designs in Timeloop's files, counted alike.

    python benchmarks/timeloop_designs.py [--published FOLDER] [--time-limit S] [--results FILE]

See README.md. Prints a table and appends one JSON line to results/timeloop_designs.jsonl; ends with status 1 where
something worse than what was published is found.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from common import RESULTS, append_result, machine, versions
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.reading.timeloop_files.timeloop_design import read_design
from dmaze.solver import solve

PUBLISHED = Path("/work/shared/reference/interop/published")
DESIGNS = ("eyeriss_like", "simba_like", "simple_weight_stationary")
AGAINST = ("arch", "alexnet_conv1_m", "mapspace", "timeloop-mapper.ERT", "timeloop-mapper.map")


@dataclass(frozen=True)
class Row:
    """One design: EDPs in pJ * cycles under accounting ``timeloop``, what is proved, and seconds."""

    design: str
    published_edp: float
    found_edp: float
    bound: float
    gap: float
    wall_s: float
    cpu_s: float


def files_of_designs(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Every design with its files, the published mapping among them."""
    for name in DESIGNS:
        own = [folder / "timeloop_designs" / name / f"{part}.yaml" for part in ("arch", "ERT", "map")]
        yield name, [*own, folder / "timeloop_designs" / "default_problem.yaml"]
    yield "AlexNet conv1 on 64 PEs", [folder / "lemon_vs_optimal" / f"{part}.yaml" for part in AGAINST]


def measured(folder: Path, time_limit_s: float) -> Iterator[Row]:
    """Every design, solved on one thread."""
    for name, files in files_of_designs(folder):
        design = read_design(files)
        assert design is not None
        assert design.mapping is not None
        published = MODEL.under("timeloop").evaluated(design.layer.loop_nest(), design.machine, design.mapping)
        spec = design.spec()
        limits = {"time_limit_s": time_limit_s, "workers": 1, "top_k": 1}
        wall, cpu = time.perf_counter(), time.process_time()
        options = spec.solver.model_copy(update=limits)
        (layer,) = solve(spec.model_copy(update={"solver": options, "objective": "edp"})).layers
        seconds = round(time.perf_counter() - wall, 1), round(time.process_time() - cpu, 1)
        found, bound, gap = layer.objective_value, layer.bound, layer.gap
        assert found is not None
        assert bound is not None
        assert gap is not None
        yield Row(name, published.edp, float(found), float(bound), gap, *seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--published", type=Path, default=PUBLISHED, help="folder of the published files")
    parser.add_argument("--time-limit", type=float, default=90.0, help="seconds for each search")
    parser.add_argument("--results", type=Path, default=RESULTS / "timeloop_designs.jsonl", help="file to append to")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    before = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine()}
    print(f"{'design':<26}{'published EDP':>15}{'found EDP':>13}{'ratio':>7}{'gap':>9}{'wall s':>8}{'CPU s':>7}")
    rows: list[Row] = []
    for row in measured(options.published, options.time_limit):
        rows.append(row)
        ratio = row.published_edp / row.found_edp
        print(
            f"{row.design:<26}{row.published_edp:>15.4e}{row.found_edp:>13.4e}{ratio:>7.2f}{row.gap:>9.1e}"
            f"{row.wall_s:>8.1f}{row.cpu_s:>7.1f}",
            flush=True,
        )
    line = {**before, "versions": versions("numpy", "ortools"), "time_limit_s": options.time_limit}
    append_result(options.results, {**line, "rows": [asdict(row) for row in rows]})
    if any(row.found_edp > row.published_edp for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
