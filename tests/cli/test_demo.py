"""
`steno demo`: a trip, killed at any moment, and gone on with.

The processes are killed when they have printed a line that is waited for, so that it is known what
they were doing.
"""

import json
import signal
import sqlite3
from collections import Counter
from functools import partial

import pytest
import trio

from steno.cli import _demo, _trip
from steno.cli._trip import SAGA_NAME, SECONDS, NoAnswer, Refused, Services
from steno.core import ActionFailed
from support.shell import RUNNING, Shell, process, refused

BOOKED = "trip booked: room at Hotel Post, flight OS 87, small car"


@pytest.fixture
def file(tmp_path):
    """Return the path of a file that does not exist yet."""
    return tmp_path / "trips.db"


@pytest.fixture
def demo(file):
    """Return a function that runs the demo on that file, in this process, with options."""
    return lambda *args: Shell(None)("demo", "--store", file, *args)


def did(file):
    """Return how often each service did something, or took it back."""
    lines = file.with_name(f"{file.name}.services").read_text().splitlines()
    return Counter((entry["service"], entry["verb"]) for entry in map(json.loads, lines))


DONE = {(service, "do"): 1 for service in SECONDS}


def undone(*services):
    return {(service, verb): 1 for service in services for verb in ("do", "undo")}


def test_a_trip_is_booked(demo, file):
    """Each service did its thing once, and the saga is in the file to be looked at."""
    result = demo()
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("saga ")
    assert lines[0].endswith(" is new")
    assert lines[-1] == BOOKED
    assert did(file) == DONE
    (saga,) = Shell(str(file)).json("list")
    assert (saga["name"], saga["state"]) == (SAGA_NAME, "succeeded")
    assert lines[-2] == f"saga {saga['id']}: succeeded"


def test_every_event_has_its_line(demo, file):
    """They are those of the log, in its order."""
    lines = [line[:8] for line in demo().stdout.splitlines() if line[:3].isdigit()]
    (saga,) = Shell(str(file)).json("list")
    logged = Shell(str(file))("log", saga["id"]).stdout.splitlines()[5:]
    assert lines == [line[:8] for line in logged]


@pytest.mark.parametrize(
    ("failing", "effects"),
    [
        (["payment"], {}),
        (["car"], undone("payment", "hotel", "flight")),
        (["summary"], undone("payment", "hotel", "flight", "car")),
        (["hotel", "flight", "car"], undone("payment")),
    ],
)
def test_a_trip_fails_where_it_is_to(demo, file, failing, effects):
    """What was done is undone, once; the exit code says that it failed."""
    result = demo(*(word for node in failing for word in ("--fail", node)))
    assert result.exit_code == 1
    why = result.stdout.splitlines()[-1]
    assert why.startswith("no trip: ")
    assert why.split()[2] in failing
    if effects:
        assert did(file) == effects
    (saga,) = Shell(str(file)).json("list")
    assert saga["state"] == "failed"


def test_a_trip_is_stuck_where_an_undo_fails(demo, file):
    """The exit code says that an operator is needed."""
    result = demo("--fail", "summary", "--fail-undo", "hotel", "--fail-undo", "car")
    assert result.exit_code == 6
    assert "stuck: hotel is not undone: it needs an operator" in result.stdout
    (saga,) = Shell(str(file)).json("list")
    assert saga["state"] == "stuck"
    assert demo().exit_code == 0  # a stuck saga is finished: the next trip is a new one
    assert len(Shell(str(file)).json("list")) == 2


def test_calls_that_go_wrong_are_made_again(demo, file):
    """Every attempt is shown; in the end each service did its thing once."""
    result = demo("--flaky")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == BOOKED
    assert "attempt_failed BookFlight: attempt 1, in doubt, next due 2" in result.stdout
    assert "flight OS 87: done before, F003; not done again" in result.stdout
    assert did(file) == DONE
    (saga,) = Shell(str(file)).json("list")
    flight, summary = (Shell(str(file)).json("show", saga["id"])["nodes"][n] for n in (2, 4))
    assert "the answer is lost" in flight["attempt"]["error"]
    assert "longer than its timeout of 3 s" in summary["attempt"]["error"]


def test_undos_that_go_wrong_are_made_again(demo, file):
    """The saga is not stuck, and each service has taken its thing back once."""
    result = demo("--flaky", "--fail", "summary")
    assert result.exit_code == 1
    assert result.stdout.count(" undo_attempt_failed ") == 2
    assert did(file) == undone("payment", "hotel", "flight", "car")


