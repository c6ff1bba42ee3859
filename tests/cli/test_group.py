"""The command as a whole: its table, its options, its errors, its exit codes, its start."""

import importlib
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from importlib import metadata

import click
import pytest
import trio
from click.testing import CliRunner

import steno.cli
from steno.cli import _group
from steno.cli._exit import ERRORS, MEANINGS, Exit, refusal
from steno.cli._group import COMMANDS
from steno.cli._group import steno as group
from steno.cli._verb import run
from steno.core import SagaDag, SagaSerialized
from steno.errors import BugError, SagaTakenOver, StoreInUse, StoreStuck, StoreUnavailable
from steno.runtime import open_sec
from steno.stores import SqliteSecStore
from support.demo import build
from support.shell import (
    READY,
    RUNNING,
    STORED,
    SUCCEEDED,
    Shell,
    filled,
    node,
    process,
    refused,
    registry,
)

READING = {
    "list": ["list"],
    "show": ["show", SUCCEEDED],
    "log": ["log", SUCCEEDED],
    "dot": ["dot", SUCCEEDED],
    "watch": ["watch", SUCCEEDED],
    "export": ["export", SUCCEEDED],
    "doctor": ["doctor"],
    "check": ["check", "steno.cli._trip:registry"],
    "prune --dry-run": ["prune", "--older-than", "1d", "--dry-run"],
}

WRITING = {
    "prune": ["prune", "--older-than", "1d"],
    "import": ["import", "-"],
    "demo": ["demo"],
}


def python(*args, **env):
    """Run Python in a process of its own, and return what came of it."""
    whole = {**os.environ, **env}
    command = [sys.executable, *map(str, args)]
    return subprocess.run(command, env=whole, capture_output=True, text=True, check=False)


def test_the_table_says_of_each_command_what_it_does():
    """Each file of a command is in the table, and each command is what its name says."""
    for name in COMMANDS:
        command = importlib.import_module(f"steno.cli._{name}").command
        assert command.name == name
        assert isinstance(command, click.Command)
    assert set(group.list_commands(click.Context(group))) == set(COMMANDS)
    assert group.get_command(click.Context(group), "nothing") is None


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_complete(shell, name):
    """It has examples and exit codes, and says of every option what it does."""
    text = shell(name, "--help").stdout
    assert text == shell(name, "-h").stdout
    assert "Examples:\n    steno" in text
    assert "Exit codes:\n    0  " in text
    for parameter in group.get_command(click.Context(group), name).params:
        assert isinstance(parameter, click.Argument) or parameter.help.endswith((".", "]."))


def test_the_help_of_all_tells_every_exit_code(shell):
    """A number and what it means, for each but that of a closed pipe, which nobody sees."""
    text = shell("--help").stdout
    assert set(MEANINGS) == set(Exit) - {Exit.UNREAD}
    for code in MEANINGS:
        assert re.search(rf"^  {code:d} +\w", text, re.MULTILINE)


def test_help_imports_neither_rich_nor_a_command():
    """It is what a person waits for first."""
    code = (
        "import sys; from steno.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    run = python("-c", code, "--help")
    loaded = run.stderr.split()
    assert run.returncode == 0
    assert "click" in loaded
    assert "steno.cli._group" in loaded
    assert [each for each in loaded if each.partition(".")[0] == "rich"] == []
    assert {f"steno.cli._{name}" for name in COMMANDS}.isdisjoint(loaded)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_says_what_to_install(missing):
    """One line, and exit code 2."""
    code = f"import sys; sys.modules[{missing!r}] = None; from steno.cli import main; main()"
    run = python("-c", code, "--store", "x", "list")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"{steno.cli.NEEDS}\n"


def test_another_module_that_is_missing_is_not_explained_away():
    """The extra would not help."""
    code = "import sys; sys.modules['steno.errors'] = None; from steno.cli import main; main()"
    assert "ModuleNotFoundError: import of steno.errors halted" in python("-c", code).stderr


def test_the_version_is_that_of_the_distribution(shell):
    """It names the command."""
    assert shell("--version").stdout == f"steno, version {metadata.version('trio-steno')}\n"


def test_the_command_is_installed_under_its_name():
    """`steno` and `python -m steno` are the same."""
    (script,) = metadata.entry_points(group="console_scripts", name="steno")
    assert script.load() is steno.cli.main
    assert python("-m", "steno", "--version").stdout.startswith("steno, version ")


# The store


def test_the_store_is_given_before_or_after_the_command(stored, tmp_path):
    """What is nearest counts, and the environment last."""
    nowhere = Shell(str(tmp_path / "nothing.db"))
    for args in (
        ["--store", stored, "list"],
        ["list", "--store", stored],
        ["--store", tmp_path / "other.db", "list", "--store", stored],
    ):
        assert len(nowhere(*args).stdout.splitlines()) == 1 + len(STORED)
    assert "nothing.db does not exist" in refused(nowhere("list"), 4)


def test_the_store_may_be_a_url(stored, monkeypatch):
    """Relative, or absolute with a slash more."""
    monkeypatch.chdir(stored.parent)
    whole = Shell(str(stored))("list").stdout
    assert Shell(f"sqlite:///{stored.name}")("list").stdout == whole
    assert Shell(f"sqlite:///{stored}")("list").stdout == whole


@pytest.mark.parametrize("command", [*READING, "prune", "import"])
def test_a_command_without_a_store_says_how_to_give_it(command):
    """That is a matter of usage."""
    result = Shell(None)(*{**READING, **WRITING}[command])
    assert result.exit_code == 2
    assert "use --store STORE, or set STENO_STORE." in result.stderr


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://host/x.db", "sqlite://"])
def test_a_store_of_no_known_kind_is_a_matter_of_usage(url):
    """The error shows what is known."""
    result = Shell(url)("list")
    assert result.exit_code == 2
    assert "does not name a" in result.stderr


@pytest.mark.parametrize("command", [*READING, "prune"])
def test_a_store_that_is_not_there_is_not_made(tmp_path, command):
    """The error names it, and the folder stays empty."""
    shell = Shell(str(tmp_path / "nothing.db"))
    why = refused(shell(*{**READING, **WRITING}[command]), 4)
    assert why == f"{tmp_path.resolve()}/nothing.db does not exist"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [*READING, "prune"])
