"""What a user, or the author of a store, can get wrong: it is said, and hurts nobody else."""

from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import trio

import steno
from steno.store import Durable

registry = steno.ActionRegistry()
SAGA_ID = UUID(int=7)


class HostileInt(int):
    """An int that cannot be compared."""

    def __le__(self, other):
        raise RuntimeError("hands off")

    __ge__ = __lt__ = __gt__ = __le__


@registry.action(undo=steno.NOOP)
async def gives_its_params(ctx: steno.ActionContext[None]) -> object:
    return ctx.saga_params()


@registry.action(undo=steno.NOOP)
async def gives_a_hostile_int(_: steno.ActionContext[None]) -> object:
    return [HostileInt(3)]


@registry.action(undo=steno.NOOP)
async def takes_ten_seconds(_: steno.ActionContext[object]) -> None:
    await trio.sleep(10)


def saga(action: object = gives_its_params, params: object = None, **limit: int) -> steno.SagaDag:
    builder = steno.DagBuilder("saga")
    builder.append(steno.Node.action("node", action, label="Node"))
    return steno.SagaDag(builder.build(), params, **limit)


class Wrapped:
    """An in-memory store, of whose sessions a test replaces what it likes."""

    def __init__(self, **replaced):
        self.inner = steno.InMemorySecStore()
        self.replaced = replaced
        self.closing: Exception | None = None

    @asynccontextmanager
    async def open(self):
        async with self.inner.open() as session:
            outer = self

            class Session:
                def __getattr__(self, name):
                    real = getattr(session, name)
                    return outer.replaced[name](real) if name in outer.replaced else real

            try:
                yield Session()
            finally:
                if self.closing is not None:
                    raise self.closing


async def test_a_repetition_that_is_none_is_refused_and_hurts_nobody():
    """The command is refused where it is given; the SEC and the saga live on."""
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        handle = await sec.saga_create(saga())
        with pytest.raises(TypeError, match="repeat must be a RepeatInjected"):
            await handle.inject_repeat("node", 3)
        await handle.start()
        (await handle.wait()).unwrap()


async def test_an_output_that_fights_back_fails_its_node():
    """To look at a value is to run the user's code; what that raises is the node's failure."""
    async with steno.open_sec(steno.InMemorySecStore(), registry, hold_on=()) as sec:
        result = await sec.saga_run(saga(gives_a_hostile_int))
    assert isinstance(result.error_source, steno.SerializeFailed)
    assert 'output of node "node"' in str(result.error_source)


async def test_an_answer_that_is_none_is_not_taken_for_durable():
    """A store that answers nonsense has refused: nothing is called on the strength of it."""

    def nonsense(record):
        async def answer(batch):
            outcomes = await record(batch)
            return [Durable for _ in outcomes] if hasattr(batch[0], "events") else outcomes

        return answer

    async with steno.open_sec(Wrapped(record=nonsense), registry) as sec:
        with pytest.raises(steno.StoreError, match="something other than outcomes"):
            await sec.saga_create(saga())


@pytest.mark.parametrize("error", [ValueError("the body's"), KeyboardInterrupt()])
async def test_a_store_that_cannot_be_closed_does_not_hide_what_the_body_raised(error):
    """Exactly the body's object leaves, with a note."""
    store = Wrapped()
    store.closing = steno.StoreError("the disk is gone")
    with pytest.raises(type(error)) as caught:
        async with steno.open_sec(store, registry):
            raise error
    assert caught.value is error
    assert "the disk is gone" in error.__notes__[0]


async def test_a_store_that_cannot_be_closed_is_told_of():
    """Where nothing else went wrong, its error is what leaves."""
    store = Wrapped()
    store.closing = steno.StoreError("the disk is gone")
    with pytest.raises(steno.StoreError, match="the disk is gone"):
        async with steno.open_sec(store, registry):
            pass


async def test_a_task_that_an_action_left_to_others_is_outside(autojump_clock):
    """Once its action has returned it can hold up the leaving of the SEC no longer."""
    told = []
    own = steno.ActionRegistry()

    async def create_for_ever(sec):
        while True:
            await trio.sleep(1)
            try:
                await sec.saga_run(saga(takes_ten_seconds))
            except steno.SecClosing as closing:
                told.append(closing)
                return

    @own.action(name="gives_its_params", undo=steno.NOOP)
    async def leaves_a_task(ctx):
        nursery.start_soon(create_for_ever, ctx.user_data["sec"])

    own.register(takes_ten_seconds)
    context = {}
    store = steno.InMemorySecStore()
    async with (
        trio.open_nursery() as nursery,
        steno.open_sec(store, own, context=context) as sec,
    ):
        context["sec"] = sec
        await sec.saga_run(saga())
        await trio.sleep(1.5)
    assert len(told) == 1


