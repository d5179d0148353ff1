"""The results file: written as answers come, taken up wherever it was cut off, refused when it is another sweep's."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
from builders import gemm
from dmaze.model.documents.pareto import LayerFront
from dmaze.model.documents.result import LayerResult
from dmaze.model.documents.sweep_results import SweepRecord, SweepResult
from dmaze.model.faults import InputError
from dmaze.solver import sweep
from dmaze.solver.backend import SearchOutcome
from dmaze.solver.enumeration.exhaustive import ExhaustiveBackend
from sweep_specs import essence, sweep_spec

AXES = ({"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [16, 64]})
NUM_PROBLEMS, NUM_LAYERS = 4 * 2, 4 * 3


@pytest.fixture
def run(executor: Executor, tmp_path: Path) -> Callable[..., SweepResult]:
    """Runs the sweep of twelve layers on designs, eight of them different, with a results file."""

    def run(**fields: Any) -> SweepResult:
        spec = sweep_spec(**{"axes": AXES, **fields})
        return sweep(spec, results=tmp_path / "results.jsonl", executor=executor)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def names(file: Path) -> list[tuple[Any, ...]]:
    return names_of_records(file.read_bytes().splitlines()[1:])


def names_of_records(lines: list[bytes]) -> list[tuple[Any, ...]]:
    """Values of the design and name of the layer, line by line."""
    records = [json.loads(line) for line in lines]
    return [(*record["design"].values(), record["layer"]["name"]) for record in records]


def test_every_layer_on_every_design_has_one_line(run: Callable[..., SweepResult], file: Path) -> None:
    run()
    expected = [(banks, size, name) for banks in (8, 16) for size in (16, 64) for name in ("a", "again", "b")]
    assert sorted(names(file)) == expected
    header = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    assert header["schema"] == "dmaze-solve/sweep-results/1"


def test_a_finished_sweep_searches_nothing_again(run: Callable[..., SweepResult], file: Path) -> None:
    first, content = run(), file.read_bytes()
    second = run()
    assert (first.counts.searched, second.counts.searched) == (NUM_PROBLEMS, 0)
    assert second.counts.resumed == NUM_PROBLEMS
    assert essence(second) == essence(first)
    assert file.read_bytes() == content


def test_any_part_of_a_file_is_taken_up_without_repeating_what_it_holds(
    run: Callable[..., SweepResult], file: Path
) -> None:
    """Cut anywhere, as a power failure would: within the header, between lines, within a line."""
    first, content = run(), file.read_bytes()
    ends = [position + 1 for position, byte in enumerate(content) if byte == ord("\n")]
    cuts = [
        0,
        1,
        ends[0] - 1,
        ends[0],
        ends[0] + 1,
        ends[1] - 1,
        ends[1],
        ends[1] + 7,
        ends[2],
        ends[7] - 1,
        len(content) - 1,
    ]
    for cut in cuts:
        file.write_bytes(content[:cut])
        result = run()
        assert len(names(file)) == len(set(names(file))) == NUM_LAYERS, cut
        whole = sum(end <= cut for end in ends)
        known = [name for name in names_of_records(content.splitlines()[1:whole]) if name[2] != "again"]
        assert result.counts.resumed == len(known), cut
        assert result.counts.searched == NUM_PROBLEMS - len(known), cut
        assert essence(result) == essence(first), cut


def test_a_torn_line_that_is_whole_json_is_torn_all_the_same(run: Callable[..., SweepResult], file: Path) -> None:
    first, content = run(), file.read_bytes()
    file.write_bytes(content.removesuffix(b"\n"))
    assert essence(run()) == essence(first)
    assert len(names(file)) == len(set(names(file))) == NUM_LAYERS


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("designs", {"axes": [{"spm.banks": [8, 16]}, {"rf_bytes_per_pe": [16, 32]}]}),
        ("layers", {"workload": {"layers": [gemm(2, 2, 2, name="a")]}}),
        ("objective", {"objective": "energy"}),
        ("objective", {"pareto": True}),
        ("constraints", {"constraints": {"spatial_dims": ["M"]}}),
        ("solver options", {"solver": {"seed": 1}}),
    ],
)
def test_the_file_of_another_sweep_is_refused_and_left_alone(
    run: Callable[..., SweepResult], file: Path, part: str, fields: dict[str, Any]
) -> None:
    run()
    content = file.read_bytes()
    with pytest.raises(InputError) as caught:
        run(**fields)
    message = f"expected the results of this sweep, but it holds those of one with other {part}"
    assert str(caught.value) == f"{file}: line 1: {message}"
    assert file.read_bytes() == content


def test_names_and_limits_of_time_do_not_matter(run: Callable[..., SweepResult]) -> None:
    run()
    options = {"time_limit_s": 5, "total_time_limit_s": 1000, "workers": 2, "top_k": 1}
    assert run(name="another name", solver=options).counts.searched == 0


@pytest.mark.parametrize("content", [b"notes\n", b"{}\n", b'{"schema": "dmaze-solve/result/1"}\n', b"{ ", b"\xff\xfe"])
def test_a_file_that_holds_something_else_is_refused_and_left_alone(
    run: Callable[..., SweepResult], file: Path, content: bytes
) -> None:
    """Also one without a line break, unless it is the beginning of the very header that would be written."""
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        run()
    assert str(caught.value) == f"{file}: line 1: expected the results of a sweep, or a new file"
    assert file.read_bytes() == content


def test_a_damaged_line_in_the_middle_is_refused(run: Callable[..., SweepResult], file: Path) -> None:
    run()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b"?\n", *lines[3:]]))
    with pytest.raises(InputError) as caught:
        run()
    assert str(caught.value) == f"{file}: line 4: expected a record of a sweep"


def test_a_file_that_another_sweep_is_writing_is_refused(run: Callable[..., SweepResult], file: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    run()
    with file.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError) as caught:
            run()
    assert str(caught.value) == f"{file}: expected a file that no other sweep is writing to"


def test_a_file_that_cannot_be_opened_is_refused(executor: Executor, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        sweep(sweep_spec(), results=tmp_path, executor=executor)
    assert str(caught.value).startswith(f"{tmp_path}: expected a file that results can be written to (")


def test_what_was_not_proved_is_searched_again_with_more_time_only(
    run: Callable[..., SweepResult], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answers have no proof. A longer search starts from them, and its answers take their place."""
    search, starts = ExhaustiveBackend.search, []

    def unproved(self: ExhaustiveBackend, problem: Any, *others: Any) -> SearchOutcome:
        return SearchOutcome(search(self, problem, *others).candidates, None, exhausted=False)

    def proved(self: ExhaustiveBackend, problem: Any, *others: Any) -> SearchOutcome:
        starts.append(len(problem.warm_starts))
        return search(self, problem, *others)

    monkeypatch.setattr(ExhaustiveBackend, "search", unproved)
    first = run(solver={"time_limit_s": 5})
    assert {design.status for design in first.designs} == {"feasible"}
    assert first.best is not None
    assert not first.best.proved
    for limit in (5, 2):
        assert run(solver={"time_limit_s": limit}).counts.searched == 0
    monkeypatch.setattr(ExhaustiveBackend, "search", proved)
    second = run(solver={"time_limit_s": 6})
    assert (second.counts.searched, second.counts.resumed) == (NUM_PROBLEMS, 0)
    assert {design.status for design in second.designs} == {"optimal"}
    assert min(starts) >= 3  # its own earlier answer and those of two neighbours
    assert len(names(file)) == 2 * NUM_LAYERS
    third = run(solver={"time_limit_s": 60})
    assert third.counts.searched == 0
    assert essence(third) == essence(second)


