"""`steno bulk`: the orders to many sagas, and what became of one at each of its sagas."""

import sqlite3

import pytest

from support.editable import make_editable
from support.shell import BULK, FAILED, STUCK, Shell, refused

HEAD = {
    "id": str(BULK),
    "number": 1,
    "verb": "resume",
    "details": None,
    "node": None,
    "by": "ops@host",
    "why": "the bank is back",
    "rate": 5.0,
    "sec": {"name": "trips", "generation": 2},
    "state": "running",
    "created": "2026-01-02T03:04:05.678901Z",
    "ended": None,
    "counts": {"waiting": 1, "given": 0, "refused": 1, "failed": 0},
}
SAGAS = [
    {"number": 0, "id": str(FAILED), "outcome": "waiting", "why": None},
    {"number": 1, "id": str(STUCK), "outcome": "refused", "why": "the saga is not paused"},
]


def test_a_list_has_a_line_per_order(shell):
    """With how many of its sagas have each outcome; what is long comes last."""
    heading, line = shell("bulk").stdout.splitlines()
    assert heading.split()[:4] == ["id", "order", "state", "waiting"]
    cells = [str(BULK), "resume", "running", "1", "0", "1", "0", "2026-01-02T03:04:05Z"]
    assert line.split() == [*cells, "ops@host", "the", "bank", "is", "back"]


def test_the_shape_of_an_order(shell):
    """It is the same in the list and by itself; there its sagas are added."""
    assert shell.json("bulk") == [HEAD]
    assert shell.json("bulk", BULK) == {**HEAD, "sagas": SAGAS}


def test_an_order_is_shown_with_its_sagas(shell):
    """Below what was ordered, by whom and why, there is a line for each of them."""
    head, _, sagas = shell("bulk", BULK).stdout.partition("\n\n")
    assert "why:        the bank is back" in head.splitlines()
    assert "rate:       5 per second" in head.splitlines()
    assert "refused:    1" in head.splitlines()
    first, second = sagas.splitlines()[1:]
    assert first.split() == ["0", str(FAILED), "waiting", "-"]
    assert second.split()[:3] == ["1", str(STUCK), "refused"]
    assert second.endswith("  the saga is not paused")


def test_sagas_are_chosen_by_outcome(shell):
    """If no saga has it, there is only what is said of the order."""
    assert shell.json("bulk", BULK, "--outcome", "refused")["sagas"] == SAGAS[1:]
    assert shell("bulk", BULK, "--outcome", "given").stdout.endswith("failed:     0\n")


def test_a_page_says_how_the_next_one_is_reached(shell):
    """The last page, and JSON, say nothing."""
    page = shell("bulk", BULK, "--limit", 1)
    assert page.stderr == "There are more: --after 0\n"
    assert str(STUCK) not in page.stdout
    rest = shell("bulk", BULK, "--limit", 1, "--after", 0)
    assert (str(STUCK) in rest.stdout, rest.stderr) == (True, "")
    assert shell.json("bulk", BULK, "--limit", 1)["sagas"] == SAGAS[:1]
    assert shell.json("bulk", "--after", 1) == []


def test_an_order_that_is_not_there_is_said_to_be_missing(shell):
    """An id has to be whole."""
    assert refused(shell("bulk", FAILED), 3) == f"no such bulk order: {FAILED}"
    assert shell("bulk", "b0").exit_code == 2


def test_an_outcome_is_that_of_a_saga_of_one_order(shell):
    """Without an id the option would say nothing."""
    result = shell("bulk", "--outcome", "given")
    assert (result.exit_code, "--outcome needs the ID" in result.stderr) == (2, True)


@pytest.mark.parametrize("args", [[], [BULK]])
def test_what_cannot_be_read_is_an_error(own: Shell, args: list[object]):
    """In one line, as of a damaged store."""
    with sqlite3.connect(own.store) as db:
        make_editable(db)
        db.execute("UPDATE bulk_order SET ordered = '{}'")
    db.close()
    assert "what is stored of a bulk order cannot be read" in refused(own("bulk", *args), 4)
