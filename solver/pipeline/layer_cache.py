"""What a cache keeps of a run: outcomes of searches, and the thresholds that presets came to.

A question holds everything that determines its answer, and nothing else: names of dimensions, tensors, layers and the
architecture do not matter, positions do. Answers are what the back end returned: they pass the same checks as fresh
ones, and are renamed for the nest that asks (``docs/cache_and_padding.md``).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from ...model.base import Factor, Flag, Model, NaturalInt
from ...model.dmazerunner.constraints import MinUtilization
from ...model.dmazerunner.relaxation.cases import class_label
from ...model.documents.result import Certificate, ClassPair, Number
from ...model.documents.spec import SolverOptions
from ...model.hierarchy.level_mapping import LevelMapping
from ...model.loop_nest import LoopNest
from ...model.mapping import Mapping, Tiling
from ..backend import AnyMapping, AnyProblem, SearchOutcome, published
from ..isolation.plain_outcome import MOST_CANDIDATES
from .cache import Cache
from .presets import Resolved, nothing_passes, rounds
from .status import LayerStatus
from .summary import versions

JITTER = 1.01
"""By how much the time asked for may exceed the time that an unproved entry had: a share of a total limit differs by
milliseconds from run to run."""

Row = tuple[Factor, ...]
Entry = TypeVar("Entry", "_OutcomeEntry", "_PresetEntry")


class _Candidate(Model):
    """A mapping of the published space by positions."""

    levels: tuple[Row, Row, Row, Row]
    dram_order: tuple[NaturalInt, ...]
    spm_order: tuple[NaturalInt, ...]

    @classmethod
    def of(cls, mapping: Mapping) -> _Candidate:
        tiling = mapping.tiling
        levels = tiling.dram, tiling.spm, tiling.rf, tiling.spatial
        return cls(levels=levels, dram_order=mapping.dram_order, spm_order=mapping.spm_order)

    def mapping(self) -> Mapping:
        return Mapping(Tiling(*self.levels), self.dram_order, self.spm_order)


class _LevelCandidate(Model):
    """A mapping onto a hierarchy by positions."""

    factors: tuple[Row, ...]
    orders: tuple[tuple[NaturalInt, ...], ...]
    kept: tuple[tuple[Flag, ...], ...]

    @classmethod
    def of(cls, mapping: LevelMapping) -> _LevelCandidate:
        return cls(factors=mapping.factors, orders=mapping.orders, kept=mapping.kept)

    def mapping(self) -> LevelMapping:
        return LevelMapping(self.factors, self.orders, self.kept)


def _candidate(mapping: AnyMapping) -> _Candidate | _LevelCandidate:
    return _LevelCandidate.of(mapping) if isinstance(mapping, LevelMapping) else _Candidate.of(mapping)


class _OutcomeEntry(Model):
    """An outcome with the names that its certificate uses, what it came to, and the effort that it took."""

    dims: tuple[str, ...]
    tensors: tuple[str, ...]
    candidates: tuple[_Candidate | _LevelCandidate, ...]
    bound: Number | None
    exhausted: Flag
    statistics: dict[str, Number | str]
    certificate: Certificate | None
    proved: Flag
    objective_value: Number | None
    seconds: float
    workers: int

    def serves(self, seconds: float, workers: int) -> bool:
        """Whether a search with these limits need not be run: an unproved entry answers for no more effort than its."""
        return self.proved or (seconds <= JITTER * self.seconds and workers <= self.workers)

    def fits(self, nest: LoopNest, top_k: int) -> bool:
        """Whether an entry has names and mappings as one of this nest must have."""
        names = len(self.dims) == len(nest.dims) and len(self.tensors) == len(nest.tensors)
        return names and len(self.candidates) <= max(top_k, MOST_CANDIDATES)

    @property
    def rank(self) -> tuple[bool, Number, Number, float]:
        """What entries are sorted by, best first: proved, least objective value, highest bound, longest search."""
        value = math.inf if self.objective_value is None else self.objective_value
        return not self.proved, value, -(self.bound or 0.0), -self.seconds


class _PresetEntry(Model):
    """The thresholds that a preset ended with, and whether any tiling passes them."""

    thresholds: MinUtilization
    passes: Flag


@dataclass(frozen=True)
class LayerCache:
    """The cache as one run uses it; every method is about one layer's problem."""

    cache: Cache
    options: SolverOptions
    software: MappingOf[str, str]
    """Versions of everything that computes, and a digest of our own code."""

    @classmethod
    def of_run(cls, cache: Cache, options: SolverOptions) -> LayerCache:
        """The cache for a run with these options."""
        found = {name: version for name, version in versions(options.backend).items() if name != "python"}
        return cls(cache, options, found | {"sources": _digest_of_sources()})

    def resolved(self, problem: AnyProblem) -> Resolved | None:
        """The problem's constraints with its preset resolved; ``None`` when what that came to is not known."""
        given = problem.constraints
        if given.preset is None:
            return Resolved(given)
        entry = self._read(_PresetEntry, self._preset_question(problem))
        found = next((r for r in rounds() if entry is not None and r.thresholds == entry.thresholds), None)
        if entry is None or found is None:
            return None
        return Resolved(found.constraints(given), found.thresholds, None if entry.passes else nothing_passes())

    def keep_resolved(self, problem: AnyProblem, resolved: Resolved) -> None:
        """Keep what a preset came to; nothing without one, or when time was up before that was known."""
        if resolved.thresholds is not None:
            entry = _PresetEntry(thresholds=resolved.thresholds, passes=resolved.outcome is None)
            self.cache.write(self._preset_question(problem), _line(entry))

    def outcome(self, problem: AnyProblem, seconds: float) -> SearchOutcome | None:
        """The outcome of an earlier search that makes one of at most so many seconds superfluous; else ``None``."""
        entry = self._read(_OutcomeEntry, self._search_question(problem))
        if entry is None or not entry.serves(seconds, self.options.workers or 1):
            return None
        if not entry.fits(problem.nest, self.options.top_k):  # of whatever origin: the next search replaces it
            return None
        return SearchOutcome(
            candidates=tuple(candidate.mapping() for candidate in entry.candidates),
            bound=entry.bound,
            exhausted=entry.exhausted,
            statistics=entry.statistics,
            certificate=_renamed(entry, problem),
        )

    def keep_outcome(
        self,
        problem: AnyProblem,
        outcome: SearchOutcome,
        layer_status: LayerStatus,
        seconds: float,
        *,
        overwrite: bool,
    ) -> None:
        """Keep an outcome that has passed all checks, if anything was found in so many seconds.

        A better one that is there stays, unless it is to be overwritten.
        """
        if layer_status.status == "unknown":
            return
        try:
            entry = self._new_entry(problem, outcome, layer_status, seconds)
        except ValueError:  # a back end may return what JSON does not hold
            return
        question = self._search_question(problem)
        known = None if overwrite else self._read(_OutcomeEntry, question)
        if known is None or not known.fits(problem.nest, self.options.top_k) or entry.rank <= known.rank:
            self.cache.write(question, _line(entry))

    def _new_entry(
        self, problem: AnyProblem, outcome: SearchOutcome, layer_status: LayerStatus, seconds: float
    ) -> _OutcomeEntry:
        return _OutcomeEntry(
            dims=problem.nest.dims,
            tensors=_names(problem.nest),
            candidates=tuple(_candidate(mapping) for mapping in outcome.candidates),
            bound=outcome.bound,
            exhausted=outcome.exhausted,
            statistics=dict(outcome.statistics),
            certificate=outcome.certificate,
            proved=layer_status.status in ("optimal", "infeasible"),
            objective_value=layer_status.objective_value,
            seconds=seconds,
            workers=self.options.workers or 1,
        )

    def _read(self, kind: type[Entry], question: str) -> Entry | None:
        answer = self.cache.read(question)
        try:
            return None if answer is None else kind.model_validate_json(answer)
        except ValueError:
            return None

    def _search_question(self, problem: AnyProblem) -> str:
        options = self.options
        asked = {"backend": options.backend, "top_k": options.top_k, "relative_gap": options.relative_gap}
        return self._question("search", problem, objective=problem.objective, seed=options.seed, **asked)

    def _preset_question(self, problem: AnyProblem) -> str:
        return self._question("preset", problem, preset=problem.constraints.preset)

    def _question(self, kind: Literal["search", "preset"], problem: AnyProblem, **asked: object) -> str:
        question = {
            "kind": kind,
            "cost_model": problem.cost_model.name,
            **problem.cost_model.question(problem.nest, problem.architecture, problem.constraints),
            "software": dict(self.software),
            **asked,
        }
        return json.dumps(question, sort_keys=True, separators=(",", ":"))


