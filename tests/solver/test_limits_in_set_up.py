"""Time and memory are limited while a search is set up, too: before its first look at the clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from builders import gemm
from dmaze.model.dmazerunner.factorisations import divisors, factorisation_rows, factorisations
from reference import REFERENCE

HUGE = 2_095_133_040
"""2^4 * 3^3 * 5 * 7 * 11 * 13 * 17 * 19 * 3: five million ordered factorisations over four levels."""

MEASURED = """
import json, resource, sys
from dmaze.cli.main import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]), file=sys.stderr)
"""


@pytest.mark.parametrize("backend", ["portfolio", "exhaustive-bounded", "cp-sat"])
def test_a_bound_with_millions_of_factorisations_keeps_limits_and_has_a_mapping(backend: str, tmp_path: Path) -> None:
    spec = {
        "architecture": REFERENCE.model_dump(),
        "workload": {"layers": [gemm(HUGE, 5040, 24)]},
        "solver": {"backend": backend, "time_limit_s": 1, "workers": 1},
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    command = [sys.executable, "-c", MEASURED, str(path), "--no-cache", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    code, cpu_s, kilobytes = json.loads(done.stderr)
    (layer,) = json.loads(done.stdout)["layers"]
    assert (code, layer["status"]) == (0, "feasible")
    assert layer["solutions"]
    assert cpu_s < 6  # start-up included, on any machine; 10 to 21 before
    assert kilobytes < 1_000_000


@pytest.mark.parametrize("number", [1, 2, 12, 97, 360, 5040])
def test_rows_are_all_ordered_factorisations_in_their_order(number: int) -> None:
    expected = [
        (dram, spm, rf, number // (dram * spm * rf))
        for dram in divisors(number)
        for spm in divisors(number // dram)
        for rf in divisors(number // (dram * spm))
    ]
    assert list(factorisations(number)) == expected
    assert [tuple(row) for row in factorisation_rows(number).tolist()] == expected


def test_the_largest_list_of_rows_is_whole() -> None:
    rows = factorisation_rows(HUGE)
    assert len(rows) == 5_017_600
    assert (np.prod(rows.astype(np.int64), axis=1) == HUGE).all()
    assert not rows.flags.writeable
