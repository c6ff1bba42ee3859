"""`steno prune`: old sagas go, and only those that may."""

import pytest
import trio

from steno.cli import _prune
from steno.stores import SqliteSecStore
from support.shell import (
    FAILED,
    STORED,
    SUCCEEDED,
    Shell,
    refused,
)


def left(shell):
    return [saga["id"] for saga in shell.json("list")]


@pytest.mark.parametrize(
    ("states", "gone"),
    [
        ("", [SUCCEEDED, FAILED]),
        ("--state succeeded", [SUCCEEDED]),
        ("--state failed", [FAILED]),
        ("--state failed --state succeeded", [SUCCEEDED, FAILED]),
    ],
)
def test_old_sagas_are_deleted(own, states, gone):
    """Only those in the states that are given; one that is stuck or unfinished never is."""
    what = "1 saga" if len(gone) == 1 else "2 sagas"
    counted = own("prune", "--older-than", "1d", "--dry-run", *states.split())
    assert counted.stdout == f"{what} would be pruned\n"
    assert left(own) == list(map(str, STORED))
    assert own("prune", "--older-than", "1d", *states.split()).stdout == f"{what} pruned\n"
    assert left(own) == [str(saga) for saga in STORED if saga not in gone]
    assert own("prune", "--older-than", "0s", *states.split()).stdout == "0 sagas pruned\n"


def test_young_sagas_stay(own):
    """They ended in 2026, less than ten thousand weeks ago."""
    assert own("prune", "--older-than", "10000w").stdout == "0 sagas pruned\n"
    assert own("prune", "--older-than", "10000w", "--dry-run").stdout == "0 sagas would be pruned\n"
    assert left(own) == list(map(str, STORED))


def test_the_shape_of_what_was_pruned(own):
    """How many, and whether it was only asked."""
    assert own.json("prune", "--older-than", "1d", "--dry-run") == {"pruned": 2, "dry_run": True}
    assert own.json("prune", "--older-than", "1d") == {"pruned": 2, "dry_run": False}


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_it_is_done_in_portions(own, monkeypatch, options):
    """More than one portion is counted in full."""
    monkeypatch.setattr(_prune, "PAGE", 1)
    monkeypatch.setattr(_prune, "PORTION", 1)
    assert own.json("prune", "--older-than", "1d", *options)["pruned"] == 2
    assert len(left(own)) == (7 if options else 5)


@pytest.mark.parametrize("age", ["30", "d", "1y", "-1d", "1.5d", "", "9999999999d", "999999999w"])
def test_what_is_no_age_is_a_matter_of_usage(own, age):
    """Nothing is deleted by a slip of the finger."""
    result = own("prune", f"--older-than={age}")
    assert result.exit_code == 2
    assert "Invalid value for '--older-than'" in result.stderr
    assert len(left(own)) == 7


@pytest.mark.parametrize("state", ["stuck", "running", "ready", "unwinding"])
def test_what_may_not_be_pruned_cannot_be_asked_for(own, state):
    """The age must be given, too."""
    assert own("prune", "--older-than", "1d", "--state", state).exit_code == 2
    assert own("prune").exit_code == 2


@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_a_store_that_is_not_there_is_not_made(tmp_path, options):
    """It would be empty, and a typo in its name would go unnoticed."""
    shell = Shell(str(tmp_path / "nothing.db"))
    assert "does not exist" in refused(shell("prune", "--older-than", "1d", *options), 4)
    assert list(tmp_path.iterdir()) == []


def test_of_an_empty_store_nothing_is_pruned(tmp_path):
    """That is not an error."""
    store = SqliteSecStore(str(tmp_path / "empty.db"))

    async def make():
        async with store.open():
            pass

    trio.run(make)
    assert Shell(store.path)("prune", "--older-than", "0s").stdout == "0 sagas pruned\n"
