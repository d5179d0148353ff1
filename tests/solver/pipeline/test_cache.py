"""Cached results equal fresh ones, whatever is named how; what determines a result is asked for; damage never shows."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from builders import Specs, gemm, only
from dmaze.cli.main import main
from dmaze.model import Result
from dmaze.model.documents.spec import SolverOptions
from dmaze.solver import Cache, LayerProblem, SearchLimits, SearchOutcome, solve
from dmaze.solver.deadline import Deadline
from dmaze.solver.pipeline import layer_cache, layer_search
from dmaze.solver.pipeline.cache import default_folder
from dmaze.solver.pipeline.layer_cache import LayerCache
from dmaze.solver.pipeline.layer_search import LayerSearch, TimeShare
from dmaze.solver.pipeline.observer import SearchRecorder
from dmaze.solver.pipeline.summary import versions
from dmaze.solver.registry import load_backend
from hypothesis import given
from hypothesis import strategies as st
from machines import SMALL
from random_problems import random_problems

CONV: dict[str, Any] = {
    "type": "conv2d", "name": "c", "batch": 1, "out_channels": 4, "in_channels": 3, "in_height": 5, "in_width": 5,
    "kernel_height": 3, "kernel_width": 3, "stride": 2,
}  # fmt: skip
GEMM, OTHER = gemm(4, 3, 6), gemm(8, 3, 6, name="h")
NEST: dict[str, Any] = {
    "type": "loop_nest",
    "name": "n",
    "bounds": {"i": 4, "j": 3, "k": 6},
    "tensors": [
        {"name": "X", "index": ["i", "2*k + 1"]},
        {"name": "Y", "index": ["k", "j"]},
        {"name": "Z", "index": ["i", "j"], "output": True},
    ],
}
spec = Specs(GEMM, architecture=SMALL, backend="fake-scripted", solver={"top_k": 3})

Output = pytest.CaptureFixture[str]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """An empty cache; that somebody edits our code during a test does not matter to it."""
    monkeypatch.setattr(layer_cache, "_digest_of_sources", lambda: "ours")
    return Cache(tmp_path / "kept")


@pytest.fixture
def searched(fakes: ModuleType) -> list[SearchLimits]:
    """The limits of every search of the back end ``fake-scripted``, which enumerates; its script may be replaced."""
    from dmaze.solver.enumeration import BACKEND

    calls: list[SearchLimits] = []

    def search(problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
        calls.append(limits)
        return BACKEND.search(problem, limits, report)

    fakes.SCRIPTED.script = search
    return calls


def comparable(result: Result) -> dict[str, Any]:
    """A result without what differs from run to run."""
    document = result.model_dump(mode="json")
    for layer in document["layers"]:
        del layer["wall_s"], layer["cached"], layer["cached_from"]
    return document


def entries(cache: Cache) -> list[Path]:
    return sorted(cache.folder.iterdir()) if cache.folder.exists() else []


# A folder of questions and answers


def test_what_was_written_is_read_and_replaced(cache: Cache) -> None:
    assert cache.read("question") is None
    cache.write("question", "answer")
    cache.write("another question", "nothing")
    assert cache.read("question") == "answer"
    cache.write("question", "another answer")
    assert (cache.read("question"), cache.read("another question")) == ("another answer", "nothing")
    assert len(entries(cache)) == 2  # and no temporary file


@given(st.data())
def test_an_entry_with_any_byte_changed_or_lost_counts_as_absent(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    cache = Cache(tmp_path_factory.getbasetemp() / "bytes")
    cache.write("question", "answer")
    (path,) = entries(cache)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[position:]
    path.write_bytes(content)
    assert cache.read("question") is None


def test_an_entry_under_the_name_of_another_counts_as_absent(cache: Cache) -> None:
    cache.write("question", "answer")
    (path,) = entries(cache)
    cache.write("another question", "another answer")
    (other,) = set(entries(cache)) - {path}
    path.replace(other)
    assert cache.read("another question") is None


@pytest.mark.parametrize(
    ("environment", "platform", "folder"),
    [
        ({"DMAZE_CACHE": "/d", "XDG_CACHE_HOME": "/x", "LOCALAPPDATA": "/l"}, "linux", "/d"),
        ({"DMAZE_CACHE": "here", "LOCALAPPDATA": "/l"}, "win32", "here"),
        ({"DMAZE_CACHE": "", "XDG_CACHE_HOME": "/x"}, "linux", "/x/dmaze-solve"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/home/me/.cache/dmaze-solve"),
        ({}, "linux", "/home/me/.cache/dmaze-solve"),
        ({"XDG_CACHE_HOME": "/x"}, "darwin", "/home/me/Library/Caches/dmaze-solve"),
        ({"LOCALAPPDATA": "/l"}, "win32", "/l/dmaze-solve/Cache"),
        ({}, "win32", "/home/me/AppData/Local/dmaze-solve/Cache"),
    ],
)
def test_the_usual_folder_is_the_platforms(
    environment: dict[str, str], platform: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert default_folder(environment, platform) == Path(folder)


def test_a_folder_that_cannot_be_used_is_told_once_and_the_run_goes_on(
    tmp_path: Path, searched: list[SearchLimits]
) -> None:
    messages: list[str] = []
    (tmp_path / "file").write_text("")
    result = solve(spec(GEMM, OTHER), cache=Cache(tmp_path / "file", messages.append))
    assert [layer.status for layer in result.layers] == ["optimal", "optimal"]
    assert len(searched) == 2
    assert messages == [f"the cache {tmp_path / 'file'} is not used: cannot read it: Not a directory"]


def test_from_python_a_folder_that_cannot_be_used_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match=r"the cache .*file is not used: cannot write it: "):
        Cache(tmp_path / "file").write("question", "answer")


# Same result


@pytest.mark.parametrize("backend", ["exhaustive", "portfolio", "cp-sat"])
@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_a_cached_result_equals_the_fresh_one(cache: Cache, backend: str, objective: str) -> None:
    asked = spec(CONV, GEMM, {**GEMM, "name": "again"}, NEST, backend=backend, objective=objective)
    fresh, cached = solve(asked, cache=cache), solve(asked, cache=cache)
    assert comparable(cached) == comparable(fresh)
    assert not any(layer.cached for layer in fresh.layers)
    assert all(layer.cached for layer in cached.layers)
    assert all(layer.wall_s < 1 for layer in cached.layers)
    assert len(entries(cache)) == 3


@pytest.mark.parametrize(
    "constraints",
    [
        {"min_utilization": {"pe": 0.6}, "max_dram_bytes": 200},
        {"fixed": {"M": {"rf": 2}}, "no_spatial_reduction": True},
        {"min_utilization": {"rf": 1.0, "spm": 1.0}},
    ],
)
def test_constrained_and_infeasible_layers_come_back_as_they_were(
    cache: Cache, searched: list[SearchLimits], constraints: dict[str, Any]
) -> None:
    asked = spec(GEMM, constraints=constraints)
    fresh, cached = solve(asked, cache=cache), solve(asked, cache=cache)
    assert comparable(cached) == comparable(fresh)
    assert len(searched) == 1
    assert only(cached).cached


def renamed(value: Any, names: dict[str, str]) -> Any:
    """JSON with names replaced, in keys and in the words of every text."""
    if isinstance(value, dict):
        return {renamed(key, names): renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, str):
        return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), value)
    return value


@pytest.mark.parametrize("backend", ["exhaustive", "cp-sat"])
def test_other_names_get_the_same_entry_with_their_names(cache: Cache, backend: str) -> None:
    names = {"i": "a", "j": "k", "k": "j", "X": "Z", "Y": "weights", "Z": "X", "n": "other", "small": "big"}
    layer = {
        **NEST,
        "name": "other",
        "bounds": {"a": 4, "k": 3, "j": 6},
        "tensors": [
            {"name": "Z", "index": ["a", "2*j + 1"]},
            {"name": "weights", "index": ["j", "k"]},
            {"name": "X", "index": ["a", "k"], "output": True},
        ],
    }
    first = solve(spec(NEST, backend=backend, constraints={"fixed": {"j": {"rf": 1}}}), cache=cache)
    architecture = {**SMALL, "name": "big"}
    constraints = {"fixed": {"k": {"rf": 1}}}
    second = solve(spec(layer, backend=backend, architecture=architecture, constraints=constraints), cache=cache)
    assert (only(first).cached, only(second).cached) == (False, True)
    expected, found = comparable(first)["layers"][0], comparable(second)["layers"][0]
    assert found.pop("layer") == spec(layer).workload.model_dump(mode="json")["layers"][0]
    del expected["layer"]
    assert found == renamed(expected, names)
    if backend == "cp-sat":
        assert len(found["certificate"]["class_pairs"]) > 9


def with_other_names(problem: LayerProblem) -> LayerProblem:
    """The same problem with every dimension and tensor called otherwise, constraints included."""
    dims = {name: f"other_{position}" for position, name in enumerate(problem.nest.dims)}
    tensors = tuple(replace(tensor, name=f"{tensor.name}2") for tensor in problem.nest.tensors)
    nest = replace(problem.nest, dims=tuple(dims.values()), tensors=tensors)
    given = problem.constraints
    allowed = None if given.spatial_dims is None else tuple(dims[name] for name in reversed(given.spatial_dims))
    fixed = {dims[name]: factors for name, factors in reversed(given.fixed.items())}
    constraints = given.model_copy(update={"spatial_dims": allowed, "fixed": fixed})
    architecture = problem.architecture.model_copy(update={"name": "called otherwise"})
    return LayerProblem(nest, architecture, constraints, problem.objective)


def test_random_problems_are_answered_alike_under_any_names(cache: Cache, searched: list[SearchLimits]) -> None:
    options = SolverOptions(backend="fake-scripted", workers=1)
    answerer = LayerSearch(load_backend("fake-scripted"), options, LayerCache.of_run(cache, options))
    statuses: Counter[str] = Counter()
    for _, problem in random_problems(range(60), constrained=0.7):
        number = len(searched)
        fresh, cached, other = (
            answerer.answer(asked, TimeShare(60.0, Deadline.after(60.0)), SearchRecorder("", None))
            for asked in (problem, problem, with_other_names(problem))
        )
        assert len(searched) == number + 1
        assert cached == replace(fresh, cached=True, origin=cached.origin)
        assert (other.cached, other.outcome, other.ranked) == (True, fresh.outcome, fresh.ranked)
        assert other.layer_status == fresh.layer_status
        statuses[fresh.layer_status.status] += 1
    assert statuses["optimal"] > 20
    assert statuses["infeasible"] > 2


def test_a_certificate_in_words_of_its_own_is_not_renamed(
    cache: Cache, searched: list[SearchLimits], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dmaze_fakes
    from dmaze.model.documents.result import Certificate, ClassPair

    pair = ClassPair(
        spm_reuse="my words for i", dram_reuse="none", skipped=(), closed_by=None, bound=None, refuted=None,
        solver_calls=0, seconds=0.0,
    )  # fmt: skip
    certificate = Certificate(class_pairs=(pair,), ties_settled=False)

    def search(problem: LayerProblem, limits: SearchLimits, report: Any) -> SearchOutcome:
        found = enumerated(problem, limits, report)
        return SearchOutcome(found.candidates, found.bound, True, found.statistics, certificate)

    enumerated = dmaze_fakes.SCRIPTED.script
    monkeypatch.setattr(dmaze_fakes.SCRIPTED, "script", search)
    text = json.dumps(NEST).replace('"i', '"a')
    assert only(solve(spec(NEST), cache=cache)).certificate == certificate
    assert only(solve(spec(NEST), cache=cache)).certificate == certificate
    assert (
        only(
            solve(spec(json.loads(text.replace('"anput', '"input').replace('"andex', '"index'))), cache=cache)
        ).certificate
        is None
    )
    assert len(searched) == 1


# Same question or another one

CHANGES: dict[str, dict[str, Any]] = {
    "a bound": {"layer": {**CONV, "out_channels": 8}},
    "a stride": {"layer": {**CONV, "stride": 1, "in_height": 3, "in_width": 3}},
    "the stored shape of a tensor": {"layer": {**CONV, "in_width": 6}},
    "the groups": {"layer": {**CONV, "in_channels": 4, "groups": 4}},
    "the objective": {"objective": "energy"},
    "the least utilisation": {"constraints": {"min_utilization": {"pe": 0.25}}},
    "a fixed factor": {"constraints": {"fixed": {"M": {"rf": 2}}}},
    "a dimension that may not be unrolled": {"constraints": {"spatial_dims": ["M"]}},
    "the window's dimensions kept below DRAM": {"constraints": {"no_feature_from_dram": True}},
    "a limit on traffic": {"constraints": {"max_dram_bytes": 10**6}},
    "a limit on invocations": {"constraints": {"max_dma_invocations": 10**6}},
    "more mappings": {"solver": {"top_k": 4}},
    "the seed": {"solver": {"seed": 7}},
    "the preset": {"constraints": {"preset": "dmazerunner-auto"}},
    **{f"the architecture's {field}": {"architecture": {field: value}} for field, value in (
        ("pes", 8),
        ("rf_bytes_per_pe", 34),
        ("spm", {"banks": 8, "bytes_per_bank": 17}),
        ("bytes_per_element", 1),
        ("clock_mhz", 501),
        ("dma", {"init_cycles": 291, "cycles_per_byte": 0.25, "clock_mhz": 3200}),
        ("access_energy_pj", {"rf": 0.96, "noc": 2, "spm": 13.5, "dram": 200, "mac": 0.076}),
    )},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_determines_the_result_is_asked_for(cache: Cache, searched: list[SearchLimits], change: str) -> None:
    fields = dict(CHANGES[change])
    layer, architecture = fields.pop("layer", CONV), {**SMALL, **fields.pop("architecture", {})}
    solve(spec(CONV), cache=cache)
    assert not only(solve(spec(layer, architecture=architecture, **fields), cache=cache)).cached
    assert len(searched) == 2
    assert only(solve(spec(CONV), cache=cache)).cached


@pytest.mark.parametrize("software", [{"ortools": "0"}, {"dmaze-fakes": "2.0"}, {"sources": "others"}])
def test_other_software_searches_anew(
    cache: Cache, searched: list[SearchLimits], software: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    solve(spec(), cache=cache)
    (name,) = software
    if name == "sources":
        monkeypatch.setattr(layer_cache, "_digest_of_sources", lambda: "others")
    else:
        monkeypatch.setattr(layer_cache, "versions", lambda backend: {**versions(backend), **software})
    assert not only(solve(spec(), cache=cache)).cached
    assert len(searched) == 2


SAME: dict[str, dict[str, Any]] = {
    "the name of the layer and its count": {"layer": {**CONV, "name": "other", "count": 7}},
    "the name of the architecture": {"architecture": {"name": "other"}},
    "less time for a proved result": {"solver": {"time_limit_s": 1.0}},
    "more time for a proved result": {"solver": {"time_limit_s": 600.0}},
    "more workers for a proved result": {"solver": {"workers": 8}},
    "factors of dimensions that the layer lacks": {"constraints": {"fixed": {"Batch": {"rf": 1}}}, "more": [
        gemm(1, 1, 1, name="batched", batch=2)
    ]},
    "unrolling allowed everywhere": {"constraints": {"spatial_dims": ["N", "M", "C", "Ox", "Oy", "Fx", "Fy"]}},
}  # fmt: skip


@pytest.mark.parametrize("change", SAME)
def test_what_does_not_determine_the_result_is_not_asked_for(
    cache: Cache, searched: list[SearchLimits], change: str
) -> None:
    fields = dict(SAME[change])
    layer, architecture = fields.pop("layer", CONV), {**SMALL, **fields.pop("architecture", {})}
    more = fields.pop("more", [])
    solve(spec(CONV), cache=cache)
    layers = solve(spec(layer, *more, architecture=architecture, **fields), cache=cache).layers
    assert layers[0].cached
    assert len(searched) == 1 + len(more)


# Results that are not proved


def bounded(script: dict[str, Any]) -> Callable[..., SearchOutcome]:
    """A search that finds the scripted tiling of GEMM (its rank among all), with the scripted bound."""
    from dmaze.solver.enumeration import BACKEND

    def search(problem: LayerProblem, _limits: SearchLimits, report: Any) -> SearchOutcome:
        script["calls"] = script.get("calls", 0) + 1
        every = BACKEND.search(problem, SearchLimits(top_k=1000), report).candidates
        return SearchOutcome((every[script["rank"]],), script["bound"], exhausted=False)

    return search


@pytest.fixture
def script(fakes: ModuleType) -> dict[str, Any]:
    """What an unproved search of ``fake-scripted`` finds, and how often it was asked."""
    script: dict[str, Any] = {"rank": 4, "bound": 1.0}
    fakes.SCRIPTED.script = bounded(script)
    return script


@pytest.mark.parametrize(
    ("options", "served"),
    [
        ({"time_limit_s": 10.0}, True),
        ({"time_limit_s": 5.0}, True),
        ({"time_limit_s": 11.0}, False),
        ({"time_limit_s": 10.0, "workers": 1}, True),
        ({"time_limit_s": 10.0, "workers": 4}, False),
    ],
)
def test_an_unproved_result_serves_no_greater_effort(
    cache: Cache, script: dict[str, Any], options: dict[str, Any], served: bool
) -> None:
    solve(spec(solver={"time_limit_s": 10.0, "workers": 2}), cache=cache)
    layer = only(solve(spec(solver={"workers": 2, **options}), cache=cache))
    assert (layer.cached, layer.status) == (served, "feasible")
    assert script["calls"] == (1 if served else 2)


def test_a_total_limit_that_leaves_the_same_time_but_for_milliseconds_is_served(
    cache: Cache, script: dict[str, Any]
) -> None:
    for _ in range(3):
        solve(spec(solver={"time_limit_s": 60.0, "total_time_limit_s": 30.0}), cache=cache)
    assert script["calls"] == 1


@pytest.mark.parametrize("change", [{"rank": 2}, {"bound": 2.0}, {}, {"rank": 6}, {"bound": 0.5}], ids=str)
def test_a_longer_search_is_never_worse_and_is_kept(
    cache: Cache, script: dict[str, Any], change: dict[str, Any]
) -> None:
    short, long = (spec(solver={"time_limit_s": limit}) for limit in (10.0, 20.0))
    before = only(solve(short, cache=cache))
    script.update(change)
    alone = only(solve(long))
    after = only(solve(long, cache=cache))
    assert not after.cached
    assert after.objective_value == min(before.objective_value, alone.objective_value)
    assert after.bound == max(before.bound, alone.bound)
    for again in (short, long):
        kept = only(solve(again, cache=cache))
        assert (kept.cached, kept.objective_value, kept.bound) == (True, after.objective_value, after.bound)


def test_a_proved_result_replaces_an_unproved_one_and_is_not_replaced_by_one(
    cache: Cache, script: dict[str, Any]
) -> None:
    solve(spec(solver={"time_limit_s": 1.0}), cache=cache)
    best = only(solve(spec(backend="exhaustive"))).objective_value
    script.update(rank=0, bound=best)
    assert only(solve(spec(solver={"time_limit_s": 2.0}), cache=cache)).status == "optimal"
    script.update(rank=3, bound=1.0)
    found = only(solve(spec(solver={"time_limit_s": 600.0, "workers": 64}), cache=cache))
    assert (found.cached, found.status, found.objective_value, script["calls"]) == (True, "optimal", best, 2)


def test_what_was_cut_short_or_not_found_or_faulty_is_not_kept(
    cache: Cache, searched: list[SearchLimits], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dmaze_fakes
    from dmaze.solver import Progress

    def interrupted(problem: LayerProblem, _limits: SearchLimits, report: Any) -> SearchOutcome:
        report(Progress(None, 1.0, (dmaze_fakes.everything_in_dram(problem.nest),)))
        raise KeyboardInterrupt

    scripts: dict[str, Callable[..., SearchOutcome]] = {
        "feasible": interrupted,
        "unknown": lambda *_: SearchOutcome((), 1.0, exhausted=False),
        "fault": dmaze_fakes.crash,
        "strange": lambda problem, *_: SearchOutcome((), None, exhausted=True),  # noqa: ARG005 - but one exists
    }
    for name, replacement in scripts.items():
        monkeypatch.setattr(dmaze_fakes.SCRIPTED, "script", replacement)
        layer = only(solve(spec(), cache=cache))
        assert (layer.status == name) or layer.fault is not None
        assert entries(cache) == []
    assert searched == []


# Presets


def test_the_rounds_of_a_preset_are_not_counted_again(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    passing = gemm(64, 64, 64, name="p")
    asked = {
        "architecture": "dmazerunner-256pe",
        "constraints": {"preset": "dmazerunner-auto"},
        "backend": "exhaustive",
    }
    fresh = solve(spec(passing, GEMM, **asked), cache=cache)
    assert [layer.status for layer in fresh.layers] == ["optimal", "infeasible"]
    monkeypatch.setattr(layer_search, "resolve_preset", None)
    cached = solve(spec(passing, GEMM, **asked), cache=cache)
    assert comparable(cached) == comparable(fresh)
    assert all(layer.cached for layer in cached.layers)
    energy = solve(spec(passing, objective="energy", **asked), cache=cache)
    assert (only(energy).cached, only(energy).thresholds) == (False, fresh.layers[0].thresholds)


# Damage


def forge(cache: Cache, change: Callable[[dict[str, Any]], object]) -> None:
    """Alter the answer of the only entry, checksum included."""
    (path,) = entries(cache)
    question, answer = path.read_bytes().splitlines()[1:]
    document = json.loads(answer)
    change(document["answers"][0])
    rest = question + b"\n" + json.dumps(document).encode()
    path.write_bytes(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)


def illegal(entry: dict[str, Any]) -> None:
    entry["candidates"][0]["levels"][0][0] *= 2


def too_many_levels(entry: dict[str, Any]) -> None:
    entry["candidates"][0]["levels"].append([1, 1, 1])


FORGERIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "an illegal candidate": illegal,
    "a candidate of five levels": too_many_levels,
    "a candidate of too few dimensions": lambda entry: entry["candidates"][0]["levels"][2].pop(),
    "an order that is none": lambda entry: entry["candidates"][0]["dram_order"].reverse() or
    entry["candidates"][0]["dram_order"].append(0),
    "a factor beyond all bounds": lambda entry: entry["candidates"][0]["levels"][1].__setitem__(0, 10**400),
    "a bound above the best": lambda entry: entry.update(bound=entry["bound"] * 2),
    "a bound that is no number": lambda entry: entry.update(bound="low"),
    "no mapping although there is one": lambda entry: entry.update(candidates=[], bound=None),
    "no names of tensors": lambda entry: entry.update(tensors=[]),
    "too many names of dimensions": lambda entry: entry["dims"].append("Q"),
    "very many candidates": lambda entry: entry.update(candidates=entry["candidates"][:1] * 20_000),
    "an unknown field": lambda entry: entry.update(more=1),
    "a missing field": lambda entry: entry.pop("exhausted"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_entry_is_found_out_and_overwritten(cache: Cache, searched: list[SearchLimits], forgery: str) -> None:
    fresh = solve(spec(), cache=cache)
    forge(cache, FORGERIES[forgery])
    again = solve(spec(), cache=cache)
    assert comparable(again) == comparable(fresh)
    assert not only(again).cached
    assert only(solve(spec(), cache=cache)).cached
    assert len(searched) == 2


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda content: content[:-20],
    "a binary file": lambda _: bytes(range(256)),
    "without its checksum": lambda content: content.split(b"\n", 1)[1],
    "of another version of the question": lambda content: content.replace(b'"kind"', b'"sort"'),
    "deeply nested": lambda _: b"[" * 10**6,
    "with a bound altered": lambda content: content.replace(b'"bound":', b'"bound":1'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_recomputed(cache: Cache, searched: list[SearchLimits], damage: str) -> None:
    fresh = solve(spec(), cache=cache)
    (path,) = entries(cache)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    again = solve(spec(), cache=cache)
    assert comparable(again) == comparable(fresh)
    assert not only(again).cached
    assert only(solve(spec(), cache=cache)).cached
    assert len(searched) == 2


def test_an_entry_that_is_no_text_is_recomputed(cache: Cache, searched: list[SearchLimits]) -> None:
    solve(spec(), cache=cache)
    (path,) = entries(cache)
    rest = path.read_bytes().splitlines()[1] + b"\n\xff\xfe"
    path.write_bytes(hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)
    assert only(solve(spec(), cache=cache)).status == "optimal"
    assert len(searched) == 2


def test_a_pipe_or_a_device_in_the_place_of_an_entry_counts_as_absent(
    cache: Cache, searched: list[SearchLimits]
) -> None:
    fresh = solve(spec(), cache=cache)
    (path,) = entries(cache)
    for number, make in enumerate((os.mkfifo, lambda path: path.symlink_to("/dev/zero")), start=2):
        path.unlink()
        make(path)
        assert comparable(solve(spec(), cache=cache)) == comparable(fresh)
        assert len(searched) == number
        assert path.is_file()
        assert not path.is_symlink()


# Several processes


def _write_and_read(folder: Path, letter: str, start: Any, wrong: Any) -> None:
    cache, answer = Cache(folder), letter * 20_000
    start.wait()
    for _ in range(300):
        cache.write("question", answer)
        found = cache.read("question")
        if found is None or len(set(found)) != 1 or len(found) != len(answer):
            wrong.value += 1


def test_processes_that_write_the_same_entry_read_whole_ones(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, wrong = context.Barrier(2), context.Value("i", 0)
    workers = [context.Process(target=_write_and_read, args=(tmp_path, letter, start, wrong)) for letter in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert wrong.value == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_two_commands_may_share_a_folder(tmp_path: Path) -> None:
    layers = [{**GEMM, "name": f"g{size}", "m": size} for size in range(1, 13)]
    path = tmp_path / "spec.json"
    path.write_text(spec(*layers, backend="exhaustive").model_dump_json(by_alias=True))
    command = [sys.executable, "-c", "from dmaze.cli.main import run; run()", str(path), "--json"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in running]
    assert [error for _, error in outputs] == [b"", b""]
    first, second = (Result.model_validate_json(output) for output, _ in outputs)
    assert comparable(first) == comparable(second)
    again = solve(spec(*layers, backend="exhaustive"), cache=Cache(Path(os.environ["DMAZE_CACHE"])))
    assert all(layer.cached for layer in again.layers)
    assert comparable(again)["layers"] == comparable(first)["layers"]


# The command line


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "spec.json"
    path.write_text(spec(GEMM, OTHER, backend="exhaustive").model_dump_json(by_alias=True))
    return str(path)


def cached_layers(arguments: list[str], capsys: Output) -> list[bool]:
    assert main(["--json", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [layer["cached"] for layer in json.loads(out)["layers"]]


def test_the_command_keeps_results_in_the_usual_folder(file: str, capsys: Output) -> None:
    assert cached_layers([file], capsys) == [False, False]
    assert cached_layers([file], capsys) == [True, True]
    assert len(list(Path(os.environ["DMAZE_CACHE"]).iterdir())) == 2
    assert main([file]) == 0
    report = capsys.readouterr().out
    assert [line.split()[-1] for line in report.splitlines() if line.startswith(("g ", "h "))][:2] == ["cached"] * 2
    assert main(["list"]) == 0
    assert f"cache:\n  {os.environ['DMAZE_CACHE']}\n" in capsys.readouterr().out


def test_another_folder_or_none_may_be_asked_for(file: str, tmp_path: Path, capsys: Output) -> None:
    usual, other = Path(os.environ["DMAZE_CACHE"]), tmp_path / "a" / "b"
    assert cached_layers([file, "--no-cache"], capsys) == [False, False]
    assert not usual.exists()
    assert cached_layers(["--cache", str(other), file], capsys) == [False, False]
    assert cached_layers(["enumerate", file, "--cache", str(other)], capsys) == [True, True]
    assert cached_layers([file, "--no-cache"], capsys) == [False, False]
    assert not usual.exists()
    assert main([file, "--no-cache", "--cache", str(other)]) == 2
    assert capsys.readouterr().err == "--no-cache: expected without --cache\n"


def test_a_trace_is_of_a_real_search(file: str, tmp_path: Path, capsys: Output) -> None:
    assert cached_layers([file], capsys) == [False, False]
    assert cached_layers([file, "--trace", str(tmp_path / "trace.jsonl")], capsys) == [False, False]
    assert len((tmp_path / "trace.jsonl").read_text().splitlines()) > 2


def test_an_unusable_folder_is_one_warning(file: str, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "file").write_text("")
    assert main([file, "--cache", str(tmp_path / "file")]) == 0
    out, err = capsys.readouterr()
    assert "total with counts: " in out
    assert err == f"warning: the cache {tmp_path / 'file'} is not used: cannot read it: Not a directory\n"


def test_a_user_without_a_home_is_told_and_served(file: str, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("DMAZE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert main([file]) == 0
    assert capsys.readouterr().err == "warning: no cache is used: there is no home folder; see --cache\n"


def test_verifying_uses_no_cache(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([file, "--out", str(tmp_path / "result.json")]) == 0
    monkeypatch.setattr(Cache, "read", None)
    assert main(["verify", str(tmp_path / "result.json")]) == 0


def test_from_python_there_is_no_cache_unless_given(searched: list[SearchLimits]) -> None:
    for _ in range(2):
        assert not only(solve(spec())).cached
    assert len(searched) == 2
    assert not Path(os.environ["DMAZE_CACHE"]).exists()
