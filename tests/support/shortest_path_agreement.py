"""In what a back end for hierarchies, mostly ``shortest-path``, differs from costing every mapping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from dmaze.model.hierarchy.constraints.level_constraints import LevelConstraints
from dmaze.model.hierarchy.constraints.level_legality import broken_level_rules, broken_word_limits
from dmaze.model.hierarchy.constraints.resolved_constraints import resolved_constraints
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_model import MODEL, HierarchyModel
from dmaze.model.hierarchy.level_mapping import illegalities
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.objectives import OBJECTIVES, Objective
from dmaze.solver.backend import Backend, LayerProblem, SearchLimits, SearchOutcome
from dmaze.solver.shortest_path import BACKEND
from level_optima import Optima, TooManyError, optima_of
from random_constraints import KINDS_OF_CONSTRAINT, random_constraints
from random_hierarchies import RandomCase, Traits, described, random_case

EXACT = LevelConstraints()
CLOSE = 1e-9
"""Relative difference of values that binary64 may leave."""
LONG_S = 600.0
"""Longer than any search of a tiny problem takes on a busy machine."""
ANY = Traits(most_levels=3, blocks=0.0)
BLOCKS = Traits(most_levels=3, blocks=0.5)
ALL_BLOCKS = Traits(most_levels=3, blocks=1.0, halo=0.2, dma=0.0)
BLOCKS_EVERY, SLOW_EVERY = 10, 4
"""How often levels may be accessed in blocks, so that a search need not prove anything; how often ports are slow."""
MACS = (8, 12, 16, 24)
"""Most multiply-accumulates of a nest, one of these."""


def drawn_problem(seed: int) -> tuple[RandomCase, LevelConstraints, str]:
    """The problem of a seed: a third without constraints, a third with one kind, a third with several; and which."""
    random, kinds = Random(seed), list(KINDS_OF_CONSTRAINT)
    case = random_case(seed, random.choice(MACS), BLOCKS if seed % BLOCKS_EVERY == BLOCKS_EVERY - 1 else ANY)
    number = (0, 1, random.randint(2, 4))[seed // len(kinds) % 3]
    chosen = random.sample(kinds, number)
    constraints = random_constraints(random, case, chosen)
    case = with_slow_ports(random, case) if seed % SLOW_EVERY == 0 else case
    return case, constraints, chosen[0] if number == 1 else ("several" if number else "none")


def with_slow_ports(random: Random, case: RandomCase) -> RandomCase:
    """The case with one port of each inner level, and some networks, so slow that they decide how long it takes."""
    fields = case.document.model_dump(mode="json", exclude_unset=True)
    for node in fields["nodes"][1:]:
        ports = ("read_bandwidth", "write_bandwidth", "bandwidth") if "storage" in node else ("bandwidth",)
        for port in ports:
            node.pop(port, None)
        node[random.choice(ports)] = random.choice((0.1, 0.25, 0.5))
    document = Machine.model_validate(fields)
    return replace(case, document=document, machine=resolved_machine(document, case.nest))


def drawn_in_blocks(seed: int) -> tuple[RandomCase, LevelConstraints, str]:
    """The problem of a seed in which partial blocks decide, a third of them with constraints of one kind."""
    random = Random(seed)
    case = with_blocks_at_even_prices(random, random_case(seed, 24, ALL_BLOCKS))
    chosen = random.sample(list(KINDS_OF_CONSTRAINT), seed % 3 // 2)
    return case, random_constraints(random, case, chosen), chosen[0] if chosen else "none"


def with_blocks_at_even_prices(random: Random, case: RandomCase) -> RandomCase:
    """The case with levels that are accessed in blocks, at prices so even that mappings differ by partial blocks."""
    fields = case.document.model_dump(mode="json", exclude_unset=True)
    fields["mac_pj"] = 0
    for node in fields["nodes"]:
        if "storage" in node:
            node["read_pj"] = node["write_pj"] = random.choice((1, 2, 4))
            node["block_elements"] = random.choice((2, 3, 4, 5, 8, 16))
            if random.random() < 0.7:
                node.pop("halo", None)
        else:
            node.pop("word_pj", None)
            node.pop("add_pj", None)
    document = Machine.model_validate(fields)
    return replace(case, document=document, machine=resolved_machine(document, case.nest))


@dataclass(frozen=True)
class Searched:
    """What a search of one objective found, and what is wrong with it; ``proved``: it says that nothing is better."""

    objective: Objective
    outcome: SearchOutcome
    wrong: tuple[str, ...]

    @property
    def proved(self) -> bool:
        """Whether the search says that nothing is better."""
        return self.outcome.exhausted


def search(
    case: RandomCase,
    objective: Objective,
    constraints: LevelConstraints = EXACT,
    limits: SearchLimits | None = None,
    model: HierarchyModel = MODEL,
    backend: Backend = BACKEND,
) -> SearchOutcome:
    """A search for the best mapping of a case's nest onto its machine."""
    problem = LayerProblem(case.nest, case.document, constraints, objective, (), model)
    return backend.search(problem, limits or SearchLimits(time_limit_s=LONG_S, relative_gap=CLOSE / 10), None)


