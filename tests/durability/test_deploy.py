"""
Deploys: builds that do not fit the sagas in flight, what is said of them, and what comes of them.

Each has a file that the first build has left, by a crash or drained; a build that has a mistake;
and one in which that is mended.
"""

import logging
from functools import partial
from pathlib import Path
from uuid import UUID

import attrs
import pytest
import trio

import steno
from support.deploy import (
    BOOKING,
    CANCELLING,
    DOUBTFUL,
    FAILING,
    FLYING,
    PRINTING,
    READY,
    SAGAS,
    Changes,
    Site,
)
from support.shell import Shell

ENDS = {saga: "failed" if saga in FAILING else "succeeded" for saga in SAGAS}
"""How the sagas end if nobody deploys anything."""

Fates = dict[UUID, tuple[str, str]]
"""What becomes of sagas under a build with a mistake, and what `steno check` says of each."""

UNDO = """
@book.undo(in_doubt=True)
async def cancel(ctx, output: Room | None) -> None:
    await ctx.user_data.undoes(ctx)
"""

RENAMED = (
    ("async def book(", "async def reserve("),
    ("@book.", "@reserve."),
    (", book)", ", reserve)"),
)
ALIAS = (
    ("@registry.action\nasync def book(", '@registry.action(aliases=["book"])\nasync def book('),
)

CHARGE = 'node "/payment": parameter "params" of the action "charge" ('
REFUND = 'node "/payment": parameter "params" of the undo action of "charge" ('
PRINT = 'node "/tickets": parameter "params" of the action "print_tickets" ('
ROOM = 'node "/tickets": parameter "hotel" of the action "print_tickets" ('
CANCEL = 'node "/hotel": parameter "output" of the undo action of "book" ('
BREAKFAST = 'node "/tickets": the action "print_tickets" ('
GONE = 'action for node "hotel" not registered: "book"'
NO_UNDO = 'action "book" of node "hotel" has no undo'
NOT_KNOWN = 'node "/hotel": it is not known whether it was done'


@attrs.frozen
class Deploy:
    """
    A build that does not fit some sagas.

    Attributes:
        changes: What it changes in the first build.
        mended: What the next one changes instead.
        crashed: The fates of sagas after a crash; those that are not here go on to their ends.
        drained: The same after draining.
    """

    changes: Changes
    mended: Changes
    crashed: Fates
    drained: Fates


