"""What an `ActionContext` tells, given a graph and the outputs so far; how it runs is elsewhere."""

import uuid
from datetime import UTC, datetime
from functools import partial
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
)

import attrs
import pytest

import steno
from steno.action._context import is_certainly_not
from steno.core import JsonText, SagaNodeId, encode_json
from steno.testing.notation import OTHER_ID, SAGA_ID
from support.demo import build

T = TypeVar("T")


@attrs.frozen
class Trip:
    hotel: str
    nights: int


def graph() -> steno.SagaDag:
    """Return a; then b and p; then s(x), whose params p are; then c; the params are a `Trip`."""
    p = steno.Node.constant("p", {"rooms": 2})
    s = steno.Node.subsaga("s", build("inner", "x", "y"), "p")
    b = steno.Node.action("b", "book", label="Book it")
    return steno.SagaDag(build("trip", "a", [b, p], s, "c"), Trip("Ritz", 3), codec=steno.Codec())


OUTPUTS = {"a": {"hotel": "Ritz", "nights": 3}, "b": [1], "p": {"rooms": 2}, "s/x": "x"}


def context(
    node: str,
    *,
    undoing: bool = False,
    saga_id: uuid.UUID = SAGA_ID,
    user_data: object = None,
    **more: object,
) -> steno.ActionContext[object]:
    dag = graph()
    outputs: dict[SagaNodeId, JsonText] = {
        dag.get_index(name): encode_json(value) for name, value in OUTPUTS.items()
    }
    return steno.ActionContext(
        saga_id=steno.SagaId(saga_id),
        node_id=dag.get_index(node),
        user_data=user_data,
        dag=dag,
        outputs=outputs,
        undoing=undoing,
        **more,
    )


def test_a_lookup_gives_plain_json_or_a_type():
    """Without a type the value is as it stands in the log, with one it is decoded."""
    ctx = context("c")
    assert ctx.lookup("a") == {"hotel": "Ritz", "nights": 3}
    assert ctx.lookup("a", Trip) == Trip("Ritz", 3)
    assert ctx.lookup("b", list[int]) == [1]


def test_a_lookup_as_another_type_names_the_node():
    """Nothing is converted to make it fit."""
    with pytest.raises(steno.DeserializeError, match='^output of node "b": .*\\$'):
        context("c").lookup("b", list[str])


def test_params_give_plain_json_or_a_type():
    """Those of the saga; within a subsaga those of the subsaga."""
    assert context("c").saga_params() == {"hotel": "Ritz", "nights": 3}
    assert context("c").saga_params(Trip) == Trip("Ritz", 3)
    assert context("y").saga_params() == {"rooms": 2}
    assert context("y").saga_params(dict[str, int]) == {"rooms": 2}


def test_params_as_another_type_name_the_node():
    """So that the log tells where the mistake is."""
    with pytest.raises(steno.DeserializeError, match='^params of node "y": '):
        context("y").saga_params(Trip)


def test_every_lookup_is_decoded_afresh():
    """No two of them share an object."""
    ctx = context("c")
    ctx.lookup("b").append(2)
    ctx.saga_params()["hotel"] = "other"
    assert ctx.lookup("b") == [1]
    assert ctx.saga_params()["hotel"] == "Ritz"
    assert ctx.lookup("a", Trip) is not ctx.lookup("a", Trip)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("b", "p"),  # of its own stage
        ("b", "b"),  # itself
        ("b", "c"),  # later
        ("c", "x"),  # within a subsaga
        ("c", "s/x"),  # by path
        ("y", "a"),  # outside its subsaga
        ("y", "s"),  # the subsaga that it is in
        ("c", ""),
    ],
)
def test_what_is_no_ancestor_is_not_seen(node: str, name: str):
    """Though its output be there; the error names both, and is a `LookupError` too."""
    with pytest.raises(steno.NodeLookupError) as refused:
        context(node).lookup(name)
    assert isinstance(refused.value, LookupError)
    assert refused.value.name == name
    assert f'{node} looked up "{name}": ' in str(refused.value)


def test_the_error_says_what_can_be_seen():
    """A misspelt name is found by reading."""
    with pytest.raises(steno.NodeLookupError, match=r'\(it sees "a", "b", "p", "s"\)$'):
        context("c").lookup("hotle")
    with pytest.raises(steno.NodeLookupError, match=r"\(it sees none\)$"):
        context("a").lookup("hotle")


def test_an_undo_action_sees_its_own_output_too():
    """It is what it has to take back."""
    assert context("b", undoing=True).lookup("b") == [1]
    assert context("b", undoing=True).lookup("a", Trip) == Trip("Ritz", 3)
    with pytest.raises(steno.NodeLookupError):
        context("b", undoing=True).lookup("p")


