"""A saga runs forward: what is durable before what, in which transactions, what runs together."""

import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.testing.notation import shown
from support.worlds import World, answers_at, raises, slow, takes, waits_for, works

NO = ValueError("no")


async def test_each_step_is_durable_before_what_follows_from_it(world: World):
    """`started` is durable, the action is called, its success is durable, then children start."""
    async with world.open() as sec:
        await sec.saga_run(world.saga("a", "b"))
    assert world.trace == [
        "commit start+ start✓ a+",
        "a",
        "commit a✓ b+",
        "b",
        "commit b✓ end+ end✓",
    ]


async def test_undoing_is_durable_before_what_follows_from_it_too(world: World):
    """`undo_started` is durable, the undo is called, its end is durable, then parents follow."""
    world.does("c", takes(0, raises(NO)))
    async with world.open() as sec:
        await sec.saga_run(world.saga("a", "b", "c"))
    assert world.trace[5:] == [
        "c",
        "commit c✗ b-",
        "~b",
        "commit b∅ a-",
        "~a",
        "commit a∅ start- start∅",
    ]


async def test_an_action_is_not_called_before_the_store_has_answered(world: World):
    """That its `started` is written does not suffice: the answer must be there."""
    answer = trio.Event()
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a"))
        world.store.script.append(answers_at(answer))
        nursery.start_soon(saga.start)
        await wait_all_tasks_blocked()
        assert world.store.log(saga.saga_id) == "1+ 1✓ 0+"
        assert world.calls == []
        answer.set()
        await wait_all_tasks_blocked()
        assert world.calls == ["a"]


async def test_a_success_is_seen_by_nobody_before_the_store_has_answered(world: World):
    """Neither children nor views see a result that a crash could still take back."""
    answer = trio.Event()
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        world.store.script.extend([works, answers_at(answer)])
        await saga.start()
        await wait_all_tasks_blocked()
        assert world.store.log(saga.saga_id) == "2+ 2✓ 0+ 0✓ 1+"
        assert world.calls == ["a"]
        view = await saga.view()
        assert view.state.status.node_state("a") is steno.NodeExecState.WORKING
        assert shown(view.serialized().events) == "2+ 2✓ 0+"
        answer.set()
        await wait_all_tasks_blocked()
        assert world.calls == ["a", "b"]


async def test_a_saga_is_not_finished_before_the_store_has_answered(world: World):
    """A waiter gets the result when the last event is durable."""
    answer = trio.Event()
    async with world.open() as sec, trio.open_nursery() as nursery:
        saga = await sec.saga_create(world.saga("a"))
        world.store.script.extend([works, answers_at(answer)])
        await saga.start()
        results = []

        @nursery.start_soon
        async def wait():
            results.append(await saga.wait())

        await wait_all_tasks_blocked()
        assert results == []
        assert isinstance((await saga.view()).state, steno.SagaRunning)
        answer.set()
    assert len(results) == 1


