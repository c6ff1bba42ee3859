"""The examples of what is done later: waiting for a person, undoing at last, and fanning out."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

import steno
from examples import approval, cancelled_trip, fan_out
from steno.testing import Outcome, explore

ROOT = Path(__file__).parent.parent


def run_example(name, *args):
    """Run an example as a script; a warning, of whatever kind, is an error in it."""
    return subprocess.run(
        [sys.executable, "-W", "error", f"examples/{name}.py", *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def in_virtual_time(async_fn, *args):
    return trio.run(async_fn, *args, clock=MockClock(autojump_threshold=0))


# The approval

RESERVED = """\
Mon 09:00 480 euros are reserved
Mon 10:00 the service is restarted
"""

APPROVALS = {
    "--answer yes": f"""\
{RESERVED}\
Tue 11:00 Ada says yes
Tue 11:00 480 euros are paid for a new coffee machine
Tue 11:00 done: approved by Ada
""",
    "--answer no": f"""\
{RESERVED}\
Tue 11:00 Ada says no
Tue 11:00 480 euros are free again
not paid: Ada has declined
""",
    "--after 71": f"""\
{RESERVED}\
Thu 08:00 Ada says yes
Thu 08:00 480 euros are paid for a new coffee machine
Thu 08:00 done: approved by Ada
""",
    "--after 80": f"""\
{RESERVED}\
Thu 09:00 480 euros are free again
Thu 09:00 Ada is too late: the saga has failed, and is undone
not paid: unwound by deadline: its deadline has passed
""",
}


@pytest.mark.parametrize("options", APPROVALS)
def test_approval(options, capsys):
    """A decision in time is followed; without one, the deadline frees the budget."""
    words = options.split()
    chosen = dict(zip(words[::2], words[1::2], strict=True))
    answer = chosen.get("--answer", "yes") == "yes"
    paid = "are paid" in APPROVALS[options]
    hours = float(chosen.get("--after", "26"))
    assert in_virtual_time(approval.main, answer, hours) == (0 if paid else 1)
    assert capsys.readouterr().out == APPROVALS[options]


@pytest.mark.parametrize("options", ["--answer yes", "--after 80"])
def test_approval_is_a_command(options):
    """As a script it prints the same at once, and tells by its exit code what came of it."""
    done = run_example("approval", *options.split())
    assert (done.returncode, done.stderr) == (int("not paid" in done.stdout), "")
    assert done.stdout == APPROVALS[options]


def test_an_approval_is_all_or_nothing(capsys):
    """Whatever fails or crashes, the money is reserved and paid, or neither."""

    async def decide(sec, saga_id):
        decision = approval.Decision(approved=True, by="Ada")
        with suppress(steno.OrderRefused, steno.SagaNotRunning):  # it may have failed before
            await sec.saga_handle(saga_id).signal("approval", decision)

    def check(office: approval.Office, outcome: Outcome):
        if outcome.succeeded:
            assert (len(office.reserved), len(office.paid)) == (1, 1)
        else:
            assert (office.reserved, office.paid) == ({}, {}) or outcome.stuck

    expense = approval.Expense("a chair", 90)
    dag = steno.SagaDag(approval.expense, expense)
    explore(
        lambda: dag,
        approval.registry,
        approval.Office,
        check=check,
        beside=decide,
        seeds=1,
        budget=60,
    )
    capsys.readouterr()


# The trip that is cancelled

CANCELLED = """\
01 Jul booked: room at Hotel Post
01 Jul booked: flight OS 87
01 Jul the trip is booked
{0}

+ saga execution: 3d6ef7e0-6f0c-4b38-a0fb-87f1f0b0a9f4
+-- {1}: (start node)
+-- {2}: book_hotel (produces "hotel")
+-- {3}: book_flight (produces "flight")
+-- undone: (end node)

