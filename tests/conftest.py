"""What holds for every test: nothing outside its own folders is read or written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture(autouse=True)
def _own_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, _numbers: Iterator[int]
) -> None:
    """Every test starts with an empty cache of its own, also in the processes that it starts."""
    monkeypatch.setenv("DMAZE_CACHE", str(tmp_path_factory.getbasetemp() / f"cache-{next(_numbers)}"))
