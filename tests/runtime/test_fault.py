"""Telling apart what user code may raise, alone or in groups of any depth."""

import pytest
import trio

import steno
from steno.runtime._fault import fault_of, is_cancelled, is_closing, is_fatal, leaves
from support.worlds import stray_cancelled


class Doom(BaseException):
    pass


def wrapped(error: BaseException, depth: int) -> BaseException:
    for _ in range(depth):
        error = BaseExceptionGroup("g", [ValueError(), error])
    return error


@pytest.mark.parametrize("depth", [0, 1, 3, 5000])
async def test_a_fault_is_told_however_deep_it_is(depth: int):
    """What must end it all, and what comes of the SEC being left; a cancellation is neither."""
    table = [
        (ValueError(), (False, False)),
        (KeyboardInterrupt(), (True, False)),
        (SystemExit(), (True, False)),
        (Doom(), (True, False)),
        (await stray_cancelled(), (False, False)),
        (steno.SecClosing("x"), (False, True)),
    ]
    for error, expected in table:
        found = wrapped(error, depth)
        assert (is_fatal(found), is_closing(found)) == expected
        assert list(leaves(found))[-1] is error
        assert len(list(leaves(found))) == depth + 1


async def test_leaves_come_in_the_order_in_which_they_stand():
    """As a traceback shows them."""
    one, two, three = ValueError(1), ValueError(2), ValueError(3)
    group = ExceptionGroup("g", [ExceptionGroup("h", [one, two]), three])
    assert list(leaves(group)) == [one, two, three]


async def test_a_task_knows_whether_it_is_cancelled():
    """Also before it meets a checkpoint, and not by a deadline that is still to come."""
    with trio.move_on_after(100) as scope:
        await trio.lowlevel.checkpoint()
        assert not is_cancelled()
        scope.cancel()
        assert is_cancelled()
        with trio.CancelScope(shield=True):
            await trio.lowlevel.checkpoint()
            assert not is_cancelled()
    assert not is_cancelled()


async def test_the_fault_of_an_actor():
    """It is what is left without cancellations; None if the process is to end."""
    error, cancelled = ValueError("x"), await stray_cancelled()
    assert fault_of(error) is error
    assert fault_of(BaseExceptionGroup("g", [cancelled, error])) is error
    assert fault_of(BaseExceptionGroup("g", [error, KeyboardInterrupt()])) is None
    assert fault_of(cancelled) is cancelled  # of a scope that is not ours
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.lowlevel.cancel_shielded_checkpoint()
        assert fault_of(cancelled) is None
        assert fault_of(error) is error
