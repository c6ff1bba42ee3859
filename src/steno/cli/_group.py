"""The group: which commands there are, imported when called, and how each ends."""

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
    "demo": "Book a trip, kill it, and see it go on.",
    "list": "List the sagas of a store.",
    "show": "Show all there is to know of one saga.",
    "log": "Print the log of a saga.",
    "dot": "Print the graph of a saga, for Graphviz.",
    "watch": "Watch a saga until it is done.",
    "export": "Write a saga as a dump, in Steno's JSON.",
    "import": "Store a saga from a dump; it is ready to be run.",
    "prune": "Delete finished sagas that are old.",
    "doctor": "Examine a store, and what it stands on.",
    "check": "Ask whether unfinished sagas would go on under this code.",
}
"""Every command, in a file of its name with an underscore before, and what it does in a line."""

HELP = """\
Look at the sagas that a store keeps, and mend what a person has to mend.

Commands that read work at any time, also while a program has the store open. Commands that write
(demo, import, prune) need it for themselves, and otherwise say who has it.

STORE is the path of a file, or a URL as in sqlite:///relative.db or sqlite:////absolute.db. It may
be given before or after the name of a command. The ID of a saga may be cut short, as long as no
other begins in the same way.

Output is plain where it goes to no terminal, and without colours if NO_COLOR is set. With --json it
is for programs; times are in UTC, as in ISO 8601.
"""


class Group(click.Group):
    """All commands; none is imported before it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, and import it for that."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", import_module(f"steno.cli._{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the table says of the commands, and the exit codes."""
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
        """Read the command line; what is wrong with it is told without what could do harm."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            error.message = escaped(error.message)  # type: ignore[misc]  # it is what is shown
            raise

    def invoke(self, ctx: click.Context) -> None:
        """Run a command; whatever it raises becomes a line and an exit code."""
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
            error.message = escaped(error.message)  # type: ignore[misc]  # it is what is shown
            raise
        except Exception as error:
            if (refused := refusal(error)) is None:
                raise
            click.echo(f"steno: error: {refused.why}", err=True)
            ctx.exit(refused.code)
        ctx.exit(int(code or 0))


def _forgive(stream: object) -> None:
    """Let letters that a terminal does not know be spelled out, rather than be an error."""
    if isinstance(stream, io.TextIOWrapper):
        cast("io.TextIOWrapper", stream).reconfigure(errors="backslashreplace")


def _hush() -> None:
    """Let nobody complain again that the output is not read: the interpreter flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=Group, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--store", metavar="STORE", envvar="STENO_STORE", show_envvar=True, help="The store.")
@click.version_option(package_name="trio-steno", prog_name="steno")
def steno(store: str | None) -> None:
    """Take the options that all commands have."""
    del store  # a command finds it in its context, if it was given none
