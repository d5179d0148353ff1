"""``verify`` accepts what our back ends prove, and catches what is altered afterwards, with a line that says what."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from builders import Specs, gemm
from dmaze.cli.main import main
from dmaze.model import InputError, Result, Verification, load_result
from dmaze.model.documents.verification import LayerVerification
from dmaze.solver import VerificationLimits, solve, verify
from dmaze.solver.refutation import Refutation
from dmaze.solver.verification import proof_checks

Document = dict[str, Any]
Alter = Callable[[Document], object]

GEMM = gemm(8, 6, 4)
CONV = {"type": "conv2d", "name": "c", "batch": 2, "out_channels": 4, "in_channels": 3, "in_height": 6, "in_width": 6}
CONV |= {"kernel_height": 3, "kernel_width": 3, "stride": 2, "padding": 1, "count": 3}
spec = Specs(solver={"workers": 2, "top_k": 4})


def result_of(*layers: Document, **fields: Any) -> Document:
    return solve(spec(*layers, **fields)).model_dump(mode="json", by_alias=True)


@pytest.fixture(scope="module")
def sound() -> Document:
    """Two layers and a copy of the first, solved by enumeration."""
    return result_of(GEMM, {**GEMM, "name": "again", "count": 2}, CONV)


def checked(document: Document, **limits: Any) -> Verification:
    return verify(Result.model_validate(document), VerificationLimits(**limits))


def lines(found: Verification) -> list[str]:
    return [*found.faults, *(f"{layer.name}: {fault}" for layer in found.layers for fault in faults_of(layer))]


def faults_of(layer: LayerVerification) -> list[str]:
    return [*layer.faults, *([layer.proof.text] if layer.proof.outcome == "disproved" else [])]


@pytest.mark.parametrize(
    ("backend", "objective"),
    [("exhaustive", "edp"), ("exhaustive", "energy"), ("exhaustive", "latency"), ("portfolio", "edp")],
)
def test_what_our_back_ends_prove_holds(backend: str, objective: str) -> None:
    found = checked(result_of(GEMM, {**GEMM, "name": "again"}, CONV, backend=backend, objective=objective))
    assert lines(found) == []
    assert found.holds
    assert found.complete
    assert [layer.solutions_checked for layer in found.layers] == [4, 0, 4]
    assert [layer.proof.outcome for layer in found.layers] == ["checked", "nothing claimed", "checked"]


@pytest.mark.parametrize(
    "fields",
    [
        {"constraints": {"max_dram_bytes": 600, "fixed": {"K": {"rf": 2}}}},
        {"constraints": {"min_utilization": {"pe": 0.05}, "no_spatial_reduction": True}},
        {"constraints": {"spatial_dims": ["M"], "max_dma_invocations": 60}, "objective": "energy"},
        {"solver": {"relative_gap": 0.1}},
        {"solver": {"top_k": 40}},
    ],
)
def test_constraints_and_gaps_are_kept_in_mind(fields: Document) -> None:
    for backend in ("exhaustive", "portfolio"):
        options = {**fields, "solver": {**fields.get("solver", {}), "backend": backend}}
        found = checked(result_of(GEMM, **options))
        assert lines(found) == []
        assert found.layers[0].proof.outcome == "checked"


@pytest.mark.parametrize("name", ["fits no round", "fits a round"])
def test_a_preset_is_checked_in_the_round_that_it_ended_with(name: str) -> None:
    layer = GEMM if name == "fits no round" else {**GEMM, "m": 64, "n": 64, "k": 64}
    document = result_of(layer, constraints={"preset": "dmazerunner-auto"})
    assert document["layers"][0]["status"] == ("infeasible" if name == "fits no round" else "optimal")
    found = checked(document)
    assert lines(found) == []
    assert found.layers[0].proof.outcome == "checked"
    document["layers"][0]["thresholds"]["pe"] = 0.7
    assert "thresholds: no round of the preset has {'pe': 0.7" in lines(checked(document))[0]
    document["layers"][0]["thresholds"] = {"pe": 0.7000000000000001, "rf": 0.7000000000000001, "spm": 0.5}
    assert "the preset ends with others" in lines(checked(document))[0]


def test_infeasibility_is_checked_over_the_whole_space() -> None:
    for constraints in ({"min_utilization": {"pe": 1.0}}, {"max_dram_bytes": 5}):
        found = checked(result_of(GEMM, constraints=constraints))
        assert lines(found) == []
        assert re.match(r"proof checked by enumeration \([\d,]+ tilings that fit, all costed\)", proof_of(found))


def proof_of(found: Verification, position: int = 0) -> str:
    return found.layers[position].proof.text


@pytest.mark.parametrize(("backend", "route"), [("cp-sat", "enumeration"), ("portfolio", "cp-sat")])
def test_proofs_are_checked_by_a_route_that_the_search_did_not_take(backend: str, route: str) -> None:
    document = result_of({**GEMM, "m": 96, "n": 80, "k": 72}, backend=backend)
    found = checked(document)
    assert lines(found) == []
    assert found.layers[0].proof.route == route
    layer = document["layers"][0]
    optimum = layer["objective_value"]
    layer["objective_value"] = layer["bound"] = optimum * 1.01
    assert f"has edp {optimum}, below the bound of {layer['bound']}" in lines(checked(document))[-1]


# Altered results. Layers: 0 a GEMM, 1 its copy, 2 a convolution.


def in_layer(position: int, **changes: object) -> Alter:
    return lambda document: document["layers"][position].update(changes)


def in_solution(alter: Alter, layer: int = 2, position: int = 0) -> Alter:
    return lambda document: alter(document["layers"][layer]["solutions"][position])


def cost(part: str, add: float) -> Alter:
    """Adds to a number of the best convolution's cost, given by its path."""

    def alter(solution: Document) -> None:
        *path, last = part.split(".")
        place = solution["cost"]
        for key in path:
            place = place[key]
        place[last] += add

    return in_solution(alter)


