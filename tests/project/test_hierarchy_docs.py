"""The pages on hierarchies say what is: their machines, fields, prices, counts and outputs."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar

import pytest
from builders import nest_of
from dmaze.cli.main import main
from dmaze.model.base import Model
from dmaze.model.dmazerunner.architecture import Architecture
from dmaze.model.evaluating import evaluate, load_request
from dmaze.model.execution.executing import execute
from dmaze.model.hierarchy.accountings import ACCOUNTINGS
from dmaze.model.hierarchy.exact.exact_cost import hierarchy_cost
from dmaze.model.hierarchy.hierarchy_cost import Access, Traffic
from dmaze.model.hierarchy.level_mapping import LevelMappingDocument, level_mapping
from dmaze.model.hierarchy.machine import DmaEngine, Fanout, Machine, StorageLevel, TileOverhead
from dmaze.model.hierarchy.resolved_machine import resolved_machine
from dmaze.model.reading.builtin_data import builtin_names, builtin_path
from dmaze.model.reading.loading import load_spec, resolve_architecture
from dmaze.solver import solve
from golden import Golden
from paths import ROOT

PAGE = ROOT / "docs" / "hierarchies.md"
DEFINITION = ROOT / "docs" / "hierarchy_model.md"
REQUESTS = sorted((ROOT / "specs" / "requests").glob("*.json"))
EYERISS = ROOT / "specs" / "requests" / "eyeriss-row-stationary.json"
OUTPUT = re.compile(
    r"(?<=^```sh\n)(?P<command>[^\n]*\n)(?P<between>```\n\n```text\n)(?P<printed>.*?)(?=^```)", re.M | re.S
)

CONVOLUTION = {"type": "conv2d", "name": "c", "batch": 1, "out_channels": 16, "in_channels": 16, "in_height": 6}
CONVOLUTION |= {"in_width": 6, "kernel_height": 3, "kernel_width": 3, "padding": 1}

Row = tuple[str, ...]
V = TypeVar("V")


def json_blocks(page: Path) -> list[Any]:
    found = re.findall(r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [json.loads(block) for block in found]


def rows_under(page: Path, header: str) -> list[Row]:
    """The rows of the table whose header begins so, as cells."""
    text = page.read_text(encoding="utf-8")
    start = text.index(f"\n| {header} |")
    table = text[start:].lstrip("\n").partition("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table]


def rows_of_section(page: Path, heading: str) -> list[Row]:
    """The rows of the first table of a section."""
    section = page.read_text(encoding="utf-8").partition(f"\n### {heading}\n")[2]
    table = section[section.index("\n|") :].strip("\n").partition("\n\n")[0].splitlines()[2:]
    return [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table]


def whole_machine() -> dict[str, Any]:
    return next(block for block in json_blocks(PAGE) if isinstance(block, dict) and len(block.get("nodes", ())) > 1)


def parts(block: Any) -> list[dict[str, Any]]:
    """The nodes that a block of JSON shows."""
    nodes: list[dict[str, Any]] = block if isinstance(block, list) else block.get("nodes", [block])
    return [node for node in nodes if "storage" in node or "fanout" in node]


def costs_of(machine: dict[str, Any], accounting: str = "executed") -> Row:
    """Energy, cycles and the walk's cycles of the page's mapping, as its tables write them."""
    request = load_request(EYERISS).model_copy(
        update={"architecture": Machine.model_validate(machine), "accounting": accounting}
    )
    cost: Any = evaluate(request).costs[0]
    walk = "" if cost.walk_cycles is None else f"{cost.walk_cycles:,}"
    return f"{cost.energy_pj / 1e6:,.1f}", f"{cost.cycles:,}", walk


def changed(label: str) -> dict[str, Any]:
    """The page's machine with the fields set that a row names: `NODE`: `field` value, `field` value."""
    machine = whole_machine()
    if label == "nothing":
        return machine
    name, fields = re.fullmatch(r"`(\w+)`: (.*)", label).groups()  # type: ignore[union-attr]
    node = next(node for node in machine["nodes"] if name in (node.get("storage"), node.get("fanout")))
    for field, value in re.findall(r"`(\w+)` ([\w.]+)", fields):
        node[field] = value if value.isalpha() and value not in ("true", "false") else json.loads(value)
    return machine


def test_the_machine_of_the_page_is_the_builtin_one_under_another_name() -> None:
    ours = Machine.model_validate(whole_machine())
    builtin = resolve_architecture("eyeriss-168", Path())
    assert ours.name == "my-eyeriss"
    assert isinstance(builtin, Machine)
    assert ours.model_copy(update={"name": builtin.name, "sources": builtin.sources}) == builtin


def test_the_steps_of_the_page_make_up_its_machine() -> None:
    blocks = json_blocks(PAGE)
    whole = blocks.index(whole_machine())
    assert [node for block in blocks[:whole] for node in parts(block)] == whole_machine()["nodes"]


