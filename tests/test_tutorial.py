"""docs/tutorial.md: its program is killed where the page says, and prints what the page shows."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def shown():
    """Return each command of the page, as arguments, with the output that the page shows."""
    for block in blocks("console"):
        command, _, output = block.removeprefix("$ ").partition("\n")
        yield shlex.split(command), output


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a command of the page, in a folder that has the program."""
    (program,) = blocks("python")
    (tmp_path / "trip.py").write_text(program, encoding="utf-8")

    def start(command):
        tool, *args = command
        how = {"python": ["-u", "-W", "error"], "steno": ["-m", "steno"]}[tool]
        return subprocess.Popen(
            [sys.executable, *how, *args],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    return start


def printed(process):
    """Return what a process prints until it ends, with every time replaced."""
    with process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return TIME.sub("TIME", output)


def test_the_tutorial_prints_what_it_shows(start):
    """The first run is killed while it waits for the hotel; the others run to their ends."""
    (command, before), *others = shown()
    *expected, killed = before.splitlines()
    assert killed == "Killed"  # by the shell
    with start(command) as first:
        assert [first.stdout.readline().rstrip() for _ in expected] == expected
        first.kill()
    assert [others[0][0], others[1][0][:2]] == [command, ["steno", "show"]]
    for again, output in others:
        assert printed(start(again)) == TIME.sub("TIME", output)


def test_a_third_run_calls_nothing(start):
    """A finished saga is not run again: only its result and its status are printed."""
    command, output = list(shown())[1]
    printed(start(command))
    assert printed(start(command)) == output.removeprefix("booking the hotel, attempt 2\n")
