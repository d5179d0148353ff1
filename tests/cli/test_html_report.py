"""``--report`` and ``--pictures``: all of a result in one page that needs nothing else, whatever the result."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import pytest
from builders import Specs, Write, gemm
from commands import interrupted
from dmaze.cli.main import main
from dmaze.cli.pages.markup import element, image, text
from dmaze.cli.pages.result_page import html_document, page
from dmaze.cli.pictures import album as album_module
from dmaze.cli.pictures.album import Picture, ScatterOptions, album
from dmaze.cli.trace_file import SearchTrace, TracePoint
from dmaze.model import Result, Spec, load_spec
from dmaze.model.documents.imported_network import ImportedNetwork
from dmaze.model.documents.result import PaddedBound
from dmaze.model.reading.builtin_data import builtin_path
from dmaze.solver import solve
from dmaze.solver.deadline import Deadline

GEMM, OTHER, INFEASIBLE = gemm(3, 4, 4), gemm(5, 6, 8, name="h", count=3), gemm(31, 31, 37, name="no")
MOVES_LITTLE = {"max_dram_bytes": 3000}
"""More than ``g`` and ``h`` need; the 3,255 elements of ``no`` take 2 bytes each."""

VOID = {"meta", "img"}
spec_of = Specs(name="test spec")
Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return spec_of.writer(tmp_path)


class Parsed(HTMLParser):
    """A page taken apart: its elements with their attributes, its text, and whether every element is closed."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.setdefault(self.open[-1] if self.open else "", []).append(data)

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    @property
    def pictures(self) -> list[str]:
        """The SVG documents of all images."""
        sources = [attributes["src"] or "" for tag, attributes in self.elements if tag == "img"]
        prefix = "data:image/svg+xml;base64,"
        assert all(source.startswith(prefix) for source in sources)
        return [base64.b64decode(source.removeprefix(prefix)).decode() for source in sources]


def reported(path: Path) -> Parsed:
    parsed = Parsed(path.read_text(encoding="utf-8"))
    assert parsed.open == []
    return parsed