def test_every_node_that_the_page_shows_is_one() -> None:
    shown = [nodes for block in json_blocks(PAGE) if (nodes := parts(block))]
    for nodes in shown:
        outer = [] if nodes[0].get("storage") == "DRAM" else [{"storage": "DRAM"}]
        clock = {"clock_mhz": 500} if any("dma" in node for node in nodes) else {}
        assert len(Machine.model_validate({"name": "shown", **clock, "nodes": [*outer, *nodes]}).nodes) > len(outer)
    assert len(shown) >= 10


def recipe(*first: str) -> dict[str, Any]:
    """The machine of the recipe whose nodes have these names, behind DRAM."""
    nodes = next(b for b in json_blocks(PAGE) if tuple(n.get("storage") or n.get("fanout") for n in parts(b)) == first)
    return {"name": "recipe", "nodes": [{"storage": "DRAM"}, *nodes]}


@pytest.mark.parametrize(("name", "first"), [("tpu-v1", "WFIFO"), ("simba-chiplet", "PE")])
def test_a_recipe_like_a_builtin_machine_is_a_part_of_it(name: str, first: str) -> None:
    builtin = resolve_architecture(name, Path())
    assert isinstance(builtin, Machine)
    names = [node.name for node in builtin.nodes]
    start = names.index(first)
    assert Machine.model_validate(recipe(*names[start:])).nodes[1:] == builtin.nodes[start:]


def run_of(machine: dict[str, Any], mapping: dict[str, Any]) -> dict[str, Access]:
    """What moves of the stationary tensor, level by level, in a convolution of 16 by 16 channels and 6 x 6 outputs."""
    nest = nest_of(CONVOLUTION)
    resolved = resolved_machine(Machine.model_validate(machine), nest)
    run = execute(nest, resolved, level_mapping(nest, resolved, LevelMappingDocument.model_validate(mapping)))
    assert run.is_sound
    return {resolved.nodes[n] + " " + nest.tensors[t].name: found for (n, t), found in run.cost.accesses.items()}


def test_a_weight_stationary_array_reads_every_weight_once() -> None:
    machine = recipe("BUF", "COL", "ROW", "WREG")
    tiling = {"M": {"COL": 16}, "C": {"ROW": 16}, **{dim: {"BUF": 3} for dim in ("Fx", "Fy")}, "Ox": {"BUF": 6}}
    moved = run_of(machine, {"tiling": {**tiling, "Oy": {"BUF": 6}}, "orders": {"BUF": ["Fx", "Fy", "Ox", "Oy"]}})
    assert moved["WREG W"].fill == moved["BUF W"].serve == 16 * 16 * 3 * 3


def test_an_output_stationary_array_sends_every_sum_up_once() -> None:
    tiling = {"M": {"X": 16}, "Oy": {"Y": 6}, "Ox": {"DRAM": 6}, "C": {"ACC": 16}, "Fx": {"ACC": 3}, "Fy": {"ACC": 3}}
    moved = run_of(recipe("X", "Y", "ACC"), {"tiling": tiling})
    assert (moved["ACC O"].fill, moved["ACC O"].drain, moved["DRAM O"].update) == (0, 16 * 6 * 6, 16 * 6 * 6)


@pytest.mark.parametrize("kind", [Machine, StorageLevel, Fanout, DmaEngine, TileOverhead])
def test_the_page_has_every_field_with_its_default(kind: type[Model]) -> None:
    defaults = {
        name: "required" if field.is_required() else "none" if field.default is None else json.dumps(field.default)
        for name, field in kind.model_fields.items()
    }
    rows = rows_of_section(PAGE, kind.__name__)
    assert {row[0].strip("`"): row[2].strip("`") for row in rows} == defaults
    assert all(len(row) == 4 and row[3] for row in rows)


def test_the_page_says_what_a_field_is_worth() -> None:
    rows = rows_under(PAGE, "changed")
    assert len(rows) >= 6
    for label, *figures in rows:
        assert (label, *costs_of(changed(label))) == (label, *figures)


def test_the_page_says_what_accountings_give() -> None:
    rows = rows_under(PAGE, "accounting")
    assert [row[0].strip("`") for row in rows] == list(ACCOUNTINGS)
    for label, *figures in rows:
        assert (label, *costs_of(whole_machine(), label.strip("`"))) == (label, *figures)


def test_the_page_tells_of_every_builtin_machine_and_of_no_other() -> None:
    assert sorted(row[0].strip("`") for row in rows_under(PAGE, "machine")) == sorted(builtin_names("architectures"))
    assert sum(isinstance(resolve_architecture(name, Path()), Architecture) for name in builtin_names("architectures"))


