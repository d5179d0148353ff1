"""What timeloop-model prints as statistics, for tests to hold counts against."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class LevelStatistics:
    """Words and energy (pJ, two decimals) of one data space at one level, all instances together."""

    reads: int
    fills: int
    updates: int
    energy_pj: float


def level_statistics(text: str) -> dict[tuple[str, str], LevelStatistics]:
    """Statistics by level and data space."""
    found: dict[tuple[str, str], LevelStatistics] = {}
    for name, body in re.findall(r"=== (\w+) ===\n(.*?)(?=\nLevel \d|\nNetworks\n|\Z)", text, re.DOTALL):
        for tensor, lines in re.findall(r"^    (\w+):\n((?:        .*\n)+)", body, re.MULTILINE):
            figures = {key.strip(): float(value) for key, value in re.findall(r"\n?        (.*?)\s*: ([\d.]+)", lines)}
            if "Scalar reads (per-instance)" not in figures:
                continue
            counts = [figures[f"Scalar {kind} (per-instance)"] for kind in ("reads", "fills", "updates")]
            instances = figures["Utilized instances (max)"]
            words = [int(count * instances) for count in counts]
            found[name, tensor] = LevelStatistics(words[0], words[1], words[2], figures["Energy (total)"])
    return found


def total_cycles(text: str) -> int:
    """Cycles of the layer."""
    return int(re.findall(r"^Cycles: (\d+)$", text, re.MULTILINE)[-1])