def test_a_context_names_its_node():
    """By name and by label, and knows its saga."""
    ctx = context("b", user_data="anything")
    assert (ctx.node_name, ctx.node_label, ctx.saga_id) == ("b", "Book it", SAGA_ID)
    assert ctx.node_id == 1
    assert ctx.user_data == "anything"
    assert context("x").node_name == "x"


def test_a_key_follows_from_saga_node_and_direction_alone():
    """So it is the same after a crash, and in another process."""
    assert context("b").idempotency_key == context("b").idempotency_key == f"{SAGA_ID}/1/action"
    keys = {
        context(node, undoing=undoing, saga_id=saga_id).idempotency_key
        for node in ("a", "b", "x", "y", "c")
        for undoing in (False, True)
        for saga_id in (SAGA_ID, OTHER_ID)
    }
    assert len(keys) == 20


def test_an_undo_action_knows_the_key_of_its_action():
    """To ask a service to take back what was done under it."""
    assert context("b", undoing=True).action_key == context("b").idempotency_key
    assert context("b", undoing=True).idempotency_key != context("b").idempotency_key
    assert context("b").action_key == context("b").idempotency_key


def test_a_context_is_not_changed():
    """It can be handed on."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        context("b").node_id = 7


def test_a_context_shows_neither_params_nor_outputs():
    """Which may be large, or secret, and would end up in a log."""
    assert "Ritz" not in repr(context("c"))


def test_keys_of_other_nodes():
    """Those of their actions: of a node of the same saga or subsaga by name, of others by path."""
    ctx = context("c", undoing=True)
    assert ctx.key_of("b") == context("b").idempotency_key
    assert ctx.key_of("c") == ctx.action_key
    assert ctx.key_of("/s/x") == context("x").idempotency_key
    assert context("y").key_of("x") == context("x").idempotency_key
    assert context("y").key_of("/b") == context("b").idempotency_key
    for name in ("hotle", ""):
        with pytest.raises(steno.NoSuchNode):
            ctx.key_of(name)


def test_ids_that_are_the_same_at_each_call():
    """They follow from saga, node and name; an action and its undo action share them."""
    ctx = context("b")
    assert ctx.uuid("child") == context("b", undoing=True).uuid("child")
    ids = {
        context(node, saga_id=saga_id).uuid(name)
        for node in ("a", "b", "x")
        for saga_id in (SAGA_ID, OTHER_ID)
        for name in ("child", "other", "")
    }
    assert len(ids) == 18
    with pytest.raises(TypeError, match="^ctx.uuid takes a name, got 5"):
        ctx.uuid(5)


def test_the_number_and_the_time_of_an_attempt():
    """The first unless another is given; the time is that of the node's first start, in UTC."""
    assert context("b").attempt == 1
    assert context("b").started_at is None
    ctx = context("b", attempt=3, started=steno.core.Timestamp(1_000_001))
    assert ctx.attempt == 3
    assert ctx.started_at == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)


def test_the_output_in_an_undo_action():
    """It is decoded afresh, as the action's annotation says, or else plain."""
    assert context("a", undoing=True).output == {"hotel": "Ritz", "nights": 3}
    ctx = context("a", undoing=True, output_type=Trip)
    assert ctx.output == Trip("Ritz", 3)
    assert ctx.output is not ctx.output
    with pytest.raises(steno.DeserializeError, match='^output of node "a": '):
        _ = context("a", undoing=True, output_type=int).output


def test_the_output_that_is_not_known():
    """In an undo action after a failure in doubt it is None, and so it is in the action itself."""
    assert context("c", undoing=True, output_type=Trip).output is None
    assert context("a").output is None
    with pytest.raises(steno.NodeLookupError, match="this node failed in doubt, so it has no"):
        context("c", undoing=True).lookup("c")


# Inputs by name


@attrs.frozen
class Room:
    number: int


async def bill(
    ctx: object, hotel: Room, days: list[int], *, params: Trip, rate: int = 7, note: object = "none"
) -> object:
    days.append(0)
    return hotel, days, params, rate, note


async def unbill(ctx: object, hotel: Room, output: str) -> object:
    return hotel, output


async def probe_bill(ctx: object, params, hotel: Room, extra: int | None = None) -> object:
    return params, hotel, extra


BILL = steno.ActionFunc("bill", bill, unbill)
PROBED = steno.new_action_noop_undo("bill", bill, probe=probe_bill)

BEFORE = {"hotel": {"number": 17}, "hotel_2": {"number": 18}, "days": [1, 2]}