def test_the_page_says_what_its_mapping_holds_and_computes() -> None:
    cost: Any = evaluate(load_request(EYERISS), detail=True).costs[0]
    assert {
        level: list(held.values()) for level, held in cost.held.items() if level in ("IFMAP", "FILTER", "PSUM")
    } == {
        "IFMAP": [12],
        "FILTER": [192],
        "PSUM": [16],
    }
    page = PAGE.read_text(encoding="utf-8")
    assert "(192 words)" in page
    assert "(12 words), and 16 partial sums" in page
    assert f"Computing takes {cost.roofline['compute']:,} cycles" in page.replace("\n", " ")


def test_the_page_shows_the_mapping_of_its_request() -> None:
    mappings = [block for block in json_blocks(PAGE) if "tiling" in block]
    assert mappings == json.loads(EYERISS.read_text(encoding="utf-8"))["mappings"]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_every_request_is_costed(path: Path) -> None:
    request = load_request(path)
    assert len(evaluate(request).costs) == len(request.mappings) > 0


@pytest.mark.parametrize(("path", "commands"), [(PAGE, 6), (ROOT / "README.md", 1)], ids=["page", "README"])
def test_a_page_shows_what_its_commands_print(
    path: Path, commands: int, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "specs").symlink_to(ROOT / "specs", target_is_directory=True)
    (tmp_path / "my-eyeriss.json").write_text(json.dumps(whole_machine()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def printed(found: re.Match[str]) -> str:
        program, *arguments = shlex.split(found["command"])
        with contextlib.redirect_stdout(io.StringIO()) as output:
            assert program == "dmaze-solve"
            assert main(arguments) == 0, found["command"]
        return found["command"] + found["between"] + output.getvalue().rstrip("\n") + "\n"

    page, runs = OUTPUT.subn(printed, path.read_text(encoding="utf-8"))
    assert runs == commands
    golden.check(path, page)


def test_every_command_of_the_page_has_its_output_below() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(OUTPUT.findall(page)) == page.count("```sh\n")


def worked_counts() -> Iterator[tuple[dict[tuple[int, int], Access], dict[tuple[int, int], Traffic]]]:
    """The counts of the worked example by node and tensor: of the model, and of its execution."""
    request = load_request(ROOT / "specs" / "requests" / "worked-example.json")
    nest = request.layer.loop_nest()
    machine = resolved_machine(request.architecture, nest)
    mapping = level_mapping(nest, machine, request.mappings[0])
    cost = hierarchy_cost(nest, machine, mapping)
    yield present(cost.accesses), present(cost.networks)
    run = execute(nest, machine, mapping)
    assert run.is_sound
    yield dict(run.cost.accesses), dict(run.cost.networks)


def present(values: tuple[tuple[V | None, ...], ...]) -> dict[tuple[int, int], V]:
    """The values that are there, by node and tensor."""
    return {(n, t): value for n, row in enumerate(values) for t, value in enumerate(row) if value is not None}


def test_the_worked_example_is_the_request() -> None:
    request = json.loads((ROOT / "specs" / "requests" / "worked-example.json").read_text(encoding="utf-8"))
    assert json_blocks(DEFINITION) == [request]


def test_the_worked_example_counts_what_model_and_execution_count() -> None:
    for accesses, networks in worked_counts():
        levels = [
            (("DRAM", "GLB", "X", "RF")[node], "ABC"[tensor], *map(str, astuple(found)))
            for (node, tensor), found in sorted(accesses.items())
        ]
        assert rows_under(DEFINITION, "level") == levels
        fanout = [("X", "ABC"[tensor], *map(str, astuple(found))) for (_, tensor), found in sorted(networks.items())]
        assert rows_under(DEFINITION, "fanout") == fanout


@pytest.mark.parametrize(("halo", "filled", "served"), [(False, 18, 24), (True, 13, 19)])
def test_the_halo_of_the_worked_example(halo: bool, filled: int, served: int) -> None:
    request = load_request(ROOT / "specs" / "requests" / "halo.json")
    dram, fanout, registers = request.architecture.nodes
    nodes = (dram, fanout, registers.model_copy(update={"halo": halo}))
    nest = request.layer.loop_nest()
    machine = resolved_machine(request.architecture.model_copy(update={"nodes": nodes}), nest)
    cost = hierarchy_cost(nest, machine, level_mapping(nest, machine, request.mappings[0]))
    outer, inner = cost.accesses[0][0], cost.accesses[2][0]
    assert outer is not None
    assert inner is not None
    assert (inner.fill, outer.serve) == (2 * filled, served)


def test_the_optimum_that_the_readme_names_is_the_proved_one() -> None:
    layer = solve(load_spec(builtin_path("examples", "alexnet-conv3-eyeriss"))).layers[0]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    stationary = evaluate(load_request(EYERISS)).costs[0].edp
    assert layer.status == "optimal"
    assert layer.objective_value is not None
    assert f"proves an EDP of {layer.objective_value:.6e} for the layer above" in text.replace("\n", " ")
    assert f"{100 * (1 - layer.objective_value / stationary):.1f} % less than row" in text.replace("\n", " ")
