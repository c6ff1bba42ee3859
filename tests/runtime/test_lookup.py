"""What actions see of their saga while it runs, unwinds and is recovered."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from support.worlds import Context, World, each_time, hangs, nothing, raises, takes

NO = ValueError("no")


class Sights:
    """Actions that note what they see."""

    def __init__(self, world: World, *names: str) -> None:
        self.seen: dict[str, object] = {}
        for name in names:
            world.does(name, self.look)
            world.undoes(name, self.look)

    async def look(self, ctx: Context) -> object:
        key = f"{'~' if ctx.idempotency_key != ctx.action_key else ''}{ctx.node_name}"
        visible = {}
        for name in ["a", "b", "c", "p", "q", "s", "t", "x", "y", "u", "z"]:
            try:
                visible[name] = ctx.lookup(name)
            except steno.NodeLookupError:
                continue
        self.seen[key] = (ctx.saga_params(), visible)
        await trio.lowlevel.checkpoint()
        return f"{ctx.node_name}!"


def nested(world: World) -> steno.SagaDag:
    """Return a, then subsagas s(x, u(y), z) and, after it, t(x); then b, then c; names recur."""
    p, q = steno.Node.constant("p", {"of": "s"}), steno.Node.constant("q", {"of": "t"})
    params_of_u = steno.Node.constant("q", {"of": "u"})
    s = world.subsaga("s", "x", params_of_u, world.subsaga("u", "y", params="q"), "z")
    t = world.subsaga("t", "x", params="q")
    return world.saga("a", [p, q], s, t, "b", "c", params={"of": "all"})


ALL, S, T, U = ({"of": name} for name in ["all", "s", "t", "u"])


async def test_a_node_sees_its_ancestors_in_its_own_saga(world: World):
    """
    Those of all earlier stages, and nothing of what is outside its saga, or inside a subsaga.

    A subsaga's params are the output of its params node; after it those around it hold again.
    """
    sights = Sights(world, "a", "b", "x", "y", "z")
    async with world.open() as sec:
        (await sec.saga_run(nested(world))).unwrap()
    seen = sights.seen
    assert seen["a"] == (ALL, {})
    assert seen["y"] == (U, {})
    assert seen["z"] == (S, {"x": "x!", "q": U, "u": "y!"})
    assert seen["x"] == (T, {})
    assert seen["b"] == (ALL, {"a": "a!", "p": S, "q": T, "s": "z!", "t": "x!"})


async def test_an_undo_action_sees_the_same_and_its_own_output(world: World):
    """Also of what is undone after it, since that is undone later."""
    sights = Sights(world, "a", "b", "x", "y", "z")
    world.does("c", raises(NO))
    async with world.open() as sec:
        await sec.saga_run(nested(world))
    seen = sights.seen
    assert seen["~a"] == (ALL, {"a": "a!"})
    assert seen["~y"] == (U, {"y": "y!"})
    assert seen["~z"] == (S, {"x": "x!", "q": U, "u": "y!", "z": "z!"})
    assert seen["~x"] == (S, {"x": "x!"})  # of s, which is undone after t
    assert seen["~b"] == (ALL, {"a": "a!", "p": S, "q": T, "s": "z!", "t": "x!", "b": "b!"})


@pytest.mark.parametrize("undoing", [False, True])
async def test_a_recovered_saga_sees_what_a_running_one_does(world: World, *, undoing: bool):
    """After a crash at each action, all that is called sees exactly what it would have seen."""
    names = "abxyz"
    quiet, crashed = Sights(world, *names), Sights(world)
    if undoing:
        world.does("c", raises(NO))
    async with world.open() as sec:
        await sec.saga_run(nested(world))

    async def look_at_the_second_call(ctx: Context) -> object:
        key = ctx.idempotency_key
        if key not in called:
            called.add(key)
            await trio.sleep_forever()
        return await crashed.look(ctx)

    called: set[str] = set()
    for name in names:
        world.does(name, look_at_the_second_call)
        world.undoes(name, look_at_the_second_call)
    async with world.doomed() as sec:
        saga = await sec.saga_create(nested(world))
        await saga.start()
        await wait_all_tasks_blocked()
    crashes = 1
    while not (await _is_finished(world, saga.saga_id)):
        crashes += 1
    assert crashes == len(called) == (12 if undoing else 6)
    assert crashed.seen == quiet.seen


async def _is_finished(world: World, saga_id: steno.SagaId) -> bool:
    """Open a SEC, run it until it comes to rest, and crash it."""
    async with world.doomed():
        await wait_all_tasks_blocked()
        return world.store.row(saga_id).summary.state.finished


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("b", "it is a node of stage 1, not an ancestor of this one of stage 1"),
        ("me", "not an ancestor"),
        ("later", "not an ancestor"),
        ("inner", "there is no node of that name in its saga or subsaga"),
        ("nobody", 'there is no node of that name in its saga or subsaga (it sees "a")'),
    ],
    ids=["sibling", "itself", "descendant", "in a subsaga", "nobody"],
)
async def test_a_name_that_is_no_ancestor(world: World, name: str, why: str):
    """The lookup raises in the action; as in Steno, without `hold_on`, its node fails."""

    async def look(ctx: Context) -> object:
        return ctx.lookup(name)

    p = steno.Node.constant("p", 1)
    world.does("me", look)
    dag = world.saga("a", ["me", "b", p], world.subsaga("s", "inner"), "later")
    async with world.open(hold_on=()) as sec:
        result = await sec.saga_run(dag)
    assert result.error_node_name == "me"
    stored = result.error_source.to_json()["ActionFailed"]["source_error"]
    assert stored["type"] == "steno.errors.NodeLookupError"
    assert stored["message"].startswith(f'node /me looked up "{name}": ')
    assert why in stored["message"]
    assert world.calls[-1] == "~a"


async def test_an_undo_action_that_looks_up_what_is_not_its_own_is_stuck(world: World):
    """The lookup raises in the undo action, which fails then without `hold_on`."""

    async def look(ctx: Context) -> None:
        ctx.lookup("b")

    world.undoes("a", look)
    world.does("c", raises(NO))
    async with world.open(hold_on=()) as sec:
        result = await sec.saga_run(world.saga("a", "b", "c"))
    node, error = result.undo_failure
    assert node == "a"
    assert 'looked up \\"b\\"' in str(error)


async def test_an_action_may_catch_that_there_is_no_such_node(world: World):
    """It is an exception like any other."""

    async def look(ctx: Context) -> object:
        try:
            return ctx.lookup("nobody")
        except steno.NodeLookupError as error:
            return error.name

    world.does("a", look)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a"))
    assert result.unwrap().saga_output() == "nobody"


async def test_no_node_is_handed_anothers_live_object(world: World):
    """Each lookup decodes afresh, so what one node does to a value no other one sees."""
    kept = {"rooms": [1]}
    seen = []

    async def give(_: Context) -> object:
        return kept

    async def spoil(ctx: Context) -> object:
        for value in (ctx.lookup("a"), ctx.saga_params()):
            seen.append(value.copy())
            value["rooms"] = "spoilt"
        kept["rooms"] = "spoilt"
        return None

    async def look(ctx: Context) -> object:
        return [ctx.lookup("a"), ctx.saga_params()]

    world.does("a", give)
    world.does("b", spoil)
    world.does("c", spoil)
    world.does("d", look)
    params = {"rooms": [2]}
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b", "c", "d", params=params))
        params["rooms"] = "spoilt"
        await saga.start()
        ok = (await saga.wait()).unwrap()
    assert seen == [{"rooms": [1]}, {"rooms": [2]}] * 2
    assert ok.saga_output() == [{"rooms": [1]}, {"rooms": [2]}]
    ok.saga_output()[0]["rooms"] = "spoilt"
    assert ok.saga_output() == [{"rooms": [1]}, {"rooms": [2]}]


async def test_user_data_is_what_was_given_to_open_sec(world: World):
    """All sagas of a SEC share `context`, and it is never stored."""
    seen = []

    async def look(ctx: Context) -> None:
        seen.append(ctx.user_data)

    world.does("a", look)
    thing = object()
    async with world.open(context=thing) as sec:
        await sec.saga_run(world.saga("a"))
        await sec.saga_run(world.saga("a"))
    assert [each is thing for each in seen] == [True, True]


async def test_make_context_makes_the_user_data_of_each_saga(world: World):
    """It is called with the saga's id, name and params when the saga is created, or loaded."""
    made, seen = [], []

    def make(*args: object) -> object:
        made.append(args)
        return len(made)

    async def look(ctx: Context) -> None:
        seen.append(ctx.user_data)

    world.does("a", look)
    world.does("b", each_time(hangs, look))
    async with world.doomed(make_context=make) as sec:
        first = await sec.saga_create(world.saga("a", params={"n": 1}, name="one"))
        second = await sec.saga_create(world.saga("a", "b", params={"n": 2}, name="two"))
        await first.start()
        await first.wait()
        await second.start()
        await wait_all_tasks_blocked()
    await world.finish(second.saga_id, make_context=make)
    expected = [(first.saga_id, "one", {"n": 1}), (second.saga_id, "two", {"n": 2})]
    assert made == [*expected, expected[1]]
    assert seen == [1, 2, 3]


