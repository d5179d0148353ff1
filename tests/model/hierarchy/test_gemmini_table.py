from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.hierarchy.machine import Machine
from dmaze.model.reading.loading import resolve_architecture
from gemmini_rows import FOLDER, TABLE, GemminiRow, double_buffered, gemmini_rows

pytestmark = pytest.mark.skipif(not TABLE.exists(), reason=f"there is no {TABLE}")


@pytest.fixture(scope="module")
def machine() -> Machine:
    found = resolve_architecture("gemmini-rtl", Path())
    assert isinstance(found, Machine)
    return found


@pytest.fixture(scope="module")
def rows(machine: Machine) -> list[GemminiRow]:
    return gemmini_rows(machine)


def cycles(row: GemminiRow, machine: Machine, counted: str = "executed") -> int:
    model = MODEL.under(counted)  # pyright: ignore[reportArgumentType]
    return model.cost(row.nest, machine, model.mapping_of(row.nest, machine, row.mapping)).cycles


@pytest.mark.parametrize(("counted", "equal"), [("timeloop", 131), ("executed", 111)])
def test_the_published_cycles_are_those_of_an_accounting(rows: list[GemminiRow], counted: str, equal: int) -> None:
    assert len(rows) == 148
    assert sum(cycles(row, row.machine, counted) == row.published_cycles for row in rows) == equal


def test_weights_stay_in_the_array_wherever_the_nest_names_them(rows: list[GemminiRow]) -> None:
    for row in rows[::10]:
        inputs, weights, output = row.nest.tensors
        turned = replace(row, nest=replace(row.nest, tensors=(weights, inputs, output)))
        mapping = MODEL.mapping_of(turned.nest, turned.machine, turned.mapping)
        assert mapping.kept[5] == (True, False, False)
        assert cycles(turned, turned.machine) == cycles(row, row.machine)


def test_all_published_cycles_count_the_accumulators_first_fills(rows: list[GemminiRow]) -> None:
    """First visits of tiles fill accumulators, too, which at 2 words a cycle binds 17 rows."""
    timeloop = MODEL.under("timeloop")
    for row in rows:
        mapping = timeloop.mapping_of(row.nest, row.machine, row.mapping)
        cost, columns = timeloop.cost(row.nest, row.machine, mapping), math.prod(mapping.factors[2])
        moved = cost.accesses[3][row.nest.output]
        assert moved is not None
        first_fills = math.prod(row.nest.tensors[row.nest.output].shape)
        words = moved.fill + moved.serve + moved.update + first_fills
        assert max(cost.cycles, math.ceil(words / columns / 2)) == row.published_cycles


def test_every_row_fits_its_own_machine_and_40_fit_with_two_buffers(rows: list[GemminiRow]) -> None:
    def fits(row: GemminiRow, machine: Machine) -> bool:
        return all(MODEL.cost(row.nest, machine, MODEL.mapping_of(row.nest, machine, row.mapping)).fits)

    assert all(fits(row, row.machine) for row in rows)
    assert sum(fits(row, double_buffered(row.machine)) for row in rows) == 40


def test_the_row_that_is_given_in_full_costs_what_is_said(rows: list[GemminiRow]) -> None:
    expected = json.loads((FOLDER / "machine.json").read_text(encoding="utf-8"))["expect"]
    row = next(row for row in rows if row.rtl_cycles == expected["published"]["gemmini_cycle"])
    mapping = MODEL.mapping_of(row.nest, row.machine, row.mapping)
    assert MODEL.cost(row.nest, row.machine, mapping).roofline == expected["executed_roofline"]
    assert cycles(row, row.machine, "timeloop") == expected["timeloop_preset_cycles"] == row.published_cycles
    walked = MODEL.cost(row.nest, double_buffered(row.machine), mapping).walk_cycles
    assert walked == expected["walk_cycles_buffers_2"]
