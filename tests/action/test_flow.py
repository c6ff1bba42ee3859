"""Whether what a node is given can be what its functions ask for."""

from datetime import UTC, datetime
from types import NoneType, SimpleNamespace

import attrs
import pytest

import steno
from steno import NOOP, ActionFunc, ActionRegistryError
from steno.action._flow import Level, Supply, check_doubt, returned_by
from steno.action._parameter import Role
from steno.core import ActionNode, FromNode, Given, JsonText


@attrs.frozen
class Room:
    number: int


class Unknown:
    """A type that only a codec with which it is registered knows."""


Ctx = steno.ActionContext[object]

CODEC = steno.Codec()


# What is given


@pytest.mark.parametrize(
    ("supply", "wanted"),
    [
        (Supply("it", int), None),
        (Supply("it", int), int),
        (Supply("it", int), int | None),
        (Supply("it", int | None), int),
        (Supply("it", str), datetime),
        (Supply("it", None), int),
        (Supply("it", Unknown), int),
        (Supply("it", int), Unknown),
        (Supply("it", value="5"), int),
        (Supply("it", value="5"), None),
        (Supply("it", str, value="5"), int),
        (Supply("it", value='{"number":5}'), Room),
        (Supply("it", value='"2026-01-02T03:04:05Z"'), datetime),
        (Supply("it", value="5"), Unknown),
    ],
)
def test_what_may_be_what_is_wanted(supply: Supply, wanted: object):
    """Only what is certain is a problem; a value that is known decides, not its type."""
    assert supply.misfit(wanted, CODEC) is None


@pytest.mark.parametrize(
    ("supply", "wanted", "why"),
    [
        (Supply("it", int), str, "it gives int"),
        (Supply("it", NoneType, ", as a sleep does"), str, "it gives None, as a sleep does"),
        (Supply("it", int | None), str, "it gives int | None"),
        (Supply("it", list[int]), list[str], "it gives list[int]"),
        (Supply("it", value="5"), str, "it does not fit: $: 5 is not of type str"),
        (Supply("it", str, value="5"), str, "it does not fit: $: 5 is not of type str"),
        (
            Supply("it", value='{"number":"5"}'),
            Room,
            'it does not fit: $.number: "5" is not of type int',
        ),
        (Supply("it", value="null"), datetime, "it does not fit: $: null is not of type datetime"),
    ],
)
def test_what_is_certainly_not_what_is_wanted(supply: Supply, wanted: object, why: str):
    """The text says what gives it, and what it gives."""
    assert supply.misfit(wanted, CODEC) == why


def test_a_type_that_a_codec_does_not_know():
    """Another one may, unless there is none that comes after it."""
    supply = Supply("it", value=JsonText("5"))
    assert supply.misfit(Unknown, CODEC) is None
    assert Supply("it", value=JsonText("[5]")).misfit(list[Unknown], CODEC) is None
    why = "it does not fit: $: the type Unknown cannot be read from JSON"
    assert supply.misfit(Unknown, CODEC, is_last=True) == why
    knowing = steno.Codec()
    knowing.register(Unknown, encode=str, decode=lambda text: Unknown())
    assert Supply("it", value=JsonText('"x"')).misfit(Unknown, knowing, is_last=True) is None
    assert Supply("it", value=JsonText('"x"'), codec=knowing).misfit(Unknown, CODEC) is None


def test_what_an_action_returns():
    """As its annotation says; of another class's what it says; of a name alone nothing."""

    async def book(ctx: Ctx) -> Room: ...

    action = ActionFunc("book", book)
    line = book.__code__.co_firstlineno
    place = f'action "book" (test_flow.py, line {line})'
    given = returned_by(action, 'node "hotel"')
    assert given.misfit(str, CODEC) == f'node "hotel" gives Room, as the {place} returns'
    assert returned_by(SimpleNamespace(output_type=int), "it").misfit(str, CODEC) == "it gives int"
    assert returned_by(SimpleNamespace(), "it").misfit(str, CODEC) is None
    assert returned_by(None, "it").misfit(str, CODEC) is None


# A level


STAGES = {"p": 0, "hotel": 1, "flight": 1, "bill": 2, "sibling": 2, "later": 3}
TYPES = {"p": Room, "hotel": int, "flight": None, "sibling": str, "later": str, "bill": int}


NOT_KNOWN = Supply("the value of its params")


def level(params: Supply = NOT_KNOWN, **more: object) -> Level:
    """Return a level of nodes `p`, then `hotel` and `flight`, then `bill`, `sibling`; `later`."""
    return Level(STAGES, lambda name: Supply(f'node "{name}"', TYPES[name]), params, CODEC, **more)


def node(*inputs: FromNode | Given) -> ActionNode:
    return ActionNode("bill", "bill", "write", inputs)


