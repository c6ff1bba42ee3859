"""The examples, as a person runs them: every line that they print, and what they do with dumps."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

import steno
from examples import demo_provision, trip

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "tests" / "core" / "data"


def run_example(name, *args, stdin=""):
    """Run an example as a script; a warning, of whatever kind, is an error in it."""
    return subprocess.run(
        [sys.executable, "-W", "error", f"examples/{name}.py", *args],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def reference(name):
    return (REFERENCE / f"{name}.json").read_text(encoding="utf-8")


def cut(dump, events):
    """Return a dump with only some of its events: the first so many, or a slice."""
    document = json.loads(dump)
    kept = events if isinstance(events, slice) else slice(events)
    return json.dumps(document | {"events": document["events"][kept]})


# The trip

TRIP_TREE = """
+ saga execution: 6ff3e9bc-3be8-4a4e-9cb1-bb4bb5bfe5ef
+-- {0}: (start node)
+-- {1}: ChargeCard (produces "payment")
+-- (parallel actions):
        +-- {2}: BookHotel (produces "hotel")
        +-- {3}: BookFlight (produces "flight")
        +-- {4}: BookCar (produces "car")
+-- {5}: SendSummary (produces "summary")
+-- {6}: (end node)
"""

TRIPS = {
    "": (
        """\
payment: done: 900 euros, P001
hotel: done: room at Hotel Post, H002
flight: done: flight OS 87, F003
car: done: small car, C004
summary: done: letter to the traveller, S005
""",
        "done done done done done done done",
        """
trip booked: room at Hotel Post, flight OS 87, small car
""",
    ),
    "--lose hotel": (
        """\
payment: done: 900 euros, P001
hotel: done: room at Hotel Post, H002
hotel: the answer is lost
flight: done: flight OS 87, F003
car: done: small car, C004
summary: done: letter to the traveller, S005
""",
        "done done done done done done done",
        """
trip booked: room at Hotel Post, flight OS 87, small car
""",
    ),
    "--fail payment": (
        """\
payment: refused: 900 euros
""",
        "undone failed abandoned abandoned abandoned abandoned abandoned",
        """
no trip: payment failed: no 900 euros
""",
    ),
    "--fail hotel": (
        """\
payment: done: 900 euros, P001
hotel: refused: room at Hotel Post
flight: done: flight OS 87, F002
flight: undone: flight OS 87, F002
car: done: small car, C004
car: undone: small car, C004
payment: undone: 900 euros, P001
""",
        "undone undone failed undone undone abandoned abandoned",
        """
no trip: hotel failed: no room at Hotel Post
""",
    ),
    "--fail flight": (
        """\
payment: done: 900 euros, P001
hotel: done: room at Hotel Post, H002
flight: refused: flight OS 87
hotel: undone: room at Hotel Post, H002
car: done: small car, C004
car: undone: small car, C004
payment: undone: 900 euros, P001
""",
        "undone undone undone failed undone abandoned abandoned",
        """
no trip: flight failed: no flight OS 87
""",
    ),
    "--fail car": (
        """\
payment: done: 900 euros, P001
hotel: done: room at Hotel Post, H002
flight: done: flight OS 87, F003
car: refused: small car
hotel: undone: room at Hotel Post, H002
flight: undone: flight OS 87, F003
payment: undone: 900 euros, P001
""",
        "undone undone undone undone failed abandoned abandoned",
        """
no trip: car failed: no small car
""",
    ),
    "--fail hotel --fail flight --fail car": (
        """\
payment: done: 900 euros, P001
hotel: refused: room at Hotel Post
flight: refused: flight OS 87
car: refused: small car
payment: undone: 900 euros, P001
""",
        "undone undone failed failed failed abandoned abandoned",
        """
no trip: hotel failed: no room at Hotel Post
""",
    ),
    "--fail summary --fail-undo hotel": (
        """\
payment: done: 900 euros, P001
hotel: done: room at Hotel Post, H002
flight: done: flight OS 87, F003
car: done: small car, C004
summary: refused: letter to the traveller
hotel: refused: undo of room at Hotel Post, H002
flight: undone: flight OS 87, F003
car: undone: small car, C004
""",
        "done done undo-failed undone undone failed abandoned",
        """
