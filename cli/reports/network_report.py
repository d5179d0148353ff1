"""The readable report on a network's own optimum: what is chosen for every layer, and what that gains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console

from ...model.documents.networks.network_result import ChosenMapping, NetworkGoal, NetworkResult, NetworkTotals
from ...model.documents.pareto import LayerFront
from ...model.faults import escaped
from ...model.objectives import OBJECTIVES
from ..tables import Column, name_text, print_line, print_tables
from .result_report import edp_text, energy_text, gap_text, share_text


@dataclass(frozen=True)
class _Row:
    """What some occurrences of a layer take, of which front."""

    front: LayerFront
    chosen: ChosenMapping


@dataclass(frozen=True)
class _Total:
    """A way to choose mappings, and what the network costs with it."""

    title: str
    total: NetworkTotals
    gain: float | None = None
    within_limits: bool = True


def print_network(result: NetworkResult, console: Console) -> None:
    """Print what was asked and proved, the choice for every distinct layer, and the network's totals beside others."""
    title = f"{name_text(result.name)}: " if result.name is not None else ""
    ended = " (interrupted)" if result.interrupted else ""
    on = f"{goal_text(result.goal)} on {name_text(result.architecture.name)}{ended}"
    print_line(console, f"{title}{on}: {_status_text(result)}")
    if result.note is not None:
        print_line(console, escaped(result.note))
    if result.total is None:
        return
    print_line(console)
    print_tables(console, list(_rows(result)), _layer_column(), _columns())
    print_line(console)
    print_tables(console, list(_totals(result, result.total)), _total_column(), _total_columns(result.goal))
    if result.pj_per_cycle is not None:
        line = f"a cycle is worth {result.pj_per_cycle:,.2f} pJ to every layer at this optimum"
        print_line(console, f"\n{line}")


def goal_text(goal: NetworkGoal) -> str:
    """What is minimised of a network, and within what."""
    limits = [f" within {goal.max_cycles:,} cycles"] if goal.max_cycles is not None else []
    limits += [f" within {energy_text(goal.max_energy_pj)} pJ"] if goal.max_energy_pj is not None else []
    return f"least {OBJECTIVES[goal.objective].title} of the network{''.join(limits)}"


def _status_text(result: NetworkResult) -> str:
    rule = OBJECTIVES[result.goal.objective]
    if result.objective_value is None:
        return result.status
    value = f"{rule.value_text(result.objective_value)} {rule.unit}, {result.status}"
    return value if result.gap is None else f"{value}, gap {gap_text(result.gap)}"


def _rows(result: NetworkResult) -> Iterator[_Row]:
    """The choices of distinct layers; of copies where they take something else."""
    shown: set[tuple[str, tuple[int, ...]]] = set()
    for layer, front in zip(result.layers, result.fronts, strict=True):
        key = (layer.same_as or layer.name, tuple(chosen.point for chosen in layer.choices))
        if key not in shown:
            shown.add(key)
            yield from (_Row(front, chosen) for chosen in layer.choices)


def _layer_column() -> Column[_Row]:
    return Column("layer", lambda row: name_text(row.front.name), left=True, priority=0)


def _columns() -> list[Column[_Row]]:
    return [
        Column(
            "of", lambda row: f"{row.chosen.occurrences} of {row.front.count}" if _is_part(row) else None, optional=True
        ),
        Column("point", lambda row: f"{row.chosen.point} of {len(row.front.points)}"),
        Column("energy pJ", lambda row: energy_text(row.chosen.cost.energy_pj)),
        Column("cycles", lambda row: f"{row.chosen.cost.cycles:,}"),
        Column("front", lambda row: "complete" if row.front.complete else "not proved", left=True),
    ]


def _is_part(row: _Row) -> bool:
    return row.chosen.occurrences < row.front.count


def _totals(result: NetworkResult, total: NetworkTotals) -> Iterator[_Total]:
    """The network's optimum, then every layer optimal by itself: how much less the objective is than there."""
    rule = OBJECTIVES[result.goal.objective]
    yield _Total("this choice", total)
    for other in result.layer_by_layer:
        value, best = (float(rule.of_cost(one.energy_pj, one.cycles)) for one in (other, total))
        gain = (value - best) / value if value and other.within_limits else None
        yield _Total(f"least {OBJECTIVES[other.objective].title} of each layer", other, gain, other.within_limits)


def _total_column() -> Column[_Total]:
    return Column("network with", lambda row: row.title, left=True, priority=0)


def _total_columns(goal: NetworkGoal) -> list[Column[_Total]]:
    limit = "within the limit" if goal.max_cycles is not None or goal.max_energy_pj is not None else None
    gain = f"{OBJECTIVES[goal.objective].title} gained"
    return [
        Column("energy pJ", lambda row: energy_text(row.total.energy_pj)),
        Column("cycles", lambda row: f"{row.total.cycles:,}"),
        Column("EDP pJ*cycles", lambda row: edp_text(row.total.edp)),
        Column(gain, lambda row: None if row.gain is None else share_text(row.gain), optional=True),
        *([Column(limit, _yes_or_no, left=True)] if limit is not None else []),
    ]


def _yes_or_no(row: _Total) -> str:
    return "yes" if row.within_limits else "no"
