"""How help is laid out: options under headings, summaries in full, examples at the end. No part of it is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from .option_panels import OTHERS, PANELS, panel_of
from .verb_examples import EXAMPLES, FIRST_STEPS, Example

PROGRAM = "dmaze-solve"
DEFAULT_VERB = "solve"
"""What a command line without a verb asks for."""

WIDEST = 100
"""Columns of the help on wide terminals: longer lines are hard to read."""

WIDEST_FIRST_COLUMN = 30
"""Columns for an option with its value; the description of a longer one begins a line below."""

WHOLE = 1000
"""More characters than the summary of a verb has."""


class HelpfulCommand(TyperCommand):
    """A verb, whose help has its options under headings and ends with examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """What may follow the verb."""
        return ["[OPTIONS]", *(str(param.metavar) for param in _arguments(self.params))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, each under its heading."""
        arguments = [(str(param.metavar), param.help or "") for param in _arguments(self.params)]
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": arguments, **{heading: [] for heading in PANELS}}
        for param in self.get_params(ctx):
            record: tuple[str, str] | None = param.get_help_record(ctx)
            if param.param_type_name == "option" and record is not None:
                rows.setdefault(panel_of(param.opts[-1]), []).append(record)
        _write_sections(formatter, rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples."""
        _write_examples(formatter, EXAMPLES.get(self.name or "", ()))


class HelpfulGroup(TyperGroup):
    """The command as a whole, whose help lists its verbs."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A verb; while a shell asks for completions, what is none is a spec to be solved."""
        known = self.commands.get(cmd_name)
        return self.commands[DEFAULT_VERB] if known is None and ctx.resilient_parsing else known

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs, then the options."""
        self.format_commands(ctx, formatter)
        records = [record for record in (param.get_help_record(ctx) for param in self.get_params(ctx)) if record]
        _write_sections(formatter, {"Options": records})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every verb with its summary."""
        verbs = [(name, self.commands[name].get_short_help_str(WHOLE)) for name in self.list_commands(ctx)]
        _write_sections(formatter, {"Commands": verbs})

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the examples."""
        _write_examples(formatter, FIRST_STEPS)


def _arguments(params: Iterable[Any]) -> list[Any]:
    return [param for param in params if param.param_type_name == "argument"]


def _write_sections(formatter: Any, rows: dict[str, list[tuple[str, str]]]) -> None:
    """Sections whose second columns all begin at the same place; empty ones are left out, ``OTHERS`` is the last."""
    firsts = [len(first) for found in rows.values() for first, _ in found]
    width = max((length for length in firsts if length <= WIDEST_FIRST_COLUMN), default=0)
    for heading in sorted(rows, key=lambda heading: heading == OTHERS):
        if rows[heading]:
            with formatter.section(heading):
                formatter.write_dl([(first.ljust(width), second) for first, second in rows[heading]])


def _write_examples(formatter: Any, examples: Sequence[Example]) -> None:
    """Every command line on a line of its own, ready to be copied, below what it does."""
    if not examples:
        return
    with formatter.section("Examples"):
        for command, purpose in examples:
            formatter.write(f"{'':>{formatter.current_indent}}# {purpose}\n")
            formatter.write(f"{'':>{formatter.current_indent}}{PROGRAM} {command}\n")
