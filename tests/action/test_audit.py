"""What a build would make of the data of stored sagas."""

from datetime import timedelta
from types import SimpleNamespace

import attrs
import pytest

import steno
from steno.core import JsonText, Node, SagaDag
from steno.testing.notation import fold
from support.demo import build

NEVER = "an action was called"


@attrs.frozen
class Room:
    number: int


async def nothing(ctx: object) -> None: ...
async def act(ctx: object, in_action: int) -> int:
    raise AssertionError(NEVER)


async def undo(ctx: object, in_undo: int) -> None:
    raise AssertionError(NEVER)


async def probe(ctx: object, in_probe: int) -> None:
    raise AssertionError(NEVER)


async def untyped(ctx: object): ...


PLAIN = tuple(steno.new_action_noop_undo(name, untyped) for name in ("a", "b", "p", "z"))
DOUBTFUL = steno.ActionFunc.new_action("x", act, undo, in_doubt=True)


def registry_of(*actions: object) -> steno.ActionRegistry:
    registry = steno.ActionRegistry()
    for each in (*actions, *PLAIN):
        registry.register(each)
    return registry


def found(dag: steno.Dag, log: str, *actions: object, params: str = "null") -> list[str]:
    """Return what an audit finds, with the places of the functions left out."""
    saga = SagaDag.of_flat(dag.flat, JsonText(params), steno.Codec())
    state = fold(dag.flat, log)
    problems = list(registry_of(*actions).audit(saga, state))
    for each in actions:
        for takes in getattr(each, "takes", ()):
            problems = [text.replace(takes.place, takes.role.name.lower()) for text in problems]
    return problems


# Which functions are looked at

LINE = build("line", "a", "x", "b", "z")  # a0, x1, b2, z3; start 4
WIDE = build("wide", "a", ["x", "b"], "z")  # a0, x1 and b2, z3; start 4

BOTH, UNDO = {"action", "undo"}, {"undo"}


@pytest.mark.parametrize(
    ("dag", "log", "looked_at"),
    [
        (LINE, "", BOTH),
        (LINE, "4+ 4✓ 0+", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1↻=500", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1↻", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1≈=500", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1≈=500 1+", BOTH),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+ 2✗", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+ 2✗ 1-", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+ 2✗ 1- 1↺", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+ 2✗ 1- 1↺ 1-", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5 2+ 2✗ 1- 1∅", set()),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1?", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1? 1-", UNDO),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✗", set()),
        (LINE, "4+ 4✓ 0+ 0✓ 1+ 1✗ 0-", set()),
        (LINE, "4+ 4✓ 0+ 0✗", set()),
        (LINE, "4+ 4✓ 0+ 0✗ 4-", set()),
        (WIDE, "4+ 4✓ 0+ 0✓ 1+ 2+ 2✗", BOTH),
        (WIDE, "4+ 4✓ 0+ 0✓ 1+ 2+ 1↻ 2✗", BOTH),
        (WIDE, "4+ 4✓ 0+ 0✓ 1+ 2+ 2✗ 1✓=5", UNDO),
        (WIDE, "4+ 4✓ 0+ 0✓ 1+ 2+ 2✗ 1✗", set()),
    ],
)
def test_only_functions_that_may_still_be_called_are_looked_at(
    dag: steno.Dag, log: str, looked_at: set[str]
):
    """By the status of the node, and by the direction of the saga; nothing is called."""
    missing = {
        role: f'the {role} takes "in_{role}", but no node of that name comes before it (there are '
        f'"a"); to take it from another node, say inputs={{"in_{role}": "<node>"}}'
        for role in ("action", "undo")
    }
    expected = [f'node "/x": {missing[role]}' for role in sorted(looked_at)]
    assert found(dag, log, DOUBTFUL) == expected


