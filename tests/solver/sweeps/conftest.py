"""What the tests of sweeps share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest


@pytest.fixture
def executor() -> Iterator[Executor]:
    """One thread of this process, so that what tests replace is replaced for the searches, too."""
    with ThreadPoolExecutor(1) as pool:
        yield pool