def test_an_unknown_service_is_a_matter_of_usage(demo):
    """The error lists those that there are."""
    result = demo("--fail", "taxi")
    assert result.exit_code == 2
    assert "'payment', 'hotel', 'flight', 'car', 'summary'" in result.stderr


def kill_when(file, line, *options, how=signal.SIGKILL):
    """Run the demo slowly, kill it as soon as it prints a line that contains a text."""
    run = process("demo", "--slow", "--store", file, *options)
    seen = ""
    while line not in seen:
        seen = run.stdout.readline()
        assert seen, run.stderr.read()
    run.send_signal(how)
    _, errors = run.communicate(timeout=60)
    return run.returncode, errors


KILLS = [
    "is new",
    "N000 started",
    "payment: 900 euros: done",
    "hotel: room at Hotel Post: done",
    "N001 succeeded BookHotel",
    "car: small car: done",
    "N004 started SendSummary",
    "summary: letter to the traveller: done",
]


@pytest.mark.parametrize("line", KILLS)
def test_a_trip_that_was_killed_is_gone_on_with(file, line):
    """The same saga finishes, and each service has done its thing once."""
    assert kill_when(file, line) == (-signal.SIGKILL, "")
    (before,) = Shell(str(file)).json("list")
    assert before["state"] in {"ready", "running"}
    result = Shell(None)("demo", "--store", file)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"saga {before['id']} was interrupted, and continues"
    assert lines[-1] == BOOKED
    (after,) = Shell(str(file)).json("list")
    assert (after["id"], after["state"]) == (before["id"], "succeeded")
    assert did(file) == DONE


@pytest.mark.parametrize(
    "line", ["summary: letter to the traveller: refused", "hotel: room at Hotel Post, H002: undone"]
)
def test_a_trip_that_was_killed_unwinds_to_its_end(file, line):
    """It fails as it would have, and each service has taken its thing back once."""
    assert kill_when(file, line, "--fail", "summary") == (-signal.SIGKILL, "")
    result = Shell(None)("demo", "--store", file, "--fail", "summary")
    assert result.exit_code == 1
    assert "was interrupted, and continues" in result.stdout
    assert did(file) == undone("payment", "hotel", "flight", "car")


def test_a_trip_can_be_killed_again_and_again(file):
    """It is one saga through all its lives."""
    for line in ("N000 started", "N003 started", "N001 succeeded", "N004 started"):
        assert kill_when(file, line)[0] == -signal.SIGKILL
    assert Shell(None)("demo", "--store", file).exit_code == 0
    (saga,) = Shell(str(file)).json("list")
    assert saga["state"] == "succeeded"
    assert did(file) == DONE


def test_ctrl_c_says_how_to_go_on(file):
    """Exit code 130, and a line without a traceback."""
    code, errors = kill_when(file, "hotel: room at Hotel Post: done", how=signal.SIGINT)
    assert code == 130
    assert errors == f"interrupted; steno demo --store {file} continues it\n"
    assert "was interrupted, and continues" in Shell(None)("demo", "--store", file).stdout
    assert did(file) == DONE


def test_a_demo_can_be_looked_at_and_is_alone(file):
    """Other commands read while it runs; a second demo is told who the first is."""
    run = process("demo", "--slow", "--store", file)
    while "N000 started" not in run.stdout.readline():
        pass
    (saga,) = Shell(str(file)).json("list")
    assert saga["state"] == "running"
    assert Shell(str(file)).json("show", saga["id"])["nodes"][0]["state"] == "working"
    why = refused(Shell(None)("demo", "--store", file), 5)
    assert f'the SEC "{_demo.SEC_NAME}", process {run.pid} on ' in why
    run.kill()
    run.communicate(timeout=60)


def test_a_demo_that_loses_its_saga_says_so(file):
    """Somebody has changed the file by hand; the saga stands still, and that is an error."""
    run = process("demo", "--slow", "--store", file)
    while "N000 started" not in run.stdout.readline():
        pass
    with sqlite3.connect(file) as db:
        db.execute("UPDATE saga SET adopt_generation = 99")
    db.close()
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 6
    assert errors.startswith("steno: error: saga ")
    assert "is halted: " in errors
    assert errors.count("\n") == 1