@pytest.mark.parametrize(
    ("log", "looked_at"),
    [
        ("", ["action", "probe"]),
        ("4+ 4✓ 0+ 0✓ 1+", ["action", "probe"]),
        ("4+ 4✓ 0+ 0✓ 1+ 1≈=500", ["action", "probe"]),
        ("4+ 4✓ 0+ 0✓ 1+ 1✓=5", []),
        ("4+ 4✓ 0+ 0✓ 1+ 1?", []),
    ],
)
def test_a_probe_is_looked_at_with_its_action(log: str, looked_at: list[str]):
    """It is called when that may be."""
    probed = steno.new_action_noop_undo("x", act, probe=probe)
    problems = found(LINE, log, probed)
    assert [each.split(" takes ")[0] for each in problems] == [
        f'node "/x": the {role}' for role in looked_at
    ]


# What is wrong


async def takes_a(ctx: object, a: Room) -> int: ...
async def optional_a(ctx: object, a: Room | None = None) -> int: ...
async def takes_params(ctx: object, params: Room) -> int: ...
async def takes_plain(ctx: object, a, params) -> int: ...
async def nowhere(ctx: object, a: "Nowhere") -> int: ...  # noqa: F821 - the point
async def undo_a(ctx: object, a: Room) -> None: ...
async def undo_text(ctx: object, output: str) -> None: ...
async def undo_number(ctx: object, output: int) -> None: ...
async def undo_alone(ctx: object) -> None: ...
async def gives_room(ctx: object) -> Room: ...


def doing(function: object, undo: object = steno.NOOP) -> steno.ActionFunc:
    return steno.ActionFunc("x", function, undo)


@pytest.mark.parametrize("function", [takes_a, takes_params, optional_a, takes_plain])
@pytest.mark.parametrize("log", ["", '4+ 4✓ 0+ 0✓={"number":5}', '4+ 4✓ 0+ 0✓={"number":5} 1+'])
def test_a_saga_whose_data_can_be_read(function: object, log: str):
    """There is nothing to say."""
    assert found(LINE, log, doing(function), params='{"number":1}') == []


ASKS = 'node "/x": parameter "{}" of the {} asks for Room, but '


@pytest.mark.parametrize(
    ("function", "undo", "log", "params", "why"),
    [
        (
            takes_a,
            steno.NOOP,
            '4+ 4✓ 0+ 0✓={"number":"5"}',
            "null",
            ASKS.format("a", "action") + 'node "a" does not fit: $.number: "5" is not of type int',
        ),
        (
            optional_a,
            steno.NOOP,
            "4+ 4✓ 0+ 0✓=5",
            "null",
            ASKS.format("a", "action").replace("Room", "Room | None")
            + 'node "a" does not fit: $: 5 is not of type Room',
        ),
        (
            takes_params,
            steno.NOOP,
            "",
            '{"number":"5"}',
            ASKS.format("params", "action")
            + 'the value of its params does not fit: $.number: "5" is not of type int',
        ),
        (
            nothing,
            undo_a,
            "4+ 4✓ 0+ 0✓=5 1+ 1✓",
            "null",
            ASKS.format("a", "undo") + 'node "a" does not fit: $: 5 is not of type Room',
        ),
        (
            untyped,
            undo_text,
            "4+ 4✓ 0+ 0✓ 1+ 1✓=5",
            "null",
            'node "/x": parameter "output" of the undo asks for str, '
            'but action "x" does not fit: $: 5 is not of type str',
        ),
        (
            act,
            undo_text,
            "4+ 4✓ 0+ 0✓ 1+ 1↻",
            "null",
            None,
        ),
        (
            gives_room,
            undo_alone,
            "4+ 4✓ 0+ 0✓ 1+ 1✓=5",
            "null",
            'node "/x": its action returns Room, but its stored output does not fit: $: '
            "5 is not of type Room",
        ),
    ],
)
def test_data_that_cannot_be_read(
    function: object, undo: object, log: str, params: str, why: str | None
):
    """Params, inputs and outputs; the text names node and function, and what is in the way."""
    problems = found(LINE, log, doing(function, undo), params=params)
    if why is None:
        assert problems[1:] == [
            'node "/x": parameter "output" of the undo asks for str, '
            'but action "x" gives int, as the action returns'
        ]
    else:
        assert problems == [why]


