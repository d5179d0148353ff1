"""The packages know their version, and a search what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import version

import dmaze.model
import dmaze.solver
import pytest
from dmaze.solver import environment, show_versions


def test_every_package_has_the_version_of_the_distribution() -> None:
    assert dmaze.model.__version__ == dmaze.solver.__version__ == version("dmaze-solve")
    assert "__version__" in dir(dmaze.model)
    assert not hasattr(dmaze, "__version__")  # a namespace, to which others may add


def test_versions_are_shown_of_all_that_may_matter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "OPTIONAL", ("matplotlib", "no such distribution"))
    show_versions()
    shown = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    found = {name.strip(): text.strip() for name, text in shown.items()}
    assert found["python"].startswith(platform.python_version())
    assert int(found["cores"]) >= 1
    for name in ("dmaze-solve", "numpy", "ortools", "pydantic", "matplotlib"):
        assert found[name] == version(name)
    assert found["no such distribution"] == "not installed"
    assert found["back ends"].split(", ")[:2] == ["cp-sat", "exhaustive"]
