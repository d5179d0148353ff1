"""Where things are in this repository, for tests in any room."""

from __future__ import annotations

from pathlib import Path

SUPPORT = Path(__file__).parent
TESTS = SUPPORT.parent
ROOT = TESTS.parent
DATA = TESTS / "data"
PLUGINS = TESTS / "plugins"
"""Put on the path of a process, this folder registers the back ends of ``dmaze_fakes`` and ``dmaze_sweep_fakes``."""
EXAMPLES = ROOT / "specs" / "examples"
REFERENCE = Path("/work/shared/reference")
"""Numbers of other tools and the inputs that they were made with; tests that read them there are skipped without."""
PUBLISHED = Path("/work/shared/reference/interop/published")
"""Files that others published and that are not ours to distribute: tests that read them are skipped without."""
