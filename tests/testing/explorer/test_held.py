"""Sagas that are held: what the explorer says of those that were not planned to be."""

import attrs
import pytest
import trio

import steno
from steno.core import SagaState
from steno.testing import CounterExample
from steno.testing.explorer._probed import ProbedRegistry
from steno.testing.explorer._record import EXPLORED
from support.exploring import explored
from support.planted import Planted, trip
from support.planted_setbacks import careless_parent

Context = steno.ActionContext
HELD = "a node is held"


def found_in(planted: Planted, **options: object) -> CounterExample:
    """Return what exploring a saga finds."""
    with pytest.raises(CounterExample) as found:
        explored(planted, **options)
    return found.value


def headline(found: CounterExample) -> str:
    """Return what is wrong, in the first line of the text."""
    return str(found).split("\n")[0]


# The reason


def test_an_action_looks_up_a_name_that_no_node_has():
    """No fault is needed; the first line says which node is held, and why."""

    async def book(ctx: Context) -> str:
        return f"a room for {ctx.lookup('paymnt', int)}"

    found = found_in(trip(book=book))
    assert (str(found.case), found.kind) == ("no fault", HELD)
    assert isinstance(found.error, steno.NodeLookupError)
    assert headline(found).startswith(
        'saga "trip": the saga is held at hotel, and that was not planned: NodeLookupError: node '
        '/hotel looked up "paymnt": '
    )
    assert "    hotel    raised NodeLookupError: " in str(found)
    assert "in book" in str(found)  # the traceback


def test_an_input_that_no_node_gives():
    """An action that is given by name is first seen when the saga is created."""

    async def book(ctx: Context, paymnt: int) -> str:
        return f"a room for {paymnt}"

    found = found_in(trip(book=book))
    assert str(found.case) == "no fault"
    assert 'node "/hotel": the action "book" (test_held.py, line' in headline(found)
    assert 'takes "paymnt", but no node of that name comes before it' in headline(found)


def test_params_that_do_not_fit():
    """What the saga is created with is not what its action asks for."""

    @attrs.frozen
    class Guest:
        name: str
        nights: int

    async def charge(ctx: Context, params: Guest) -> int:
        return 60 * params.nights

    found = found_in(trip(charge=charge))
    assert (str(found.case), found.kind) == ("no fault", HELD)
    assert isinstance(found.error, steno.InputError)
    assert headline(found).startswith(
        'saga "trip": the saga is held at payment, and that was not planned: InputError: input '
        '"params" of action "charge": '
    )


def test_an_input_that_does_not_fit():
    """The output of the other action has no annotation, so that only a call can tell."""

    async def charge(ctx: Context):
        return "120"

    async def book(ctx: Context, payment: int) -> str:
        return f"a room for {payment}"

    found = found_in(trip(charge=charge, book=book))
    assert (str(found.case), found.kind) == ("no fault", HELD)
    assert 'held at hotel, and that was not planned: InputError: input "payment"' in headline(found)


def test_an_output_that_cannot_be_stored():
    """The call has returned, so the reason is that of the log."""

    async def book(ctx: Context) -> object:
        return object()

    found = found_in(trip(book=book))
    assert (str(found.case), found.kind, found.error) == ("no fault", HELD, None)
    assert headline(found).startswith(
        'saga "trip": the saga is held at hotel, and that was not planned: serialize failed: '
        'output of node "hotel": '
    )


def test_an_action_that_holds():
    """The author may mean it; but then it is to be played by `beside`, or in a check of its own."""

    async def book(ctx: Context) -> str:
        raise steno.Hold("ask the hotel")

    found = found_in(trip(book=book))
    assert (str(found.case), found.kind) == ("no fault", HELD)
    assert headline(found) == (
        'saga "trip": the saga is held at hotel, and that was not planned: Hold: ask the hotel'
    )


def test_an_action_that_holds_when_it_is_called_again():
    """The case is the smallest in which that happens."""

    async def book(ctx: Context) -> str:
        if ctx.user_data.rooms[ctx.idempotency_key]:
            raise steno.Hold("there is a room already")
        ctx.user_data.rooms[ctx.idempotency_key] = 1
        return ctx.idempotency_key

    found = found_in(trip(book=book))
    assert (str(found.case), found.kind) == ("repeat hotel", HELD)
    assert headline(found).endswith(
        "held at hotel, and that was not planned: Hold: there is a room already"
    )


