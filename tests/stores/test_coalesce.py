"""Calls that are done as one: who joins whom, and what each gets."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs
import pytest
import trio
from trio.testing import MockClock

from steno.stores._coalesce import Coalescer


@attrs.define(eq=False)
class Library:
    """Answers for letters with their capitals, a second later, and notes what it was asked."""

    asked: list[list[str]] = attrs.field(factory=list)
    failing: list[Exception] = attrs.field(factory=list)

    async def ask_all(self, keys: Sequence[str]) -> Mapping[str, str | Exception]:
        self.asked.append(sorted(keys))
        await trio.sleep(1)
        if self.failing:
            raise self.failing.pop()
        return {key: KeyError(key) if key == "x" else key.upper() for key in keys}


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def ask(library: Library) -> Callable[..., Awaitable[str]]:
    return Coalescer(library.ask_all).ask


async def answers_of(ask: Callable[[str], Awaitable[str]], keys: str) -> dict[str, object]:
    """Ask for all letters at the same time."""
    answers: dict[str, object] = {}

    async def one(key: str) -> None:
        try:
            answers[key] = await ask(key)
        except Exception as error:  # noqa: BLE001 - it is an answer
            answers[key] = error

    async with trio.open_nursery() as nursery:
        for key in keys:
            nursery.start_soon(one, key)
    return answers


async def test_who_asks_at_the_same_time_is_answered_together(
    library: Library, ask: Callable, autojump_clock: MockClock
):
    """One call for all of them, and to each its own."""
    began = trio.current_time()
    assert await answers_of(ask, "abc") == {"a": "A", "b": "B", "c": "C"}
    assert library.asked == [["a", "b", "c"]]
    assert trio.current_time() - began == pytest.approx(1)


async def test_who_asks_later_sees_what_was_done_meanwhile(
    library: Library, ask: Callable, autojump_clock: MockClock
):
    """A call that has begun is joined by nobody: it may have looked already."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "a")
        await trio.sleep(0.5)
        assert await ask("b") == "B"
    assert library.asked == [["a"], ["b"]]
    assert trio.current_time() - began == pytest.approx(1.5)


async def test_an_exception_may_be_an_answer(ask: Callable, autojump_clock: MockClock):
    """It is raised for who has asked for it, and for nobody else."""
    answers = await answers_of(ask, "axb")
    assert isinstance(answers.pop("x"), KeyError)
    assert answers == {"a": "A", "b": "B"}


async def test_several_may_ask_for_the_same(
    library: Library, ask: Callable, autojump_clock: MockClock
):
    """Each of them is answered."""
    got = []

    async def one() -> None:
        got.append(await ask("a"))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(one)
    assert got == ["A"] * 3
    assert library.asked == [["a", "a", "a"]]


@pytest.mark.parametrize("after", [0, 0.5])
@pytest.mark.parametrize("who", "abc")
async def test_one_that_is_cancelled_keeps_nobody_from_an_answer(
    ask: Callable, autojump_clock: MockClock, who: str, after: float
):
    """Also if it has asked for all the others: they ask again."""
    scopes = {key: trio.CancelScope() for key in "abc"}
    got = {}

    async def one(key: str) -> None:
        with scopes[key]:
            got[key] = await ask(key)

    async with trio.open_nursery() as nursery:
        for key in scopes:
            nursery.start_soon(one, key)
        await trio.sleep(after)
        scopes[who].cancel()
    assert got == {key: key.upper() for key in "abc" if key != who}
    assert [key for key, scope in scopes.items() if scope.cancelled_caught] == [who]


async def test_a_call_that_fails_fails_for_who_made_it(
    library: Library, ask: Callable, autojump_clock: MockClock
):
    """The others ask again, and are answered if it works by then."""
    library.failing = [OSError("away")]
    answers = await answers_of(ask, "abc")
    assert sorted(type(answer).__name__ for answer in answers.values()) == ["OSError", "str", "str"]
    assert len(library.asked) == 2
