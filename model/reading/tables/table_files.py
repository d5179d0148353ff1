"""Which tool's layers a table or a network description holds."""

from __future__ import annotations

from pathlib import Path

from ...documents.spec import LayerList
from ...faults import InputError
from ..regular_files import read_bytes, why_unreadable
from .csv_layers import read_csv_layers
from .maestro_networks import read_maestro_network

_READERS = {".csv": read_csv_layers, ".m": read_maestro_network}


def is_table(text: str) -> bool:
    """Whether a path is that of a table of layers, or of a network of MAESTRO's."""
    return Path(text).suffix.lower() in _READERS


def read_table(path: Path) -> LayerList:
    """The layers in a table of SCALE-Sim's or GAMMA's, or in a network of MAESTRO's.

    Raises:
        InputError: when there is no such file, or it is none of them.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        message = "expected text in UTF-8" if isinstance(error, UnicodeDecodeError) else why_unreadable(error)
        raise InputError.single(str(path), "", message) from error
    return _READERS[path.suffix.lower()](text, str(path), path.stem)