async def test_a_chain_of_n_actions_costs_n_plus_1_commits(world: World):
    """A success and the start that it allows are one transaction; so is all without user code."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga(*"abcdefgh"))
        before = sec.statistics().writer
        await saga.start()
        await saga.wait()
        after = sec.statistics().writer
    assert after.commits - before.commits == 9
    assert after.writes - before.writes == 9
    assert after.events - before.events == 20


async def test_nodes_without_user_code_cost_no_commit_of_their_own(world: World):
    """Constants, and the beginning and the end of subsagas, come with the step that allows them."""
    p, q = steno.Node.constant("p", 1), steno.Node.constant("q", 2)
    async with world.open() as sec:
        await sec.saga_run(world.saga(p, world.subsaga("s", q, "x"), "y"))
    assert world.trace == [
        'commit start+ start✓ p+ p✓ (subsaga start: "s")+ (subsaga start: "s")✓ q+ q✓ x+',
        "x",
        "commit x✓ s+ s✓ y+",
        "y",
        "commit y✓ end+ end✓",
    ]


async def test_a_saga_without_actions_is_one_commit(world: World):
    """It needs no task, and is finished in the step that starts it."""
    async with world.open() as sec:
        result = await sec.saga_run(world.saga(steno.Node.constant("c", {"x": [1]})))
    assert result.unwrap().saga_output() == {"x": [1]}
    assert [len(batch) for batch in world.store.batches] == [1, 1]  # its creation, and all of it


async def test_completions_that_arrive_together_are_one_step(world: World):
    """They are all applied before anything new is started, and written in one transaction."""
    world.does("a", takes(1))
    world.does("b", takes(1))
    async with world.open() as sec:
        await sec.saga_run(world.saga(["a", "b"], "c"))
    commits = [item for item in world.trace if item.startswith("commit")]
    assert len(commits) == 3
    assert sorted(commits[1].split()) == ["a✓", "b✓", "c+", "commit"]
    assert commits[1].endswith(" c+")


async def test_what_completes_during_a_commit_is_the_next_step(world: World):
    """While the store writes, results gather; the next transaction has all of them."""
    for number, name in enumerate("abcd"):
        world.does(name, takes(1 + number / 10))
    world.store.then = slow(5)
    async with world.open() as sec:
        await sec.saga_run(world.saga([*"abcd"], "e"))
    commits = [item.split()[1:] for item in world.trace if item.startswith("commit")]
    assert commits[1] == ["a✓"]
    assert commits[2] == ["b✓", "c✓", "d✓", "e+"]


async def test_nodes_of_a_stage_run_concurrently(world: World):
    """A stage takes as long as the slowest of its nodes."""
    for name in "abcde":
        world.does(name, takes(10))
    async with world.open() as sec:
        began = trio.current_time()
        await sec.saga_run(world.saga([*"abcde"], "end"))
        assert trio.current_time() - began == 10


async def test_a_node_waits_for_every_node_of_the_stage_before(world: World):
    """A child is ready when all of its parents have succeeded, and not before."""
    last = trio.Event()
    world.does("b", waits_for(last))
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga(["a", "b"], "c"))
        await saga.start()
        await wait_all_tasks_blocked()
        assert sorted(world.calls) == ["a", "b"]
        assert (await saga.view()).state.status.node_state("c") is steno.NodeExecState.BLOCKED
        last.set()
        await saga.wait()
    assert world.calls[2:] == ["c"]


async def test_sagas_share_commits(world: World):
    """Whatever waits to be written, of all sagas, goes into one transaction (group commit)."""
    world.store.then = slow(1)
    dag = world.saga("a", "b", "c")
    async with world.open() as sec:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(sec.saga_run, dag)
        done = sec.statistics().writer
    assert done.events == 100 * 10
    assert done.writes == 100 * 4
    assert done.commits <= 10


async def test_what_is_created_runs_when_it_is_started_and_not_before(world: World):
    """A created saga is durable and ready; nothing of it runs."""
    async with world.open() as sec:
        saga = await sec.saga_create(world.saga("a"))
        await trio.sleep(1000)
        assert world.calls == []
        assert world.store.state(saga.saga_id) == "ready"
        assert world.store.log(saga.saga_id) == ""
        assert isinstance((await saga.view()).state, steno.SagaReady)


async def test_create_returns_when_the_saga_is_durable(world: World):
    """Once the handle is returned, the saga survives a crash."""
    answer = trio.Event()
    handles = []
    dag = world.saga("a")
    async with world.open() as sec, trio.open_nursery() as nursery:
        world.store.script.append(answers_at(answer))

        @nursery.start_soon
        async def create():
            handles.append(await sec.saga_create(dag))

        await wait_all_tasks_blocked()
        assert handles == []
        answer.set()
        await wait_all_tasks_blocked()
        assert len(handles) == 1


async def test_the_stored_state_goes_with_the_events(world: World):
    """The row says what the saga does, in the same commit that makes it so."""
    world.does("b", raises(NO))
    async with world.open() as sec:
        failed = await sec.saga_run(world.saga("a", "b"))
        succeeded = await sec.saga_run(world.saga("a", "c"))
    states = [
        (write.saga_id, write.state.value) for batch in world.store.batches for write in batch
    ]
    assert [state for saga, state in states if saga == failed.saga_id] == [
        "running",
        "running",
        "unwinding",
        "failed",
    ]
    assert [state for saga, state in states if saga == succeeded.saga_id] == [
        "running",
        "running",
        "succeeded",
    ]


async def test_the_output_of_a_saga_is_that_of_its_last_node(world: World):
    """So it is for a node that is a subsaga, whose output is that of its own last node."""
    dag = world.saga(steno.Node.constant("p", 1), world.subsaga("s", "x", "y"))
    async with world.open() as sec:
        ok = (await sec.saga_run(dag)).unwrap()
    assert ok.saga_output() == "y!"
    assert ok.lookup_node_output("s") == "y!"
    assert ok.lookup_node_output("s/x") == "x!"


async def test_sagas_run_without_bound(world: World):
    """A thousand sagas run at once, so that one that waits never blocks the one it waits for."""
    everybody_is_here = trio.Event()
    world.does("a", waits_for(everybody_is_here))
    dag = world.saga("a")
    async with world.open() as sec, trio.open_nursery() as nursery:
        for _ in range(1000):
            nursery.start_soon(sec.saga_run, dag)
        await wait_all_tasks_blocked()
        assert len(world.calls) == 1000
        assert sec.statistics().running == 1000
        everybody_is_here.set()