def _names(nest: LoopNest) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in nest.tensors)


def _line(entry: Model) -> str:
    return json.dumps(entry.model_dump(mode="json"), separators=(",", ":"))


def _digest_of_sources() -> str:
    """A hash of our own code: a checkout that changes without its version does not get its old answers."""
    digest, root = hashlib.sha256(), Path(__file__).parents[2]
    for folder in ("model", "solver"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _renamed(entry: _OutcomeEntry, problem: AnyProblem) -> Certificate | None:
    """The certificate with this nest's names of dimensions and tensors; ``None`` when its wording is not known."""
    nest, names = problem.nest, _names(problem.nest)
    if entry.certificate is None or (entry.dims, entry.tensors) == (nest.dims, names):
        return entry.certificate
    tensors = dict(zip(entry.tensors, names, strict=True))
    labels = _labels(entry, problem) if entry.certificate.class_pairs else {}
    try:
        pairs = tuple(_pair_renamed(pair, labels, tensors) for pair in entry.certificate.class_pairs)
    except KeyError:
        return None
    return entry.certificate.model_copy(update={"class_pairs": pairs})


def _pair_renamed(pair: ClassPair, labels: MappingOf[str, str], tensors: MappingOf[str, str]) -> ClassPair:
    own = {"spm_reuse": labels[pair.spm_reuse], "dram_reuse": labels[pair.dram_reuse]}
    return pair.model_copy(update={**own, "skipped": tuple(tensors[name] for name in pair.skipped)})


def _labels(entry: _OutcomeEntry, problem: AnyProblem) -> dict[str, str]:
    """How the reuse classes are called with an entry's names, and with a nest's."""
    nest = problem.nest
    named = zip(nest.tensors, entry.tensors, strict=True)
    known = replace(nest, dims=entry.dims, tensors=tuple(replace(tensor, name=name) for tensor, name in named))
    return {
        class_label(known, found): class_label(nest, found)
        for found in (None, *published(problem).cost_model.reuse_classes(nest))
    }
