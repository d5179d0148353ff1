"""The published model against what its mappings really move, on the layers of the dMazeRunner paper.

    python benchmarks/published_against_executed.py [--mappings N] [--seed S] [--results FILE]

Costs the best mappings (proved) and random ones by the published model and by the hierarchy model, whose counts are
those of an execution. Appends one JSON line to results/published_against_executed.jsonl; published_tables.py prints it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from common import HERE, RESULTS, append_result, machine, versions
from dmaze.model import LayerResult, Spec, load_spec
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.dmazerunner.constraints import Constraints
from dmaze.model.dmazerunner.factorisations import factorisations
from dmaze.model.dmazerunner.published import PUBLISHED
from dmaze.model.loop_nest import LoopNest
from dmaze.model.mapping import Mapping, MappingDocument, Tiling
from dmaze.model.reading.loading import resolved
from dmaze.solver import solve
from numpy.typing import NDArray
from published_comparison import QUANTITIES, TIME_RULES, Compared, compared

INSTANCE = HERE.parent / "specs" / "examples" / "resnet-study.json"
OBJECTIVES = ("edp", "energy", "latency")
TRIES = 4096
"""Random tilings that are drawn at a time; those that do not fit are left out."""

Record = dict[str, Any]
Values = NDArray[np.float64]


def random_mappings(nest: LoopNest, architecture: Architecture, number: int, seed: int) -> list[Mapping]:
    """Mappings that fit, uniform over all tilings that do, with uniform orders."""
    draw, found, dims = random.Random(seed), list[Mapping](), range(len(nest.dims))
    while len(found) < number:
        drawn = [[draw.choice(factorisations(bound)) for bound in nest.bounds] for _ in range(TRIES)]
        levels = np.array(drawn, dtype=np.float64).transpose(2, 1, 0)
        for row in np.flatnonzero(PUBLISHED.allowed(nest, architecture, Constraints(), levels)):
            tiling = Tiling.from_levels(zip(*drawn[row], strict=True))
            orders = (tuple(draw.sample(dims, len(dims))) for _ in range(2))
            found.append(Mapping(tiling, *orders))
    return found[:number]


def best_mappings(spec: Spec, objective: str) -> dict[str, Mapping]:
    """The best mapping of every layer; ends the run where one is not proved."""
    result = solve(spec.model_copy(update={"objective": objective}))
    if unproved := [layer.name for layer in result.layers if layer.status != "optimal"]:
        raise SystemExit(f"not proved: {', '.join(unproved)}")
    assert isinstance(result.architecture, Architecture)
    return {layer.name: best_of(layer, result.architecture) for layer in result.layers}


def best_of(layer: LayerResult, architecture: Architecture) -> Mapping:
    """The best mapping that was found for a layer."""
    document = layer.solutions[0].mapping
    assert isinstance(document, MappingDocument)
    return PUBLISHED.mapping_of(layer.loop_nest(), architecture, document, with_orders=True)


def best_row(one: Compared) -> Record:
    """The figures of one of the best mappings."""
    found = one.relation
    return {
        "published_energy_pj": round(found.published_energy_pj),
        "executed_energy_pj": round(found.executed_energy_pj),
        "published_cycles": found.published_cycles,
        "roofline_cycles": found.roofline_cycles,
        "bound_by": one.bound_by,
        "time_rule": one.time_rule,
        "walk_cycles": found.walk_cycles,
        "buffered_walk_cycles": one.buffered_walk_cycles,
        "known_pj": {reason: round(energy) for reason, energy in one.known_pj().items()},
        "ratios": {name: round(ratio, 6) for name, ratio in one.ratios().items()},
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Least, median and largest value."""
    return {name: round(float(of(values)), 6) for name, of in (("min", np.min), ("median", np.median), ("max", np.max))}