no trip: summary failed: no letter to the traveller
stuck: hotel is not undone: undo action failed permanently: {
  "data": {
    "why": "no undo of room at Hotel Post"
  },
  "message": "undo action attempt 1: no undo of room at Hotel Post",
  "type": "MODULE.Refused"
}
""",
    ),
}


def in_virtual_time(async_fn, *args):
    return trio.run(async_fn, *args, clock=MockClock(autojump_threshold=0))


def trip_of(options):
    words = options.split()
    chosen = list(zip(words[::2], words[1::2], strict=True))
    return trip.Trip(
        failing=[node for option, node in chosen if option == "--fail"],
        failing_undo=[node for option, node in chosen if option == "--fail-undo"],
        losing=[node for option, node in chosen if option == "--lose"],
    )


@pytest.mark.parametrize("options", TRIPS)
def test_trip_prints_effects_then_the_tree_then_the_result(options, capsys):
    """Whichever service refuses, what was done is undone, and each line comes in its turn."""
    effects, states, result = TRIPS[options]
    assert in_virtual_time(trip.main, trip_of(options)) == (1 if "--fail" in options else 0)
    tree, result = TRIP_TREE.format(*states.split()), result.replace("MODULE", trip.__name__)
    assert capsys.readouterr().out == effects + tree + result


@pytest.mark.parametrize("options", ["", "--fail flight", "--fail summary --fail-undo hotel"])
def test_trip_is_a_command(options):
    """As a script it prints the same, and tells by its exit code whether the trip is booked."""
    effects, states, result = TRIPS[options]
    done = run_example("trip", *options.split())
    assert (done.returncode, done.stderr) == (1 if options else 0, "")
    printed, rest = done.stdout.split("\n\n", 1)
    assert "\n" + rest == TRIP_TREE.format(*states.split()) + result.replace("MODULE", "__main__")
    # On a machine that is very busy, what happens at the same time may change places.
    assert sorted(without_numbers(printed)) == sorted(without_numbers(effects))


def without_numbers(effects):
    return re.sub(r", [A-Z]\d+$", "", effects, flags=re.MULTILINE).splitlines()


def test_trip_refuses_a_node_that_it_does_not_have():
    """A mistyped node is named, with those that there are, and nothing is booked."""
    done = run_example("trip", "--fail", "hotle")
    assert (done.returncode, done.stdout) == (2, "")
    assert "argument --fail: invalid choice: 'hotle' (choose from" in done.stderr
    assert "Traceback" not in done.stderr


def test_trip_has_every_effect_once_however_often_its_actions_are_called(capsys):
    """Services know a call that is made again by its key: that is what makes actions idempotent."""
    world = trip_of("--fail summary")

    async def run_twice_each():
        async with steno.open_sec(steno.InMemorySecStore(), trip.registry, context=world) as sec:
            saga = await sec.saga_create(steno.SagaDag(trip.book_trip, trip.PARAMS))
            for node in ("payment", "hotel", "flight", "car"):
                await saga.inject_repeat(node, steno.RepeatInjected(action=2, undo=2))
            await saga.start()
            await saga.wait()

    in_virtual_time(run_twice_each)
    effects = Counter(capsys.readouterr().out.splitlines())
    assert effects.total() == len(effects) == 9


# The demo saga

GRAPH_NODES = """\
Action { name: "instance_id", label: "InstanceCreate", action_name: "instance_create" }
Constant { name: "server_alloc_params", value: Object {"number_of_things": Number(1)} }
Action { name: "instance_ip", label: "VpcAllocIp", action_name: "vpc_alloc_ip" }
Action { name: "volume_id", label: "VolumeCreate", action_name: "volume_create" }
SubsagaStart { saga_name: "server-alloc", params_node_name: "server_alloc_params" }
Action { name: "server_id", label: "ServerPick", action_name: "server_pick" }
Action { name: "server_reserve", label: "ServerReserve", action_name: "server_reserve" }
SubsagaEnd { name: "server_alloc" }
Action { name: "instance_configure", label: "InstanceConfigure", action_name: "instance_configure" }
Action { name: "volume_attach", label: "VolumeAttach", action_name: "volume_attach" }
Action { name: "instance_boot", label: "InstanceBoot", action_name: "instance_boot" }
Action { name: "print", label: "Print", action_name: "print" }
Start { params: Object {"instance_name": String("<name>"), "number_of_instances": Number(1)} }
End
"""

GRAPH_EDGES = """\
    0 -> 1 [ ]
    1 -> 2 [ ]
    1 -> 3 [ ]
    1 -> 4 [ ]
    5 -> 6 [ ]
    4 -> 5 [ ]
    6 -> 7 [ ]
    2 -> 8 [ ]
    3 -> 8 [ ]
    7 -> 8 [ ]
    8 -> 9 [ ]
    9 -> 10 [ ]
    10 -> 11 [ ]
    12 -> 0 [ ]
    11 -> 13 [ ]