def problems(
    function: object, *inputs: FromNode | Given, at: Level | None = None, role: Role = Role.ACTION
) -> list[str]:
    """Return what is wrong, with the place of the function left out."""
    action = {
        Role.ACTION: lambda: ActionFunc("write", function, NOOP),
        Role.UNDO: lambda: ActionFunc("write", write, function),
        Role.PROBE: lambda: steno.new_action_noop_undo("write", write, probe=function),
    }[role]()
    takes = next(each for each in action.takes if each.role is role)
    found = (level() if at is None else at).problems(node(*inputs), action)
    return [each.replace(takes.place, role.name.lower()) for each in found]


async def write(ctx: Ctx) -> int: ...
async def good(ctx: Ctx, hotel: int, p: Room, flight: str, params: str, rate: int = 7) -> int: ...
async def takes_text(ctx: Ctx, hotel: str, p: list[int], flight: int) -> None: ...
async def takes_sibling(ctx: Ctx, sibling: str) -> None: ...
async def takes_later(ctx: Ctx, later: str) -> None: ...
async def takes_itself(ctx: Ctx, bill: int) -> None: ...
async def takes_nobody(ctx: Ctx, nobody: str) -> None: ...
async def all_optional(ctx: Ctx, sibling: int = 1, later: int = 1, nobody: int = 1) -> None: ...
async def optional_text(ctx: Ctx, hotel: str = "") -> None: ...
async def takes_params(ctx: Ctx, params: Room) -> None: ...
async def takes_output(ctx: Ctx, output: str) -> None: ...
async def plain(ctx: Ctx, hotel, p, params) -> None: ...


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("function", [good, all_optional, plain])
def test_inputs_that_fit(function: object, role: Role):
    """Of the action, of its undo action and of its probe."""
    assert problems(function, role=role) == []


NOT_BEFORE = 'the {{role}} takes "{}", but the node does not depend on the node of that name'
THERE = '(there are "flight", "hotel", "p"); to take it from another node, say inputs='

MISFITS = [
    (
        takes_text,
        [],
        [
            'parameter "hotel" of the {role} asks for str, but node "hotel" gives int',
            'parameter "p" of the {role} asks for list[int], but node "p" gives Room',
        ],
    ),
    (takes_sibling, [], [NOT_BEFORE.format("sibling")]),
    (takes_later, [], [NOT_BEFORE.format("later")]),
    (takes_itself, [], [NOT_BEFORE.format("bill")]),
    (
        takes_nobody,
        [],
        [
            'the {role} takes "nobody", but no node of that name comes before it '
            + THERE
            + '{{"nobody": "<node>"}}'
        ],
    ),
    (
        optional_text,
        [],
        ['parameter "hotel" of the {role} asks for str, but node "hotel" gives int'],
    ),
    (
        takes_nobody,
        [FromNode("nobody", "hotel")],
        ['parameter "nobody" of the {role} asks for str, but node "hotel" gives int'],
    ),
    (
        takes_nobody,
        [Given("nobody", "5")],
        [
            'parameter "nobody" of the {role} asks for str, '
            "but the value given for it does not fit: $: 5 is not of type str"
        ],
    ),
    (takes_nobody, [FromNode("nobody", "flight")], []),
    (takes_nobody, [Given("nobody", '"5"')], []),
    (takes_later, [FromNode("later", "flight")], []),
    (takes_text, [FromNode("hotel", "flight"), Given("p", "[]")], []),
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("function", "inputs", "expected"), MISFITS)
def test_inputs_that_do_not_fit(function: object, inputs: list, expected: list[str], role: Role):
    """The text says which parameter it is, what it asks for, and what it would be given."""
    shown = [each.format(role=role.name.lower()) for each in expected]
    assert problems(function, *inputs, role=role) == shown


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (Supply("the value of its params"), None),
        (Supply("the value of its params", Room), None),
        (Supply("the value of its params", value='{"number":1}'), None),
        (
            Supply("the value of its params", int, " as its params"),
            "the value of its params gives int as its params",
        ),
        (
            Supply("the value of its params", value="1"),
            "the value of its params does not fit: $: 1 is not of type Room",
        ),
    ],
)
def test_params_that_are_known(params: Supply, why: str | None):
    """By their type, or by their value."""
    text = f'parameter "params" of the action asks for Room, but {why}'
    assert problems(takes_params, at=level(params)) == ([] if why is None else [text])


def test_the_own_output_in_an_undo_action():
    """It is what the action of the node returns."""
    assert problems(takes_output, role=Role.UNDO) == [
        'parameter "output" of the undo asks for str, but action "write" gives int'
    ]


def test_only_some_functions_are_looked_at():
    """Those whose roles are named."""
    action = ActionFunc("write", takes_sibling, takes_later)
    for role, name in ((Role.ACTION, "sibling"), (Role.UNDO, "later")):
        (problem,) = level().problems(node(), action, (role,))
        assert f'takes "{name}"' in problem
    assert list(level().problems(node(), action, ())) == []
    assert len(list(level().problems(node(), action))) == 2


