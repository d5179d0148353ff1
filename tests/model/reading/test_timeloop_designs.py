"""Designs published with Timeloop, read as machines: counts, energies and cycles of their published mappings."""

from __future__ import annotations

import pytest
from dmaze.model.hierarchy.hierarchy_model import MODEL
from dmaze.model.reading.interop.imported_design import ImportedDesign
from dmaze.model.reading.timeloop_files.timeloop_design import read_design
from paths import PUBLISHED
from timeloop_statistics import level_statistics, total_cycles

DESIGNS = PUBLISHED / "timeloop_designs"
NAMES = ("eyeriss_like", "simba_like", "simple_weight_stationary")
FORMS = ("arch.yaml", "flattened_architecture.yaml")

pytestmark = [
    pytest.mark.skipif(not DESIGNS.is_dir(), reason="the published designs are not here"),
    pytest.mark.filterwarnings("ignore::dmaze.model.faults.InputWarning"),
]


def design(name: str, form: str) -> ImportedDesign:
    folder = DESIGNS / name
    found = read_design([folder / form, DESIGNS / "default_problem.yaml", folder / "ERT.yaml", folder / "map.yaml"])
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_words_and_cycles_are_those_published(name: str, form: str) -> None:
    read = design(name, form)
    assert read.mapping is not None
    evaluated = MODEL.under("timeloop").evaluated(read.layer.loop_nest(), read.machine, read.mapping, detail=True)
    published = (DESIGNS / name / "stats.txt").read_text()
    assert evaluated.cycles == total_cycles(published)
    assert all(evaluated.fits.values())
    ours = {
        (level, tensor): (count.serve + count.drain, count.fill, count.update)
        for level, counts in (evaluated.accesses or {}).items()
        for tensor, count in counts.items()
    }
    theirs = {key: (each.reads, each.fills, each.updates) for key, each in level_statistics(published).items()}
    if name == "eyeriss_like":  # an older version cancelled window reuse at an irrelevant loop
        assert theirs["DRAM", "Inputs"] == (157_296, 0, 0)
        assert theirs["shared_glb", "Inputs"] == (1_354_752, 157_296, 0)
        theirs |= {("DRAM", "Inputs"): (156_600, 0, 0), ("shared_glb", "Inputs"): (1_354_752, 156_600, 0)}
    assert ours == theirs


@pytest.mark.parametrize("name", NAMES)
def test_energies_are_those_published(name: str) -> None:
    read = design(name, "arch.yaml")
    assert read.mapping is not None
    evaluated = MODEL.under("timeloop").evaluated(read.layer.loop_nest(), read.machine, read.mapping)
    theirs: dict[str, float] = {}
    for (level, _), figures in level_statistics((DESIGNS / name / "stats.txt").read_text()).items():
        theirs[level] = theirs.get(level, 0.0) + figures.energy_pj
    ours = {level: evaluated.energy_breakdown_pj[level] for level in theirs}
    if name == "eyeriss_like":  # 696 words of Inputs fewer, in blocks of 8 words
        theirs["DRAM"] -= 696 / 8 * 512
        theirs["shared_glb"] -= 696 / 8 * 14.137929
    if name == "simba_like":  # 48 registers in 4 clusters, of which each pays for one access
        theirs["PEWeightRegs"] *= 48 / 4
    assert ours == pytest.approx(theirs, rel=1e-7)
