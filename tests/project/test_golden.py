"""Golden files are compared to the letter, and rewritten only where that is asked for."""

from __future__ import annotations

from pathlib import Path

import golden as module
import pytest
from golden import Golden

COMPARE, UPDATE = (Golden("tests/a/test_b.py::test_c", update) for update in (False, True))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return tmp_path


def test_a_file_that_is_not_there_fails_with_the_command_that_makes_it(folder: Path) -> None:
    with pytest.raises(pytest.fail.Exception) as caught:
        COMPARE.check("new.txt", "text\n")
    assert str(folder / "new.txt") in str(caught.value)
    assert str(caught.value).endswith("python -m pytest 'tests/a/test_b.py::test_c' --update-golden")
    assert list(folder.iterdir()) == []


def test_what_was_written_is_accepted_and_nothing_else() -> None:
    UPDATE.check("some/where.txt", "é\r\n")
    COMPARE.check("some/where.txt", "é\r\n")
    for other in ("é\n", "é\r\n\n", ""):
        with pytest.raises(AssertionError, match="--update-golden"):
            COMPARE.check("some/where.txt", other)
    UPDATE.check("some/where.txt", "")
    COMPARE.check("some/where.txt", "")


def test_a_file_elsewhere_is_told_by_its_path(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("old", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"page\.md"):
        COMPARE.check(page, "new")
    UPDATE.check(page, "new")
    assert page.read_text(encoding="utf-8") == "new"


def test_a_folder_holds_the_files_that_it_should_and_no_others(folder: Path) -> None:
    texts = {"a.txt": "a", "b/c.txt": "c"}
    with pytest.raises(pytest.fail.Exception, match=r"a\.txt"):
        COMPARE.check_folder("f", texts)
    UPDATE.check_folder("f", texts)
    COMPARE.check_folder("f", texts)
    del texts["a.txt"]
    with pytest.raises(pytest.fail.Exception, match=r"a\.txt"):
        COMPARE.check_folder("f", texts)
    UPDATE.check_folder("f", texts)
    COMPARE.check_folder("f", texts)
    assert [path.name for path in (folder / "f").iterdir()] == ["b"]
