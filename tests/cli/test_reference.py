"""docs/reference/cli.md describes the command as its own help does."""

import re
from pathlib import Path

import click
import pytest

from steno.cli._group import COMMANDS
from steno.cli._group import steno as group
from support.shell import Shell

PAGE = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")


def test_the_help_on_the_page_is_that_of_the_command():
    """Every letter of it, on a terminal of 80 columns."""
    (shown,) = re.findall(r"^\$ steno --help\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert Shell(None, {"COLUMNS": "80"})("--help").stdout == shown


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_on_the_page_are_those_of_the_command(name):
    """All but where the store is, which every command takes."""
    command = group.get_command(click.Context(group), name)
    words = [
        parameter.metavar if isinstance(parameter, click.Argument) else parameter.opts[-1]
        for parameter in command.params
    ]
    (shown,) = re.findall(rf"^\| `{name}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\S+)`", shown) == [word for word in words if word != "--store"]


def test_the_demo_on_the_page_does_what_it_says(tmp_path, monkeypatch):
    """Each line of the block is a command that is understood; the slow one is not waited for."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```\n(steno demo --slow.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].split()[1:] for line in block.splitlines()]
    assert lines.pop(0) == ["demo", "--slow"]
    codes = [Shell(None)(*line).exit_code for line in lines]
    assert codes == [0, 1, 0, 0]
