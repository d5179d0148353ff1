"""Answers to one question of a cache: the question says what is searched, each answer how hard it was looked for.

A proof serves everybody who asks for no more mappings and no smaller gap, whatever time they have. What is not proved
serves who asks for the same with no more effort; for everybody else it is where a search goes on from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ....model.base import Factor, Flag, Model, NaturalInt
from ....model.documents.kinds.cache_origin import CacheOrigin
from ....model.documents.result import Certificate, Number
from ....model.hierarchy.level_mapping import LevelMapping
from ....model.loop_nest import LoopNest
from ....model.mapping import Mapping, Tiling
from ...backend import AnyMapping, SearchOutcome
from ...isolation.plain_outcome import MOST_CANDIDATES

JITTER = 1.01
"""By how much the time asked for may exceed the time that an unproved answer had: a share of a total limit differs by
milliseconds from run to run."""

MOST_ANSWERS = 8
"""Answers that are kept to a question: few are asked for with more than two numbers of mappings and gaps."""

Row = tuple[Factor, ...]


class KeptMapping(Model):
    """A mapping of the published space by positions."""

    levels: tuple[Row, Row, Row, Row]
    dram_order: tuple[NaturalInt, ...]
    spm_order: tuple[NaturalInt, ...]

    @classmethod
    def of(cls, mapping: Mapping) -> KeptMapping:
        """The mapping as it is kept."""
        tiling = mapping.tiling
        levels = tiling.dram, tiling.spm, tiling.rf, tiling.spatial
        return cls(levels=levels, dram_order=mapping.dram_order, spm_order=mapping.spm_order)

    def mapping(self) -> Mapping:
        """The mapping as searches have it."""
        return Mapping(Tiling(*self.levels), self.dram_order, self.spm_order)


class KeptLevelMapping(Model):
    """A mapping onto a hierarchy by positions."""

    factors: tuple[Row, ...]
    orders: tuple[tuple[NaturalInt, ...], ...]
    kept: tuple[tuple[Flag, ...], ...]

    @classmethod
    def of(cls, mapping: LevelMapping) -> KeptLevelMapping:
        """The mapping as it is kept."""
        return cls(factors=mapping.factors, orders=mapping.orders, kept=mapping.kept)

    def mapping(self) -> LevelMapping:
        """The mapping as searches have it."""
        return LevelMapping(self.factors, self.orders, self.kept)


def kept_mapping(mapping: AnyMapping) -> KeptMapping | KeptLevelMapping:
    """A mapping of either kind as it is kept."""
    return KeptLevelMapping.of(mapping) if isinstance(mapping, LevelMapping) else KeptMapping.of(mapping)


@dataclass(frozen=True)
class Asked:
    """How hard somebody wants a question to be looked into: the limits of a search."""

    seconds: float
    workers: int
    top_k: int
    relative_gap: float


class KeptOutcome(Model):
    """An outcome with the names that its certificate uses, what it came to, and the search that it comes from.

    ``gap`` is what was certified; null without a mapping or a bound. ``proved``: within the gap asked for, or that
    there is no mapping.
    """

    dims: tuple[str, ...]
    tensors: tuple[str, ...]
    candidates: tuple[KeptMapping | KeptLevelMapping, ...]
    bound: Number | None
    exhausted: Flag
    statistics: dict[str, Number | str]
    certificate: Certificate | None
    proved: Flag
    objective_value: Number | None
    gap: float | None
    origin: CacheOrigin

    @property
    def infeasible(self) -> bool:
        """Whether it says that there is no mapping."""
        return self.proved and self.objective_value is None

    @property
    def kind(self) -> tuple[int, float]:
        """What was asked for: number of mappings and gap."""
        return self.origin.top_k, self.origin.relative_gap

    def proves(self, top_k: int, relative_gap: float) -> bool:
        """Whether it is a proof for who asks for so many mappings and that gap."""
        within = self.gap is not None and self.gap <= relative_gap
        return self.infeasible or (within and top_k <= self.origin.top_k)

    def serves(self, asked: Asked) -> bool:
        """Whether a search for this need not be run."""
        if self.proves(asked.top_k, asked.relative_gap):
            return True
        effort = asked.seconds <= JITTER * self.origin.seconds and asked.workers <= self.origin.workers
        return effort and self.kind == (asked.top_k, asked.relative_gap)

    def fits(self, nest: LoopNest) -> bool:
        """Whether it has names and mappings as one of this nest must have."""
        names = len(self.dims) == len(nest.dims) and len(self.tensors) == len(nest.tensors)
        return names and len(self.candidates) <= max(self.origin.top_k, MOST_CANDIDATES)

    def outcome(self, relative_gap: float, certificate: Certificate | None) -> SearchOutcome:
        """The outcome for who asks for that gap: a search that stopped at a larger one has not exhausted the space."""
        return SearchOutcome(
            candidates=tuple(candidate.mapping() for candidate in self.candidates),
            bound=self.bound,
            exhausted=self.exhausted and (self.infeasible or self.origin.relative_gap <= relative_gap),
            statistics=self.statistics,
            certificate=certificate,
        )

    @property
    def rank(self) -> tuple[bool, Number, Number, float]:
        """What answers are sorted by, best first: proved, least objective value, highest bound, longest search."""
        value = math.inf if self.objective_value is None else self.objective_value
        return not self.proved, value, -(self.bound or 0.0), -self.origin.seconds


class KeptOutcomes(Model):
    """All answers to one question, best first."""

    answers: tuple[KeptOutcome, ...] = ()

    def fitting(self, nest: LoopNest) -> KeptOutcomes:
        """Those that can be answers for this nest; of whatever origin the others are, they are replaced."""
        return KeptOutcomes(answers=tuple(answer for answer in self.answers if answer.fits(nest)))

    def serving(self, asked: Asked) -> KeptOutcome | None:
        """The answer for somebody who asks: one to the same request before others, and of these the least one."""
        found = [answer for answer in self.answers if answer.serves(asked)]
        same = (asked.top_k, asked.relative_gap)
        return min(found, key=lambda answer: (answer.kind != same, answer.kind), default=None)

    def best(self) -> KeptOutcome | None:
        """The answer to go on from: that of the best mapping."""
        found = [answer for answer in self.answers if answer.candidates]
        return min(found, key=lambda answer: answer.rank[1:], default=None)

    @property
    def bound(self) -> Number | None:
        """The highest bound of all: they are all about the same mappings."""
        return max((answer.bound for answer in self.answers if answer.bound is not None), default=None)

    def with_answer(self, new: KeptOutcome) -> KeptOutcomes:
        """These with a further one, in place of those that are no longer needed; a better one that is there stays."""
        same = [answer for answer in self.answers if answer.kind == new.kind]
        if any(answer.rank < new.rank for answer in same):
            return self
        others = [answer for answer in self.answers if answer.kind != new.kind]
        return KeptOutcomes(answers=_needed([new, *others]))


def _needed(answers: Iterable[KeptOutcome]) -> tuple[KeptOutcome, ...]:
    """The answers without those that a proof among the others stands in for."""
    needed: list[KeptOutcome] = []
    for answer in sorted(answers, key=lambda answer: (answer.rank[0], -answer.origin.top_k, answer.rank)):
        tightest = min(answer.origin.relative_gap, math.inf if answer.gap is None else answer.gap)
        if not any(other.proves(answer.origin.top_k, tightest) for other in needed):
            needed.append(answer)
    return tuple(needed[:MOST_ANSWERS])
