"""YAML that is read says each key once, and is bounded in values, depth, aliases, merges, includes and numbers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from dmaze.model.faults import InputError
from dmaze.model.reading.interop.yaml_files import MAX_YAML_BYTES, read_yaml

LONGEST_S = 10.0


def read(tmp_path: Path, text: str | bytes) -> object:
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


def refusal(tmp_path: Path, text: str | bytes) -> list[str]:
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert time.process_time() - started < LONGEST_S
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


def test_keys_given_twice_are_refused_with_line_and_key(tmp_path: Path) -> None:
    text = "a: 1\nb: {c: 1, 'c': 2}\nd:\n- e: 1\n  f: 2\n  e: 3\na: 2\n"
    assert refusal(tmp_path, text) == [
        "file.yaml: line 7 column 1: expected 'a' once, but given more than once (first in line 1)",
        "file.yaml: line 6 column 3: expected 'e' once, but given more than once (first in line 4)",
        "file.yaml: line 2 column 11: expected 'c' once, but given more than once (first in line 2)",
    ]


def test_keys_given_twice_below_a_tag_or_through_an_include_are_refused(tmp_path: Path) -> None:
    assert "'a' once" in refusal(tmp_path, "x: !Component {a: 1, a: 2}")[0]
    (tmp_path / "inner.yaml").write_text("a: 1\n")
    (line,) = refusal(tmp_path, "a: 0\n{{include_text('inner.yaml')}}")
    assert line.startswith("file.yaml (with what it includes in place): line 2 column 1: expected 'a' once")


def test_keys_that_timeloop_takes_as_one_are_refused(tmp_path: Path) -> None:
    assert "'data_spaces' once" in refusal(tmp_path, "data-spaces: 1\ndata_spaces: 2\n")[0]


def test_a_key_given_twice_ten_thousand_times_is_told_in_few_lines(tmp_path: Path) -> None:
    lines = refusal(tmp_path, "a: 1\n" * 20_000)
    assert (len(lines), lines[-1]) == (21, "and at least 981 more faults")


def test_merged_keys_are_none_that_are_given_twice(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nx: {<<: *base, a: 3}\ny: {<<: *base}\nz: {<<<: *base, b: 4}\n"
    own = {"base": {"a": 1, "b": 2}, "x": {"b": 2, "a": 3}, "y": {"a": 1, "b": 2}, "z": {"a": 1, "b": 4}}
    assert read(tmp_path, text) == own


BAD_SCALARS = {
    "!!int ''": "'' is no int",
    "!!int x": "'x' is no int",
    "!!bool x": "'x' is no bool",
    "!!float x": "'x' is no float",
    "!!timestamp x": "'x' is no timestamp",
    "2001-99-99": "'2001-99-99' is no timestamp",
    "0b_": "'0b_' is no int",
    "1" * 5000: "a number of 5000 characters",
    "0x" + "f" * 5000: "a number of 5002 characters",
    "1" + ":59" * 100_000: "a number of 300001 characters",
    "!!null [1]": None,
    "!!int [1]": None,
    "!!int {a: 1}": None,
    "!!binary x": None,
    "!!map 3": None,
    "!!seq 3": None,
    "!!set 3": None,
    "!!omap 3": None,
    "!!pairs 3": None,
}


@pytest.mark.parametrize("value", BAD_SCALARS, ids=lambda value: value[:20])
def test_a_scalar_that_is_not_what_its_tag_says_is_refused_with_its_line(value: str, tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, f"a: 1\nb: {value}\n")
    assert line.startswith("file.yaml: line 2 column 4: expected YAML (")
    assert (BAD_SCALARS[value] or "") in line


@pytest.mark.parametrize("value", ["!!binary aGVsbG8=", "!!set {a, b}", "!!omap [a: 1]"])
def test_what_is_no_text_number_list_or_mapping_is_refused(value: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, f"a: {value}\n")[0].startswith("file.yaml: a")


def test_a_date_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, "version: 2024-01-31\n") == {"version": "2024-01-31"}


def test_a_lone_surrogate_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, 'a: "\\ud800"\n')[0].startswith("file.yaml: ")


MANY = "expected at most 200000 values nested at most 50 deep, aliases counted in full"


@pytest.mark.parametrize(
    "text",
    [
        "- 1\n" * 200_001,
        "[" * 60 + "]" * 60,
        "[" * 900,
        "".join(" " * depth + "a:\n" for depth in range(60)),
        "&a [*a]",
        "a: &a [x, x]\n" + "".join(f"a{n}: &a{n} [{'*a' if n == 0 else f'*a{n - 1}'}, *a]\n" for n in range(1000)),
    ],
    ids=["values", "depth", "brackets", "indents", "circle", "aliases"],
)
def test_too_many_values_are_refused(text: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, text) == [f"file.yaml: {MANY}"]


def test_mappings_merged_in_a_long_chain_are_refused(tmp_path: Path) -> None:
    chain = (f"a{n}: &a{n} {{<<: *a{n - 1}, y{n}: 0}}\n" for n in range(1, 800))
    (line,) = refusal(tmp_path, "a0: &a0 {x: 1}\n" + "".join(chain))
    assert line.endswith("expected YAML (merged too often)")


def test_includes_that_double_are_refused(tmp_path: Path) -> None:
    for number in range(30):
        include = f"{{{{include_text('e{number + 1}.txt')}}}}"
        (tmp_path / f"e{number}.txt").write_text(f"{include} {include}" if number < 29 else "x")
    (line,) = refusal(tmp_path, "a: {{include_text('e0.txt')}}")
    assert line == "file.yaml: include_text: expected at most 1000 files, nested at most 20 deep"


def test_includes_that_are_many_or_large_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    assert "at most 1000 files" in refusal(tmp_path, "{{include_text('empty.txt')}}\n" * 2000)[0]
    (tmp_path / "large.txt").write_text("#" * (MAX_YAML_BYTES // 4))
    (line,) = refusal(tmp_path, "{{include_text('large.txt')}}\n" * 5)
    assert (
        line == f"file.yaml: include_text: expected at most {MAX_YAML_BYTES} bytes with all that is included in place"
    )
    assert refusal(tmp_path, b"#" * (MAX_YAML_BYTES + 1)) == [
        f"file.yaml: expected a file of at most {MAX_YAML_BYTES} bytes"
    ]


def test_the_loader_without_c_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read(tmp_path, "a: !Tag {b: [1, 2.5, yes, null, 'x']}\n") == {
        "a": {"type": "tag", "b": [1, 2.5, True, None, "x"]}
    }
    assert "'a' once" in refusal(tmp_path, "a: 1\na: 2\n")[0]
    assert refusal(tmp_path, "[" * 900) == [f"file.yaml: {MANY}"]
    assert refusal(tmp_path, "b: !!int x\n")[0].startswith("file.yaml: line 1 column 4: expected YAML ('x' is no int)")
