"""
The `steno` command: operators inspect and repair sagas, and newcomers watch one run.

Theory of operation. `_group` knows the commands by name and one line each, in a literal table; the
file of a command, and all that it needs, is imported when that command is called. A command is a
plain function that returns an exit code; what it raises becomes one line and an exit code in one
place, `_group` too. Commands that read use the store's reader, which disturbs no writer; commands
that write take the store's owner lock.

* `_group`, `_exit`, `_verb`, `_find`: the commands, their exit codes, their options, their ids.
* `_stored`, `_shape`, `_screen`, `_follow`: a stored saga as a view; as JSON; as text; as it moves.
* `_attempt`: what is said of attempts that failed.
* `_trip`: the saga of the demo. All other files: a command each.
"""

import sys
from importlib import import_module

NEEDS = "steno: error: the steno command needs click and rich: pip install 'trio-steno[cli]'"

USAGE = 2


def main() -> None:
    """Run the command that the process was called with, and exit with its code."""
    try:
        import_module("steno.cli._group").steno.main(prog_name="steno")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        print(NEEDS, file=sys.stderr)  # noqa: T201 - click, which would print it, is not there
        raise SystemExit(USAGE) from None


__all__ = ["main"]