def spreads(many: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """Least, median and largest of every ratio."""
    rows = [one.ratios() for one in many]
    return {name: spread([row[name] for row in rows]) for name in rows[0]}


def shares(many: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """What every known difference is worth: share of the executed energy, and how many mappings have it."""
    known = [(one.known_pj(), one.relation.executed_energy_pj) for one in many]
    reasons = dict.fromkeys(reason for energies, _ in known for reason in energies)
    return {
        reason: {
            **spread([energies.get(reason, 0.0) / whole for energies, whole in known]),
            "mappings": sum(reason in energies for energies, _ in known),
        }
        for reason in sorted(reasons)
    }


def cycles_by_rule(many: Sequence[Compared]) -> Record:
    """Published cycles over those of the roofline, by the rule that parts them, and how many mappings have it."""
    found: Record = {}
    for rule in TIME_RULES:
        ratios = [one.published("cycles") / one.executed("cycles") for one in many if one.time_rule == rule]
        found[rule] = spread(ratios) | {"mappings": len(ratios)}
    return found


def agreement(many: Sequence[Compared], quantity: str) -> dict[str, float]:
    """How two models rank the same mappings, and what choosing by the published one loses by the executed one.

    ``opposite``: share of all pairs that the two models order in opposite ways; ``opposite_of_best``: the same among
    the tenth of the mappings that are best as published. ``tau``: Kendall's tau-b. ``loss``: executed figure of the
    mapping that is best as published, over the least one, minus 1.
    """
    ranked = sorted(many, key=lambda one: one.published(quantity))
    published = np.array([one.published(quantity) for one in ranked])
    executed = np.array([one.executed(quantity) for one in ranked])
    tenth = len(ranked) // 10
    return {
        "opposite": round(opposite(published, executed), 6),
        "opposite_of_best": round(opposite(published[:tenth], executed[:tenth]), 6),
        "tau": round(kendall_tau(published, executed), 6),
        "loss": round(float(executed[0] / executed.min() - 1), 6),
    }


def signs(values: Values) -> Values:
    """For every pair of values which one is larger: -1, 0 or 1."""
    first, second = np.triu_indices(len(values), 1)
    return np.sign(values[first] - values[second])


def opposite(published: Values, executed: Values) -> float:
    """Share of all pairs that are ordered in opposite ways."""
    return float((signs(published) * signs(executed) < 0).mean())


def kendall_tau(published: Values, executed: Values) -> float:
    """Kendall's tau-b: 1 where all pairs are ordered alike, -1 where none is; ties count as neither."""
    first, second = signs(published), signs(executed)
    return float((first * second).sum() / np.sqrt(np.abs(first).sum() * np.abs(second).sum()))


def measured(number: int, seed: int) -> Record:
    """All that is measured; ``number`` random mappings of every layer."""
    spec = load_spec(INSTANCE)
    known = resolved(spec, INSTANCE.parent)
    architecture, nests = known.architecture, {layer.name: layer.loop_nest() for layer in known.layers}
    assert isinstance(architecture, Architecture)
    best: dict[str, dict[str, Compared]] = {}
    for objective in OBJECTIVES:
        mappings = best_mappings(spec, objective)
        best[objective] = {name: compared(nests[name], architecture, [one])[0] for name, one in mappings.items()}
        print(f"best {objective}: {len(mappings)} layers", flush=True)
    drawn: dict[str, list[Compared]] = {}
    for position, (name, nest) in enumerate(nests.items()):
        chosen = random_mappings(nest, architecture, number, seed + position)
        drawn[name] = compared(nest, architecture, chosen)
        print(f"random: {len(chosen)} of {name}", flush=True)
    every = [one for many in drawn.values() for one in many]
    all_best = [one for rows in best.values() for one in rows.values()]
    return {
        "architecture": architecture.name,
        "best": {objective: {name: best_row(one) for name, one in rows.items()} for objective, rows in best.items()},
        "best_ratios": spreads(all_best),
        "best_known": shares(all_best),
        "random": {name: spreads(many) for name, many in drawn.items()},
        "random_ratios": spreads(every),
        "random_known": shares(every),
        "cycles_by_rule": cycles_by_rule(every),
        "agreement": {name: {q: agreement(many, q) for q in QUANTITIES} for name, many in drawn.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mappings", type=int, default=400, help="random mappings of every layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS / "published_against_executed.jsonl")
    options = parser.parse_args()
    record = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "instance": INSTANCE.name,
        "machine": machine(),
        "versions": versions("ortools", "numpy"),
        "seed": options.seed,
        "mappings": options.mappings,
    }
    append_result(options.results, record | measured(options.mappings, options.seed))


if __name__ == "__main__":
    main()