async def test_an_idempotency_key_is_the_same_for_every_call_of_an_action(world: World):
    """Repeated, retried after a crash, called again while unwinding: a service knows it again."""
    keys: dict[str, list[str]] = {"do": [], "undo": [], "action": []}

    async def do(ctx: Context) -> None:
        keys["do"].append(ctx.idempotency_key)
        keys["action"].append(ctx.action_key)

    async def undo(ctx: Context) -> None:
        keys["undo"].append(ctx.idempotency_key)
        keys["action"].append(ctx.action_key)

    async def do_and_hang(ctx: Context) -> None:
        await do(ctx)
        await trio.sleep_forever()

    async def undo_and_hang(ctx: Context) -> None:
        await undo(ctx)
        await trio.sleep_forever()

    world.does("a", each_time(do_and_hang, do))
    world.undoes("a", each_time(undo, undo_and_hang, undo))
    world.does("b", raises(NO))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
    async with world.doomed() as sec:
        await saga_repeats(sec, saga.saga_id)
        await wait_all_tasks_blocked()
    await world.finish(saga.saga_id)
    assert [len(calls) for calls in keys.values()] == [2, 3, 5]
    assert len({*keys["do"], *keys["action"]}) == 1
    assert len(set(keys["undo"])) == 1
    assert keys["undo"][0] != keys["do"][0]


