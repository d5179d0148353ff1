"""The ``dmaze-solve`` command: arguments in, exit code out.

Little is imported before :func:`run` is called, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

import sys

from .interruption import TYPE_CHECKING, Interruption, say_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run() -> None:
    """The entry point: run the command line and end the process with its exit code."""
    interruption = Interruption()
    interruption.take_over()
    from .output import streams_opened, streams_silenced  # here, as Ctrl-C is not answered any earlier

    streams_opened()
    code = main(sys.argv[1:], interruption.raise_from_now_on)
    interruption.ignore_from_now_on()
    streams_silenced()
    raise SystemExit(code)


def main(arguments: Sequence[str], begin: Callable[[], None] = lambda: None) -> int:
    """The exit code of a command line; faults are reported on standard error, never as a traceback.

    ``begin`` is called when the arguments are read and the verb is about to run.
    """
    from ..model.faults import BackendFault, InputError, escaped
    from .answer import Exit
    from .application import installed_version, parsed
    from .output import complain

    try:
        action = parsed(arguments)
        begin()
        return action()
    except InputError as error:
        complain(str(error))
        return Exit.BAD_INPUT
    except BackendFault as error:
        complain(f"dmaze-solve: {escaped(str(error))}; please report this line")
        return Exit.FAULT
    except KeyboardInterrupt:
        say_interrupted()
        return Exit.INTERRUPTED
    except Exception as error:  # the last stop: a fault of ours must not look like a fault of the input
        from ..model.error_text import error_line

        version = installed_version()
        complain(f"dmaze-solve {version}: internal fault: {error_line(error)}; please report this line with the input")
        return Exit.FAULT
