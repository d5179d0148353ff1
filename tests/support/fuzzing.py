"""Tries random inputs: each is read, or refused in short printable lines, within the time that any input may take."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from dmaze.model.faults import MOST_LINES, InputError
from dmaze.model.reading.interop.foreign_layers import read_layer
from dmaze.model.reading.loading import load_spec
from dmaze.model.reading.onnx_files import read_network
from input_grammars import Written, write_model, write_spec, write_yaml

LONGEST_S = 10.0
LONGEST_LINE = 1500
"""A line is a path, a place and a message, each of which is cut."""

Reader = Callable[[Sequence[Path]], object]
KINDS: Mapping[str, tuple[Callable[[Random, Path], Written], Reader]] = {
    "spec": (write_spec, lambda paths: load_spec(paths[0])),
    "yaml": (write_yaml, read_layer),
    "onnx": (write_model, lambda paths: read_network(paths[0], dims={"s": 4})),
}
"""How inputs of a kind are written and read."""


def tried(kind: str, seed: int, folder: Path) -> str:
    """``read`` or ``refused``, or else what went wrong."""
    write, read = KINDS[kind]
    paths = [folder / name for name in write(Random(seed), folder)]
    started = time.process_time()
    outcome = "read"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            read(paths)
        except InputError as error:
            well_said = _is_well_said(str(error).split("\n")) and "bad_alloc" not in str(error)
            outcome = "refused" if well_said else f"badly said: {str(error)[:300]!r}"
        except Exception as error:
            outcome = f"{type(error).__name__}: {str(error)[:300]!r}"
    if not _is_well_said([str(warning.message) for warning in caught]):
        return f"badly warned: {[str(warning.message)[:300] for warning in caught]}"
    seconds = time.process_time() - started
    return outcome if seconds < LONGEST_S else f"took {seconds:.1f} s"


def _is_well_said(lines: Sequence[str]) -> bool:
    return len(lines) <= MOST_LINES + 1 and all(line.isprintable() and len(line) <= LONGEST_LINE for line in lines)
