"""What an `ActionContext` tells, given a graph and the outputs so far; how it runs is elsewhere."""

import uuid
from datetime import UTC, datetime

import attrs
import pytest

import steno
from steno.core import JsonText, SagaNodeId, encode_json
from steno.testing.notation import OTHER_ID, SAGA_ID
from support.demo import build


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
