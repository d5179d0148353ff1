"""Whatever is opened to be read is a regular file: pipes, devices and folders are refused at once, wherever named."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from dmaze.cli.main import main
from dmaze.solver import Cache
from paths import EXAMPLES

SPEC = EXAMPLES / "conv5_2.json"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes in this file system")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("suffix", ["json", "yaml", "onnx"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["FILE", "--architecture", "dmazerunner-256pe"],
        ["evaluate", "FILE"],
        ["verify", "FILE"],
        ["sweep", "FILE", "--architecture", "dmazerunner-256pe"],
        ["import", "FILE"],
        [str(SPEC), "--architecture", "FILE"],
        ["gap", str(SPEC), "--mapping", "FILE"],
        ["show", "FILE"],
    ],
    ids=lambda words: words[0] if words[0] != str(SPEC) else "architecture",
)
def test_a_pipe_in_place_of_a_file_is_refused_at_once(
    arguments: list[str], suffix: str, pipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] == "sweep" and suffix != "json":
        pytest.skip("a network is no sweep")
    pipe = pipe.rename(pipe.with_suffix(f".{suffix}"))
    assert main([str(pipe) if word == "FILE" else word for word in arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a regular file, but it is a pipe" in line
    assert str(pipe) in line or "--architecture" in line


@pytest.mark.parametrize("field", ["architecture", "workload"])
def test_a_pipe_that_a_spec_names_is_refused_at_once(
    field: str, pipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(SPEC.read_text()) | {field: "pipe"}
    (pipe.parent / "spec.json").write_text(json.dumps(document))
    assert main([str(pipe.parent / "spec.json")]) == 2
    assert f"{field}: expected a regular file, but it is a pipe at" in capsys.readouterr().err


@pytest.mark.parametrize("field", ["architecture", "workload"])
@pytest.mark.parametrize("name", ["a" * 900, "a" * 900 + ".yaml", "a" * 900 + "/*.yaml", "a\0b", "a\0b.yaml", "*\0"])
def test_a_name_that_can_be_no_path_is_refused(
    name: str, field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(json.loads(SPEC.read_text()) | {field: name}))
    assert main([str(tmp_path / "spec.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a readable file (" in line or "expected files of layers" in line or "expected JSON" in line


@pytest.mark.parametrize("name", ["link.json", "link.yaml", "link.onnx"])
def test_a_link_to_a_device_is_refused_without_reading_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).symlink_to("/dev/zero")
    assert main([str(tmp_path / name), "--architecture", "dmazerunner-256pe"]) == 2
    assert capsys.readouterr().err.endswith("expected a regular file, but it is a device\n")


def test_a_socket_and_links_that_lead_nowhere_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert main([str(tmp_path / "s")]) == 2
    assert capsys.readouterr().err.endswith("expected a regular file, but it is a socket\n")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    assert main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.endswith("nowhere: expected a file, but there is none\n")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert main([str(tmp_path / "circle")]) == 2
    assert "circle: expected a readable file (" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:the cache .* is not used:RuntimeWarning")
def test_a_pipe_in_the_cache_is_not_waited_for(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.write("question", "answer")
    (entry,) = tmp_path.iterdir()
    entry.unlink()
    os.mkfifo(entry)
    assert cache.read("question") is None
    cache.write("question", "answer")
    assert cache.read("question") == "answer"
