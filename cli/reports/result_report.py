"""The readable report of a result: one row per layer, energy by part, totals, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from ...model.dmazerunner.cost_document import Cost
from ...model.documents.kinds.achievable_value import AchievableValue
from ...model.documents.kinds.any_mappings import AnyCost
from ...model.documents.result import LayerResult, NetworkShare, Number, Result
from ...model.documents.spec import SolverOptions
from ...model.faults import escaped
from ...model.hierarchy.machine import Machine
from ...model.objectives import OBJECTIVES
from ..solved_layers import best_listings, energy_by_part, parts_with_energy, parts_with_sizes, utilization_by_part
from ..tables import DOUBTFUL, Column, name_text, print_line, print_tables, status_style, title_text
from .import_report import import_lines

PJ_PER_UJ = 1e6
PROVED = SolverOptions().relative_gap
"""Relative gap that counts as proved unless a spec asks for another one; bounds that are rounded down leave less."""


def print_report(console: Console, result: Result, *, loops: bool) -> None:
    """Print a result; ``loops`` adds the best mapping of every distinct layer as a tiled loop nest."""
    print_line(console, _heading(result))
    print_line(console)
    print_tables(console, result.layers, name_column(), status_columns(result))
    solved = [layer for layer in result.layers if layer.solutions and layer.same_as is None]
    if solved:
        print_line(console, f"\n{energy_heading(result)}:\n")
        print_tables(console, solved, name_column(), energy_columns(result))
        print_line(console, f"\n{TIME_HEADING} (dmaze-solve explain RESULT LAYER says why):\n")
        print_tables(console, solved, name_column(), time_columns(result))
    print_line(console, "\n" + total_line(result))
    for line in (*cache_lines(result), *import_lines(result)):
        print_line(console, line)
    for layer in result.layers:
        for line in trouble_lines(layer):
            print_line(console, line)
    if loops:
        for name, lines in best_listings(result):
            _print_loops(console, name, lines)


def _heading(result: Result) -> str:
    title = f"{title_text(result.name)}: " if result.name is not None else ""
    return title + subject(result)


def subject(result: Result) -> str:
    """What was looked for, where, and who claims the bounds."""
    ended = " (interrupted)" if result.interrupted else ""
    where = title_text(result.architecture.name)
    return f"least {result.objective} on {where}, bounds as claimed by back end {result.backend}{ended}"


def name_column() -> Column[LayerResult]:
    """The first column of every table of layers."""
    return Column("layer", lambda layer: name_text(layer.name), left=True)


def _of_best(text: Callable[[AnyCost], str | None]) -> Callable[[LayerResult], str | None]:
    """A cell about the best mapping; empty where a layer has none."""
    return lambda layer: text(layer.solutions[0].cost) if layer.solutions else None


def status_columns(result: Result) -> tuple[Column[LayerResult], ...]:
    """What was found for a layer, what it costs, and how good it provably is."""
    objective = result.objective
    bound_text = OBJECTIVES[objective].bound_text
    importance = {metric: 0 if metric == objective else 1 for metric in OBJECTIVES}
    return (
        Column("count", lambda layer: str(layer.count), priority=4),
        Column("status", lambda layer: layer.status, left=True, priority=0, style=lambda row: status_style(row.status)),
        Column("gap", lambda layer: None if layer.gap is None else gap_text(layer.gap), priority=0, style=_gap_style),
        Column("energy pJ", _of_best(lambda cost: energy_text(cost.energy_pj)), priority=importance["energy"]),
        Column("cycles", _of_best(lambda cost: f"{cost.cycles:,}"), priority=importance["latency"]),
        Column("EDP pJ*cycles", _of_best(lambda cost: edp_text(cost.edp)), priority=importance["edp"]),
        Column(f"{objective} bound", lambda row: None if row.bound is None else bound_text(row.bound), priority=5),
        *(Column(name_text(part), _of_best(_utilization_of(part)), priority=3) for part in parts_with_sizes(result)),
        Column("evaluated", lambda row: None if row.evaluated is None else f"{row.evaluated:,}", optional=True),
        Column("pruned by bound", _pruned_by_bound, optional=True, priority=5),
        Column("proved by", _proved_by, left=True, optional=True, priority=5),
        Column("s", _seconds, priority=4),
        Column("note", _note, left=True, optional=True),
    )


def _gap_style(layer: LayerResult) -> str | None:
    return DOUBTFUL if layer.gap is not None and layer.gap > PROVED else None


def _utilization_of(part: str) -> Callable[[AnyCost], str | None]:
    def cell(cost: AnyCost) -> str | None:
        share = utilization_by_part(cost).get(part)
        return None if share is None else f"{share:.1%}"

    return cell


def energy_text(energy_pj: Number) -> str:
    """An energy in pJ, counts in full and sums of prices to a hundredth."""
    return f"{energy_pj:,}" if isinstance(energy_pj, int) else f"{energy_pj:,.2f}"


def energy_heading(result: Result) -> str:
    """What the table of energies shows."""
    shares = "" if isinstance(result.architecture, Machine) else ", and how much of moving data each tensor causes"
    return f"Energy of the best mappings{shares}"


def energy_columns(result: Result) -> tuple[Column[LayerResult], ...]:
    """The energy of a layer's best mapping, by part and by tensor; the layer must have one."""
    return (
        Column("energy uJ", _of_best(lambda cost: _uj(cost.energy_pj)), priority=0),
        *(
            Column(name_text(part), _of_best(_energy_of(part)), priority=1 if taken else 4)
            for part, taken in parts_with_energy(result).items()
        ),
        Column("moving data", _of_best(_tensor_shares), left=True, optional=True),
    )