def compared(
    case: RandomCase,
    constraints: LevelConstraints,
    most: int,
    most_choices: int,
    model: HierarchyModel = MODEL,
    backend: Backend = BACKEND,
    limits: SearchLimits | None = None,
) -> list[Searched]:
    """Searches for every objective, each held against all mappings.

    Raises:
        TooManyError: where there are too many to cost, or too many choices of what is kept where.
    """
    resolved = resolved_constraints(case.nest, case.machine, constraints)
    if 2 ** sum(row.count("may") for row in resolved.keep) > most_choices:
        raise TooManyError
    optima = optima_of(resolved, most, model.counted)
    found: list[Searched] = []
    for objective in OBJECTIVES:
        outcome = search(case, objective, constraints, limits, model, backend)
        wrong = [
            *_wrong_bound(outcome, optima, objective),
            *wrong_candidates(case, constraints, outcome, objective, model),
            *_wrong_best(case, outcome, optima, objective, model),
        ]
        found.append(Searched(objective, outcome, tuple(wrong)))
    return found


def wrong_candidates(
    case: RandomCase,
    constraints: LevelConstraints,
    outcome: SearchOutcome,
    objective: Objective,
    model: HierarchyModel = MODEL,
) -> Iterator[str]:
    """What is wrong with mappings that a search returned: faults, broken rules, not the best first, the same twice."""
    resolved, ranks = resolved_constraints(case.nest, case.machine, constraints), list[tuple[float, float]]()
    for mapping in outcome.candidates:
        yield from illegalities(case.nest, case.machine, mapping)
        cost = hierarchy_cost(case.nest, case.machine, mapping, model.counted)
        yield from (f"broken: {rule}" for rule in broken_level_rules(resolved, mapping))
        yield from (f"broken: {rule}" for rule in broken_word_limits(case.document, constraints, cost))
        if not all(cost.fits):
            yield "does not fit"
        ranks.append(OBJECTIVES[objective].rank_key(cost.energy_pj, cost.cycles))
    if len(set(outcome.candidates)) < len(outcome.candidates):
        yield "a candidate twice"
    if ranks and ranks[0][0] > min(value for value, _ in ranks) * (1 + CLOSE):
        yield f"the first is not the best: {ranks}"


def _wrong_bound(outcome: SearchOutcome, optima: Optima, objective: Objective) -> Iterator[str]:
    best = optima.ranks[objective][0]
    if outcome.bound is not None and outcome.bound > best * (1 + CLOSE / 1000):
        yield f"bound {outcome.bound!r} above the optimum {best!r}"
    if outcome.bound is None and math.isfinite(best):
        yield f"no bound, but an optimum {best!r}"


def _wrong_best(
    case: RandomCase, outcome: SearchOutcome, optima: Optima, objective: Objective, model: HierarchyModel
) -> Iterator[str]:
    best, tie = optima.ranks[objective]
    if not outcome.candidates:
        if math.isfinite(best) and outcome.exhausted:
            yield f"no mapping, but an optimum {best!r}"
        return
    cost = hierarchy_cost(case.nest, case.machine, outcome.candidates[0], model.counted)
    value, other = OBJECTIVES[objective].rank_key(cost.energy_pj, cost.cycles)
    if value < best * (1 - CLOSE):
        yield f"{value!r} is below the optimum {best!r}"
    if outcome.exhausted and value > best * (1 + CLOSE):
        yield f"{value!r} said to be proved, the optimum is {best!r}"
    settled = outcome.certificate is not None and outcome.certificate.ties_settled
    if settled and value <= best and other > tie * (1 + CLOSE):
        yield f"tie {other!r} said to be settled, {tie!r} is possible"


def right_searches(
    seeds: Sequence[int],
    number: int,
    traits: Traits,
    kinds: Sequence[str],
    searched: Callable[[RandomCase, LevelConstraints], list[Searched]],
    passed_over: tuple[type[Exception], ...] = (TooManyError,),
) -> list[Searched]:
    """The searches of the first few problems that are neither trivial nor large; each of them right, and a proof."""
    found: list[Searched] = []
    for seed in seeds:
        case = random_case(seed, 12, traits)
        constraints = random_constraints(Random(seed), case, kinds) if kinds else EXACT
        if case.nest.num_macs < 4 or len(case.machine.levels) < 2:
            continue
        try:
            searches = searched(case, constraints)
        except passed_over:
            continue
        for one in searches:
            told = f"{one.objective}: {described(case)} {constraints.model_dump_json(exclude_defaults=True)}"
            assert one.wrong == (), told
            assert one.proved or one.outcome.statistics["relaxed"] != "nothing", told
        found += searches
        if len(found) == number * len(OBJECTIVES):
            return found
    raise AssertionError("too few problems")
