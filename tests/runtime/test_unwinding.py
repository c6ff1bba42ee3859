"""A saga fails: what is undone, in which order, beside what still runs; and when it gets stuck."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import steno
from steno.core import Failed, StartNode
from steno.testing.notation import shown
from support.worlds import World, each_time, hangs, nothing, raises, returns, takes, waits_for

NO = ValueError("no")


async def test_undo_order_is_the_reverse_of_the_order_of_dependency(world: World):
    """Each node is undone when all that depend on it are; the start node is the last."""
    world.does("d", raises(NO))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b", "c", "d", "e"))
    assert world.calls == ["a", "b", "c", "d", "~c", "~b", "~a"]
    assert shown(result.saga_log.events) == "5+ 5✓ 0+ 0✓ 1+ 1✓ 2+ 2✓ 3+ 3✗ 2- 2∅ 1- 1∅ 0- 0∅ 5- 5∅"
    assert world.store.state(result.saga_id) == "failed"


async def test_the_result_names_the_node_that_failed_and_its_error(world: World):
    """Nothing is stuck, so no failure of an undo is reported."""
    world.does("b", raises(NO))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b"))
    assert result == steno.SagaResultErr(
        result.saga_id,
        result.saga_log,
        "b",
        steno.ActionFailed('{"message":"no","type":"ValueError"}'),
        None,
    )
    with pytest.raises(steno.SagaFailed, match='at node "b": action failed: .*"no"'):
        result.unwrap()


async def test_siblings_are_undone_concurrently(world: World):
    """The undo of a stage takes as long as the slowest undo in it."""
    for name in "bcd":
        world.undoes(name, takes(10))
    world.does("e", raises(NO))
    async with world.open() as sec:
        await sec.saga_run(world.saga("a", ["b", "c", "d"], "e"))
        assert trio.current_time() == 10
    assert world.calls[-1] == "~a"
    assert sorted(world.calls[-4:-1]) == ["~b", "~c", "~d"]


async def test_a_sibling_that_still_runs_is_not_cancelled_but_undone_when_it_has_succeeded(
    world: World,
):
    """What depends on both waits for it; its own undo follows at once."""
    finished = []

    async def slowly(_: object) -> None:
        await trio.sleep(100)
        finished.append(trio.current_time())

    world.does("b", raises(NO))
    world.does("c", slowly)
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", ["b", "c"], "d"))
    assert finished == [100]
    assert world.calls[-2:] == ["~c", "~a"]
    assert "d" not in world.calls
    assert shown(result.saga_log.events).endswith("1✗ 2✓ 2- 2∅ 0- 0∅ 4- 4∅")


async def test_a_sibling_that_fails_too_gets_no_undo(world: World):
    """The failure that was logged first is the one that is reported; both are in the log."""
    world.does("b", takes(2, raises(NO)))
    world.does("c", takes(1, raises(KeyError("first"))))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", ["b", "c"], "d"))
    assert result.error_node_name == "c"
    assert result.error_source == steno.ActionFailed("""{"message":"'first'","type":"KeyError"}""")
    assert world.calls[-1] == "~a"
    assert "~b" not in world.calls
    assert "~c" not in world.calls
    assert shown(result.saga_log.events).endswith("2✗ 1✗ 0- 0∅ 4- 4∅")


async def test_a_failure_waits_for_a_branch_that_is_undone_meanwhile(world: World):
    """Nothing new is started in any branch, once a failure was logged."""
    p = steno.Node.constant("p", None)
    world.does("x", takes(2))
    world.does("b", takes(1, raises(NO)))
    dag = world.saga(p, ["b", world.subsaga("s", "x", "y")], "c")
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    assert sorted(world.calls[:2]) == ["b", "x"]
    assert world.calls[2:] == ["~x"]
    states = (await _view(world, result.saga_id)).state.status
    assert states.node_state("y") is steno.NodeExecState.ABANDONED
    assert states.node_state("s") is steno.NodeExecState.ABANDONED
    assert states.node_state("x") is steno.NodeExecState.UNDONE


async def test_a_subsaga_is_undone_node_by_node(world: World):
    """To the outside it is one node, but its nodes are undone from its end to its start."""
    world.does("c", raises(NO))
    dag = world.saga(steno.Node.constant("p", 1), world.subsaga("s", "x", ["y", "z"], "w"), "c")
    async with world.open() as sec:
        await sec.saga_run(dag)
    undone = [call for call in world.calls if call.startswith("~")]
    assert undone[0] == "~w"
    assert sorted(undone[1:3]) == ["~y", "~z"]
    assert undone[3:] == ["~x"]


async def test_a_clean_failure_leaves_4_events_per_success_and_2_per_failure(world: World):
    """Every node is logged: start, constants and the ends of subsagas too; none is forgotten."""
    world.does("b", takes(1, raises(NO)))
    world.does("c", takes(1, raises(NO)))
    p = steno.Node.constant("p", 1)
    dag = world.saga(p, world.subsaga("s", "x"), "a", ["b", "c", "d"], "e")
    async with world.open() as sec:
        result = await sec.saga_run(dag)
    events = result.saga_log.events
    failed = sum(isinstance(event.event_type, Failed) for event in events)
    succeeded = len(["start", "p", "subsaga start", "x", "s", "a", "d"])
    assert failed == 2
    assert len(events) == 4 * succeeded + 2 * failed
    last = [(event.node_id, event.event_type.label) for event in events[-2:]]
    start = next(i for i, node in enumerate(dag.get_nodes()) if isinstance(node, StartNode))
    assert last == [(start, "undo_started"), (start, "undo_finished")]


async def test_an_undo_action_that_fails_leaves_the_saga_stuck(world: World):
    """Nothing more is undone, and the result tells of both failures; `stuck` is a stored state."""
    world.does("d", raises(NO))
    world.undoes("b", raises(OSError("disk")))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", "b", "c", "d"))
        view = await sec.saga_get(result.saga_id)
        (listed,) = await sec.saga_list(states=[steno.SagaCachedState.STUCK])
    assert world.calls == ["a", "b", "c", "d", "~c", "~b"]
    assert result.error_node_name == "d"
    node, error = result.undo_failure
    assert node == "b"
    assert error.to_json() == {
        "PermanentFailure": {
            "source_error": {"message": "undo action attempt 1: disk", "type": "OSError"}
        }
    }
    assert str(error) == (
        "undo action failed permanently: {\n"
        '  "message": "undo action attempt 1: disk",\n'
        '  "type": "OSError"\n'
        "}"
    )
    assert str(error.convert(OSError)) == "disk"
    with pytest.raises(steno.DeserializeError, match="of type OSError, not ValueError"):
        error.convert(ValueError)
    assert listed.saga_id == result.saga_id
    assert listed.times.ended is not None
    assert world.store.log(result.saga_id).endswith("3✗ 2- 2∅ 1- 1!")
    assert [view.state.status.node_state(name).value for name in "abcd"] == [
        "done",
        "undo-failed",
        "undone",
        "failed",
    ]
    assert view.state.status.node_state(5).value == "abandoned"


async def test_what_runs_when_an_undo_fails_finishes_and_is_logged(world: World):
    """Undo actions and actions alike; a success then stays done, and nothing new is begun."""
    world.does("b", takes(1, raises(NO)))
    world.does("e", takes(50))
    world.undoes("c", takes(10, raises(OSError("disk"))))
    world.undoes("d", takes(20))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga("a", ["b", "c", "d", "e"], "f"))
        assert trio.current_time() == 50
        status = (await sec.saga_get(result.saga_id)).state.status
    assert world.store.log(result.saga_id).endswith("2! 3∅ 4✓")
    assert result.undo_failure[0] == "c"
    assert status.node_state("d") is steno.NodeExecState.UNDONE
    assert status.node_state("e") is steno.NodeExecState.DONE
    assert status.node_state("a") is steno.NodeExecState.DONE
    assert "~a" not in world.calls
    assert "~e" not in world.calls


@pytest.mark.parametrize("together", [True, False])
async def test_several_undo_failures_are_all_logged_and_the_first_is_reported(
    world: World, *, together: bool
):
    """They may come one by one, or all at once; the saga is stuck, and the SEC lives."""
    for number, name in enumerate("abc"):
        world.undoes(name, takes(5 if together else 5 - number, raises(OSError(name))))
    world.does("d", raises(NO))
    async with world.open() as sec:
        result = await sec.saga_run(world.saga([*"abc"], "d"))
        assert (await sec.saga_run(world.saga("fine"))).unwrap().saga_output() == "fine!"
    log = world.store.log(result.saga_id).split()
    failures = [event for event in log if event.endswith("!")]
    assert sorted(failures) == ["0!", "1!", "2!"]
    assert log[-3:] == failures
    first = "abc"[int(failures[0][0])]
    assert together or first == "c"
    node, error = result.undo_failure
    assert (node, error.to_json()) == (
        first,
        {
            "PermanentFailure": {
                "source_error": {"message": f"undo action attempt 1: {first}", "type": "OSError"},
            }
        },
    )


async def test_a_crash_between_undo_failures_loses_neither(world: World):
    """
    Recovery first runs to a logged end what is started or being undone.

    It dispatches nothing else, and only then is the saga stuck.
    """
    end_of_c = trio.Event()
    world.does("e", each_time(hangs, nothing))
    world.does("d", raises(NO))
    world.undoes("b", takes(1, raises(OSError("disk"))))
    world.undoes("c", waits_for(end_of_c))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", ["b", "c", "d", "e"], "f"))
        await saga.start()
        await trio.sleep(2)
        assert world.store.log(saga.saga_id).endswith("1!")
        assert isinstance((await saga.view()).state, steno.SagaRunning)
        assert world.store.state(saga.saga_id) == "unwinding"
    del world.trace[:]
    end_of_c.set()
    result = await world.finish(saga.saga_id)
    assert sorted(world.calls) == ["e", "~c"]
    assert sorted(world.store.log(saga.saga_id).split()[-2:]) == ["2∅", "4✓"]
    assert result.undo_failure[0] == "b"
    assert world.store.state(saga.saga_id) == "stuck"


async def test_an_action_that_was_cut_off_while_unwinding_is_called_again_and_undone(world: World):
    """It may have taken effect before the crash, so it is made certain, and then taken back."""
    world.does("b", raises(NO))
    world.does("c", each_time(hangs, returns("c")))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", ["b", "c"], "d"))
        await saga.start()
        await wait_all_tasks_blocked()
    assert world.store.log(saga.saga_id).endswith("1✗")
    del world.trace[:]
    result = await world.finish(saga.saga_id)
    assert world.calls == ["c", "~c", "~a"]
    assert world.store.log(saga.saga_id).endswith("1✗ 2✓ 2- 2∅ 0- 0∅ 4- 4∅")
    assert world.store.log(saga.saga_id).count("2+") == 1
    assert result.error_node_name == "b"


async def test_an_undo_that_was_cut_off_is_called_again(world: World):
    """Without a second `undo_started`."""
    world.does("b", raises(NO))
    world.undoes("a", each_time(hangs, nothing))
    async with world.doomed() as sec:
        saga = await sec.saga_create(world.saga("a", "b"))
        await saga.start()
        await wait_all_tasks_blocked()
    assert world.store.log(saga.saga_id).endswith("0-")
    await world.finish(saga.saga_id)
    assert world.calls == ["a", "b", "~a", "~a"]
    assert world.store.log(saga.saga_id).endswith("1✗ 0- 0∅ 2- 2∅")


async def test_an_action_without_need_of_an_undo_is_undone_in_the_log(world: World):
    """`NOOP` is logged like any other undo."""
    world.registry.register(steno.new_action_noop_undo("read", nothing))
    world.does("b", raises(NO))
    async with world.open() as sec:
        dag = steno.SagaDag(_reading(world))
        result = await sec.saga_run(dag)
    assert shown(result.saga_log.events).endswith("1✗ 0- 0∅ 2- 2∅")


def _reading(world: World) -> steno.Dag:
    world.dag("unused", "b")
    builder = steno.DagBuilder("reading")
    builder.append(steno.Node.action("a", "read", label="A"))
    builder.append(steno.Node.action("b", "b", label="B"))
    return builder.build()


async def _view(world: World, saga_id: steno.SagaId) -> steno.SagaView:
    async with world.open() as sec:
        return await sec.saga_get(saga_id)


async def test_a_node_that_is_only_undone(world: World):
    """Its action does nothing; its undo is called where it stands in the graph."""
    told: list[object] = []

    @world.registry.undo_only()
    async def tell_support(ctx: steno.ActionContext[World]) -> None:
        told.append((ctx.node_name, ctx.output, list(world.calls)))

    world.does("b", raises(ValueError("no")))
    builder = steno.DagBuilder("trip")
    world.dag("test", "a", "b")
    for name, action in ("a", "a"), ("tell", tell_support), ("b", "b"):
        builder.append(steno.Node.action(name, action))
    async with world.open() as sec:
        result = await sec.saga_run(steno.SagaDag(builder.build(), None))
    assert result.error_node_name == "b"
    assert told == [("tell", None, ["a", "b"])]
    assert world.calls == ["a", "b", "~a"]