def test_the_report_has_everything_that_the_result_has(write: Write, tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "r.html"
    spec = write(GEMM, {**GEMM, "name": "again"}, OTHER)
    assert main([spec, "--json", "--out", str(tmp_path / "result.json"), "--report", str(target)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    result = Result.model_validate_json(out)
    assert out == (tmp_path / "result.json").read_text()
    parsed = reported(target)
    cells = parsed.words["td"] + parsed.words["div"]
    for layer in result.layers:
        cost = layer.solutions[0].cost
        assert {layer.name, layer.status, f"{cost.energy_pj:,}", f"{cost.cycles:,}"} <= set(cells)
    assert parsed.words["h1"] == ["test spec"]
    assert any("least edp on dmazerunner-256pe" in words for words in parsed.words["p"])
    assert any(f"energy {result.total.energy_pj:,} pJ" in words for words in parsed.words["p"])
    summaries = parsed.words["summary"]
    exact = f"{int(result.layers[0].bound or 0):,}"
    proved = f"g is optimal: the best mapping found has EDP {exact}; no mapping allowed has less"
    assert proved in summaries
    assert not any(words.startswith("again") for words in summaries)
    assert sum("# DRAM, SPM passes:" in words for words in parsed.words["pre"]) == 2
    assert f"dmaze-solve {version('dmaze-solve')}" in parsed.words["li"]
    energy, cycles, scatter, trace = parsed.pictures
    assert ">h ×3</text>" in energy
    assert ">h ×3</text>" in cycles
    assert "least EDP found" in scatter
    assert "lower bound" in trace


def test_the_report_has_what_bounds_a_layer_and_explains_its_headings() -> None:
    spec = spec_of(GEMM, OTHER)
    result = solve(spec)
    parsed = Parsed(page(result, spec, ()))
    headings = [attributes.get("title") for tag, attributes in parsed.elements if tag == "th"]
    names = parsed.words["th"]
    assert len(headings) == len(names)
    explained = {name: title for name, title in zip(names, headings, strict=True) if title is not None}
    assert [name for name, title in zip(names, headings, strict=True) if title is None] == ["layer"] * 3
    assert {f"{name}: {title}" for name, title in explained.items()} <= set(parsed.words["li"])
    for layer in result.layers:
        cost = layer.solutions[0].cost
        assert parsed.words["td"].count(f"{cost.ideal_cycles:,}") >= 1
        assert {cost.bound_by, f"{cost.cycles / (cost.ideal_cycles or 0):.2f}"} <= set(parsed.words["td"])
    assert names.count("bound by") == 2


def test_the_page_follows_the_colours_of_the_system() -> None:
    (style,) = Parsed(html_document("title", ())).words["style"]
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    assert "color-scheme: light dark" in light
    defined = re.findall(r"--\w+", light)
    assert defined == re.findall(r"--\w+", dark.partition("}")[0])
    assert "filter: invert" in dark  # pictures are drawn on white
    rest = dark.partition("\n}")[2]
    assert set(re.findall(r"var\((--\w+)\)", rest)) == set(defined)
    assert not re.search(r"#[0-9a-f]{3}", rest)


def test_the_spec_in_the_report_can_be_searched_again(tmp_path: Path) -> None:
    spec = load_spec(builtin_path("examples", "resnet18"))
    shorter = spec.model_copy(update={"objective": "energy"})
    source = page(solve(spec_of(OTHER)), shorter, ())
    (details,) = re.findall(r"<summary>The spec, as it was searched</summary><pre [^>]*>(.*?)</pre>", source, re.DOTALL)
    path = tmp_path / "again.json"
    path.write_text(html.unescape(details))
    assert load_spec(path) == shorter


def test_the_page_needs_nothing_from_elsewhere(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    assert main([write(GEMM), "--report", str(target)]) == 0
    parsed = reported(target)
    assert parsed.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    for _, attributes in parsed.elements:
        for name in {"src", "href", "srcset", "style"} & attributes.keys():
            assert name == "src"
            assert (attributes[name] or "").startswith("data:")
    assert not re.search(r"url\(|@import|https?:", target.read_text())
    for picture in parsed.pictures:
        links = re.findall(r'(?:href|src)="([^"]*)"', picture)
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in parsed.elements
    assert ("meta", {"charset": "utf-8"}) in parsed.elements


def test_names_are_text_wherever_they_stand(write: Write, tmp_path: Path, capsys: Output) -> None:
    target = tmp_path / "r.html"
    evil, quote = "<script>alert(1)</script>", "\"><img src=x onerror='a'>&amp;"
    spec = write({**GEMM, "name": evil}, {**OTHER, "name": quote}, name=evil)
    assert main([spec, "--report", str(target), "--scatter", quote]) == 0
    assert capsys.readouterr().err == ""
    parsed = reported(target)
    assert "script" not in parsed.tags
    assert not any("onerror" in attributes for _, attributes in parsed.elements)
    assert parsed.words["h1"] == parsed.words["title"] == [evil]
    assert {evil, quote} <= set(parsed.words["div"])
    assert len(parsed.pictures) == 4
    assert not any("<script" in picture for picture in parsed.pictures)


def test_markup_escapes_text_and_attributes() -> None:
    assert element("p", text("1 < 2 & 3"), title='"x"') == '<p title="&quot;x&quot;">1 &lt; 2 &amp; 3</p>'
    assert image(b"<svg/>", 'a "b"').endswith('" alt="a &quot;b&quot;">')


def test_the_same_result_gives_the_same_page() -> None:
    points: list[TracePoint] = []
    spec = spec_of(GEMM, OTHER)
    result = solve(spec, SearchTrace(points.append))
    pages = {page(result, spec, album(result, points, ScatterOptions()).pictures) for _ in range(2)}
    assert len(pages) == 1


def test_pictures_go_to_a_folder_that_is_made(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    for _ in range(2):
        assert main(["enumerate", write(GEMM, OTHER), "--pictures", str(folder), "--scatter", "g"]) == 0
        assert sorted(path.name for path in folder.iterdir()) == [
            f"{name}.svg" for name in ("cycles", "energy", "scatter", "trace")
        ]
    assert ">g</text>" in (folder / "scatter.svg").read_text()


def test_infeasible_layers_are_told_and_the_others_drawn(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    assert main([write(GEMM, INFEASIBLE, constraints=MOVES_LITTLE), "--report", str(target)]) == 1
    parsed = reported(target)
    assert any("no is infeasible; no mapping keeps:\n  - " in words for words in parsed.words["pre"])
    assert "no is infeasible: the constraints and capacities leave no mapping" in parsed.words["summary"]
    energy, cycles, scatter, _ = parsed.pictures
    assert ">infeasible</text>" in energy
    assert ">infeasible</text>" in cycles
    assert ">g</text>" in scatter


@pytest.mark.parametrize(
    ("backend", "code", "words"),
    [("fake-crash", 70, "no is unknown: nothing was found; no lower bound is known"), ("exhaustive", 1, "no is inf")],
)
def test_a_result_without_any_mapping_has_a_report(
    write: Write, tmp_path: Path, backend: str, code: int, words: str
) -> None:
    target = tmp_path / "r.html"
    spec = write(INFEASIBLE, backend=backend, constraints=MOVES_LITTLE)
    assert main([spec, "--report", str(target), "--pictures", str(tmp_path / "p")]) == code
    parsed = reported(target)
    assert any(line.startswith(words) for line in parsed.words["summary"])
    assert any("no scatter: no layer has a mapping" in picture for picture in parsed.pictures)
    assert (tmp_path / "p" / "scatter.svg").is_file()


def test_the_space_of_an_infeasible_layer_is_empty(write: Write, tmp_path: Path) -> None:
    spec = write({**INFEASIBLE, "m": 2, "n": 2, "k": 2}, constraints={"max_dram_bytes": 20})
    assert main([spec, "--pictures", str(tmp_path), "--scatter", "no"]) == 1
    assert "no: all 0 methods of" in (tmp_path / "scatter.svg").read_text()


def test_ctrl_c_leaves_a_report_of_what_is_there(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    interrupted(write(GEMM, OTHER, backend="fake-slow"), "--report", str(target), timeout_s=60.0)
    parsed = reported(target)
    assert any("(interrupted)" in words for words in parsed.words["p"])
    assert any(words.startswith("g is feasible, not proved: ") for words in parsed.words["summary"])
    assert any(
        words == "h is unknown: interrupted before this layer; no lower bound is known"
        for words in parsed.words["summary"]
    )
    assert "no scatter: the run was interrupted" in parsed.pictures[2]


def test_ctrl_c_while_the_scatter_is_computed_keeps_the_rest(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(album_module, "cost_distribution", interrupted)
    assert main([write(GEMM), "--report", str(tmp_path / "r.html")]) == 130
    assert "total with counts: " in capsys.readouterr().out
    energy, _, scatter, _ = reported(tmp_path / "r.html").pictures
    assert ">g</text>" in energy
    assert "no scatter: interrupted while the methods were costed" in scatter


def scatter_of(spec: Spec, options: ScatterOptions) -> Picture:
    return next(drawn for drawn in album(solve(spec), (), options).pictures if drawn.name == "scatter")


def test_the_scatter_counts_towards_the_time_of_the_whole_command() -> None:
    late = ScatterOptions(deadline=Deadline.after(-1))
    assert scatter_of(spec_of(GEMM), late).caption == ("Not drawn: total_time_limit_s was reached.")


def test_the_scatter_shows_the_space_that_a_preset_ended_with() -> None:
    layer = {**GEMM, "m": 64, "n": 64, "k": 16}
    preset = spec_of(layer, constraints={"preset": "dmazerunner-auto"})
    thresholds = solve(preset).layers[0].thresholds
    assert thresholds is not None
    assert 0 < thresholds.pe < 0.3  # so low that the preset's other two rules are off
    narrowed = {"min_utilization": thresholds.model_dump()}
    by_hand = spec_of(layer, constraints=narrowed)
    assert scatter_of(preset, ScatterOptions()).caption == scatter_of(by_hand, ScatterOptions()).caption


def test_the_scatter_of_a_padded_layer_shows_the_space_that_its_mapping_is_from() -> None:
    result = solve(spec_of({**GEMM, "m": 4}))
    (unpadded,) = solve(spec_of({**GEMM, "m": 3})).layers
    padding = {"M": PaddedBound.model_validate({"from": 3, "to": 4})}
    (layer,) = result.layers
    padded = layer.model_copy(update={"layer": unpadded.layer, "padding": padding})
    drawn = album(result.model_copy(update={"layers": (padded,)}), (), ScatterOptions()).pictures[2]
    plain = album(result, (), ScatterOptions()).pictures[2]
    assert drawn.caption == f"{plain.caption} The layer's bounds are padded as its best mapping has them."


def test_a_nest_with_too_many_reuse_classes_has_no_scatter() -> None:
    """Each of the eight dimensions is missing from three of the four tensors."""
    tensors = [
        {"name": "o", "index": ["a", "b"], "output": True},
        {"name": "x", "index": ["c", "d"]},
        {"name": "y", "index": ["e", "f"]},
        {"name": "z", "index": ["g", "h"]},
    ]
    layer = {"type": "loop_nest", "name": "many", "bounds": dict.fromkeys("abcdefgh", 2), "tensors": tensors}
    result = solve(spec_of(layer, solver={"backend": "fake-first"}))
    caption = album(result, (), ScatterOptions("many")).pictures[2].caption
    assert caption == "Not drawn: the loop orders of many fall into more than 32 classes."


def test_a_network_from_elsewhere_is_told_of() -> None:
    spec = spec_of(GEMM)
    imported = ImportedNetwork(file="<net>.onnx", total_macs=100, mapped_macs=48, dims={}, skipped=(), nodes={})
    result = solve(spec).model_copy(update={"imported": imported})
    items = Parsed(page(result, spec, ())).words["li"]
    assert "<net>.onnx: 48 of 100 multiply-accumulates are mapped (48.0%)" in items


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scatter", "g"], "--scatter: expected together with --report or --pictures"),
        (["--report", "r.html", "--scatter", "hh"], "--scatter: no layer is called 'hh'; did you mean 'h'?"),
        (["--report", "none/r.html"], "--report: expected a file in a folder that exists, but there is no folder none"),
        (["--report", "."], "--report: expected a file, but . is a directory"),
        (["--pictures", "spec.json"], "--pictures: expected a folder, but spec.json is a file"),
        (["--pictures", "spec.json/new"], "--pictures: expected a folder, but .*spec.json is a file"),
    ],
)
def test_what_cannot_be_drawn_or_written_is_told_before_the_search(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output, options: list[str], message: str
) -> None:
    spec = write(GEMM, OTHER, backend="fake-crash")
    monkeypatch.chdir(tmp_path)
    assert main([spec, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(message.replace("?", r"\?") + "\n", err)
    assert [path.name for path in tmp_path.iterdir()] == ["spec.json"]


def test_a_full_disk_is_told_by_the_option(write: Write, capsys: Output) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    assert main([write(GEMM), "--report", "/dev/full"]) == 2
    out, err = capsys.readouterr()
    assert "total with counts: " in out
    assert err == "--report: cannot write /dev/full: No space left on device\n"


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MEASURED = """<!DOCTYPE html><title>waiting</title>
<iframe style="width: 390px; height: 844px; border: 0" srcdoc="SOURCE"></iframe>
<script>
document.querySelector("iframe").onload = ({target}) => {
  const page = target.contentDocument;
  for (const details of page.querySelectorAll("details")) details.open = true;
  const root = page.documentElement;
  const wide = [...page.body.querySelectorAll("*")].filter(
    (e) => !e.closest(".scroll, pre") && e.getBoundingClientRect().right > root.clientWidth + 0.5);
  const pictures = [...page.images].map((i) => [i.naturalWidth, i.naturalHeight, i.width, i.height]);
  const hints = [...page.querySelectorAll(".scroll")].filter((e) => e.scrollWidth > e.clientWidth).map(
    (e) => e.previousElementSibling.className + " " + getComputedStyle(e.previousElementSibling).display);
  const small = [...page.body.querySelectorAll("*")].map((e) => parseFloat(getComputedStyle(e).fontSize));
  document.title = JSON.stringify({
    window: root.clientWidth, page: root.scrollWidth, wide: wide.map((e) => e.tagName), pictures, hints,
    font: Math.min(...small)});
};
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_nothing_is_wider_than_a_phone(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "r.html"
    long = {**OTHER, "name": "features.denseblock4.denselayer16.conv2", "count": 16}
    assert main([write(GEMM, long, name="n" * 300), "--report", str(target)]) == 0
    measuring = tmp_path / "measure.html"
    measuring.write_text(MEASURED.replace("SOURCE", html.escape(target.read_text())))
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    arguments = [str(BROWSER), *QUIET, profile, "--virtual-time-budget=10000", "--dump-dom", measuring.as_uri()]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    measured = json.loads(html.unescape(title.group(1)))
    assert measured["window"] <= 390
    assert measured["page"] == measured["window"]
    assert measured["wide"] == []
    assert measured["font"] >= 13
    assert measured["hints"] == ["hint block"] * 3  # above every table that scrolls
    assert len(measured["pictures"]) == 4
    for natural_width, natural_height, width, height in measured["pictures"]:
        assert min(natural_width, natural_height) > 50
        assert 300 < width < 390
        assert height / width == pytest.approx(natural_height / natural_width, abs=0.01)  # rounded to whole pixels