def factors(**levels: int) -> Alter:
    return in_solution(lambda solution: solution["mapping"]["tiling"]["C"].update(levels))


def move_a_factor(solution: Document) -> None:
    """Moves a whole tile of M from the PEs to DRAM: legal, but at another cost."""
    row = solution["mapping"]["tiling"]["M"]
    row.update({"dram": 4, "spm": 1, "rf": 1, "spatial": 1})


def without_the_best(document: Document) -> None:
    """As if a search had missed the optimum: everything else is consistent."""
    layer = document["layers"][2]
    value = layer["solutions"][0]["cost"]["edp"]
    layer["solutions"] = [s for s in layer["solutions"] if s["cost"]["edp"] > value]
    for rank, solution in enumerate(layer["solutions"], start=1):
        solution["rank"] = rank
    claim_optimal(document)


def claim_optimal(document: Document) -> None:
    best = document["layers"][2]["solutions"][0]["cost"]
    document["layers"][2].update({"objective_value": best["edp"], "bound": best["edp"], "gap": 0.0})
    fix_totals(document)


def fix_totals(document: Document) -> None:
    layers = document["layers"]
    best = [(layer["count"], layer["solutions"][0]["cost"]) for layer in layers]
    energy, cycles = (sum(count * c[part] for count, c in best) for part in ("energy_pj", "cycles"))
    edp_sum = sum(count * c["edp"] for count, c in best)
    document["total"] = {"energy_pj": energy, "cycles": cycles, "edp": float(energy) * float(cycles)}
    document["total"]["edp_sum"] = edp_sum
    for (count, c), layer in zip(best, layers, strict=True):
        layer["share"] = {"energy": count * c["energy_pj"] / energy, "cycles": count * c["cycles"] / cycles}


NOTHING = {"status": "infeasible", "objective_value": None, "bound": None, "gap": None, "solutions": []}


def infeasible(document: Document) -> None:
    document["layers"][2].update(NOTHING)
    document["total"] = dict.fromkeys(document["total"])
    for layer in document["layers"]:
        layer["share"] = None


def swap(document: Document) -> None:
    solutions = document["layers"][2]["solutions"]
    solutions[0], solutions[-1] = solutions[-1], solutions[0]
    for rank, solution in enumerate(solutions, start=1):
        solution["rank"] = rank


def repeat(document: Document) -> None:
    solutions = document["layers"][2]["solutions"]
    solutions[1] = {**deepcopy(solutions[0]), "rank": 2}


