"""SCALE-Sim's configurations: a systolic array with three memories, and the dataflow as constraints."""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...faults import InputError
from ...hierarchy.constraints.level_constraints import LevelConstraints
from ...hierarchy.machine import Machine
from ...loop_nest import LoopNest
from ..regular_files import read_bytes, why_unreadable
from ..validation import validated
from .foreign_convolutions import positive_sizes, warn

_SIZES = ("arrayheight", "arraywidth", "ifmapsramszkb", "filtersramszkb", "ofmapsramszkb")
_ROWS, _COLUMNS = "ROW", "COL"
_WINDOW = ("C", "Fy", "Fx", "K")
_OUTPUTS = ("N", "Oy", "Ox", "Batch")
_FILTERS = ("M",)
_PRODUCT_OUTPUTS, _PRODUCT_FILTERS = ("M", "Batch"), ("N",)
_DATAFLOWS: Mapping[str, tuple[str, str]] = {
    "os": ("outputs", "filters"),
    "ws": ("window", "filters"),
    "is": ("window", "outputs"),
}
"""What lies along the rows and along the columns of the array."""


def is_configuration(text: str) -> bool:
    """Whether a path is that of a configuration."""
    return Path(text).suffix.lower() == ".cfg"


def read_scalesim_machine(path: Path) -> tuple[Machine, str]:
    """The machine of a configuration, and its dataflow: ``os``, ``ws`` or ``is``.

    Raises:
        InputError: when there is no such file, or it is no configuration of SCALE-Sim's.
    """
    file = str(path)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_bytes(path).decode("utf-8-sig"))
        presets = dict(parser["architecture_presets"])
    except (OSError, ValueError) as error:
        message = "expected text in UTF-8" if isinstance(error, UnicodeDecodeError) else why_unreadable(error)
        raise InputError.single(file, "", message) from error
    except (configparser.Error, KeyError) as error:
        message = "expected a configuration of SCALE-Sim with [architecture_presets]"
        raise InputError.single(file, "", message) from error
    place = "architecture_presets"
    known = {name: presets.get(name, "") for name in _SIZES}
    rows, columns, *kilobytes = positive_sizes(known, _SIZES, file, place)
    dataflow = presets.get("dataflow", "").strip().lower()
    if dataflow not in _DATAFLOWS:
        raise InputError.single(file, f"{place} dataflow", f"expected os, ws or is, got '{dataflow}'")
    rate = presets.get("bandwidth", "").split(",")[0].strip()
    limit = {"bandwidth": float(rate)} if rate.isdecimal() and int(rate) else {}
    shares = dict(zip(("read1", "read2", "output"), (size * 1024 for size in kilobytes), strict=True))
    guesses = "an element has one byte, memories are double buffers, one port of DRAM has the bandwidth"
    warn(file, f"taken for granted: {guesses}; nothing has a price")
    machine = {
        "name": parser.get("general", "run_name", fallback=path.stem).strip() or path.stem,
        "nodes": [
            {"storage": "DRAM", **limit},
            {"storage": "SRAM", "partitions": shares, "buffers": 2},
            {"fanout": _ROWS, "size": rows},
            {"fanout": _COLUMNS, "size": columns},
            {"storage": "REG", "partitions": 1},
        ],
        "sources": {"nodes": "SCALE-Sim configuration", "guesses": guesses},
    }
    return validated(Machine, machine, file), dataflow


def dataflow_constraints(dataflow: str, nests: Sequence[LoopNest], file: str) -> LevelConstraints:
    """What a dataflow spreads over rows and columns, for convolutions and matrix products of ours."""
    dims = list(dict.fromkeys(dim for nest in nests for dim in nest.dims))
    are_products = all("C" not in nest.dims for nest in nests)
    groups = {
        "window": _WINDOW,
        "outputs": _PRODUCT_OUTPUTS if are_products else _OUTPUTS,
        "filters": _PRODUCT_FILTERS if are_products else _FILTERS,
    }
    along = dict(zip((_ROWS, _COLUMNS), _DATAFLOWS[dataflow], strict=True))
    wanted = {fanout: [dim for dim in groups[group] if dim in dims] for fanout, group in along.items()}
    return validated(LevelConstraints, {"dims": wanted}, file)
