"""What reaches a terminal: no name, label, value or argument gives it orders."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
import trio

import steno
from steno.stores import SqliteSecStore

HOSTILE = "a\x1b[31m\x9b2J\u202eb\u2028c\u2029d\re\nf\x7fg"
SAGA = UUID(int=0xABCDEF)
COLOUR = re.compile("\x1b\\[[0-9;]*m")

registry = steno.ActionRegistry()


@registry.action(name=f"act {HOSTILE}", undo=steno.NOOP)
async def act(_: steno.ActionContext[None]) -> str:
    raise ValueError(HOSTILE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store with a saga that has failed, and whose every text is hostile."""
    path = tmp_path_factory.mktemp("terminal") / "t.db"

    async def fill() -> None:
        builder = steno.DagBuilder(f"saga {HOSTILE}")
        builder.append(steno.Node.constant(f"p {HOSTILE}", {HOSTILE: HOSTILE}))
        builder.append(steno.Node.action(f"z {HOSTILE}", act, label=f"label {HOSTILE}"))
        sec_name = f"sec {HOSTILE}"
        async with steno.open_sec(SqliteSecStore(path), registry, sec_name=sec_name) as sec:
            await sec.saga_run(steno.SagaDag(builder.build(), [HOSTILE]), saga_id=SAGA)

    trio.run(fill)
    return str(path)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "steno", *words]


def on_terminal(*words: str) -> str:
    """Run the command with a terminal for its output and errors, and return what that is sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command(*words), stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        sent = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not read:
                break
            sent += read
    os.close(ours)
    return sent.decode()


def harmless(sent: str) -> bool:
    """Return True if all that is not printable are ends of lines and our own colours."""
    return all(
        line.isprintable() for line in COLOUR.sub("", sent).replace("\r\n", "\n").split("\n")
    )


LOOKS = [
    ["list"],
    ["list", "--json"],
    ["list", "--name", HOSTILE],
    ["show", str(SAGA)],
    ["show", "--json", str(SAGA)],
    ["log", "--times", str(SAGA)],
    ["log", "--json", str(SAGA)],
    ["dot", str(SAGA)],
    ["dot", "--json", str(SAGA)],
    ["watch", "--json", str(SAGA)],
    ["export", str(SAGA)],
    ["doctor"],
]


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_what_a_store_holds_does_no_harm(store: str, words: list[str]):
    """On a terminal, whichever command prints it."""
    sent = on_terminal("--store", store, *words)
    assert harmless(sent)
    assert "Traceback" not in sent


@pytest.mark.parametrize(
    "words",
    [
        ["import", HOSTILE],
        ["show", HOSTILE],
        [HOSTILE],
        [f"--{HOSTILE}"],
        ["list", "--state", HOSTILE],
        ["list", f"--{HOSTILE}"],
        ["prune", "--older-than", HOSTILE],
        ["check", HOSTILE],
        ["export", "-o", f"no/{HOSTILE}", str(SAGA)],
        ["--store", f"{HOSTILE}://x", "list"],
        ["--store", f"no/{HOSTILE}", "list"],
        ["demo", "--fail", HOSTILE],
    ],
    ids=lambda words: " ".join(words).replace(HOSTILE, "BAD"),
)
def test_what_is_on_the_command_line_does_no_harm(store: str, words: list[str]):
    """It is told what is wrong with it, in a line."""
    sent = on_terminal(*([] if words[0] == "--store" else ["--store", store]), *words)
    assert harmless(sent)
    assert "Traceback" not in sent
    assert "rror" in sent


def test_a_status_tree_in_a_pipe_has_a_line_per_node(store: str):
    """A label forges none there either."""
    shown = subprocess.run(
        command("--store", store, "show", str(SAGA)), capture_output=True, check=True
    ).stdout.decode()
    assert all(line.isprintable() for line in shown.split("\n"))
    assert sum("+-- " in line for line in shown.split("\n")) == 4


def test_json_in_a_pipe_stays_as_it_is(store: str, tmp_path: Path):
    """Byte for byte; on a terminal it is other text that means the same."""
    export = command("--store", store, "export", str(SAGA))
    piped = subprocess.run(export, capture_output=True, check=True).stdout
    assert "\u202e".encode() in piped
    file = tmp_path / "dump.json"
    subprocess.run([*export, "-o", str(file)], check=True)
    assert file.read_bytes() == piped
    sent = on_terminal("--store", store, "export", str(SAGA))
    assert json.loads(sent) == json.loads(piped)