TIME_HEADING = "What bounds the best mappings, and their part of the network with all copies"


def time_columns(result: Result) -> tuple[Column[LayerResult], ...]:
    """What decides the time of a layer's best mapping, and what part of the network it is; the layer must have one."""
    return (
        bound_by_column(),
        Column("cycles", _of_best(lambda cost: f"{cost.cycles:,}"), priority=1),
        Column("ideal cycles", _of_best(_ideal_cycles), priority=3),
        Column("times ideal", _of_best(_times_ideal), priority=1),
        Column("next term", _of_best(_next_term), left=True, optional=True),
        Column("of energy", lambda layer: _share(result, layer, lambda share: share.energy)),
        Column("of cycles", lambda layer: _share(result, layer, lambda share: share.cycles)),
    )


def bound_by_column() -> Column[LayerResult]:
    """The term that decides the time of a layer's best mapping."""
    return Column("bound by", _of_best(lambda cost: cost.bound_by and name_text(cost.bound_by)), left=True, priority=0)


def _ideal_cycles(cost: AnyCost) -> str | None:
    return f"{cost.ideal_cycles:,}" if cost.ideal_cycles else None


def _times_ideal(cost: AnyCost) -> str | None:
    """How often the cycles of a machine that is busy all the time a mapping takes."""
    return f"{cost.cycles / cost.ideal_cycles:.2f}" if cost.ideal_cycles else None


def _next_term(cost: AnyCost) -> str | None:
    """The largest term of the roofline but the one that decides, as a share of the cycles; none where all are 0."""
    others = {term: cycles for term, cycles in cost.roofline.items() if term != cost.bound_by and cycles}
    if not others:
        return None
    term = max(others, key=others.__getitem__)
    return f"{name_text(term)} {others[term] / cost.cycles:.0%}"


def _share(result: Result, layer: LayerResult, of: Callable[[NetworkShare], float]) -> str | None:
    """A distinct layer's part of the network, copies included."""
    own = [other.share for other in result.layers if layer.name in (other.name, other.same_as)]
    known = [of(share) for share in own if share is not None]
    return f"{sum(known):.1%}" if known else None


def _energy_of(part: str) -> Callable[[AnyCost], str]:
    return lambda cost: _uj(energy_by_part(cost)[part])


def _tensor_shares(cost: AnyCost) -> str | None:
    """Every tensor's share of the energy that goes into moving data (and adding partial sums), where it is known."""
    if not isinstance(cost, Cost):
        return None
    moved = {name: part.noc + part.spm + part.dram + part.reduction for name, part in cost.tensor_energy_pj.items()}
    whole = sum(moved.values())
    return " ".join(f"{name_text(name)} {energy / whole if whole else 0:.0%}" for name, energy in moved.items())


def _uj(energy_pj: float) -> str:
    return f"{energy_pj / PJ_PER_UJ:,.3f}"


def edp_text(edp: float) -> str:
    """An EDP in pJ * cycles, to seven digits."""
    return OBJECTIVES["edp"].value_text(edp)


def gap_text(gap: float) -> str:
    """A relative gap in per cent: nothing where it counts as proved without being asked, else not rounded to nothing.

    Example:
        >>> gap_text(1e-12), gap_text(2e-5), gap_text(0.03)
        ('0.00%', '<0.01%', '3.00%')
    """
    return share_text(0.0 if gap <= PROVED else gap)