the trip was unwound by Ada: the traveller is ill
{4}
"""

CANCELLATIONS = {
    "--after 7": (
        "08 Jul cancelled: flight OS 87, 180 euros are refunded\n"
        "08 Jul cancelled: room at Hotel Post, 150 euros are refunded",
        *["undone"] * 3,
        "330 euros are refunded in all",
    ),
    "--after 3": (
        "04 Jul cancelled: flight OS 87, 180 euros are refunded\n"
        "04 Jul cancelled: room at Hotel Post, 300 euros are refunded",
        *["undone"] * 3,
        "480 euros are refunded in all",
    ),
    "--fail hotel": (
        "08 Jul cancelled: flight OS 87, 180 euros are refunded",
        *["done", "undo-failed", "undone"],
        "stuck: the hotel is not cancelled: the hotel is not reachable",
    ),
}


@pytest.mark.parametrize("options", CANCELLATIONS)
def test_cancelled_trip(options, capsys):
    """Each undo is given what was booked a week before; one that fails leaves the saga stuck."""
    option, value = options.split()
    failing = [value] if option == "--fail" else []
    days = float(value) if option == "--after" else 7
    code = in_virtual_time(cancelled_trip.main, cancelled_trip.Agency(failing), days)
    assert code == len(failing)
    assert capsys.readouterr().out == CANCELLED.format(*CANCELLATIONS[options])


@pytest.mark.parametrize("options", ["--after 7", "--fail hotel"])
def test_cancelled_trip_is_a_command(options):
    """As a script it prints the same."""
    done = run_example("cancelled_trip", *options.split())
    assert (done.returncode, done.stderr) == (int("--fail" in options), "")
    assert done.stdout == CANCELLED.format(*CANCELLATIONS[options])


# The parcels

SENT = """\
packed into 3 parcels
parcel 1: label printed
parcel 2: label printed
parcel 3: label printed
parcel 1: handed over with coffee, tea
parcel 2: handed over with cups, spoons
parcel 3: handed over with sugar
the customer is told

3 children: succeeded, succeeded, succeeded
sent: track/P001, track/P002, track/P003
"""

NOT_SENT = """\
packed into 3 parcels
parcel 1: label printed
parcel 2: label printed
parcel 3: label printed
undone: parcel 2: label printed
parcel 1: handed over with coffee, tea
undone: parcel 1: handed over with coffee, tea
undone: parcel 1: label printed
parcel 3: handed over with sugar
undone: parcel 3: handed over with sugar
undone: parcel 3: label printed

3 children: failed, failed, failed
not sent: saga d8229a9a-0855-522d-9603-015b83ec3d1e failed (child 2 of 3) at node "courier": \
Lost: no courier takes parcel 2
"""

FEW = """\
packed into {0} parcels
{1}the customer is told

{0} children: {2}
sent: {3}
"""

ONE = "parcel 1: label printed\nparcel 1: handed over with coffee\n"

ORDERS = {
    "": SENT,
    "--fail 2": NOT_SENT,
    "--goods 1": FEW.format(1, ONE, "succeeded", "track/P001"),
    "--goods 0": FEW.format(0, "", "", ""),
}


@pytest.mark.parametrize("options", ORDERS)
def test_fan_out(options, capsys):
    """As many sagas run as there are parcels; if one fails, all are unwound."""
    option, _, value = options.partition(" ")
    failing = [int(value)] if option == "--fail" else []
    goods = int(value) if option == "--goods" else 5
    assert in_virtual_time(fan_out.main, fan_out.Depot(failing), goods) == len(failing)
    printed = capsys.readouterr().out.splitlines()
    # What happens at one moment has no order.
    assert sorted(printed) == sorted(ORDERS[options].splitlines())
    assert printed[-1] == ORDERS[options].splitlines()[-1]


@pytest.mark.parametrize("options", ["", "--fail 2"])
def test_fan_out_is_a_command(options):
    """As a script it prints the same, and tells by its exit code whether all was sent."""
    done = run_example("fan_out", *options.split())
    assert (done.returncode, done.stderr) == (int("--fail" in options), "")
    assert sorted(done.stdout.splitlines()) == sorted(ORDERS[options].splitlines())


def test_a_fan_out_is_all_or_nothing(capsys):
    """Whatever fails or crashes, in the order or in a parcel, all are sent or none."""

    def check(depot: fan_out.Depot, outcome: Outcome):
        if outcome.succeeded:
            assert len(depot.done) == 5
        elif not outcome.stuck:
            assert not [what for what in depot.done.values() if what.startswith("parcel")]

    dag = steno.SagaDag(fan_out.send_order, ["coffee", "tea", "cups"])
    explore(lambda: dag, fan_out.registry, fan_out.Depot, check=check, seeds=1, budget=60)
    capsys.readouterr()