"""

TREE = """\
+ saga execution: 049b2522-308d-442e-bc65-9bfaef863597
+-- %s: (start node)
+-- %s: InstanceCreate (produces "instance_id")
+-- %s: (constant = {"number_of_things":1}) (produces "server_alloc_params")
+-- (parallel actions):
        +-- %s: VpcAllocIp (produces "instance_ip")
        +-- %s: VolumeCreate (produces "volume_id")
        +-- %s: (subsaga start: "server-alloc")
                +-- %s: ServerPick (produces "server_id")
                +-- %s: ServerReserve (produces "server_reserve")
        +-- %s: (subsaga end) (produces "server_alloc")
+-- %s: InstanceConfigure (produces "instance_configure")
+-- %s: VolumeAttach (produces "volume_attach")
+-- %s: InstanceBoot (produces "instance_boot")
+-- %s: Print (produces "print")
+-- %s: (end node)
"""

READY = TREE % ("queued-todo", *["blocked"] * 13)
DONE = TREE % (*["done"] * 14,)
UNDONE = TREE % (*["undone"] * 11, "failed", "abandoned", "abandoned")
STUCK = TREE % ("done", "undo-failed", *["undone"] * 9, "failed", "abandoned", "abandoned")

SUCCESS = """\
result: SUCCESS
final output: "it worked"
"""

FAILURE = """\
result: ACTION FAILURE
failed at node:    "instance_boot"
failed with error: error injected
"""

STUCK_FAILURE = """\
result: ACTION FAILURE
failed at node:    "instance_boot"
failed with error: error injected
FOLLOWED BY UNDO ACTION FAILURE
failed at node:    "instance_id"
failed with error: undo action failed permanently: {
  "message": "undo action attempt 1: error injected"
}
"""

# Of each way that a run can end: the options that lead there, what they print first, the last tree
# and the result.
RUNS = {
    "ok": ("", "", DONE, SUCCESS),
    "err": (
        "--inject-error instance_boot",
        'will inject error at node "instance_boot"\n',
        UNDONE,
        FAILURE,
    ),
    "stuck": (
        "--inject-error instance_boot --inject-undo-error instance_id",
        """\