# Where


def test_the_file_is_where_one_is_unless_it_is_given(tmp_path, monkeypatch):
    """STENO_STORE is not for playing; --store before the command counts."""
    monkeypatch.chdir(tmp_path)
    assert Shell(str(tmp_path / "production.db"))("demo").exit_code == 0
    made = {path.name for path in tmp_path.iterdir()}
    assert {"steno-demo.db", "steno-demo.db.services"} <= made
    assert not [name for name in made if name.startswith("production")]
    assert Shell(None)("--store", "mine.db", "demo").exit_code == 0
    assert (tmp_path / "mine.db.services").exists()


def test_the_demo_takes_a_path_only(tmp_path):
    """Its services need a place for their file."""
    result = Shell(None)("demo", "--store", "sqlite:///x.db")
    assert result.exit_code == 2
    assert "the demo takes the path of a file" in result.stderr


def test_sagas_of_others_are_left_alone(own):
    """They are of another name, and of another SEC."""
    before = own.json("list")
    assert Shell(None)("demo", "--store", own.store).exit_code == 0
    after = [saga for saga in own.json("list") if saga["name"] != SAGA_NAME]
    assert after == before
    assert own.json("show", RUNNING)["sec"]["name"] == "trips"


def test_on_a_terminal_the_tree_is_live(file):
    """What services say stands above the tree, and the result below."""
    shell = Shell(None, {"FORCE_COLOR": "1"})
    drawn = shell("demo", "--store", file, "--fail", "car").stdout
    assert "\x1b[31mfailed\x1b[0m: BookCar" in drawn
    assert "payment: 900 euros: done, P001\n" in drawn
    assert drawn.endswith("no trip: car failed: no small car\n")
    assert "N000" not in drawn


# The services


async def test_a_service_does_nothing_twice(tmp_path, autojump_clock):
    """Asked again with the same key, in another life too, it says what it said before."""
    path, said = tmp_path / "services", []
    first = Services(path, (), (), 1, said.append)
    booking = await first.do("hotel", "a room", key="k1")
    await first.undo("hotel", key="k2", of="k1")
    second = Services(path, (), (), 1, said.append)
    assert await second.do("hotel", "a room", key="k1") == booking
    await second.undo("hotel", key="k2", of="k1")
    assert len(path.read_text().splitlines()) == 2
    assert said == [
        "hotel: a room: done, H001",
        "hotel: a room, H001: undone",
        "hotel: a room: done before, H001; not done again",
        "hotel: a room, H001: undone before; not undone again",
    ]
    assert (await second.do("hotel", "a room", key="k3")).number == "H003"


async def test_a_service_that_has_done_nothing_has_nothing_to_undo(tmp_path, autojump_clock):
    """An undo in doubt asks it all the same."""
    said = []
    services = Services(tmp_path / "services", (), (), 1, said.append)
    await services.undo("hotel", key="k2", of="k1")
    assert said == ["hotel: nothing was done, so there is nothing to undo"]


async def test_a_flaky_service_goes_wrong_in_three_ways(tmp_path, autojump_clock):
    """Its answer is lost after the effect; or it hangs; or it is not reached. Then it works."""
    said = []
    services = Services(tmp_path / "services", (), (), 1, said.append, flaky=True)

    async def in_time(async_fn, *args, **kwargs):
        with trio.fail_after(1):
            await async_fn(*args, **kwargs)

    for error, call in (
        (NoAnswer, partial(services.do, "flight", "a seat", key="k1")),
        (trio.TooSlowError, partial(services.do, "summary", "a letter", key="k2")),
        (NoAnswer, partial(services.undo, "hotel", key="k4", of="k3")),
    ):
        with pytest.raises(error):
            await in_time(call)
        await in_time(call)
    assert said == [
        "flight: a seat: done, F001",
        "flight: a seat: the answer is lost",
        "flight: a seat: done before, F001; not done again",
        "summary: a letter: no answer",
        "summary: a letter: done, S002",
        "hotel: undo: not reached",
        "hotel: nothing was done, so there is nothing to undo",
    ]


def test_a_trip_that_is_never_answered_says_so():
    """The error is not a refusal, so there is no reason that a service would give."""
    assert _demo.reason(ActionFailed('{"message":"no answer"}')).startswith("action failed: ")
    assert _demo.reason(_trip.registry.codec.action_error(Refused("no car"))) == "no car"
