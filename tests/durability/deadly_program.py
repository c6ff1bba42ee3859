"""A process with an action that kills it, for `test_quarantine`."""

import os
import signal
import sys
from contextlib import suppress
from uuid import UUID

import trio

import steno

DEADLY, SOUND = UUID(int=1), UUID(int=2)

registry = steno.ActionRegistry()


@registry.action(undo=steno.NOOP)
async def die(ctx: steno.ActionContext[None]) -> None:
    """Kill the process, as a library that crashes does."""
    await trio.sleep(0.05)  # the other saga goes on a little meanwhile
    os.kill(os.getpid(), signal.SIGKILL)


@registry.action(undo=steno.NOOP)
async def work(ctx: steno.ActionContext[None]) -> str:
    """Take a moment."""
    await trio.sleep(0.01)
    return "done"


def dag(name: str, *actions: object) -> steno.SagaDag:
    """Return a chain; its nodes are called `name0`, `name1` and so on."""
    builder = steno.DagBuilder(name)
    for number, action in enumerate(actions):
        builder.append(steno.Node.action(f"{name}{number}", action))
    return steno.SagaDag(builder.build(), None)


async def main(path: str) -> None:
    """Create two sagas, unless they are there, and wait for the one that is sound."""
    async with steno.open_sec(steno.SqliteSecStore(path), registry) as sec:
        sound = dag("sound", *[work] * 100)
        await sec.saga_create(sound, saga_id=SOUND, start=True, if_exists="use")
        deadly = dag("deadly", work, die)
        with suppress(steno.SagaHaltedError):
            await sec.saga_create(deadly, saga_id=DEADLY, start=True, if_exists="use")
        await sec.saga_wait(SOUND)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