will inject error at node "instance_boot"
will inject error at node "instance_id" undo action
""",
        STUCK,
        STUCK_FAILURE,
    ),
}


def graph(instance_name):
    nodes = GRAPH_NODES.replace("<name>", instance_name).replace('"', '\\"').splitlines()
    labels = [f'    {index} [ label = "{node}" ]\n' for index, node in enumerate(nodes)]
    return "".join(["digraph {\n", *labels, GRAPH_EDGES, "}\n"])


def ran(first, tree, result):
    """Return what a run prints."""
    head = "*** running saga ***\n*** finished saga ***\n\n*** final state ***\n"
    return f"{first}{head}{tree}\n{result}"


def calls(done):
    """Return which actions and undo actions were called, and how often; siblings have no order."""
    return Counter(done.stderr.splitlines())


def running(*labels):
    return [f"running action: {label}" for label in labels]


FORWARD = running(
    "InstanceCreate",
    "VpcAllocIp",
    "VolumeCreate",
    "ServerPick",
    "ServerReserve",
    "InstanceConfigure",
    "VolumeAttach",
)


def test_dot_prints_the_graph():
    """`dot` prints the graph, and an empty line."""
    done = run_example("demo_provision", "dot")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == graph("fake-o-instance") + "\n"


def test_info_prints_the_graph_and_the_initial_state():
    """`info` prints the graph and the tree of a saga that is ready, each with a heading."""
    done = run_example("demo_provision", "info")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "*** saga dag definition ***\n"
        "saga graph: \n"
        f"{graph('fake-o instance')}\n"
        f"*** initial state ***\n{READY}\n"
    )


@pytest.mark.parametrize("end", RUNS)
def test_run_prints_the_final_state_and_the_result(end):
    """A run ends well, or unwound, or stuck; it exits with 0, as it was run to its end."""
    options, first, tree, result = RUNS[end]
    done = run_example("demo_provision", "run", *options.split())
    assert done.stdout == ran(first, tree, result)
    assert done.returncode == 0
    if end == "ok":
        assert calls(done) == Counter([*FORWARD, *running("InstanceBoot", "Print")])
    else:
        undone = [line.replace("action:", "undo action:") for line in FORWARD]
        failed = undone[:1] if end == "stuck" else []  # an injected error stands for the call
        assert calls(done) == Counter([*FORWARD, *undone]) - Counter(failed)


@pytest.mark.parametrize("end", RUNS)
def test_a_dump_is_that_of_steno(end):
    """Byte for byte, but for the order of events that were concurrent."""
    options, *_ = RUNS[end]
    done = run_example("demo_provision", "run", "--dump-to=-", "--quiet", *options.split())
    assert done.returncode == 0
    ours, theirs = json.loads(done.stdout), json.loads(reference(end))
    assert done.stdout == json.dumps(ours, indent=2, ensure_ascii=False)
    assert events_by_node(ours) == events_by_node(theirs)
    assert len(ours["events"]) == len(theirs["events"])
    ours["events"] = theirs["events"]
    assert json.dumps(ours, indent=2, ensure_ascii=False) == reference(end)


def events_by_node(dump):
    found = {}
    for event in dump["events"]:
        found.setdefault(event["node_id"], []).append(event)
    return found


@pytest.mark.parametrize("end", RUNS)
def test_a_dump_of_a_finished_saga_is_recovered_and_finished_as_it_was(end):
    """It is shown, then run: no action is called, nothing is added, and the result is the same."""
    _, _, tree, result = RUNS[end]
    options = ["run", "--recover-from=-", "--dump-to=-"]
    done = run_example("demo_provision", *options, stdin=reference(end))
    first = f"recovering from log: -\nrecovered state\n{tree}\n\n"
    assert done.stdout == ran(first, tree, result) + reference(end) + "\ndumped log to stdout\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dump_of_an_unfinished_saga_is_gone_on_with(tmp_path):
    """An undo that was started is done again, and the rest follows; files go by their names."""
    dump, end = tmp_path / "dump.json", tmp_path / "end.json"
    dump.write_text(cut(reference("err"), -3), encoding="utf-8")  # the undo of instance_id is begun
    done = run_example("demo_provision", "run", f"--recover-from={dump}", f"--dump-to={end}")
    before = ("done", "queued-undo", *["undone"] * 9, "failed", "abandoned", "abandoned")
    first = f"recovering from log: {dump}\nrecovered state\n{TREE % before}\n\n"
    assert done.stdout == ran(first, UNDONE, FAILURE) + f"dumped log to {end}\n"
    assert done.stderr == "running undo action: InstanceCreate\n"
    assert end.read_text(encoding="utf-8") == reference("err")


@pytest.mark.parametrize("end", RUNS)
def test_a_dump_cut_anywhere_ends_as_it_would_have(end, capsys):
    """With no failure logged it succeeds, with one it is undone; what was logged stays."""
    whole = reference(end)
    for length in range(len(json.loads(whole)["events"]) + 1):
        dump = steno.SagaSerialized.from_json(cut(whole, length))
        view = in_virtual_time(demo_provision.run_saga, dump)
        printed = capsys.readouterr().out
        labels = [event.event_type.label for event in dump.events]
        if "undo_failed" in labels:
            assert printed.endswith(ran("", STUCK, STUCK_FAILURE))
        elif "failed" in labels:
            assert printed.endswith(ran("", UNDONE, FAILURE))
        else:
            assert printed.endswith(ran("", DONE, SUCCESS))
        after = view.serialized().events
        assert after[:length] == dump.events
        of_nodes = [event for event in after if event.node_id is not None]
        assert Counter(of_nodes) == Counter(expected_events(labels))


def expected_events(labels):
    """Return what is logged of a saga that ends as it must once these events are logged."""
    end = "stuck" if "undo_failed" in labels else "err" if "failed" in labels else "ok"
    return steno.SagaSerialized.from_json(reference(end)).events


@pytest.mark.parametrize(
    ("node", "failed"),
    [
        ("instance_id", '+-- failed: InstanceCreate (produces "instance_id")'),
        ("volume_id", '        +-- failed: VolumeCreate (produces "volume_id")'),
        ("server_alloc/server_id", '                +-- failed: ServerPick (produces "server_id")'),
        ("print", '+-- failed: Print (produces "print")'),
    ],
)
def test_any_node_can_be_made_to_fail(node, failed, capsys):
    """A node is given by its name, or by a path that leads into the subsaga."""
    in_virtual_time(demo_provision.run_saga, None, [node])
    printed = capsys.readouterr().out
    assert printed.startswith(f'will inject error at node "{node}"\n*** running saga ***\n')
    assert failed in printed.splitlines()
    assert printed.endswith(FAILURE.replace("instance_boot", node.rpartition("/")[2]))


@pytest.mark.parametrize(("length", "direction"), [(5, "forward"), (24, "unwinding")])
def test_print_log_prints_the_events_of_a_dump(length, direction):
    """A line per event, counted, after a heading that tells where the saga was going."""
    done = run_example("demo_provision", "print-log", "-", stdin=cut(reference("err"), length))
    assert (done.returncode, done.stderr) == (0, "")
    events = LOG.splitlines(keepends=True)
    assert done.stdout == (
        "SAGA LOG:\n"
        "saga id:   049b2522-308d-442e-bc65-9bfaef863597\n"
        f"direction: {direction}\n"
        f"events ({length} total):\n"
        "\n"
        f"{''.join(events[:length])}"
    )


LOG = """\
001 N012 started
002 N012 succeeded
003 N000 started
004 N000 succeeded
005 N001 started
006 N001 succeeded
007 N002 started
008 N002 succeeded
009 N004 started
010 N004 succeeded
011 N005 started
012 N005 succeeded
013 N006 started
014 N006 succeeded
015 N003 started
016 N003 succeeded
017 N007 started
018 N007 succeeded
019 N008 started
020 N008 succeeded
021 N009 started
022 N009 succeeded
023 N010 started
024 N010 failed
"""


FAULTS = {
    "no such file": ("run --recover-from no/such/file", "", "No such file or directory"),
    "no JSON": ("print-log {}", "{", "malformed saga dump: $: is not JSON"),
    "no UTF-8": ("print-log {}", "\udcff", "'utf-8' codec can't decode byte 0xff"),
    "no dump": ("run --recover-from {}", "[]", "malformed saga dump: $: is not an object with"),
    "another saga's event": (
        "run --recover-from {}",
        reference("ok").replace("049b", "ffff", 1),
        "found an event in the log for a different saga",
    ),
    "an action that nobody knows": (
        "run --recover-from {}",
        reference("ok").replace('"action_name": "print"', '"action_name": "sing"'),
        'validating saga "DemoVmProvision": action for node "print" not registered: "sing"',
    ),
    "an event without its cause": (
        "run --recover-from {}",
        cut(reference("ok"), slice(2, 4)),
        "corrupt log: started of node 0",
    ),
    "an event that cannot come there": (
        "print-log {}",
        reference("ok").replace('"started"', '"undo_started"', 1),
        "event type succeeded is illegal with current load status never started",
    ),
    "an unknown node": ("run --inject-error instance", "", "no such node: 'instance'"),
    "an unknown undo": ("run --inject-undo-error instance", "", "no such node: 'instance'"),
    "nowhere to dump to": ("run --quiet --dump-to no/such/file", "", "No such file or directory"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_run_is_an_error_in_one_line(fault, tmp_path, capsys):
    """The line names what is wrong, and the exit code is 2; there is no traceback."""
    command, text, why = FAULTS[fault]
    (tmp_path / "dump").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SystemExit) as left:
        demo_provision.main(command.format(tmp_path / "dump").split())
    assert left.value.code == 2
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("running")]
    assert len(said) == 1
    assert said[0].startswith("demo_provision.py: error: ")
    assert why in said[0]