def test_a_file_of_another_program_is_refused(tmp_path, command):
    """It is not touched."""
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary, " * 1000)
    refused(Shell(str(file))(*{**READING, **WRITING}[command]), 4)
    assert file.read_text() == "Dear diary, " * 1000


async def invoke(shell, args, input=None):
    """Call a command in a thread: it has an event loop of its own."""
    return await trio.to_thread.run_sync(lambda: shell(*args, input=input))


@pytest.mark.parametrize("command", READING)
async def test_what_is_owned_can_be_read(own_async, command):
    """A SEC has the file open all the while."""
    expected = await invoke(own_async, READING[command])
    async with open_sec(SqliteSecStore(own_async.store), registry, sec_name="other"):
        result = await invoke(own_async, READING[command])
    assert result.exit_code == expected.exit_code
    if command != "doctor":
        assert result.output == expected.output


@pytest.mark.parametrize("command", WRITING)
async def test_what_is_owned_cannot_be_written_to(own_async, command):
    """The error names the owner, and nothing has changed."""
    dump = (await invoke(own_async, ["export", RUNNING])).stdout_bytes
    before = (await invoke(own_async, ["list", "--json"])).stdout
    async with open_sec(SqliteSecStore(own_async.store), registry, sec_name="other"):
        args = ["--store", own_async.store, *WRITING[command]]
        why = refused(await invoke(own_async, args, dump), 5)
    assert f'is open for writing by the SEC "other", process {os.getpid()} on ' in why
    assert (await invoke(own_async, ["list", "--json"])).stdout == before


@pytest.fixture
async def own_async(tmp_path):
    """Return a shell with a file of its own; the loop that fills it is not this one."""
    path = await trio.to_thread.run_sync(filled, tmp_path / "sagas.db")
    return Shell(str(path))


# Errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreInUse("x", "y"), 5),
        (StoreUnavailable("x"), 4),
        (StoreStuck("x"), 4),
        (SagaTakenOver(SUCCEEDED, "x"), 6),
        (BugError("x"), 1),
        (PermissionError("x"), 4),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    """The nearest in the tree of errors counts."""
    assert refusal(error).code == code


def test_a_bug_keeps_its_traceback():
    """A report of it is of no use without."""
    assert refusal(ValueError("x")) is None
    assert all(issubclass(kind, Exception) for kind, _ in ERRORS)


def test_an_error_that_is_alone_in_its_groups_comes_out_alone():
    """Nurseries put errors into groups; what ends a process goes before what an action raised."""

    async def fail(*errors):
        raise BaseExceptionGroup("outer", [BaseExceptionGroup("inner", list(errors))])

    with pytest.raises(ValueError, match="alone"):
        run(fail, ValueError("alone"))
    with pytest.raises(KeyboardInterrupt):
        run(fail, ValueError("x"), KeyboardInterrupt())
    with pytest.raises(Exception, match="outer"):
        run(fail, ValueError("x"), ValueError("y"))


def test_ctrl_c_ends_a_command_quietly(stored):
    """Exit code 130, and nothing is said."""
    watcher = process("--store", stored, "watch", RUNNING)
    while "running" not in watcher.stdout.readline():
        pass
    watcher.send_signal(signal.SIGINT)
    assert watcher.communicate(timeout=60) == ("", "")
    assert watcher.returncode == 130


def test_a_reader_that_has_had_enough_is_no_error(stored):
    """As in `steno list | head`: there is no traceback, and nothing on the error output."""
    watcher = process("--store", stored, "watch", "--interval", 0.01, RUNNING)
    with ExitStack() as stack:
        stack.enter_context(watcher)
        watcher.stdout.close()
        watcher.stdout = None
        assert watcher.stderr.read() == ""
    assert watcher.returncode == 141


def test_a_letter_that_the_output_cannot_hold_is_spelled_out(tmp_path):
    """An old terminal shows it as well."""
    store = tmp_path / "sagas.db"
    dump = SagaSerialized(READY, SagaDag(build("日本", node("ride"))), ())
    Shell(str(store))("import", "-", input=dump.to_json().encode())
    shown = python("-m", "steno", "--store", store, "list", PYTHONIOENCODING="latin-1")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert r"\u65e5\u672c" in shown.stdout


def test_the_group_can_be_called_without_a_process_of_its_own():
    """Its output may be any stream."""
    assert CliRunner().invoke(_group.steno, ["--version"]).exit_code == 0