def calling(
    inputs: dict[str, str | steno.Value] | None = None,
    outputs: dict[str, object] = BEFORE,
    params: object = Trip("Ritz", 3),
    *,
    undoing: bool = False,
    inside: bool = False,
) -> steno.ActionContext[object]:
    """Return a context of the node `bill`, after one node for each of the outputs."""
    builder = steno.DagBuilder("trip")
    builder.append_parallel([steno.Node.action(name, name) for name in BEFORE])
    builder.append(steno.Node.action("bill", "bill", inputs=inputs or {}))
    built = builder.build()
    dag = steno.SagaDag(built, params)
    place = ""
    if inside:
        outer = build("outer", steno.Node.constant("p", {"hotel": "Post", "nights": 1}))
        outer = build("outer", "hotel", *outer.stages[0], steno.Node.subsaga("s", built, "p"))
        dag, place = steno.SagaDag(outer, params, codec=steno.Codec()), "s/"
        outputs = {f"{place}{name}": value for name, value in outputs.items()}
        outputs |= {"/hotel": "the outer one", "p": {"hotel": "Post", "nights": 1}}
    texts = {dag.get_index(name): encode_json(value) for name, value in outputs.items()}
    return steno.ActionContext(SAGA_ID, dag.get_index(f"{place}bill"), None, dag, texts, undoing)


async def test_inputs_are_outputs_by_name():
    """Of the types that the parameters ask for; params too; a default stays where no node gives."""
    given = await BILL.do_it(calling())
    assert given == (Room(17), [1, 2, 0], Trip("Ritz", 3), 7, "none")


async def test_inputs_as_the_node_says():
    """Of another node, or a value that is stored with the graph."""
    inputs = {"hotel": "hotel_2", "rate": steno.Value(9), "note": "days"}
    given = await BILL.do_it(calling(inputs))
    assert given == (Room(18), [1, 2, 0], Trip("Ritz", 3), 9, [1, 2])
    assert await PROBED.probe_it(calling(inputs)) == (
        {"hotel": "Ritz", "nights": 3},
        Room(18),
        None,
    )


async def test_every_call_is_given_inputs_of_its_own():
    """What one call does to a list is not seen by the next, nor by an undo action or a probe."""
    ctx = calling({"days": steno.Value([5])})
    for _ in range(2):
        assert (await BILL.do_it(ctx))[1] == [5, 0]
    ctx = calling()
    for _ in range(2):
        assert (await BILL.do_it(ctx))[1] == [1, 2, 0]


async def test_inputs_in_a_subsaga():
    """Its own nodes and its own params, not those of the saga around it."""
    given = await BILL.do_it(calling(inside=True))
    assert given == (Room(17), [1, 2, 0], Trip("Post", 1), 7, "none")
    assert await PROBED.probe_it(calling(inside=True)) == (
        {"hotel": "Post", "nights": 1},
        Room(17),
        None,
    )


async def test_an_undo_action_is_given_the_output_it_undoes():
    """Beside its inputs, which follow the rules of the action's."""
    outputs = BEFORE | {"bill": "No. 5"}
    assert await BILL.undo_it(calling(outputs=outputs, undoing=True)) == (Room(17), "No. 5")
    ctx = calling({"hotel": "hotel_2"}, outputs, undoing=True)
    assert await BILL.undo_it(ctx) == (Room(18), "No. 5")


async def undo_required(ctx: object, output: str | None) -> object:
    return output


async def undo_default(ctx: object, output: str = "unknown") -> object:
    return output


@pytest.mark.parametrize(
    ("undo", "in_doubt", "known"),
    [(undo_required, None, "No. 5"), (undo_default, "unknown", "No. 5")],
)
async def test_an_output_that_is_not_known(undo: object, in_doubt: object, known: object):
    """After a failure in doubt there is none: then it is None, or the default."""
    action = steno.ActionFunc("bill", bill, undo)
    assert await action.undo_it(calling(undoing=True)) == in_doubt
    outputs = BEFORE | {"bill": known}
    assert await action.undo_it(calling(outputs=outputs, undoing=True)) == known
    nothing = BEFORE | {"bill": None}
    if undo is undo_required:
        assert await action.undo_it(calling(outputs=nothing, undoing=True)) is None


