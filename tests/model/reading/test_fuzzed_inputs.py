"""Whatever a grammar makes of a spec, a YAML file or a model is read or refused; more of them in a benchmark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fuzzing import KINDS, tried

TRIES = {"spec": 500, "yaml": 700, "onnx": 250}
FIRST_SEED = 1_000


@pytest.mark.parametrize("kind", KINDS)
def test_random_inputs_are_read_or_refused_in_printable_lines(kind: str, tmp_path: Path) -> None:
    outcomes = Counter(tried(kind, FIRST_SEED + number, tmp_path) for number in range(TRIES[kind]))
    assert set(outcomes) == {"read", "refused"}
    assert min(outcomes.values()) > TRIES[kind] / 20