def test_an_answer_that_the_total_time_cut_short_is_shown_but_not_kept(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ExhaustiveBackend.search

    def unproved(self: ExhaustiveBackend, problem: Any, *others: Any) -> SearchOutcome:
        return SearchOutcome(search(self, problem, *others).candidates, None, exhausted=False)

    monkeypatch.setattr(ExhaustiveBackend, "search", unproved)
    file = tmp_path / "results.jsonl"
    spec = sweep_spec(axes=AXES, solver={"time_limit_s": 60, "total_time_limit_s": 50})
    result = sweep(spec, results=file, executor=executor)
    assert {design.status for design in result.designs} == {"feasible"}
    assert (result.counts.searched, result.counts.left) == (NUM_PROBLEMS, NUM_PROBLEMS)
    assert names(file) == []


def test_failures_are_not_kept(run: Callable[..., SweepResult], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ExhaustiveBackend, "search", lambda *_: 1 / 0)
        assert len(run().faults) == NUM_PROBLEMS
        assert names(file) == []
    assert run().counts.searched == NUM_PROBLEMS


def test_fronts_are_taken_up_again(run: Callable[..., SweepResult]) -> None:
    first = run(pareto=True, solver={"backend": "portfolio"})
    assert first.front is not None
    assert first.front.complete
    second = run(pareto=True, solver={"backend": "portfolio"})
    assert (second.counts.resumed, second.counts.searched) == (NUM_PROBLEMS, 0)
    assert essence(second) == essence(first)


def with_changes(file: Path, change: Callable[[dict[str, Any]], None], *, signed: bool) -> None:
    """Change the first record of a results file, and sign it anew as one who knows how could."""
    header, line, *others = file.read_bytes().splitlines(keepends=True)
    record = json.loads(line)
    change(record)
    del record["checksum"]
    document = SweepRecord[LayerFront if "points" in record["layer"] else LayerResult].model_validate(record)
    content = document.model_dump_json(by_alias=True, exclude={"checksum"}, exclude_unset=True)
    checksum = hashlib.sha256(header + content.encode()).hexdigest() if signed else json.loads(line)["checksum"]
    written = f'{content[:-1]},"checksum":"{checksum}"}}\n'
    file.write_bytes(b"".join([header, written.encode(), *others]))


def cheaper(record: dict[str, Any]) -> None:
    record["layer"].update(objective_value=1.0, bound=1.0, gap=0.0)
    record["layer"]["solutions"][0]["cost"].update(energy_pj=1, cycles=1, edp=1.0)


def with_a_higher_bound(record: dict[str, Any]) -> None:
    record["layer"]["bound"] *= 2


def too_large(record: dict[str, Any]) -> None:
    for factors in record["layer"]["solutions"][0]["mapping"]["tiling"].values():
        factors.update(rf=factors["rf"] * factors["dram"] * factors["spm"] * factors["spatial"])
        factors.update(dram=1, spm=1, spatial=1)


def of_another_layer(record: dict[str, Any]) -> None:
    record["layer"]["layer"]["m"] += 1


def cheaper_point(record: dict[str, Any]) -> None:
    record["layer"]["points"][0]["cost"]["energy_pj"] = 1


@pytest.mark.parametrize("change", [cheaper, with_a_higher_bound, too_large, of_another_layer])
def test_a_record_that_was_changed_is_refused(run: Callable[..., SweepResult], file: Path, change: Any) -> None:
    run()
    with_changes(file, change, signed=False)
    content = file.read_bytes()
    with pytest.raises(InputError) as caught:
        run()
    what = "expected a record as this sweep has written it, but its checksum is of another; remove the line"
    assert str(caught.value) == f"{file}: line 2: {what}"
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cheaper, "solutions[0]: cost.energy_pj is 1; the exact model gives "),
        (with_a_higher_bound, "bound "),
        (too_large, "solutions[0]: the mapping breaks rf_bytes_per_pe"),
        (of_another_layer, "layer: it is another loop nest"),
    ],
)
def test_a_record_that_the_exact_model_disproves_is_refused_whatever_its_checksum(
    run: Callable[..., SweepResult], file: Path, change: Any, why: str
) -> None:
    run()
    with_changes(file, change, signed=True)
    with pytest.raises(InputError) as caught:
        run()
    message = str(caught.value)
    assert message.startswith(f"{file}: layer a on ")
    assert f"expected what the exact model gives, but {why}" in message


