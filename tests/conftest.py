"""What holds for every test: nothing outside its own folders is read or written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from types import ModuleType

import pytest
from paths import PLUGINS

pytest.register_assert_rewrite("golden")

from golden import OPTION, Golden  # noqa: E402 - only now will its comparisons be shown in full


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares texts with golden files (tests/README.md)."""
    return Golden(request.node.nodeid, request.config.getoption(OPTION))


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture(autouse=True)
def _own_cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, _numbers: Iterator[int]
) -> None:
    """Every test starts with an empty cache of its own, also in the processes that it starts."""
    monkeypatch.setenv("DMAZE_CACHE", str(tmp_path_factory.getbasetemp() / f"cache-{next(_numbers)}"))


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake back ends are installed, as distributions of their own."""
    monkeypatch.syspath_prepend(str(PLUGINS))


@pytest.fixture
def fakes(plugins: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:  # noqa: ARG001
    """The module of the fake back ends; ``SCRIPTED`` does what ``SCRIPTED.script`` is set to, at first ``first``."""
    import dmaze_fakes

    monkeypatch.setattr(dmaze_fakes.SCRIPTED, "script", dmaze_fakes.first)
    return dmaze_fakes
