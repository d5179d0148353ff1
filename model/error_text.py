"""What an exception says, on one line, whatever it does when it is asked."""

from __future__ import annotations

from types import TracebackType

from .faults import escaped, shortened

LONGEST_TEXT = 500


def error_line(error: BaseException, *notes: str) -> str:
    r"""Kind, text and origin of an exception, and further notes on it, escaped and shortened.

    Example:
        >>> error_line(ValueError("two\nlines"), "back end mine")
        'ValueError: two\\nlines (back end mine)'
    """
    remarks = [remark for remark in (_origin(error.__traceback__), *notes) if remark]
    return f"{error_text(error)} ({', '.join(remarks)})" if remarks else error_text(error)


def error_text(error: BaseException) -> str:
    """Kind and text of an exception, escaped and shortened."""
    try:
        said = str(error)
    except Exception:  # third-party code: nothing is sure of it, its texts included
        said = "(it cannot say what it is)"
    return escaped(shortened(f"{type(error).__name__}: {said}" if said else type(error).__name__, LONGEST_TEXT))


def _origin(trace: TracebackType | None) -> str:
    """File and line where the exception was raised; empty if that is not known."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else escaped(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