ALTERED: dict[str, tuple[Alter, str]] = {
    "energy": (cost("energy_pj", 1), r"c: solutions\[0\]: cost.energy_pj is \d+; the exact model gives \d+"),
    "cycles": (cost("cycles", -1), r"c: solutions\[0\]: cost.cycles is \d+; the exact model gives \d+"),
    "EDP": (cost("edp", 1.0), r"c: solutions\[0\]: cost.edp is [\d.]+; the exact model gives [\d.]+"),
    "a part": (cost("energy_breakdown_pj.noc", 1e-9), r"c: .*cost.energy_breakdown_pj.noc is "),
    "a tensor": (cost("tensor_energy_pj.W.dram", 200.0), r"c: .*cost.tensor_energy_pj.W.dram is "),
    "a share": (cost("utilization.spm", 0.001), r"c: .*cost.utilization.spm is "),
    "a term": (cost("roofline.dma", 1), r"c: .*cost.roofline.dma is "),
    "what bounds": (
        in_solution(lambda s: s["cost"].update(bound_by="moon")),
        r"c: .*cost.bound_by is moon; the exact ",
    ),
    "a share of the network": (
        in_layer(2, share={"energy": 0.5, "cycles": 0.5}),
        r"layers\[2\]: share is .*energy=0.5",
    ),
    "bytes": (cost("dram_bytes", 2), r"c: .*cost.dram_bytes is "),
    "a factor": (factors(dram=2), r"c: solutions\[0\].mapping.tiling.C: factors multiply to \d+; expected the bound 3"),
    "factors": (in_solution(move_a_factor), r"c: solutions\[0\]: cost.energy_pj is "),
    "a dimension": (
        in_solution(lambda s: s["mapping"].update(dram_order=["Fy", *s["mapping"]["dram_order"][:-1]])),
        r"c: solutions\[0\].mapping.dram_order: expected every one of N, M, C, Ox, Oy, Fx, Fy exactly once",
    ),
    "no orders": (in_solution(lambda s: s["mapping"].update(spm_order=None)), r"c: .*spm_order: .*got nothing"),
    "a rank": (in_solution(lambda s: s.update(rank=2)), r"c: solutions\[0\].rank is 2; the 1. solution has rank 1"),
    "order of solutions": (swap, r"c: solutions\[3\] ranks before solutions\[2\]: "),
    "a solution twice": (repeat, r"c: solutions: the same tiling stands there twice"),
    "the value": (
        in_layer(2, objective_value=1e12),
        r"c: objective_value is 1000000000000.0; the solution of rank 1 has edp ",
    ),
    "the bound": (
        in_layer(2, bound=1e12),
        r"c: bound 1000000000000.0 lies above objective_value .*c: DISPROVED: mapping \(.*below the bound of 1000000",
    ),
    "a lower bound": (in_layer(2, bound=1.0), r"c: gap is 0.0; objective_value and bound give 0.99.*status is optimal"),
    "the gap": (in_layer(2, gap=1e-7), r"c: gap is 1e-07; objective_value and bound give 0.0"),
    "no gap": (in_layer(2, gap=None), r"c: gap is None; objective_value and bound give 0.0"),
    "no bound": (in_layer(2, bound=None, gap=None), r"c: status is optimal, but there is no bound"),
    "a total": (lambda d: d["total"].update(cycles=1), r"total.cycles is 1; the layers' costs and counts sum to "),
    "no total": (lambda d: d["total"].update(edp_sum=None), r"total.edp_sum is None; the layers' costs and counts"),
    "a count": (lambda d: d["layers"][2].update(count=4), r"layers\[2\]: name or count is not that of its layer c"),
    "a status": (in_layer(2, status="infeasible"), r"c: status is infeasible, with 4 solutions and objective_value "),
    "feasible": (in_layer(2, status="feasible"), r"c: status is feasible, but the gap of 0.0 is within"),
    "unknown": (in_layer(2, status="unknown"), r"c: status is unknown, with 4 solutions"),
    "no solutions": (in_layer(2, solutions=[]), r"c: status is optimal, with 0 solutions"),
    "infeasible": (infeasible, r"c: DISPROVED: mapping \(.*\) has edp [\d.]+, though none is said to exist"),
    "a missed optimum": (without_the_best, r"^c: DISPROVED: mapping \(.*\) has edp [\d.]+, below the bound of [\d.]+$"),
    "a copy": (
        in_layer(1, bound=0.5),
        r"again: bound is not that of layer g, which this one is said to be the same as",
    ),
    "a copy of another": (in_layer(1, same_as="c"), r"again: same_as: there is no layer c before this one"),
    "a copy of a copy": (in_layer(2, same_as="again"), r"c: same_as: there is no layer again before this one"),
    "another nest": (
        lambda d: d["layers"][1]["layer"].update(k=2),
        r"again: same_as: layer g is another loop nest",
    ),
    "thresholds": (in_layer(2, thresholds={"pe": 0.8}), r"c: thresholds are given, but no preset is"),
    "top k": (lambda d: d["solver"].update(top_k=2), r"c: solutions: 4 are given, but at most 2 were asked for"),
    "constraints": (
        lambda d: d["constraints"].update(min_utilization={"pe": 0.5}),
        r"c: solutions\[0\]: the mapping breaks min_utilization.pe",
    ),
    "architecture": (lambda d: d["architecture"].update(rf_bytes_per_pe=16), r"the mapping breaks rf_bytes_per_pe"),
    "objective": (
        lambda d: d.update(objective="energy"),
        r"c: objective_value is .*; the solution of rank 1 has energy ",
    ),
    "a factor that does not divide": (
        lambda d: d["constraints"].update(fixed={"K": {"rf": 3}}),
        r"question: architecture, cost model, objective, constraints, backend or solver options are not those ",
    ),
    "a layer left out": (lambda d: d["layers"].pop(2), r"layers: 2 are there, but 3 were asked for"),
    "a back end": (lambda d: d.update(backend="mine"), r"backend is mine, but solver.backend is exhaustive"),
    "a back end, twice": (
        lambda d: (d.update(backend="mine"), d["solver"].update(backend="mine")),
        r"question: .*, backend or solver options are not those that the answer was found for",
    ),
    "a gap asked for": (lambda d: d["solver"].update(relative_gap=0.5), r"question: .*solver options are not those"),
    "a digest": (
        lambda d: d["question"].update(layers="0" * 64),
        r"layers: they are not those that were asked for, or not in their order",
    ),
    "a name twice": (
        lambda d: (d["layers"][2].update(name="g"), d["layers"][2]["layer"].update(name="g")),
        r"layers: the name g occurs twice",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_is_altered_is_caught(sound: Document, what: str) -> None:
    alter, expected = ALTERED[what]
    document = deepcopy(sound)
    alter(document)
    assert document != sound
    found = checked(document)
    assert not found.holds
    assert re.search(expected, " ".join(lines(found))), "\n".join(lines(found))


def test_a_result_that_is_older_than_its_digests_is_said_to_be(sound: Document) -> None:
    assert len(checked(sound).not_checked) == 5
    document = deepcopy(sound)
    del document["question"]
    found = checked(document)
    assert found.holds
    assert found.not_checked[5:] == (
        "whether layers are missing or the question was changed: the result is older than its digests",
    )


def test_a_result_from_before_there_were_terms_and_shares_holds(sound: Document) -> None:
    document = deepcopy(sound)
    for layer in document["layers"]:
        del layer["share"]
        for solution in layer["solutions"]:
            for field in ("ideal_cycles", "roofline", "bound_by"):
                del solution["cost"][field]
    assert document != sound
    assert lines(checked(document)) == []


def test_a_layer_left_out_is_told_with_the_name_of_its_network() -> None:
    document = result_of(GEMM, CONV)
    document["question"]["workload"] = "tiny-net"
    document["layers"].pop()
    document["total"] = dict.fromkeys(document["total"])
    assert "layers: 1 are there, but 2 of tiny-net were asked for" in checked(document).faults


def test_costs_altered_everywhere_in_step_are_caught(sound: Document) -> None:
    document = deepcopy(sound)
    best = document["layers"][2]["solutions"][0]["cost"]
    best["cycles"] -= 1
    best["edp"] = float(best["energy_pj"]) * best["cycles"]
    claim_optimal(document)
    assert [line.split(" is ")[0] for line in lines(checked(document))] == [
        "c: solutions[0]: cost.cycles",
        "c: solutions[0]: cost.edp",
        "c: objective_value",
    ]


def test_other_orders_are_caught_by_their_cost_and_as_not_the_best() -> None:
    document = result_of({**GEMM, "m": 512, "n": 512, "k": 512}, backend="portfolio")
    document["layers"][0]["solutions"][0]["mapping"]["dram_order"].reverse()
    found = lines(checked(document))
    assert any(re.match(r"g: solutions\[0\]: cost.cycles is \d+; the exact model gives \d+", line) for line in found)
    assert any("the orders are not the tiling's best: others have edp " in line for line in found)


def test_what_time_does_not_allow_is_said(sound: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(result_of(GEMM), time_limit_s=1e-9)
    assert lines(found) == []
    assert (found.holds, found.complete) == (True, False)
    assert re.match(
        r"proof not checked: time \(by enumeration, .*; by cp-sat with other parameters, 0 of", proof_of(found)
    )
    undecided = Refutation("enumeration", False, "all but one")
    monkeypatch.setattr(proof_checks, "refute_with_bounds", lambda *_: undecided)
    assert re.match(r"proof checked by cp-sat .*; undecided before: by enumeration, all", proof_of(checked(sound)))


def test_ctrl_c_keeps_what_was_checked(sound: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    document = deepcopy(sound)
    document["layers"][2]["gap"] = 0.5
    answers = iter([Refutation("enumeration", True, "everything")])

    def interrupted(*_: object) -> Refutation:
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    monkeypatch.setattr(proof_checks, "refute_with_bounds", interrupted)
    found = checked(document)
    assert found.interrupted
    assert [layer.proof.outcome for layer in found.layers] == ["checked", "nothing claimed", "not checked"]
    assert len(found.layers[2].faults) == 1


def test_a_layer_without_a_bound_claims_nothing() -> None:
    document = result_of(GEMM)
    document["layers"][0].update(status="feasible", bound=None, gap=None)
    found = checked(document)
    assert lines(found) == []
    assert proof_of(found) == "no bound is claimed"


# The command


Output = pytest.CaptureFixture[str]


@pytest.fixture
def saved(tmp_path: Path, sound: Document) -> Callable[..., str]:
    """Writes the sound result, altered; gives its path."""

    def save(alter: Alter | None = None) -> str:
        document = deepcopy(sound)
        if alter is not None:
            alter(document)
        path = tmp_path / "result.json"
        path.write_text(json.dumps(document))
        return str(path)

    return save


def test_the_command_says_what_it_checked(saved: Callable[..., str], capsys: Output) -> None:
    assert main(["verify", saved()]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.search(r"^g +optimal +4 +0 +checked by enumeration ", out, re.MULTILINE)
    assert re.search(r"^again +optimal +- +0 += g ", out, re.MULTILINE)
    assert "g: proof checked by enumeration (" in out
    assert out.endswith("\neverything holds\n")


def test_the_command_ends_with_1_where_something_is_wrong(saved: Callable[..., str], capsys: Output) -> None:
    path = saved(infeasible)
    assert main(["verify", path]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^wrong: c: DISPROVED: mapping \(", out, re.MULTILINE)
    assert out.endswith("\n1 claims are wrong\n")
    assert main(["verify", path, "--json"]) == 1
    out, err = capsys.readouterr()
    proof = json.loads(out)["layers"][2]["proof"]
    assert (proof["outcome"], proof["route"]) == ("disproved", "enumeration")
    assert set(proof["counterexample"]["mapping"]["tiling"]) == {"N", "M", "C", "Ox", "Oy", "Fx", "Fy"}
    assert err.startswith(f"{path}: c: DISPROVED: ")
    assert err.count("\n") == 1


def test_the_document_keeps_to_its_schema(saved: Callable[..., str], capsys: Output, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    main(["schema", "verification"])
    schema = json.loads(capsys.readouterr().out)
    target = tmp_path / "verification.json"
    assert main(["verify", saved(), "--json", "--out", str(target), "--time-limit", "30", "--workers", "1"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, schema)
    assert json.loads(target.read_text()) == document
    assert document["schema"] == "dmaze-solve/verification/1"


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (lambda d: d.pop("schema"), "schema: expected 'dmaze-solve/result/1', but missing"),
        (lambda d: d.update(schema="dmaze-solve/evaluate/1"), "schema: expected 'dmaze-solve/result/1', got 'dmaze-"),
        (lambda d: d["layers"][0].update(sttus="optimal"), "layers[0].sttus: unknown field; did you mean 'status'?"),
        (lambda d: d["layers"][0]["layer"].update(m=0), "layers[0].layer.m: expected an integer of at least 1, got 0"),
    ],
)
def test_what_is_no_result_ends_with_2(saved: Callable[..., str], capsys: Output, alter: Alter, complaint: str) -> None:
    path = saved(alter)
    assert main(["verify", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{path}: {complaint}")
    assert err.count("\n") == 1


def test_bad_arguments_end_with_2(saved: Callable[..., str], capsys: Output, tmp_path: Path) -> None:
    assert main(["verify", saved(), "--time-limit", "0"]) == 2
    assert capsys.readouterr().err == "--time-limit: expected a number above 0, got 0\n"
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.json'}: expected a file, but there is none\n"
    (tmp_path / "spec.json").write_text(json.dumps({"architecture": "dmazerunner-256pe", "workload": "resnet18"}))
    assert main(["verify", str(tmp_path / "spec.json")]) == 2
    with pytest.raises(InputError, match="'dmaze-solve/result/1', but missing"):
        load_result(tmp_path / "spec.json")


def test_an_interrupted_command_ends_with_130(
    saved: Callable[..., str], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Refutation:
        raise KeyboardInterrupt

    monkeypatch.setattr(proof_checks, "refute_with_bounds", interrupted)
    started = time.monotonic()
    assert main(["verify", saved()]) == 130
    assert time.monotonic() - started < 5
    out = capsys.readouterr().out
    assert "(interrupted)" in out
    assert "c: proof not checked: interrupted" in out
