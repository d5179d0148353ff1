"""The readable report of ``gap``: optimum, proofs and pruned search of every layer, then the means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console

from ....model.documents.study_results import FullEnumeration, GapStudy, GivenMapping, LayerGap, StudySearch
from ....model.faults import escaped
from ....model.hierarchy.machine import Machine
from ....model.objectives import OBJECTIVES, Objective
from ....solver.studies.agreement import finished, whole_searches
from ...tables import DOUBTFUL, Column, name_text, print_line, print_tables
from ..result_report import PROVED, energy_text, gap_text, share_text
from .study_report import open_ends, published_line, study_heading


def print_gap(console: Console, study: GapStudy) -> None:
    """Print a table of all layers, one of the mappings that were given, then the means and what is left open."""
    print_line(console, _heading(study))
    print_line(console)
    print_tables(console, study.layers, _layer_column(), _columns(study))
    if study.mappings:
        print_line(console, "\nThe given mappings:\n")
        print_tables(console, study.mappings, _mapping_column(), _mapping_columns(study))
    print_line(console)
    for line in (*_means(study), *_open_ends(study)):
        print_line(console, line)


def _heading(study: GapStudy) -> str:
    what = "what the search finds" if _on_hierarchy(study) else "what the pruned search of dMazeRunner loses"
    return study_heading(study.name, what, study.objective, study.architecture.name, interrupted=study.interrupted)


def _on_hierarchy(study: GapStudy) -> bool:
    """Whether the study is of a hierarchy, which the pruned search is not for."""
    return isinstance(study.architecture, Machine)


def _layer_column() -> Column[LayerGap]:
    return Column("layer", lambda layer: name_text(layer.name), left=True)


def _columns(study: GapStudy) -> tuple[Column[LayerGap], ...]:
    value = partial(_value, study.objective)
    count = Column[LayerGap]("count", lambda layer: str(layer.count), priority=4)
    pruned = (
        Column[LayerGap]("pruned best", lambda layer: _said(_pruned(layer), value), priority=1),
        Column[LayerGap](
            "loss", lambda layer: _loss(layer.pruned.loss) if layer.pruned is not None else None, priority=0
        ),
        Column[LayerGap]("methods", lambda layer: _said(_pruned(layer), _tilings)),
        Column[LayerGap](
            "of tilings", lambda layer: None if layer.space_tilings is None else f"{layer.space_tilings:,}"
        ),
        Column[LayerGap]("pruned s", lambda layer: _seconds(layer, _pruned(layer)), priority=5),
    )
    return (
        *([count] if any(layer.count > 1 for layer in study.layers) else []),
        Column("best found", lambda layer: _said(layer.solver, value), priority=0),
        Column("gap", lambda layer: _said(layer.solver, _gap), priority=0, style=_gap_style),
        Column("solver s", lambda layer: _seconds(layer, layer.solver), priority=4),
        Column("bounded s", lambda layer: _seconds(layer, layer.bounded), optional=True, priority=5),
        Column("costed", lambda layer: _said(layer.bounded, _tilings), optional=True, priority=5),
        *(() if _on_hierarchy(study) else pruned),
        Column("full enumeration", lambda layer: _full(layer.full), left=True, optional=True, priority=3),
        Column("proofs", _proofs, left=True, priority=1, style=lambda layer: "red" if layer.disagreements else None),
    )


def _said(search: StudySearch | None, text: Callable[[StudySearch], str | None]) -> str | None:
    """A cell about a search; empty where it is missing."""
    return None if search is None else text(search)


def _pruned(layer: LayerGap) -> StudySearch | None:
    return layer.pruned.search if layer.pruned is not None else None


def _value(objective: Objective, search: StudySearch) -> str:
    value = search.objective_value
    return search.status if value is None else OBJECTIVES[objective].value_text(value)


def _gap(search: StudySearch) -> str | None:
    return None if search.gap is None else gap_text(search.gap)


def _gap_style(layer: LayerGap) -> str | None:
    gap = None if layer.solver is None else layer.solver.gap
    return DOUBTFUL if gap is not None and gap > PROVED else None


def _tilings(search: StudySearch) -> str | None:
    return None if search.tilings_costed is None else f"{search.tilings_costed:,}"


def _seconds(layer: LayerGap, search: StudySearch | None) -> str | None:
    return None if layer.same_as is not None else _said(search, lambda found: f"{found.seconds:.1f}")


def _loss(loss: float | None) -> str | None:
    return None if loss is None else share_text(loss)


def _full(full: FullEnumeration | None) -> str | None:
    """How long it took, or would have taken."""
    if full is None or full.search is None:
        return None
    seconds = full.search.seconds
    if full.outcome != "abandoned":
        return f"{seconds:.1f} s" if full.outcome == "finished" else full.outcome
    if not full.done or full.projected_s is None:
        return f"over {seconds:.1f} s"
    return f"~{duration_text(full.projected_s)} ({full.done:.1%} done)"


def duration_text(seconds: float) -> str:
    """A rough duration in a unit that fits.

    Example:
        >>> duration_text(5400)
        '1.5 h'
    """
    units = (("d", 86400), ("h", 3600), ("min", 60))
    return next((f"{seconds / size:.1f} {unit}" for unit, size in units if seconds >= size), f"{seconds:.0f} s")


def _proofs(layer: LayerGap) -> str:
    if layer.same_as is not None:
        return f"= {name_text(layer.same_as)}"
    if layer.disagreements:
        return "DISAGREE"
    number = sum(finished(search) for search in whole_searches(layer))
    return f"{number} agree" if layer.agree else str(number)


def _mapping_column() -> Column[GivenMapping]:
    return Column("layer", lambda mapping: name_text(mapping.layer), left=True)


def _mapping_columns(study: GapStudy) -> tuple[Column[GivenMapping], ...]:
    return (
        Column("value", lambda mapping: OBJECTIVES[study.objective].value_text(mapping.objective_value), priority=1),
        Column("loss", lambda mapping: _loss(mapping.loss), priority=0),
        Column("energy pJ", lambda mapping: energy_text(mapping.cost.energy_pj)),
        Column("cycles", lambda mapping: f"{mapping.cost.cycles:,}"),
        Column("orders", lambda mapping: "given" if mapping.orders_given else "best", left=True),
        Column("breaks", lambda mapping: ", ".join(mapping.broken_rules) or "nothing", left=True, priority=1),
    )


def _means(study: GapStudy) -> Iterator[str]:
    if _on_hierarchy(study):
        return
    published = study.published
    if study.mean_loss is None:
        yield "mean loss: none, since no layer has both a proved optimum and a pruned search that ended"
    else:
        over = f"arithmetic mean, distinct layers: {study.mean_loss_layers}"
        yield f"mean loss of the pruned search: {study.mean_loss:.2%} ({over})"
    if study.mean_search_reduction is not None:
        over = f"arithmetic mean, distinct layers: {study.mean_search_reduction_layers}"
        yield f"methods that it looks at: {study.mean_search_reduction:,.0f} times fewer than there are ({over})"
    lost, saved = f"{published.mean_loss:.2%} mean loss in EDP", f"{published.search_reduction:,.0f} times less search"
    yield published_line(f"{lost}, {saved}", published.source)


def _open_ends(study: GapStudy) -> Iterator[str]:
    """What went wrong or was left out, layer by layer."""
    for layer in study.layers:
        if layer.same_as is None:
            name = name_text(layer.name)
            yield from (f"{name}: DISAGREEMENT: {escaped(line)}" for line in layer.disagreements)
            yield from open_ends(
                (
                    (name, layer.solver),
                    (f"{name}: enumeration with bounds", layer.bounded),
                    (f"{name}: pruned search", _pruned(layer)),
                )
            )