def test_an_undo_that_is_given_the_output_need_not_read_it_as_the_action_returns():
    """Its own parameter says how the stored output is decoded; nothing else has to fit."""
    assert found(LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5", doing(gives_room, undo_number)) == []


def test_what_is_stored_decides_and_not_what_a_build_would_store():
    """A mismatch of annotations does not matter where the output is known."""

    async def gives_text(ctx: object) -> str: ...

    dag = build("line", Node.action("a", "text"), "x", "b", "z")
    actions = (steno.new_action_noop_undo("text", gives_text), doing(takes_a))
    assert found(dag, '4+ 4✓ 0+ 0✓={"number":5}', *actions) == []
    (problem,) = found(dag, "", *actions)
    assert problem == ASKS.format("a", "action") + 'node "a" gives str, as the action returns'


def test_an_annotation_that_cannot_be_resolved():
    """It is a problem of each node that calls the function."""
    (problem,) = found(LINE, "", doing(nowhere))
    assert problem.startswith(
        'node "/x": action "x": the annotation of parameter "a" of the action'
    )


def test_a_type_that_the_registry_does_not_know():
    """The node would be held, since no other codec reads its inputs."""

    class Opaque: ...

    async def takes(ctx: object, a: Opaque) -> int: ...

    (problem,) = found(LINE, "4+ 4✓ 0+ 0✓=5", doing(takes))
    assert problem.endswith(
        'but node "a" does not fit: $: the type Opaque cannot be read from JSON'
    )


def test_constants_sleeps_and_values():
    """They are known before they are reached."""
    dag = build("line", Node.constant("a", 5), "x")
    assert found(dag, "", doing(takes_a)) == [
        ASKS.format("a", "action") + 'node "a" does not fit: $: 5 is not of type Room'
    ]
    dag = build("line", Node.sleep("a", timedelta(1)), "x")
    assert found(dag, "", doing(takes_a)) == [
        ASKS.format("a", "action") + 'node "a" gives None, as a sleep does'
    ]
    dag = build("line", "a", Node.action("x", "x", inputs={"a": steno.Value(5)}))
    assert found(dag, "", doing(takes_a)) == [
        ASKS.format("a", "action") + "the value given for it does not fit: $: 5 is not of type Room"
    ]
    assert found(dag, "", doing(nothing)) == []  # a value that nothing asks for any more


def test_params_of_a_subsaga():
    """Once they are there, or are a constant; those of the saga around it do not matter."""
    dag = build("outer", "p", Node.subsaga("s", build("inner", "x"), "p"))
    # p0, start1 (x2) end3; start 4
    assert found(dag, "", doing(takes_params), params="5") == []
    assert found(dag, "4+ 4✓ 0+ 0✓=5", doing(takes_params)) == [
        'node "/s/x": parameter "params" of the action asks for Room, '
        "but the value of its params does not fit: $: 5 is not of type Room"
    ]
    dag = build("outer", Node.constant("p", 5), Node.subsaga("s", build("inner", "x"), "p"))
    assert len(found(dag, "", doing(takes_params))) == 1


def test_the_output_of_a_subsaga():
    """What its last node gives, until it is known."""

    async def gives_text(ctx: object) -> str: ...

    inner = build("inner", "b", Node.action("last", "text"))
    middle = build("middle", "b", Node.subsaga("inner", inner, "b"))
    dag = build("outer", "b", Node.subsaga("a", middle, "b"), "x")
    # b0, start1 (b2, start3 (b4, last5) end6) end7, x8; start 9
    actions = (steno.new_action_noop_undo("text", gives_text), doing(takes_a))
    (problem,) = found(dag, "", *actions)
    assert problem == ASKS.format("a", "action") + 'node "a" gives str, as the action returns'
    log = "9+ 9✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 3+ 3✓ 4+ 4✓ 5+ 5✓={}"
    assert len(found(dag, log.format('"x"'), *actions)) == 1
    ended = log.format('{"number":1}') + " 6+ 6✓ 7+ 7✓"
    assert found(dag, ended, *actions) == []
    (problem,) = found(dag, log.format("5") + " 6+ 6✓ 7+ 7✓", *actions)
    assert problem.endswith('node "a" does not fit: $: 5 is not of type Room')


# Doubt


async def undo_doubtful(ctx: object, output: Room | None) -> None: ...
async def undo_required(ctx: object, output: Room) -> None: ...


NOT_KNOWN = (
    'node "/x": it is not known whether it was done, and its action no longer provides '
    "for that: give it an undo action with in_doubt=True, or a probe"
)


@pytest.mark.parametrize(
    "log",
    [
        "4+ 4✓ 0+ 0✓ 1+ 1≈=500",
        "4+ 4✓ 0+ 0✓ 1+ 1≈=500 1+",
        "4+ 4✓ 0+ 0✓ 1+ 1?",
        "4+ 4✓ 0+ 0✓ 1+ 1? 1-",
    ],
)
def test_a_node_in_doubt_that_no_undo_action_provides_for(log: str):
    """It would be held in the unwinding."""
    assert found(LINE, log, doing(gives_room, undo_doubtful)) == [NOT_KNOWN]
    doubtful = steno.ActionFunc.new_action("x", gives_room, undo_doubtful, in_doubt=True)
    assert found(LINE, log, doubtful) == []
    required = steno.ActionFunc.new_action("x", gives_room, undo_required, in_doubt=True)
    (problem,) = found(LINE, log, required)
    assert problem.startswith('node "/x": action "x": the undo says in_doubt=True, and then there')


@pytest.mark.parametrize("log", ["", "4+ 4✓ 0+ 0✓ 1+", "4+ 4✓ 0+ 0✓ 1+ 1↻=500"])
def test_a_node_that_is_not_in_doubt(log: str):
    """A call that is under way or was made in vain needs nothing of its undo action yet."""
    assert found(LINE, log, doing(gives_room, undo_doubtful)) == []


def test_an_output_that_nothing_reads():
    """Of an action that needs no undo, or that says nothing of its output."""
    log = "4+ 4✓ 0+ 0✓ 1+ 1✓=5"
    assert found(LINE, log, doing(gives_room)) == []
    assert found(LINE, log, doing(untyped, nothing)) == []
    assert len(found(LINE, log, doing(gives_room, nothing))) == 1


def test_actions_of_another_class():
    """Only their outputs are known, for their undo actions and for other nodes."""
    own = SimpleNamespace(name="x", output_type=Room)
    assert found(LINE, "4+ 4✓ 0+ 0✓ 1+", own) == []
    (problem,) = found(LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5", own)
    assert problem.endswith("its stored output does not fit: $: 5 is not of type Room")
    assert found(LINE, "4+ 4✓ 0+ 0✓ 1+ 1✓=5", SimpleNamespace(name="x")) == []


def test_several_nodes_and_several_problems():
    """All are told, in the order of the nodes."""
    dag = build("line", "a", [Node.action(f"x{number}", "x") for number in range(3)], "x", "z")

    async def takes_two(ctx: object, a: Room, params: Room) -> int: ...

    problems = found(dag, "6+ 6✓ 0+ 0✓=5", doing(takes_two), params="6")
    assert [each.partition(" of ")[0] for each in problems] == [
        f'node "/{node}": parameter "{name}"'
        for node in ("x0", "x1", "x2", "x")
        for name in ("a", "params")
    ]


def test_subsagas_that_nest_deeper_than_the_stack():
    """Each node is looked at once, and no path is made of a node that is fine."""
    dag = build("0", "a", "x")
    for depth in range(1, 1_500):
        dag = build(str(depth), "a", Node.subsaga("s", dag, "a"))
    assert found(dag, "", doing(takes_a)) == []