def share_text(share: float) -> str:
    """A share in per cent; the smallest ones are not rounded to nothing."""
    return "<0.01%" if 0 < share < 1e-4 else f"{share:.2%}"


def _pruned_by_bound(layer: LayerResult) -> str | None:
    """Tilings that a lower bound excluded; nothing where no bound was used."""
    return f"{layer.pruned_by_bound:,}" if layer.pruned_by_bound else None


def _proved_by(layer: LayerResult) -> str | None:
    """Who proved the layer's optimum, where the back end says so; or the identical layer that was solved."""
    if layer.same_as is not None:
        return f"= {name_text(layer.same_as)}"
    prover = layer.statistics.get("proved_by")
    return str(prover) if prover is not None else None


def _seconds(layer: LayerResult) -> str | None:
    """What the work on a layer took in this run, if there was any."""
    if layer.same_as is not None:
        return None
    return "cached" if layer.cached else f"{layer.wall_s:.1f}"


def _note(layer: LayerResult) -> str | None:
    notes = [
        "fault" if layer.fault is not None else "",
        layer.note or "",
        _thresholds(layer),
    ]
    return ", ".join(note for note in notes if note) or None


def _thresholds(layer: LayerResult) -> str:
    """The thresholds that a preset ended with."""
    if layer.thresholds is None:
        return ""
    return f"PE >= {layer.thresholds.pe:.1f}, RF >= {layer.thresholds.rf:.1f}, SPM >= {layer.thresholds.spm:.1f}"


def total_line(result: Result) -> str:
    """The sums over all layers with their counts."""
    total = result.total
    if total.energy_pj is None or total.cycles is None or total.edp is None or total.edp_sum is None:
        return "total: none, since some layer has no mapping"
    energy = f"energy {energy_text(total.energy_pj)} pJ, {total.cycles:,} cycles"
    return f"total with counts: {energy}, EDP {edp_text(total.edp)}, sum of EDPs {edp_text(total.edp_sum)} pJ*cycles"


def cache_lines(result: Result) -> Iterator[str]:
    """How many layers come from the cache, and how many searches went on from what it had; nothing without any."""
    distinct = [layer for layer in result.layers if layer.same_as is None]
    cached = [layer for layer in distinct if layer.cached]
    origins = [layer.cached_from for layer in cached if layer.cached_from is not None]
    if cached:
        days = sorted({origin.found.partition("T")[0] for origin in origins})
        when = f", found {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else ""
        by = f" by version {origins[0].version}" if origins else ""
        yield f"from the cache: {len(cached)} of {len(distinct)} distinct layers{when}{by}; --no-cache searches anew"
    continued = sum(not layer.cached and layer.cached_from is not None for layer in distinct)
    if continued:
        yield f"searched further from what the cache has: {continued} of {len(distinct)} distinct layers"


def trouble_lines(layer: LayerResult) -> Iterator[str]:
    """What went wrong with a layer, if anything did; nothing for a copy."""
    if layer.same_as is not None:
        return
    name = name_text(layer.name)
    if layer.status == "infeasible":
        clash = "no mapping keeps" if len(layer.conflicts) == 1 else "these cannot hold together"
        yield f"\n{name} is infeasible; {clash}:"
        for conflict in layer.conflicts or ("(not narrowed down)",):
            yield f"  - {conflict}{_achievable(conflict, layer.achievable.get(conflict))}"
    if layer.fault is not None:
        yield f"\n{name}: fault: {layer.fault}"


def _achievable(limit: str, found: AchievableValue | None) -> str:
    """What can be had of what a limit is for, after its name: a value if it is proved, else between which ones."""
    if found is None:
        return ""
    what, side = ("greatest", "at most") if limit.startswith("min_") else ("least", "at least")
    bound, value = (None if number is None else f"{number:,}" for number in (found.bound, found.value))
    if found.proved:
        return f": the {what} that the other rules leave is {value}"
    return f": {side} {bound} can be had" + (f", and {value} was found" if value is not None else "")


def _print_loops(console: Console, name: str, lines: Sequence[str]) -> None:
    explained = "a move serves the loops below it; loops with one iteration are left out"
    print_line(console, f"\n{name_text(name)}, best mapping ({explained}):")
    for line in lines:
        print_line(console, escaped(line))
