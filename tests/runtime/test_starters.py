"""Commands to start a saga, and when they are answered."""

from uuid import UUID

import pytest
from trio.testing import wait_all_tasks_blocked

import steno
from steno.runtime._mailbox import Reply
from steno.runtime._starters import Starters

SAGA = steno.SagaId(UUID(int=7))


async def test_all_are_answered_once_the_start_is_durable():
    """The first has started the saga; the others are refused, and not before."""
    starters = Starters()
    first, second = Reply[object](), Reply[object]()
    starters.add(first, None)
    starters.add(second, steno.SagaNotReady(SAGA))
    await wait_all_tasks_blocked()
    starters.answer()
    assert await first.wait() is None
    with pytest.raises(steno.SagaNotReady):
        await second.wait()


async def test_those_that_come_later_are_answered_with_the_next():
    """An answer is given once, and only to those that are there."""
    starters = Starters()
    starters.answer()
    reply = Reply[object]()
    starters.add(reply, None)
    starters.answer()
    assert await reply.wait() is None
    starters.fail(steno.SagaHaltedError(SAGA, "broken"))
    assert await reply.wait() is None


async def test_all_fail_if_the_saga_halts_first():
    """Each has an error of its own."""
    starters = Starters()
    replies = [Reply[object](), Reply[object]()]
    for reply in replies:
        starters.add(reply, None)
    starters.fail(steno.SagaHaltedError(SAGA, "broken"))
    errors = []
    for reply in replies:
        with pytest.raises(steno.SagaHaltedError, match="broken") as failed:
            await reply.wait()
        errors.append(failed.value)
    assert errors[0] is not errors[1]
