"""What every run does with the layers of a spec: each distinct one is answered once, copies have its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ....model.layers import Layer
from ..observer import Observer
from .layer_answers import AnswerT
from .layer_processes import layer_answers


class LayerTask(Protocol[AnswerT]):
    """What is asked of every layer."""

    def answer(self, layer: Layer, position: int, total: int, workers: int, observer: Observer) -> tuple[AnswerT, bool]:
        """The answer of the layer that is at a position, from 1 on, of so many; and whether Ctrl-C cut it short.

        Raises:
            InputError, BackendFault: for what ends the run.
        """
        ...

    def lost(self, layer: Layer, how: str) -> AnswerT:
        """The answer of a layer whose process has ended, and how."""
        ...

    def unbegun(self, layer: Layer) -> AnswerT:
        """The answer of a layer whose work had not begun when the run was interrupted."""
        ...

    def copied(self, first: AnswerT, layer: Layer) -> AnswerT:
        """The answer of a layer as that of another one with the same loop nest."""
        ...


def answers_of(
    task: LayerTask[AnswerT],
    layers: Sequence[Layer],
    workers: int,
    observer: Observer,
    *,
    at_once: bool,
    told: Callable[[AnswerT], bool] | None = None,
) -> tuple[tuple[AnswerT, ...], bool]:
    """The answers of all layers in their order, and whether the run was interrupted.

    ``at_once`` as :func:`.layer_processes.layer_answers` has it. ``told`` is called with each answer, in order, and
    says whether Ctrl-C came meanwhile.
    """
    keys = [layer.loop_nest().key for layer in layers]
    distinct = [layer for place, layer in enumerate(layers) if keys.index(keys[place]) == place]

    def work(place: int, workers: int, observer: Observer) -> tuple[AnswerT, bool]:
        return task.answer(distinct[place], place + 1, len(distinct), workers, observer)

    def lost(place: int, how: str) -> AnswerT:
        return task.lost(distinct[place], how)

    firsts: dict[tuple[object, ...], AnswerT] = {}
    found: list[AnswerT] = []
    with layer_answers(work, len(distinct), workers, observer, lost, at_once=at_once) as answers:
        for layer, key in zip(layers, keys, strict=True):
            if key in firsts:
                found.append(task.copied(firsts[key], layer))
            else:
                answer = answers.of(len(firsts))
                firsts[key] = task.unbegun(layer) if answer is None else answer
                found.append(firsts[key])
            if told is not None and told(found[-1]):
                answers.interrupt()
    return tuple(found), answers.interrupted