def test_a_point_of_a_front_that_the_exact_model_disproves_is_refused(
    run: Callable[..., SweepResult], file: Path
) -> None:
    run(pareto=True)
    with_changes(file, cheaper_point, signed=True)
    with pytest.raises(InputError, match=r"but points\[0\]: its cost is not the exact model's; remove the line"):
        run(pareto=True)


def test_a_point_from_before_there_were_terms_is_taken_up_again(run: Callable[..., SweepResult], file: Path) -> None:
    def older(record: dict[str, Any]) -> None:
        for field in ("ideal_cycles", "roofline", "bound_by"):
            del record["layer"]["points"][0]["cost"][field]

    run(pareto=True)
    with_changes(file, older, signed=True)
    assert run(pareto=True).counts.searched == 0


def test_a_record_of_another_sweep_is_refused(run: Callable[..., SweepResult], file: Path) -> None:
    run(constraints={"spatial_dims": ["M"]})
    foreign = file.read_bytes().splitlines(keepends=True)[1]
    file.unlink()
    run()
    file.write_bytes(file.read_bytes() + foreign)
    with pytest.raises(InputError, match="its checksum is of another"):
        run()


def test_a_pipe_is_no_results_file(run: Callable[..., SweepResult], file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(InputError) as caught:
        run()
    assert str(caught.value) == f"{file}: expected a regular file"
