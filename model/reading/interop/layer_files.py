"""Networks that are kept in many files, one for each layer or for a few: a folder, a pattern, or a list of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ...documents.spec import LayerList
from ...faults import Fault, InputError, Place, place_text, shortened
from ...layers import Layer
from ..dmazerunner_files import distinct_names
from ..validation import validated

_KINDS = ((".yaml", ".yml"), (".onnx",))
"""What of a folder is read as layers: the files of the first of these kinds that it has. JSON may be the spec."""

_LONGEST_NAME = 200


def is_many(text: str, base: Path) -> bool:
    """Whether a name stands for several files: it is a pattern with ``*``, ``?`` or ``[]``, or a folder."""
    path = base / text
    try:
        return path.is_dir() or (re.search(r"[*?\[]", text) is not None and not path.exists())
    except (OSError, ValueError):  # no path at all: what reads it says so
        return False


def files_of(text: str, base: Path, file: str | None, place: Place) -> list[str]:
    """The files that a folder or a pattern stands for, numbers in their names in the order of their values.

    Raises:
        InputError: when there is none.
    """
    path = base / text
    if path.is_dir():
        there = [each for each in path.iterdir() if not each.is_dir()]
        kinds = ([each for each in there if each.suffix.lower() in suffixes] for suffixes in _KINDS)
        found = next((files for files in kinds if files), list[Path]())
    else:
        try:
            found = list(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor or "."))))
        except (ValueError, NotImplementedError, OSError):
            found = []
    if not found:
        message = f"expected files of layers (.yaml, .yml or .onnx), but there is none at {path}"
        raise InputError.single(file, place_text(place), shortened(message, _LONGEST_NAME))
    return [str(each) for each in sorted(found, key=_in_order)]


def read_layer_files(
    names: Sequence[str], read: Callable[[str], LayerList], file: str | None, title: str | None = None
) -> LayerList:
    """The layers of several files as one network; equal loop nests are one layer that occurs so often.

    It is called ``title``, layers as in their files; where two differ under one name, the later gets a number appended.

    Raises:
        InputError: for everything that is wrong with the files.
    """
    equal: dict[tuple[object, ...], list[Layer]] = {}
    bits: set[int] = set()
    faults: list[Fault] = []
    for name in names:
        try:
            network = read(name)
            bits |= set(network.element_bits)
            for layer in network.layers:
                equal.setdefault(layer.loop_nest().key, []).append(layer)
        except InputError as error:
            faults += error.faults
        except ValueError as error:
            faults.append(Fault(name, "", str(error)))
    if faults:
        raise InputError(faults)
    unique = distinct_names(group[0].name for group in equal.values())
    layers = [
        group[0].model_copy(update={"name": name, "count": sum(layer.count for layer in group)})
        for name, group in zip(unique, equal.values(), strict=True)
    ]
    return validated(LayerList, {"name": title, "layers": layers, "element_bits": sorted(bits)}, file)


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Names in which 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", str(path))]
