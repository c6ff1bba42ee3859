"""Whole SECs on PostgreSQL, and the `steno` command at its URL."""

from urllib.parse import quote

import pytest
import trio

import steno
from steno.stores.postgres import PostgresSecStore
from support.postgres import execute, server
from support.shell import Shell

registry = steno.ActionRegistry()


@registry.action(undo=steno.NOOP)
async def count(ctx: steno.ActionContext[trio.Event]) -> int:
    return 1


@registry.action(undo=steno.NOOP)
async def wait(ctx: steno.ActionContext[trio.Event]) -> None:
    await ctx.user_data.wait()


def dag() -> steno.SagaDag:
    builder = steno.DagBuilder("waiting")
    builder.append(steno.Node.action("count", count))
    builder.append(steno.Node.action("wait", wait))
    return steno.SagaDag(builder.build(), None)


async def test_sagas_survive_a_crash_and_a_server_that_is_away(
    store: PostgresSecStore, schema: str
):
    """What a cancelled SEC has left goes on in the next, through connections that are cut off."""
    never, now = trio.Event(), trio.Event()
    with trio.CancelScope() as scope:
        async with steno.open_sec(store, registry, context=never) as sec:
            sagas = [await sec.saga_create(dag(), start=True) for _ in range(20)]
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            await trio.sleep_forever()
    async with steno.open_sec(store, registry, context=now) as sec:
        mine = "FROM pg_stat_activity WHERE application_name = %s"
        await trio.to_thread.run_sync(
            execute, f"SELECT pg_terminate_backend(pid, 5000) {mine}", schema
        )
        now.set()
        for saga in sagas:
            result = await sec.saga_handle(saga.saga_id).wait()
            assert isinstance(result, steno.SagaResultOk)
    states = execute(f"SELECT state, count(*) FROM {schema}.saga GROUP BY state")
    assert states == [("succeeded", 20)]


async def test_a_second_process_of_the_name_takes_the_sagas(store: PostgresSecStore):
    """The first one's write is lost, and its waiter is told who has the saga."""
    first, second = trio.Event(), trio.Event()
    async with steno.open_sec(store, registry, context=first) as sec:
        saga = await sec.saga_create(dag(), start=True)
        async with steno.open_sec(store, registry, context=second) as other:
            first.set()
            with pytest.raises(steno.SagaTakenOver):
                await saga.wait()
            second.set()
            assert (await other.saga_handle(saga.saga_id).wait()).unwrap()


async def test_the_command_takes_the_url(store: PostgresSecStore, schema: str):
    """It lists, shows, prunes and examines; a wrong URL is a mistake in the command line."""
    now = trio.Event()
    now.set()
    async with steno.open_sec(store, registry, context=now) as sec:
        saga = await sec.saga_create(dag(), start=True)
        await saga.wait()
    url = f"{server()}{'&' if '?' in server() else '?'}schema={quote(schema)}"
    shell = Shell(url)
    listed = await trio.to_thread.run_sync(shell, "list")
    assert str(saga.saga_id) in listed.stdout
    shown = await trio.to_thread.run_sync(shell, "show", str(saga.saga_id))
    assert '(produces "count")' in shown.stdout
    examined = await trio.to_thread.run_sync(shell, "doctor")
    assert "schema version" in examined.stdout
    assert (await trio.to_thread.run_sync(Shell(f"{url}&schema=b"), "list")).exit_code == 2
