"""How well predicted cycles agree with measured ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Record = dict[str, Any]


def errors(predicted: Floats, rtl: Floats) -> Floats:
    """Relative errors of predicted cycles."""
    return np.abs(predicted / rtl - 1)


def ranks(values: Floats) -> Floats:
    """Ranks, those of equal values averaged."""
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(number) - (number - 1) / 2)[place]


def pairs(predicted: Floats, rtl: Floats, layers: Sequence[object]) -> dict[str, int]:
    """Pairs of mappings of one layer: ordered as in the RTL, the other way round, and predicted to be equal."""
    found = {"right": 0, "wrong": 0, "ties": 0}
    for i, j in itertools.combinations(range(len(layers)), 2):
        if layers[i] == layers[j]:
            agrees = np.sign(predicted[i] - predicted[j]) * np.sign(rtl[i] - rtl[j])
            found["ties" if predicted[i] == predicted[j] else "right" if agrees > 0 else "wrong"] += 1
    return found


def quality(name: str, predicted: Floats, rtl: Floats, layers: Sequence[object]) -> Record:
    """How well a predictor does."""
    off, ratio = errors(predicted, rtl), rtl / predicted
    return {
        "name": name,
        "ratio": {"min": float(ratio.min()), "median": float(np.median(ratio)), "max": float(ratio.max())},
        "median_error": float(np.median(off)),
        "within_10_percent": float((off <= 0.1).mean()),
        "within_25_percent": float((off <= 0.25).mean()),
        "spearman": float(np.corrcoef(ranks(predicted), ranks(rtl))[0, 1]),
        "pairs": pairs(predicted, rtl, layers),
    }
