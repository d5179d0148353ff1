"""The ``dmaze-solve`` command: arguments in, exit code out.

Little is imported before :func:`run` is called, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

import sys

from .interruption import TYPE_CHECKING, Interruption, say_interrupted

if TYPE_CHECKING:
    from collections.abc import Sequence


def run() -> None:
    """The entry point: run the command line and end the process with its exit code."""
    interruption = Interruption()
    interruption.take_over()
    from .output import streams_opened, streams_silenced  # here, as Ctrl-C is not answered any earlier

    streams_opened()
    code = main(sys.argv[1:], interruption)
    interruption.ignore_from_now_on()
    streams_silenced()
    raise SystemExit(code)


def main(arguments: Sequence[str], interruption: Interruption | None = None) -> int:
    """The exit code of a command line; faults are reported on standard error, never as a traceback.

    ``interruption`` is told when the arguments are read and the verb is about to run. Once it was raised the exit code
    says so, whatever others have turned it into.
    """
    from .answer import Exit
    from .application import parsed

    interruption = interruption or Interruption()
    try:
        action = parsed(arguments)
        interruption.raise_from_now_on()
        code = action()
    except KeyboardInterrupt:
        say_interrupted()
        return Exit.INTERRUPTED
    except Exception as error:  # the last stop: a fault of ours must not look like a fault of the input
        if interruption.was_raised:
            say_interrupted()
            return Exit.INTERRUPTED
        return _complained(error)
    return Exit.INTERRUPTED if interruption.was_raised else code


def _complained(error: Exception) -> int:
    """The exit code of a fault, which is reported."""
    from ..model.error_text import error_line
    from ..model.faults import BackendFault, InputError, escaped
    from .answer import Exit
    from .application import installed_version
    from .output import complain

    if isinstance(error, InputError):
        complain(str(error))
        return Exit.BAD_INPUT
    if isinstance(error, BackendFault):
        complain(f"dmaze-solve: {escaped(str(error))}; please report this line")
        return Exit.FAULT
    version = installed_version()
    complain(f"dmaze-solve {version}: internal fault: {error_line(error)}; please report this line with the input")
    return Exit.FAULT
