"""The command group: a table of commands, imported when called, and error handling."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import Any, cast

import click

from steno.cli._exit import MEANINGS, Exit, refusal
from steno.core import escaped

COMMANDS = {
    "demo": "Book a trip, kill it, and see it continue.",
    "list": "List the sagas of a store.",
    "show": "Show everything about one saga.",
    "log": "Print the log of a saga.",
    "dot": "Print the graph of a saga, for Graphviz.",
    "bulk": "List the orders to many sagas, or show one.",
    "watch": "Watch a saga until it is finished.",
    "export": "Write a saga as a dump, in Steno's JSON.",
    "import": "Store a saga from a dump, ready to run.",
    "prune": "Delete finished sagas that are old.",
    "doctor": "Examine a store and what it depends on.",
    "check": "Check that unfinished sagas would continue under this code.",
}
"""Each command, defined in the file `_<name>.py`, and its one-line summary."""

HELP = """\
Inspect the sagas in a store, and repair what needs an operator.

Commands that read work at any time, even while a program has the store open. Commands that write
(demo, import, prune) need exclusive access to a file, and otherwise say who has it.

STORE is the path of a file, or a URL: sqlite:///relative.db, sqlite:////absolute.db, or
postgresql://user@host/database. It may be given before or after the name of a command. The ID of a
saga may be shortened to any unique prefix.

Output is plain when it is not a terminal, and without colours if NO_COLOR is set. With --json it is
for programs; times are in UTC, in ISO 8601 format.
"""


class Group(click.Group):
    """All commands; each is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", import_module(f"steno.cli._{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries of the commands, and the exit codes."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        with formatter.section("Exit codes"):
            formatter.write_dl([(f"{code:d}", text) for code, text in MEANINGS.items()])

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - what click gives
    ) -> click.Context:
        """Parse the command line; usage errors are shown without control characters."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            error.message = escaped(error.message)  # type: ignore[misc]  # click shows this attribute
            raise

    def invoke(self, ctx: click.Context) -> None:
        """Run a command; any error it raises becomes a line and an exit code."""
        _forgive(sys.stdout)
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            ctx.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            _hush()
            ctx.exit(Exit.UNREAD)
        except click.ClickException as error:
            error.message = escaped(error.message)  # type: ignore[misc]  # click shows this attribute
            raise
        except Exception as error:
            if (refused := refusal(error)) is None:
                raise
            click.echo(f"steno: error: {refused.why}", err=True)
            ctx.exit(refused.code)
        ctx.exit(int(code or 0))


def _forgive(stream: object) -> None:
    """Escape characters that the stream's encoding cannot represent, instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        cast("io.TextIOWrapper", stream).reconfigure(errors="backslashreplace")


def _hush() -> None:
    """Discard further output: the interpreter flushes at exit, and would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=Group, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--store", metavar="STORE", envvar="STENO_STORE", show_envvar=True, help="The store.")
@click.version_option(package_name="trio-steno", prog_name="steno")
def steno(store: str | None) -> None:
    """Accept the options common to all commands."""
    del store  # commands read it from the context if they were given none
