"""Options of the command line that replace values of the spec, checked by the same rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from ..model.faults import InputError
from ..model.spec import Objective, SolverOptions, Spec
from ..model.validation import validated

FLAGS: Mapping[str, str] = {
    "objective": "--objective",
    "backend": "--backend",
    "time_limit_s": "--time-limit",
    "total_time_limit_s": "--total-time-limit",
    "workers": "--workers",
    "top_k": "--top-k",
    "relative_gap": "--gap",
    "seed": "--seed",
}
"""What the fields of a spec are called on the command line."""


class Overrides(SolverOptions):
    """The options of a spec's ``solver``, and its objective; only those that are set count."""

    objective: Objective | None = None


def overrides_from_options(given: Mapping[str, str | None]) -> Overrides:
    """The checked values of the options that were given.

    Raises:
        InputError: one fault per bad value, at the option's name.
    """
    texts = {"objective", "backend"}
    data = {field: text if field in texts else _number(text) for field, text in given.items() if text is not None}
    try:
        return validated(Overrides, data, None)
    except InputError as error:
        raise InputError(replace(fault, place=FLAGS.get(fault.place, fault.place)) for fault in error.faults) from error


def with_overrides(spec: Spec, overrides: Overrides) -> Spec:
    """The spec with the options that were given in place of its own values."""
    given = {field: getattr(overrides, field) for field in overrides.model_fields_set}
    objective = given.pop("objective", spec.objective)
    return spec.model_copy(update={"objective": objective, "solver": spec.solver.model_copy(update=given)})


def _number(text: str) -> object:
    """The number that a text holds; any other text as it is, for the check to refuse."""
    try:
        return json.loads(text)
    except ValueError:
        return text