async def test_a_saga_that_comes_between_two_looks_is_no_stranger(autojump_clock):
    """Created while somebody looks for it in the store, it is waited for like any other."""

    def slow(load):
        async def after_a_second(saga_id):
            await trio.sleep(1)
            return await load(saga_id)

        return after_a_second

    async with steno.open_sec(Wrapped(load=slow), registry) as sec, trio.open_nursery() as nursery:

        async def wait():
            results.append(await sec.saga_wait(SAGA_ID))

        results = []
        nursery.start_soon(wait)
        await trio.sleep(0.5)
        await sec.saga_run(saga(takes_ten_seconds), saga_id=SAGA_ID)
        await trio.testing.wait_all_tasks_blocked()
        results[0].unwrap()


async def test_the_size_of_params_is_limited_by_their_sec():
    """A SEC that allows more takes more, one that allows less says what it allows."""
    more = 6 * 1024 * 1024
    large = saga(params="x" * (5 * 1024 * 1024), max_value_bytes=more)
    store = steno.InMemorySecStore()
    async with steno.open_sec(store, registry, max_value_bytes=more) as sec:
        assert len((await sec.saga_run(large)).unwrap().saga_output(str)) == 5 * 1024 * 1024
    async with steno.open_sec(store, registry) as sec:
        with pytest.raises(steno.SagaValidationError, match=r"may take 4194304 \(max_value_bytes"):
            await sec.saga_create(large)


async def test_creating_a_quarantined_saga_again_is_told_its_problem():
    """It is not run behind its problem's back."""
    broken = True

    def make_context(*_):
        if broken and opened:
            raise ValueError("no context")

    opened = False
    store = steno.InMemorySecStore()
    async with steno.open_sec(store, registry, make_context=make_context) as sec:
        await sec.saga_create(saga(), saga_id=SAGA_ID)
    opened = True
    async with steno.open_sec(store, registry, make_context=make_context) as sec:
        with pytest.raises(steno.SagaHaltedError, match="no context"):
            await sec.saga_wait(SAGA_ID)
        broken = False
        with pytest.raises(steno.SagaHaltedError, match="no context"):
            await sec.saga_run(saga(), saga_id=SAGA_ID)
        await sec.saga_recover(SAGA_ID)
        (await sec.saga_run(saga(), saga_id=SAGA_ID)).unwrap()
        assert [summary.problem for summary in await sec.saga_list()] == [None]
        assert sec.statistics().halted == 0


async def test_an_async_make_context_is_refused():
    """Rather than handing a coroutine to the actions."""

    async def make_context(*_):
        pass

    async with steno.open_sec(steno.InMemorySecStore(), registry, make_context=make_context) as sec:
        with pytest.raises(TypeError, match="make_context must not be async"):
            await sec.saga_create(saga())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: steno.Node.action("a", print, label="A"), "decorate it with @registry.action"),
        (lambda: steno.Node.subsaga("a", steno.DagBuilder("b"), "p"), r"DagBuilder.build\(\)"),
        (lambda: steno.open_sec("trips.db", registry), "must be a SecStore, got"),
        (lambda: steno.open_sec(steno.InMemorySecStore, registry), "store must be a SecStore"),
    ],
)
def test_what_is_given_in_place_of_another_thing_is_named(call, message):
    """And the message says what to give."""
    with pytest.raises(TypeError, match=message):
        call()


async def test_commands_name_what_they_cannot_take():
    """A graph without params, and states by their names."""
    builder = steno.DagBuilder("saga")
    builder.append(steno.Node.action("node", gives_its_params, label="Node"))
    async with steno.open_sec(steno.InMemorySecStore(), registry) as sec:
        with pytest.raises(TypeError, match=r"expected a SagaDag\(dag, params\), got"):
            await sec.saga_create(builder.build())
        with pytest.raises(TypeError, match="states must be of type SagaCachedState"):
            await sec.saga_list(states=["succeeded"])
