"""How actors talk: messages in their order, replies that are given once."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from steno.runtime._mailbox import Mailbox, Reply


async def test_all_messages_are_received_in_their_order():
    """However many there are, at once; then none."""
    mailbox: Mailbox[int] = Mailbox()
    for number in range(1000):
        mailbox.tell(number)
    assert len(mailbox) == 1000
    assert await mailbox.receive_all() == list(range(1000))
    assert len(mailbox) == 0
    assert mailbox.drain() == []


async def test_receiving_waits_for_a_message():
    """One is enough."""
    mailbox: Mailbox[str] = Mailbox()
    received = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def receive():
            received.extend(await mailbox.receive_all())

        await wait_all_tasks_blocked()
        assert received == []
        mailbox.tell("x")
    assert received == ["x"]


async def test_a_cancelled_receiver_takes_no_message():
    """What was told stays there for the next."""
    mailbox: Mailbox[str] = Mailbox()
    mailbox.tell("x")
    with trio.CancelScope() as scope:
        scope.cancel()
        await mailbox.receive_all()
    assert mailbox.drain() == ["x"]


async def test_a_reply_is_waited_for():
    """An answer may be None, and may be there before anybody waits."""
    reply: Reply[object] = Reply()
    waited = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def wait():
            waited.append(await reply.wait())

        await wait_all_tasks_blocked()
        assert waited == []
        reply.answer(None)
    assert waited == [None]
    assert await reply.wait() is None


async def test_a_reply_that_fails_raises():
    """The same object that it was failed with."""
    reply: Reply[object] = Reply()
    error = KeyError("x")
    reply.fail(error)
    with pytest.raises(KeyError) as caught:
        await reply.wait()
    assert caught.value is error


async def test_the_first_answer_counts():
    """A second one is ignored, whatever it is."""
    answered: Reply[int] = Reply()
    answered.answer(1)
    answered.answer(2)
    answered.fail(KeyError())
    assert await answered.wait() == 1
    failed: Reply[int] = Reply()
    failed.fail(KeyError("first"))
    failed.answer(1)
    failed.fail(ValueError("second"))
    with pytest.raises(KeyError, match="first"):
        await failed.wait()
