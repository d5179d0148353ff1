"""The ``dmaze-solve`` command: arguments in, exit code out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from traceback import extract_tb

from ..model.faults import BackendFault, InputError, escaped
from .answer import Exit
from .application import installed_version, parsed
from .output import complain


def run() -> None:
    """The entry point: run the command line and end the process with its exit code."""
    raise SystemExit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """The exit code of a command line; faults are reported on standard error, never as a traceback."""
    try:
        return parsed(arguments)()
    except InputError as error:
        complain(str(error))
        return Exit.BAD_INPUT
    except BackendFault as error:
        complain(f"dmaze-solve: {escaped(str(error))}; please report this line")
        return Exit.FAULT
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:  # the last stop: a fault of ours must not look like a fault of the input
        frame = extract_tb(error.__traceback__)[-1]
        what = escaped(f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})")
        complain(f"dmaze-solve {installed_version()}: internal fault: {what}; please report this line with the input")
        return Exit.FAULT
