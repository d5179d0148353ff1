"""What a sweep has to find out: every layer on every design, and which of these are the same problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...model.designs import Design
from ...model.documents.sweep_results import AnswerT
from ...model.documents.sweep_spec import Setting
from ...model.layers import Layer


@dataclass(frozen=True)
class Slot:
    """One layer on one design, by their positions in the sweep."""

    design: int
    layer: int


class Plan:
    """The designs and layers of a sweep, and its distinct problems: each is a list of slots that share its answer.

    Slots of one design are the same problem when their loop nests are, whatever the layers are called. No two designs
    are the same, since their varied values differ. Problems go design by design, so that neighbours are close together.
    """

    def __init__(self, designs: tuple[Design, ...], layers: tuple[Layer, ...]) -> None:
        self.designs, self.layers = designs, layers
        same: dict[tuple[object, ...], list[int]] = {}
        for position, layer in enumerate(layers):
            same.setdefault(layer.loop_nest().key, []).append(position)
        self.problems: tuple[tuple[Slot, ...], ...] = tuple(
            tuple(Slot(design, position) for position in positions)
            for design in range(len(designs))
            for positions in same.values()
        )

    @cached_property
    def problem_of(self) -> Mapping[Slot, int]:
        """The number of the problem that a slot belongs to."""
        return {slot: number for number, slots in enumerate(self.problems) for slot in slots}

    @cached_property
    def slots_by_name(self) -> Mapping[tuple[tuple[tuple[str, Setting], ...], str], Slot]:
        """Every slot by its design's varied values and its layer's name."""
        return {(tuple(self.designs[s.design].values.items()), self.layers[s.layer].name): s for s in self.problem_of}

    @cached_property
    def _designs_by_position(self) -> Mapping[tuple[int, ...], int]:
        return {design.position: number for number, design in enumerate(self.designs)}

    def neighbours(self, number: int) -> Iterator[int]:
        """The problems of the same layer on designs that are one step away on one axis."""
        first = self.problems[number][0]
        position = self.designs[first.design].position
        for axis, place in enumerate(position):
            for step in (-1, 1):
                beside = (*position[:axis], place + step, *position[axis + 1 :])
                if beside in self._designs_by_position:
                    yield self.problem_of[Slot(self._designs_by_position[beside], first.layer)]

    def answer_on(self, slot: Slot, answer: AnswerT) -> AnswerT:
        """The answer to a slot's problem under the name of its layer; that of the first slot stays as it is."""
        first, layer = self.problems[self.problem_of[slot]][0], self.layers[slot.layer]
        if slot == first:
            return answer
        own: dict[str, object] = {"name": layer.name, "count": layer.count, "layer": layer}
        return answer.model_copy(update={**own, "same_as": self.layers[first.layer].name, "wall_s": 0.0})