async def test_what_a_function_is_called_with():
    """A method, a partial and a callable object are given what they take."""

    async def many(price: int, ctx: object, hotel: Room, note: str = "") -> object:
        return price, hotel, note

    class Service:
        async def __call__(self, ctx: object, *, hotel: Room) -> object:
            return hotel

        async def book(self, ctx: object, /, hotel) -> object:
            return hotel

    for function, expected in (
        (partial(many, 5), (5, Room(17), "")),
        (partial(many, 5, note="x"), (5, Room(17), "x")),
        (partial(many, 5, hotel=Room(1)), (5, Room(1), "")),
        (Service(), Room(17)),
        (Service().book, {"number": 17}),
        (steno.ActionFunc("inner", Service()), Room(17)),
    ):
        assert await steno.ActionFunc("bill", function).do_it(calling()) == expected


async def takes_nobody(ctx: object, nobody: int) -> None: ...
async def takes_itself(ctx: object, bill: int) -> None: ...
async def takes_text(ctx: object, hotel: str) -> None: ...
async def takes_numbers(ctx: object, params: list[int]) -> None: ...
async def takes_nowhere(ctx: object, hotel: "Nowhere") -> None: ...  # noqa: F821 - the point


@pytest.mark.parametrize(
    ("function", "inputs", "parameter", "why"),
    [
        (
            takes_nobody,
            {},
            "nobody",
            "there is no node of that name in its saga or subsaga "
            '(it sees "hotel", "hotel_2", "days")',
        ),
        (
            takes_itself,
            {},
            "bill",
            "it is a node of stage 1, not an ancestor of this one of "
            'stage 1 (it sees "hotel", "hotel_2", "days")',
        ),
        (takes_text, {}, "hotel", '$: {"number": 17} is not of type str'),
        (takes_text, {"hotel": steno.Value(5)}, "hotel", "$: 5 is not of type str"),
        (takes_numbers, {}, "params", '$: {"hotel": "Ritz", "nights": 3} is not of type list[int]'),
        (takes_nowhere, {}, "hotel", None),
    ],
)
async def test_an_input_that_cannot_be_given(
    function: object, inputs: dict, parameter: str, why: str | None
):
    """The function is not called; the error names action and parameter, and says why."""
    for action in (
        steno.ActionFunc("bill", function, function),
        steno.new_action_noop_undo("bill", function, probe=function),
    ):
        undoes = not action.needs_no_undo
        for call in (action.do_it, action.undo_it if undoes else action.probe_it):
            with pytest.raises(steno.InputError) as caught:
                await call(calling(inputs, undoing=call == action.undo_it))
            error = caught.value
            assert (error.action_name, error.parameter) == ("bill", parameter)
            assert str(error) == f'input "{parameter}" of action "bill": {error.why}'
            assert error.__cause__ is not None
            if why is None:
                assert "cannot be resolved: name 'Nowhere' is not defined" in error.why
            else:
                assert error.why == why
            assert isinstance(error, steno.DeserializeError)


def test_an_input_is_looked_at_before_the_call():
    """An error of it is raised when the function is called, not when it is awaited."""
    with pytest.raises(steno.InputError):
        steno.ActionFunc("bill", takes_nobody).do_it(calling())


# User data


class World: ...


class Universe(World): ...


class Named(Protocol):
    name: str


class Keys(TypedDict):
    a: int


class Box(Generic[T]): ...


@pytest.mark.parametrize(
    ("user_data", "world"),
    [
        (World(), World),
        (Universe(), World),
        (World(), World | None),
        (None, World | None),
        (None, Optional[World]),  # noqa: UP045 - both spellings
        (None, type(None)),
        (5, None),
        (5, object),
        (5, Any),
        (5, T),
        (5, Named),
        (5, float),
        (5, complex),
        (5, int | str),
        ({"a": 5}, dict[str, str]),
        (Box(), Box[int]),
        (5, Keys),
        ({}, Keys),
        (5, NewType("Number", str)),
        (5, Literal["x"]),
        (5, Annotated[int, "cents"]),
        (5, Annotated[Any, "cents"]),
        (5, "World"),
        (True, int),
    ],
)
def test_user_data_that_may_be_what_a_context_says(user_data: object, world: object):
    """An instance of the class, or of a subclass; of what is not a class nothing is certain."""
    assert not is_certainly_not(user_data, world)


@pytest.mark.parametrize(
    ("user_data", "world"),
    [
        (5, World),
        (None, World),
        (World(), Universe),
        (World, World),
        (5, World | None),
        (5, Union[World, str]),  # noqa: UP007 - both spellings
        (5, type(None)),
        ([], dict[str, str]),
        (5, Box[int]),
        (5, Annotated[World, "x"]),
        (5, Annotated[World, "x"] | None),
    ],
)
def test_user_data_that_is_certainly_something_else(user_data: object, world: object):
    """All that a union says, and the class of a generic one."""
    assert is_certainly_not(user_data, world)