def test_only_some_of_many_names_are_listed():
    """There may be thousands of nodes."""
    many = {f"n{number:03}": 0 for number in range(500)} | {"bill": 1}
    at = attrs.evolve(level(), stage_of=many)
    (problem,) = problems(takes_nobody, at=at)
    assert '"n009", …)' in problem
    assert "n010" not in problem
    (problem,) = problems(takes_nobody, at=attrs.evolve(level(), stage_of={"bill": 0}))
    assert "(there are none)" in problem


def test_a_level_whose_codec_decides():
    """That of a registry: no other one reads what flows."""

    async def asks(ctx: Ctx, params: Unknown) -> None: ...

    params = Supply("the value of its params", value=JsonText("1"))
    assert problems(asks, at=level(params)) == []
    (problem,) = problems(asks, at=level(params, is_last=True))
    assert problem.endswith(
        "the value of its params does not fit: $: the type Unknown cannot be read from JSON"
    )


# Names of inputs


async def cancel(ctx: Ctx, output: int, why: str = "") -> None: ...


def test_inputs_that_no_function_takes():
    """It is enough if the undo action or the probe does; the text says what they take."""
    action = ActionFunc("write", good, cancel)
    known = node(Given("rate", "1"), Given("why", '"x"'))
    assert list(level().unknown_inputs(known, action)) == []
    (problem,) = level().unknown_inputs(node(FromNode("hotle", "hotel")), action)
    line = good.__code__.co_firstlineno
    assert problem == (
        f'it is given "hotle", which the action "write" (test_flow.py, line {line}) does not take, '
        "nor do its undo action and probe "
        '(they take "flight", "hotel", "p", "rate", "why")'
    )
    (problem,) = level().unknown_inputs(node(Given("x", "1")), ActionFunc("write", write))
    assert "(they take none)" in problem


@pytest.mark.parametrize("name", ["params", "output"])
def test_inputs_of_a_special_name(name: str):
    """They cannot be given another way, whether a function takes them or not."""
    for action in (ActionFunc("write", good, cancel), ActionFunc("write", write)):
        (problem,) = level().unknown_inputs(node(Given(name, "1")), action)
        assert problem.startswith(
            f'"{name}" cannot be given with inputs=: it stands for the params'
        )
        assert problem.endswith("Rename the parameter")


# Sleeps


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Supply("it", datetime), None),
        (Supply("it", str), None),
        (Supply("it", datetime | None), None),
        (Supply("it", None), None),
        (Supply("it", value=CODEC.encode(datetime(2026, 1, 2, tzinfo=UTC))), None),
        (Supply("it", int), "it sleeps until a datetime, but it gives int"),
        (Supply("it", NoneType, ", so"), "it sleeps until a datetime, but it gives None, so"),
        (
            Supply("it", value=JsonText("5")),
            "it sleeps until a datetime, but it does not fit: $: 5 is not of type datetime",
        ),
    ],
)
def test_a_sleep_until_what_a_node_says(given: Supply, why: str | None):
    """It has to be a time."""
    assert attrs.evolve(level(), supply_of=lambda name: given).sleep_problem("hotel") == why


# Undo actions in doubt


async def undo_int(ctx: Ctx, output: int) -> None: ...
async def undo_none(ctx: Ctx, output: int | None) -> None: ...
async def undo_default(ctx: Ctx, output: int = 0) -> None: ...
async def undo_plain(ctx: Ctx, output) -> None: ...
async def undo_object(ctx: Ctx, output: object) -> None: ...
async def undo_without(ctx: Ctx, hotel: int) -> None: ...


@pytest.mark.parametrize(
    "undo", [undo_none, undo_default, undo_plain, undo_object, undo_without, write]
)
def test_an_undo_action_that_can_be_called_in_doubt(undo: object):
    """There may be no output, and that is what it asks for."""
    check_doubt(ActionFunc.new_action("write", write, undo, in_doubt=True), CODEC)


def test_an_undo_action_that_cannot_be_called_in_doubt():
    """Though it says so: what it would be given then is None. Without saying so it is fine."""
    check_doubt(ActionFunc.new_action("write", write, undo_int), CODEC)
    action = ActionFunc.new_action("write", write, undo_int, in_doubt=True)
    line = undo_int.__code__.co_firstlineno
    for refused in (
        lambda: check_doubt(action, CODEC),
        lambda: list(level().problems(node(), action, ())),
    ):
        with pytest.raises(ActionRegistryError) as caught:
            refused()
        assert str(caught.value) == (
            f'action "write": the undo action of "write" (test_flow.py, line {line}) says '
            "in_doubt=True, and then there may be no output: annotate "
            '"output" with int | None, or give it a default'
        )