@pytest.mark.parametrize(
    ("undo", "why"),
    [
        ("holds", "Hold: ask the hotel"),
        ("looks up", 'NodeLookupError: node /hotel looked up "room": '),
        ("takes", 'InputError: input "output" of action "book": '),
    ],
)
def test_an_undo_action_that_is_held(undo: str, why: str):
    """A failure is needed, and no more; the reason is that of the undo, not of the action."""

    async def book(ctx: Context):
        return ctx.idempotency_key

    async def holds(ctx: Context) -> None:
        raise steno.Hold("ask the hotel")

    async def looks_up(ctx: Context) -> None:
        ctx.lookup("room")

    async def takes(ctx: Context, output: int | None) -> None: ...

    cancel = {"holds": holds, "looks up": looks_up, "takes": takes}[undo]
    found = found_in(trip(book=book, cancel=cancel), check=None)
    assert (str(found.case), found.kind) == ("fail summary", HELD)
    text = f'saga "trip": the saga is held at undo of hotel, and that was not planned: {why}'
    assert headline(found).startswith(text)


def test_a_probe_that_is_held():
    """A probe is a call of its node, and what it raises is the reason."""

    async def probe(ctx: Context) -> object:
        return ctx.lookup("room")

    found = found_in(trip(probe=probe), check=None)
    assert (str(found.case), found.kind) == ("fail every attempt of hotel", HELD)
    assert "probe of hotel  raised NodeLookupError" in str(found)
    assert "held at hotel, and that was not planned: NodeLookupError" in headline(found)


def test_a_node_of_a_subsaga_that_is_held():
    """It is named by its path, as other nodes may have its name."""
    planted = trip()

    async def look(ctx: Context) -> None:
        ctx.lookup("payment")  # a node of the outer saga, which is not seen here

    planted.registry.register(steno.new_action_noop_undo("look", look))
    inner, outer = steno.DagBuilder("inner"), steno.DagBuilder("outer")
    inner.append(steno.Node.action("payment", "look"))
    outer.append(steno.Node.action("payment", "charge"))
    outer.append(steno.Node.subsaga("stay", inner.build(), "payment"))
    found = found_in(attrs.evolve(planted, dag=outer.build()), check=None)
    assert str(found.case) == "no fault"
    assert "held at stay/payment, and that was not planned: NodeLookup" in headline(found)


# Beside other things


def test_a_child_saga_that_is_held_holds_its_parent():
    """The reason is that of the child."""

    async def book(ctx: Context) -> str:
        return ctx.lookup("paymnt", str)

    found = found_in(careless_parent(mended=True, planted=trip(book=book)))
    assert (str(found.case), found.kind) == ("no fault", HELD)
    assert (
        "the saga is held at both, and that was not planned: trip:hotel: NodeLookupError: "
        in headline(found)
    )


def test_a_child_saga_that_is_held_as_planned():
    """Then its parent is held as planned, too."""
    planted = trip(says={"retry": steno.Retry(attempts=2, then="hold")})
    parent = careless_parent(mended=True, planted=planted)
    assert explored(parent, only="fail every attempt of trip:hotel").runs == 1


def test_a_held_saga_is_called_again_after_a_crash():
    """Each life makes the call again, and the last one finds the saga held as the first did."""

    async def book(ctx: Context) -> str:
        raise steno.Hold("ask the hotel")

    line = "crash after commit 4"
    found = found_in(trip(book=book), only=line)
    assert (str(found.case), found.kind) == (line, HELD)
    assert str(found).count("    hotel    raised Hold: ask the hotel") == 2


def test_inputs_that_are_mapped_where_the_node_is_made():
    """They are checked against the user's actions, not against what is put around them."""

    async def book(ctx: Context, paid: int) -> str:
        ctx.user_data.rooms[ctx.idempotency_key] = 1
        return ctx.idempotency_key

    planted = trip(book=book)
    builder = steno.DagBuilder("trip")
    builder.append(steno.Node.action("payment", "charge"))
    builder.append(steno.Node.action("hotel", "book", inputs={"paid": "payment"}))
    assert explored(attrs.evolve(planted, dag=builder.build())).is_complete


def test_what_a_registry_says_of_contexts_and_stored_sagas_is_what_the_users_says():
    """The explorer's registry leaves every question to that of the user."""
    registry = steno.ActionRegistry[str]()

    @registry.action(undo=steno.NOOP)
    async def greet(ctx: steno.ActionContext[str], params: str) -> None:
        await trio.lowlevel.checkpoint()

    builder = steno.DagBuilder("greeting")
    builder.append(steno.Node.action("greeting", greet))
    dag = steno.SagaDag(builder.build(), 1)
    state = SagaState.new(dag.flat, EXPLORED)
    probed = ProbedRegistry(registry, None, codec=registry.codec)
    with pytest.raises(TypeError, match="takes an ActionContext|is an ActionRegistry"):
        probed.check_context(1)
    probed.check_context("Ada")
    assert list(probed.audit(dag, state)) == list(registry.audit(dag, state)) != []
