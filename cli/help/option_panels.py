"""Under which heading of a verb's help an option stands."""

from __future__ import annotations

from collections.abc import Mapping

OTHERS = "Help"
"""The heading of what no panel names, which is the last one."""

PANELS: Mapping[str, tuple[str, ...]] = {
    "Answer": (
        *("--json", "--out", "--loops", "--certificate", "--detail", "--pareto", "--prove-best"),
        *("--network", "--max-cycles"),
        *("--max-energy", "--top-k", "--min-utilization"),
        *("--mapping", "--position"),
    ),
    "Machine and workload": (
        *("--architecture", "--set", "--cost-model", "--accounting", "--batch", "--dim", "--input", "--layer"),
        *("--levels", "--spatial", "--shrink", "--shrink-to"),
    ),
    "Search": (
        *("--objective", "--backend", "--bound", "--time-limit", "--total-time-limit", "--full-limit", "--gap"),
        *("--until-gap", "--require-proof", "--workers", "--seed", "--pad-bounds", "--pad-percent"),
        *("--executor", "--scheduler"),
    ),
    "Files": (
        *("--report", "--pictures", "--scatter", "--plot", "--csv", "--export", "--trace", "--results"),
    ),
    "Cache": ("--cache", "--no-cache"),
}  # fmt: skip
"""Options by heading, in the order of the help."""


def panel_of(option: str) -> str:
    """The heading of an option.

    Example:
        >>> panel_of("--json"), panel_of("--help")
        ('Answer', 'Help')
    """
    return next((heading for heading, names in PANELS.items() if option in names), OTHERS)
