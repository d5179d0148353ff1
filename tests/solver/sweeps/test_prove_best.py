"""The best design, proved by bounds that exclude others: the full sweep's answer, with fewer searches."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import gemm
from dmaze.cli.main import main
from dmaze.model import Architecture, Machine
from dmaze.model.documents.result import Reason
from dmaze.model.documents.sweep_results import SweepResult
from dmaze.model.documents.sweep_spec import SweepSpec
from dmaze.model.faults import InputError
from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.objectives import OBJECTIVES
from dmaze.solver import sweep, verify
from dmaze.solver.backend import LayerProblem
from dmaze.solver.least_costs import least_costs
from dmaze.solver.sweeps.goals import Optima
from dmaze.solver.sweeps.proving.dominance import least_price_ratio
from level_optima import TooManyError, allowed_mappings
from random_hierarchies import Traits, described, random_case
from random_problems import costs_of_all_orders, describe, fitting_levels, random_problem
from reference import REFERENCE
from sweep_specs import sweep_spec, write_spec

LAYERS = (gemm(8, 6, 4, name="a"), gemm(8, 6, 4, name="again"), gemm(6, 6, 6, name="b", count=3))
RF_PRICE = {"rf": {"by": "rf_bytes_per_pe", "base_pj": 0.96, "at": 16, "exponent": 0.7}}
NARROW: dict[str, Any] = {
    "name": "narrow",
    "mac_pj": 0.5,
    "nodes": [
        {"storage": "DRAM", "read_pj": 100, "write_pj": 100, "bandwidth": 2},
        {"storage": "GLB", "capacity_bytes": 64, "read_pj": 4, "write_pj": 4},
        {"fanout": "PE", "size": 4, "word_pj": 20},
        {"storage": "RF", "capacity_bytes": 8, "read_pj": 1, "write_pj": 1},
    ],
}


def both(spec: SweepSpec) -> tuple[SweepResult, SweepResult]:
    """The full sweep and the proof of the best design."""
    only_best = spec.model_copy(update={"sweep": spec.sweep.model_copy(update={"prove_best": True})})
    with ThreadPoolExecutor(1) as executor:
        full, proved = (sweep(asked, executor=executor, num_tasks=lambda: 1) for asked in (spec, only_best))
    return full, proved


def expect_the_same_best(full: SweepResult, proved: SweepResult) -> None:
    assert proved.best == full.best
    assert proved.best is None or proved.best.proved
    assert proved.counts.left == 0
    for ours, theirs in zip(proved.designs, full.designs, strict=True):
        if ours.excluded is None:
            assert (ours.objective_value, ours.status) == (theirs.objective_value, theirs.status)
        elif ours.excluded.bound is not None and theirs.objective_value is not None:
            assert proved.best is not None
            assert proved.best.objective_value <= ours.excluded.bound <= theirs.objective_value
        assert ours.excluded is None or sum((ours.excluded.solved, ours.excluded.refuted, ours.excluded.bounded)) > 0


AXES = [
    [{"spm.banks": [8, 16, 64]}, {"rf_bytes_per_pe": [4, 16, 64, 256]}],
    [{"pes": [4, 16, 64]}, {"rf_bytes_per_pe": [16, 64]}],
    [{"rf_bytes_per_pe": [8, 16, 64, 128, 512]}],
]


@pytest.mark.parametrize(
    ("objective", "axes"),
    [("edp", AXES[0]), ("energy", AXES[1]), ("latency", AXES[2]), ("edp", AXES[2])],
    ids=["edp, memories", "energy, arrays", "latency, registers", "edp, registers"],
)
def test_the_best_design_is_that_of_the_full_sweep(objective: str, axes: list[dict[str, Any]]) -> None:
    prices = {"access_energy_pj": RF_PRICE} if objective != "latency" else {}
    full, proved = both(sweep_spec(*LAYERS, axes=axes, objective=objective, **prices))
    expect_the_same_best(full, proved)
    assert proved.counts.searched <= full.counts.searched
    excluded = [design.excluded for design in proved.designs if design.excluded is not None]
    assert proved.counts.excluded == sum(one.refuted + one.bounded for one in excluded)
    assert proved.counts.refuted == sum(one.refuted for one in excluded)


def test_of_equal_designs_the_first_is_named() -> None:
    """More memory than any mapping needs changes nothing: all designs are as good, however they are varied."""
    for values in ([512, 1024, 2048], [2048, 1024, 512]):
        full, proved = both(sweep_spec(LAYERS[0], axes=[{"rf_bytes_per_pe": values}]))
        expect_the_same_best(full, proved)
        assert proved.best is not None
        assert proved.best.values == {"rf_bytes_per_pe": values[0]}


def test_random_layers_and_prices() -> None:
    """Random small sweeps of all objectives, with what bounds, comparisons and limits exclude counted."""
    searched = problems = refuted = 0
    for seed in range(4):
        random = Random(seed)
        layers = [gemm(*(random.choice([2, 3, 4, 6]) for _ in range(3)), name=name) for name in "ab"]
        axes = [{"spm.banks": random.sample([4, 8, 16], 2)}, {"rf_bytes_per_pe": random.sample([8, 16, 32, 64], 3)}]
        exponent = random.choice([0.0, 0.5, 1.5])
        prices = {"rf": {"by": "rf_bytes_per_pe", "base_pj": 0.96, "at": 16, "exponent": exponent}}
        objective = random.choice(list(OBJECTIVES))
        full, proved = both(sweep_spec(*layers, axes=axes, objective=objective, access_energy_pj=prices))
        expect_the_same_best(full, proved)
        searched += proved.counts.searched - proved.counts.refuted
        problems += full.counts.searched
        refuted += proved.counts.refuted
    assert searched < 0.8 * problems
    assert refuted > 0


def levels(*axes: dict[str, Any], **fields: Any) -> SweepSpec:
    own = {"architecture": NARROW, "workload": {"layers": [gemm(2, 4, 2, name="a"), gemm(2, 2, 4, name="b")]}}
    return SweepSpec.model_validate({**own, "sweep": {"axes": list(axes)}, **fields})


def test_hierarchies_as_well() -> None:
    spec = levels({"nodes.RF.capacity_bytes": [1, 4, 8], "nodes.RF.read_pj": [1, 3, 50]})
    full, proved = both(spec)
    expect_the_same_best(full, proved)
    assert proved.counts.excluded > 0


# Bounds


def test_least_costs_are_below_every_mapping() -> None:
    """Of random nests on random machines: energy, cycles and their product."""
    seen = 0
    for seed in range(60):
        problem = random_problem(seed, constrained=0.3)
        least = least_costs(problem)
        levels = fitting_levels(Random(seed), problem, 40)
        if not levels.shape[2]:
            continue
        for objective, rule in OBJECTIVES.items():
            values, _ = costs_of_all_orders(replace(problem, objective=objective), levels)
            assert least.bound(rule) <= values.min(), f"seed {seed}\n{describe(problem)}"
        seen += 1
    assert seen > 30


def test_least_costs_are_below_every_mapping_onto_a_hierarchy() -> None:
    for seed in range(65_000_000, 65_000_006):
        case = random_case(seed, 10, Traits(most_levels=3))
        least = least_costs(LayerProblem(case.nest, case.document, LevelConstraints(), "edp", (), MODEL))
        rules = resolved_constraints(case.nest, case.machine, LevelConstraints())
        with suppress(TooManyError):
            for _, (energies, cycles) in allowed_mappings(rules, 20_000):
                assert least.energy_pj <= energies.min(), described(case)
                assert least.cycles <= cycles.min(), described(case)


def test_what_a_smaller_machine_costs_at_least() -> None:
    """Mappings that fit a random smaller machine fit the larger one, and cost no less than the ratio of prices says."""
    ratios: set[float] = set()
    for seed in range(80):
        random = Random(seed)
        problem = random_problem(seed, constrained=0.0)
        larger: Architecture = problem.architecture
        smaller = _smaller(random, larger)
        ratio = least_price_ratio(larger, smaller)
        assert ratio is not None
        levels = fitting_levels(random, replace(problem, architecture=smaller), 20)
        if not levels.shape[2]:
            continue
        ratios.add(ratio)
        for objective in ("energy", "latency"):
            values, least = (
                costs_of_all_orders(replace(problem, objective=objective, architecture=machine), levels)[0]
                for machine in (smaller, larger)
            )
            margin = 1 if objective == "energy" and ratio < 1 else 0
            assert (values >= (ratio if objective == "energy" else 1) * least * (1 - 1e-12) - margin).all(), (
                f"seed {seed}"
            )
    assert {1.0} < ratios


def _smaller(random: Random, machine: Architecture) -> Architecture:
    """A machine with less of some things, slower transfers, and other prices."""
    price = machine.access_energy_pj
    factors = random.choice([(1.0,), (0.5, 1.0, 2.0)])
    prices = {name: value * random.choice(factors) for name, value in price.model_dump().items()}
    banks = max(1, machine.spm.banks // random.choice([1, 2]))
    dma = machine.dma.model_copy(update={"init_cycles": machine.dma.init_cycles * random.choice([1.0, 2.0])})
    return machine.model_copy(
        update={
            "pes": max(1, machine.pes // random.choice([1, 2])),
            "rf_bytes_per_pe": max(1, machine.rf_bytes_per_pe // random.choice([1, 2])),
            "spm": machine.spm.model_copy(update={"banks": banks}),
            "dma": dma,
            "access_energy_pj": price.model_copy(update=prices),
        }
    )


def machine_with(**changes: Any) -> Machine:
    nodes = [{**node, **changes.get(node.get("storage") or node["fanout"], {})} for node in NARROW["nodes"]]
    return Machine.model_validate({**NARROW, "nodes": nodes, **changes.get("machine", {})})


@pytest.mark.parametrize(
    ("larger", "smaller", "ratio"),
    [
        ({}, {}, 1.0),
        ({"RF": {"capacity_bytes": 16}}, {}, 1.0),
        ({}, {"RF": {"capacity_bytes": 16}}, None),
        ({"PE": {"size": 8}}, {"DRAM": {"bandwidth": 1}}, 1.0),
        ({"DRAM": {"bandwidth": None}}, {}, 1.0),
        ({}, {"GLB": {"read_pj": 3, "write_pj": 5}}, 0.75),
        ({"machine": {"mac_pj": 0}}, {}, 1.0),
        ({"GLB": {"read_pj": {"A": 8, "*": 4}}}, {"GLB": {"read_pj": {"A": 2, "*": 4}}}, 0.25),
        ({"GLB": {"read_pj": {"A": 8, "*": 4}}}, {}, None),
        ({"PE": {"reduce": False}}, {}, None),
        ({"RF": {"keep": {"size": "must"}}}, {"RF": {"keep": {"size": "never"}}}, None),
        (
            {"machine": {"bytes_per_element": {"size": 2, "*": 1}}},
            {"machine": {"bytes_per_element": {"size": 1, "*": 1}}},
            None,
        ),
        ({"machine": {"name": "other"}}, {}, 1.0),
    ],
)
def test_which_hierarchies_are_larger(larger: dict[str, Any], smaller: dict[str, Any], ratio: float | None) -> None:
    assert least_price_ratio(machine_with(**larger), machine_with(**smaller)) == ratio


def test_published_machines_compare_field_by_field() -> None:
    changed = {
        "pes": REFERENCE.model_copy(update={"pes": 8}),
        "clock": REFERENCE.model_copy(update={"clock_mhz": 400.0}),
        "bank": REFERENCE.model_copy(update={"spm": REFERENCE.spm.model_copy(update={"bytes_per_bank": 1024})}),
    }
    assert {name: least_price_ratio(REFERENCE, machine) for name, machine in changed.items()} == {
        "pes": 1.0,
        "clock": None,
        "bank": None,
    }


# The command


def test_excluded_layers_say_so_and_their_bounds_hold() -> None:
    _, proved = both(sweep_spec(*LAYERS, axes=AXES[2], access_energy_pj=RF_PRICE))
    left_out = [design for design in proved.designs if design.excluded is not None and design.excluded.refuted]
    assert left_out
    result = left_out[0].result
    assert result is not None
    refuted = [layer for layer in result.layers if layer.termination and layer.termination.reason is Reason.EXCLUDED]
    assert all(layer.status == "unknown" and layer.bound is not None for layer in refuted)
    assert refuted[0].note == "its design was excluded"
    found = verify(result)
    assert found.holds
    assert found.complete


def test_an_interrupted_proof_is_resumed_and_a_full_sweep_takes_up_its_answers(
    tmp_path: Path, executor: Executor
) -> None:
    path = tmp_path / "results.jsonl"
    spec = sweep_spec(*LAYERS, axes=AXES[2], access_energy_pj=RF_PRICE)
    only_best = spec.model_copy(update={"sweep": spec.sweep.model_copy(update={"prove_best": True})})
    first = sweep(only_best, executor=executor, results=path)
    again = sweep(only_best, executor=executor, results=path)
    assert again.best == first.best
    assert again.counts.resumed == first.counts.searched - first.counts.refuted
    full = sweep(spec, executor=executor, results=path)
    assert full.best == first.best
    assert full.counts.resumed + full.counts.searched == full.counts.problems


def test_the_command_says_what_was_excluded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_spec(tmp_path, *LAYERS, axes=AXES[2], access_energy_pj=RF_PRICE)
    assert main(["sweep", str(path), "--prove-best", "--workers", "1"]) == 0
    text = capsys.readouterr().out
    assert "excluded" in text
    assert "proved" in text
    assert main(["sweep", str(path), "--prove-best", "--pareto"]) == 2
    assert "--prove-best: expected without a front (--pareto)" in capsys.readouterr().err


def test_a_front_and_the_best_design_are_not_asked_for_together() -> None:
    with pytest.raises(InputError, match="prove_best: expected false beside pareto"):
        sweep(
            {
                **sweep_spec(*LAYERS, pareto=True).model_dump(mode="json"),
                "sweep": {"axes": [{"pes": [1]}], "pareto": True, "prove_best": True},
            }
        )


def test_a_design_whose_search_fails_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = sweep_spec(LAYERS[0], axes=AXES[2], access_energy_pj=RF_PRICE)
    full, _ = both(spec)
    assert full.best is not None
    search = Optima.search

    def failing(self: Optima, known: Any, *others: Any) -> Any:
        if known.architecture.rf_bytes_per_pe == full.best.values["rf_bytes_per_pe"]:
            raise ZeroDivisionError
        return search(self, known, *others)

    monkeypatch.setattr(Optima, "search", failing)
    _, proved = both(spec)
    assert proved.best is not None
    assert proved.best.objective_value > full.best.objective_value
    assert (proved.best.proved, len(proved.faults)) == (False, 1)
    assert next(design for design in proved.designs if design.values == full.best.values).excluded is None


def test_without_time_nothing_is_excluded() -> None:
    spec = sweep_spec(*LAYERS, axes=AXES[2], solver={"total_time_limit_s": 1e-9})
    _, proved = both(spec)
    assert proved.best is None
    assert proved.counts.left == proved.counts.problems
    assert all(design.excluded is None for design in proved.designs)