DEPLOYS = {
    "a new field of the params": Deploy(
        [("    name: str\n", "    name: str\n    email: str\n")],
        [("    name: str\n", "    name: str\n    email: str | None = None\n")],
        {
            READY: ("held at payment", CHARGE),
            BOOKING: ("held at tickets", PRINT),
            PRINTING: ("held at tickets", PRINT),
            CANCELLING: ("held at payment", REFUND),
            DOUBTFUL: ("held at payment", REFUND),
            FLYING: ("held at payment", REFUND),
        },
        {
            READY: ("held at payment", CHARGE),
            BOOKING: ("held at tickets", PRINT),
            PRINTING: ("succeeded", REFUND),  # unless its letter fails
            CANCELLING: ("held at payment", REFUND),
            DOUBTFUL: ("held at payment", REFUND),
            FLYING: ("held at payment", REFUND),
        },
    ),
    "a renamed field of an output": Deploy(
        [("    number: int\n", "    no: int\n")],
        [("    number: int\n", "    number: int | None = None\n    no: int | None = None\n")],
        {PRINTING: ("held at tickets", ROOM), CANCELLING: ("held at hotel", CANCEL)},
        {
            BOOKING: ("held at tickets", ROOM),
            PRINTING: ("succeeded", CANCEL),
            FLYING: ("held at hotel", CANCEL),
        },
    ),
    "a renamed action": Deploy(
        RENAMED,
        [*ALIAS, *RENAMED],
        dict.fromkeys(SAGAS, ("halted", GONE)),
        dict.fromkeys(SAGAS, ("halted", GONE)),
    ),
    "an input that no graph has": Deploy(
        [
            ("hotel: Room) ->", "hotel: Room, breakfast: str) ->"),
            (
                '("hotel", book))\n',
                '("hotel", book))\nbuilder.append(steno.Node.constant("breakfast", "eggs"))\n',
            ),
        ],
        [("hotel: Room) ->", 'hotel: Room, breakfast: str = "eggs") ->')],
        dict.fromkeys((READY, BOOKING, PRINTING), ("held at tickets", BREAKFAST)),
        dict.fromkeys((READY, BOOKING), ("held at tickets", BREAKFAST)),
    ),
    "an undo left out": Deploy(
        [(UNDO, "")],
        [("async def cancel(", "async def call_off(")],
        dict.fromkeys(SAGAS, ("halted", NO_UNDO)),
        dict.fromkeys(SAGAS, ("halted", NO_UNDO)),
    ),
    "doubt that is not provided for": Deploy(
        [("@book.undo(in_doubt=True)", "@book.undo"), ("output: Room | None", "output: Room")],
        [("in_doubt=True", "in_doubt=True, timeout=60")],
        {DOUBTFUL: ("held at hotel", NOT_KNOWN)},
        {DOUBTFUL: ("held at hotel", NOT_KNOWN)},
    ),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Site:
    """A folder from which Python imports, with a file to be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    caplog.set_level(logging.CRITICAL, "steno")
    return Site(tmp_path)


def refused(site: Site, build: object, code: int) -> dict[UUID, list[str]]:
    """Return the sagas that `steno check` refuses, with its reasons; it changes nothing."""
    before, calls = site.content(), len(site.town.calls)
    shell = Shell(str(site.path))
    result = shell("check", build.__name__)
    assert (result.exit_code, result.stderr) == (code, "")
    document = shell.json("check", build.__name__)
    assert (site.content(), len(site.town.calls)) == (before, calls)
    lines = result.stdout.splitlines()
    for saga, line in zip(document["refused"], lines[:-1], strict=True):
        assert line.startswith(f"{saga['id']} {saga['name']} ({saga['state']}): ")
    fine = document["checked"] - len(document["refused"])
    assert lines[-1] == f"{fine} of {document['checked']} unfinished sagas would continue"
    return {UUID(saga["id"]): saga["reasons"] for saga in document["refused"]}


@pytest.mark.parametrize("then", ["back", "forward"])
@pytest.mark.parametrize("left", ["crashed", "drained"])
@pytest.mark.parametrize("name", DEPLOYS)
def test_a_build_that_does_not_fit(site: Site, name: str, left: str, then: str):
    """It is refused by `steno check`; deployed all the same, nothing fails, and all can go on."""
    deploy = DEPLOYS[name]
    first, second = site.build(), site.build(deploy.changes)
    trio.run(partial(site.leave_behind, first, crash=left == "crashed"))
    fates: Fates = getattr(deploy, left)
    reasons = refused(site, second, 1)
    assert reasons.keys() == fates.keys()
    for saga_id, (_, said) in fates.items():
        assert any(said in reason for reason in reasons[saga_id]), reasons[saga_id]

    failures, calls = trio.run(site.failures), len(site.town.calls)
    ends = ENDS | {saga_id: fate for saga_id, (fate, _) in fates.items()}
    assert trio.run(site.fates, second) == ends
    assert trio.run(site.failures) == failures
    assert site.town.undoing(calls) <= FAILING.keys()
    for saga_id, stored in trio.run(site.stored).items():
        assert (stored.summary.problem is not None) == (ends[saga_id] == "halted")
        if ends[saga_id].startswith("held"):
            state = "unwinding" if saga_id in FAILING else "running"
            assert stored.summary.state.value == state

    third = first if then == "back" else site.build(deploy.mended)
    assert refused(site, third, 0) == {}
    assert trio.run(site.fates, third) == ENDS
    assert trio.run(site.failures) == failures
    site.town.check()


@pytest.mark.parametrize("left", ["crashed", "drained"])
@pytest.mark.parametrize("name", [None, *DEPLOYS])
def test_a_build_that_fits(site: Site, name: str | None, left: str):
    """`steno check` has nothing to say, and all sagas go on under it at once."""
    first = site.build()
    trio.run(partial(site.leave_behind, first, crash=left == "crashed"))
    next_one = site.build(() if name is None else DEPLOYS[name].mended)
    assert refused(site, next_one, 0) == {}
    assert trio.run(site.fates, next_one) == ENDS
    site.town.check()


def test_what_a_saga_has_called_is_not_called_again(site: Site):
    """Under a build that is mended, it goes on where it was held."""
    deploy, first = DEPLOYS["an input that no graph has"], site.build()
    trio.run(site.leave_behind, first)
    trio.run(site.fates, site.build(deploy.changes))
    calls = len(site.town.calls)
    trio.run(site.fates, site.build(deploy.mended))
    called = [(saga, what) for saga in (READY, BOOKING, PRINTING) for what in ("tickets", "letter")]
    assert sorted(site.town.calls[calls:]) == sorted(called)


def test_an_undo_that_is_held_is_due_at_each_open(site: Site):
    """It is not called, each time counts as an attempt, and a build that is mended goes on."""
    deploy, first = DEPLOYS["a renamed field of an output"], site.build()
    trio.run(site.leave_behind, first)
    second = site.build(deploy.changes)
    for number in (1, 2, 3):
        assert trio.run(site.fates, second)[CANCELLING] == "held at hotel"
        last = trio.run(site.stored)[CANCELLING].events[-1].event_type
        assert isinstance(last, steno.UndoAttemptFailed)
        assert (last.attempt, last.next, last.reopen) == (number, None, True)
        assert "$.no" in last.error
    assert site.town.calls.count((CANCELLING, "~hotel")) == 1
    assert trio.run(site.fates, first) == ENDS
    assert site.town.calls.count((CANCELLING, "~hotel")) == 2
    site.town.check()


def test_no_action_is_held_in_an_unwinding(site: Site):
    """A call that was cut off cannot be made again: it fails, in doubt, and so it is undone."""
    first = site.build()
    trio.run(site.leave_behind, first)
    eggs = ', steno.Node.constant("breakfast", "eggs")])'
    second = site.build(
        [
            ("payment: int) ->", "payment: int, breakfast: str) ->"),
            (
                'append(steno.Node.action("payment", charge)',
                'append_parallel([steno.Node.action("payment", charge)',
            ),
            ("charge))", f"charge){eggs}"),
        ]
    )
    reasons = refused(site, second, 1)
    (why,) = reasons[FLYING]
    assert 'node "/hotel": the action "book" (' in why
    assert 'takes "breakfast", but no node of that name comes before it' in why
    failures, calls = trio.run(site.failures), len(site.town.calls)
    held = {READY: "held at hotel", BOOKING: "held at hotel"}
    assert trio.run(site.fates, second) == ENDS | held
    assert trio.run(site.failures) == failures | {FLYING: failures[FLYING] + 1}
    assert [what for saga, what in site.town.calls[calls:] if saga == FLYING] == [
        "~hotel",
        "~payment",
    ]
    assert trio.run(site.fates, first) == ENDS
    site.town.check()
