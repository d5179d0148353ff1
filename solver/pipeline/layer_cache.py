"""What a cache keeps of a run: outcomes of searches, and the thresholds that presets came to.

A question holds what is searched, and nothing else: names of dimensions, tensors, layers and the architecture do not
matter, positions do. How hard it was searched stands in the answers (:mod:`.kept.kept_outcomes`). They are what the
back end returned: they pass the same checks as fresh ones, and are renamed for the nest that asks
(``docs/cache_and_padding.md``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, TypeVar

from ...model.base import Flag, Model
from ...model.dmazerunner.constraints import MinUtilization
from ...model.dmazerunner.relaxation.cases import class_label
from ...model.documents.kinds.cache_origin import CacheOrigin
from ...model.documents.result import Certificate, ClassPair
from ...model.documents.spec import SolverOptions
from ...model.loop_nest import LoopNest
from ..backend import AnyProblem, SearchOutcome, published
from .cache import Cache
from .kept.kept_outcomes import Asked, KeptOutcome, KeptOutcomes, kept_mapping
from .presets import Resolved, nothing_passes, rounds
from .status import LayerStatus
from .summary import versions

Entry = TypeVar("Entry", KeptOutcomes, "_PresetEntry")


@dataclass(frozen=True)
class Kept:
    """An outcome out of the cache, and the search that it comes from; ``serves``: it makes a search superfluous."""

    outcome: SearchOutcome
    origin: CacheOrigin
    serves: bool


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

    def kept(self, problem: AnyProblem, seconds: float) -> Kept | None:
        """The outcome of an earlier search that makes one of at most so many seconds superfluous.

        Otherwise the best of what is known, for a search to go on from. What does not prove what is asked for is taken
        together with what other searches know: the best mapping, the highest bound, and whether there is a better one.
        """
        options = self.options
        answers = self._answers(problem)
        asked = Asked(seconds, options.workers or 1, options.top_k, options.relative_gap)
        found, best = answers.serving(asked), answers.best()
        if found is not None and found.proves(options.top_k, options.relative_gap):
            certificate = _of_ranks(_renamed(found, problem), options.top_k)
            return Kept(found.outcome(options.relative_gap, certificate), found.origin, serves=True)
        if best is None:
            return None
        known = best if found is None else found
        certificate = None if found is None else _renamed(found, problem)
        outcome, further = (answer.outcome(options.relative_gap, certificate) for answer in (known, best))
        candidates = tuple(dict.fromkeys((*outcome.candidates, *further.candidates)))
        proved = any(answer.proves(1, options.relative_gap) for answer in answers.answers)
        together = replace(outcome, candidates=candidates, bound=answers.bound, exhausted=proved)
        return Kept(together, known.origin, serves=found is not None)

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

        Better ones that are there stay, unless they are to be overwritten.
        """
        if layer_status.status == "unknown":
            return
        known = KeptOutcomes() if overwrite else self._answers(problem)
        try:
            answers = known.with_answer(self._new_answer(problem, outcome, layer_status, seconds))
        except ValueError:  # a back end may return what JSON does not hold
            return
        if answers is not known:
            self.cache.write(self._search_question(problem), _line(answers))

    def _answers(self, problem: AnyProblem) -> KeptOutcomes:
        known = self._read(KeptOutcomes, self._search_question(problem))
        return KeptOutcomes() if known is None else known.fitting(problem.nest)

    def _new_answer(
        self, problem: AnyProblem, outcome: SearchOutcome, layer_status: LayerStatus, seconds: float
    ) -> KeptOutcome:
        options = self.options
        bounds = [bound for bound in (outcome.bound, layer_status.bound) if bound is not None]
        return KeptOutcome(
            dims=problem.nest.dims,
            tensors=_names(problem.nest),
            candidates=tuple(kept_mapping(mapping) for mapping in outcome.candidates),
            bound=max(bounds, default=None),
            exhausted=outcome.exhausted,
            statistics=dict(outcome.statistics),
            certificate=outcome.certificate,
            proved=layer_status.status in ("optimal", "infeasible"),
            objective_value=layer_status.objective_value,
            gap=layer_status.gap,
            origin=CacheOrigin(
                found=datetime.now(timezone.utc).isoformat(timespec="seconds"),
                version=self.software.get("dmaze-solve", "unknown"),
                seconds=seconds,
                workers=options.workers or 1,
                top_k=options.top_k,
                relative_gap=options.relative_gap,
            ),
        )

    def _read(self, kind: type[Entry], question: str) -> Entry | None:
        answer = self.cache.read(question)
        try:
            return None if answer is None else kind.model_validate_json(answer)
        except ValueError:
            return None

    def _search_question(self, problem: AnyProblem) -> str:
        options = self.options
        return self._question(
            "search", problem, objective=problem.objective, backend=options.backend, seed=options.seed
        )

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


def _renamed(entry: KeptOutcome, problem: AnyProblem) -> Certificate | None:
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


def _of_ranks(certificate: Certificate | None, top_k: int) -> Certificate | None:
    """The certificate of no more solutions than are asked for."""
    if certificate is None or certificate.ranks_settled <= top_k:
        return certificate
    return certificate.model_copy(update={"ranks_settled": top_k})


def _pair_renamed(pair: ClassPair, labels: MappingOf[str, str], tensors: MappingOf[str, str]) -> ClassPair:
    own = {"spm_reuse": labels[pair.spm_reuse], "dram_reuse": labels[pair.dram_reuse]}
    return pair.model_copy(update={**own, "skipped": tuple(tensors[name] for name in pair.skipped)})


def _labels(entry: KeptOutcome, problem: AnyProblem) -> dict[str, str]:
    """How the reuse classes are called with an entry's names, and with a nest's."""
    nest = problem.nest
    named = zip(nest.tensors, entry.tensors, strict=True)
    known = replace(nest, dims=entry.dims, tensors=tuple(replace(tensor, name=name) for tensor, name in named))
    return {
        class_label(known, found): class_label(nest, found)
        for found in (None, *published(problem).cost_model.reuse_classes(nest))
    }
