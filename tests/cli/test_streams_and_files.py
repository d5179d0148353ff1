"""Closed and full standard streams, and files that cannot be written: one line each, and no answer is lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from io import RawIOBase, TextIOWrapper
from pathlib import Path

import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.cli.output import print_text
from reference import REFERENCE

Output = pytest.CaptureFixture[str]

RUN = "from dmaze.cli.main import run; run()"
NO_SPACE = "No space left on device"
needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return Specs(gemm(2, 3, 4), backend="exhaustive").writer(tmp_path)()


def shell(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command under a shell that redirects its streams."""
    line = f'"$0" -c "{RUN}" "$@" {redirection}'
    return subprocess.run(["sh", "-c", line, sys.executable, *arguments], capture_output=True, text=True, timeout=60)


class TestStandardStreams:
    def test_closed_output_leaves_the_file(self, spec: str, tmp_path: Path) -> None:
        target = tmp_path / "r.json"
        done = shell(">&-", spec, "--json", "--out", str(target))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert json.loads(target.read_text())["layers"][0]["status"] == "optimal"

    def test_with_standard_error_closed_nothing_of_it_comes_out_elsewhere(self, spec: str) -> None:
        done = shell("2>&-", "missing.json")
        assert (done.returncode, done.stdout) == (2, "")
        done = shell("2>&-", spec, "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["backend"] == "exhaustive"

    def test_all_of_them_closed(self, spec: str, tmp_path: Path) -> None:
        target = tmp_path / "r.json"
        assert shell("<&- >&- 2>&-", spec, "--out", str(target)).returncode == 0
        assert json.loads(target.read_text())["backend"] == "exhaustive"

    def test_a_stream_without_a_buffer_that_takes_a_part_at_a_time_gets_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As under PYTHONUNBUFFERED, when a signal comes while the reader is slow."""
        taken = bytearray()

        class Partly(RawIOBase):
            def writable(self) -> bool:
                return True

            def write(self, content: bytes) -> int:
                taken.extend(content[:7])
                return min(7, len(content))

        monkeypatch.setattr(sys, "stdout", TextIOWrapper(Partly(), encoding="ascii", write_through=True))
        print_text("0123456789 \u00b5\n" * 20)
        assert taken.decode() == "0123456789 \\xb5\n" * 20

    @needs_dev_full
    @pytest.mark.parametrize("arguments", [("--json",), ()], ids=["json", "report"])
    def test_full_output_is_one_line_and_leaves_the_file(self, spec: str, tmp_path: Path, arguments: list[str]) -> None:
        target = tmp_path / "r.json"
        done = shell(">/dev/full", spec, *arguments, "--out", str(target))
        assert (done.returncode, done.stderr) == (2, f"standard output: cannot be written to: {NO_SPACE}\n")
        assert json.loads(target.read_text())["backend"] == "exhaustive"

    @needs_dev_full
    @pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["schema"]], ids=" ".join)
    def test_full_output_of_a_verb_that_only_says_something(self, arguments: list[str]) -> None:
        done = shell(">/dev/full", *arguments)
        assert (done.returncode, done.stderr) == (2, f"standard output: cannot be written to: {NO_SPACE}\n")

    @needs_dev_full
    def test_full_standard_error_keeps_the_answer_and_the_exit_code(self, spec: str) -> None:
        assert shell("2>/dev/full", "missing.json").returncode == 2
        done = shell("2>/dev/full", spec, "--json")
        assert (done.returncode, json.loads(done.stdout)["backend"]) == (0, "exhaustive")


class TestFilesToBeWritten:
    @needs_dev_full
    def test_what_was_found_is_printed_when_the_file_cannot_be_written(self, spec: str, capsys: Output) -> None:
        assert main([spec, "--json", "--out", "/dev/full"]) == 2
        out, err = capsys.readouterr()
        assert json.loads(out)["layers"][0]["status"] == "optimal"
        assert err == f"--out: cannot write /dev/full: {NO_SPACE}\n"

    def test_a_pipe_that_nobody_reads_is_not_waited_for(self, spec: str, tmp_path: Path, capsys: Output) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert main([spec, "--json", "--out", str(pipe)]) == 2
        out, err = capsys.readouterr()
        assert json.loads(out)["layers"][0]["status"] == "optimal"
        assert err == f"--out: cannot write {pipe}: nobody reads this pipe\n"

    def test_nor_by_a_trace(self, spec: str, tmp_path: Path, capsys: Output) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert main([spec, "--trace", str(pipe)]) == 2
        assert capsys.readouterr() == ("", f"--trace: cannot write {pipe}: nobody reads this pipe\n")

    def test_a_pipe_that_somebody_reads_gets_the_answer(self, spec: str, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
            while (code := main([spec, "--json", "--out", str(pipe)])) == 2:  # until the reader has started
                pass
            out, _ = reader.communicate(timeout=20)
        assert (code, json.loads(out)["backend"]) == (0, "exhaustive")

    def test_a_name_that_is_too_long_is_refused_before_any_work(self, spec: str, capsys: Output) -> None:
        assert main([spec, "--out", "a" * 300]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == f"--out: expected a file that can be written, but '{'a' * 57}...' cannot: File name too long\n"

    def test_the_longest_name_that_there_is_can_be_written(self, spec: str, tmp_path: Path) -> None:
        target = tmp_path / ("a" * 255)
        assert main([spec, "--out", str(target)]) == 0
        assert json.loads(target.read_text())["backend"] == "exhaustive"

    def test_permissions_stay_and_new_files_have_the_usual_ones(self, spec: str, tmp_path: Path) -> None:
        private, new = tmp_path / "private.json", tmp_path / "new.json"
        private.touch()
        private.chmod(0o600)
        before = os.umask(0o027)
        try:
            assert main([spec, "--out", str(private)]) == main([spec, "--out", str(new)]) == 0
        finally:
            os.umask(before)
        assert [stat.S_IMODE(path.stat().st_mode) for path in (private, new)] == [0o600, 0o640]

    def test_a_link_planted_at_a_temporary_name_is_not_followed(self, spec: str, tmp_path: Path) -> None:
        target, victim = tmp_path / "r.json", tmp_path / "victim"
        victim.write_text("precious")
        for name in (f".r.json.{os.getpid()}.tmp", "r.json.tmp", ".dmaze-.tmp"):
            (tmp_path / name).symlink_to(victim)
        assert main([spec, "--out", str(target)]) == 0
        assert victim.read_text() == "precious"
        assert not target.is_symlink()


class TestOneFileForTwoPurposes:
    def test_an_input_is_not_overwritten(self, spec: str, tmp_path: Path, capsys: Output) -> None:
        before = Path(spec).read_text()
        link = tmp_path / "link.json"
        link.symlink_to(spec)
        hard = tmp_path / "hard.json"
        hard.hardlink_to(spec)
        for path in (spec, link, hard):
            assert main([spec, "--out", str(path)]) == 2
            assert capsys.readouterr() == ("", f"--out: expected a file of its own, but {path} is an input\n")
        assert Path(spec).read_text() == before

    def test_nor_is_a_file_that_the_spec_names(self, tmp_path: Path, capsys: Output) -> None:
        machine, network = tmp_path / "machine.json", tmp_path / "network.json"
        machine.write_text(REFERENCE.model_dump_json())
        network.write_text(json.dumps({"layers": [gemm(2, 3, 4)]}))
        spec = tmp_path / "spec.json"
        for workload in ("network.json", {"network": "network.json"}):
            spec.write_text(json.dumps({"architecture": "machine.json", "workload": workload}))
            for path in (machine, network):
                before = path.read_text()
                assert main([str(spec), "--out", str(path)]) == 2
                assert capsys.readouterr().err == f"--out: expected a file of its own, but {path} is an input\n"
                assert path.read_text() == before

    @pytest.mark.parametrize("other", ["trace", "report"])
    def test_two_outputs_need_two_files(self, spec: str, tmp_path: Path, capsys: Output, other: str) -> None:
        target = tmp_path / "x"
        assert main([spec, "--out", str(target), f"--{other}", str(target)]) == 2
        assert capsys.readouterr().err.endswith(f"expected a file of its own, but {target} is that of --out\n")
        assert not target.exists()

    def test_the_bin_may_be_used_twice(self, spec: str) -> None:
        assert main([spec, "--out", os.devnull, "--trace", os.devnull]) == 0