async def saga_repeats(sec: steno.SecClient, saga_id: steno.SagaId) -> None:
    """Have the undo of `a` called twice."""
    await sec.saga_inject_repeat(saga_id, "a", steno.RepeatInjected(undo=2))


async def test_no_two_calls_that_mean_different_things_share_a_key(world: World):
    """Each node, each saga and each direction has its own; so has a node of a subsaga."""
    keys = []

    async def note(ctx: Context) -> None:
        keys.append(ctx.idempotency_key)

    for name in "ab":
        world.does(name, note)
        world.undoes(name, note)
    world.does("z", raises(NO))
    p = steno.Node.constant("p", 1)
    dag = world.saga(["a", "b", p], world.subsaga("s", "a", "b"), "z")
    async with world.open() as sec:
        await sec.saga_run(dag)
        await sec.saga_run(dag)
    assert len(keys) == len(set(keys)) == 16


async def test_a_context_says_where_it_is(world: World):
    """An action knows its saga, and the name and label of its node."""
    seen = []

    async def note(ctx: Context) -> None:
        seen.append((ctx.saga_id, ctx.node_id, ctx.node_name, ctx.node_label))
        await nothing(ctx)

    world.does("act", note)
    dag = world.saga("first", steno.Node.action("n", "act", label="The label"))
    world.saga("act")
    world.does("first", takes(0))
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert seen == [(result.saga_id, 1, "n", "The label")]
