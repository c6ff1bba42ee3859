"""Actions made of functions, and what may not be made one of."""

import functools
from collections.abc import Awaitable, Coroutine
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

import steno
from steno import NOOP, ActionFunc, new_action_noop_undo
from steno.action import output_type_of


async def do(ctx: object) -> object:
    return ("did", ctx)


async def undo(ctx: list[object]) -> None:
    ctx.append("undone")


async def test_an_action_calls_its_functions_with_the_context():
    """And returns what the one returns."""
    action = ActionFunc.new_action("book", do, undo)
    ctx: list[object] = []
    assert action.name == "book"
    assert await action.do_it(ctx) == ("did", ctx)
    assert await action.undo_it(ctx) is None
    assert ctx == ["undone"]


async def test_an_action_can_be_called_like_its_function():
    """So that a decorated function can still be tested on its own."""
    assert await ActionFunc("book", do)(5) == ("did", 5)


async def test_an_action_without_need_of_an_undo():
    """Undoing it does nothing; that is not the same as an undo that was forgotten."""
    action = new_action_noop_undo("read", do)
    assert await action.do_it(1) == ("did", 1)
    assert await action.undo_it(1) is None
    assert not action.lacks_undo
    assert ActionFunc("read", do).lacks_undo
    assert not ActionFunc("read", do, undo).lacks_undo


async def test_an_undo_may_be_given_later_by_decorating():
    """The decorated function stays what it was."""
    action = ActionFunc("book", do)
    assert action.undo(undo) is undo
    assert not action.lacks_undo
    ctx: list[object] = []
    await action.undo_it(ctx)
    assert ctx == ["undone"]


@pytest.mark.parametrize("first", [undo, NOOP])
def test_an_undo_is_given_once(first: object):
    """A second one would silently replace the first."""
    action = ActionFunc("book", do, first)
    with pytest.raises(steno.ActionRegistryError, match='^action "book": it has an undo already'):
        action.undo(undo)


async def test_whatever_gives_an_awaitable_is_a_function():
    """A partial, a bound method, an object, a plain function that returns one."""

    class Service:
        async def book(self, ctx: object) -> object:
            return ctx

        async def __call__(self, ctx: object) -> object:
            return ctx

    def later(ctx: object) -> object:
        return do(ctx)

    async def with_more(price: int, ctx: object) -> object:
        return (price, ctx)

    assert await ActionFunc("a", functools.partial(with_more, 5)).do_it(1) == (5, 1)
    assert await ActionFunc("a", Service().book).do_it(1) == 1
    assert await ActionFunc("a", Service()).do_it(1) == 1
    assert await ActionFunc("a", later).do_it(1) == ("did", 1)


async def _generator(_: object):  # noqa: ASYNC900 - what is to be refused
    yield 1


@pytest.mark.parametrize("function", [None, "book", 5, _generator])
@pytest.mark.parametrize("where", ["do", "undo", "decorated"])
def test_what_cannot_be_called_as_an_action_is_refused_at_once(function: object, where: str):
    """Not when a saga runs it, weeks later."""
    with pytest.raises(TypeError, match='^action "book": .* is not an async function$'):
        match where:
            case "do":
                ActionFunc.new_action("book", function, undo)
            case "undo":
                # None stands for an undo that comes later, by decorating.
                ActionFunc.new_action("book", do, function if function is not None else 5)
            case _:
                ActionFunc("book", do).undo(function)


def test_a_name_is_a_text():
    """Stored sagas refer to it."""
    with pytest.raises(TypeError, match="name"):
        ActionFunc(5, do)


def _plain(_: object) -> int:
    return 7


def _plain_generator(_: object):
    yield 7


@pytest.mark.parametrize("function", [_plain, _plain_generator])
async def test_a_function_that_does_not_wait_is_told_so_when_it_is_called(function: object):
    """It cannot be seen before, since any function may return an awaitable."""
    action = ActionFunc.new_action("book", function, function)
    for call in (action.do_it, action.undo_it, action):
        with pytest.raises(TypeError, match='^action "book" returned .* is it an async function'):
            await call(None)


async def test_what_the_function_raises_is_raised():
    """The same object."""
    error = KeyError("x")

    async def fail(_: object) -> None:
        raise error

    for call in (ActionFunc("a", fail).do_it, ActionFunc("a", do, fail).undo_it):
        with pytest.raises(KeyError) as caught:
            await call(None)
        assert caught.value is error


# What an action gives


async def gives_int(_: object) -> int:
    return 1


async def gives_text(_: object) -> "UUID | str":
    return ""


async def gives_nowhere(_: object) -> "Nowhere":  # noqa: F821 - that is the point
    return None


async def says_nothing(_: object):
    return None


def gives_awaitable(_: object) -> Awaitable[int]:
    return gives_int(None)


def gives_coroutine(_: object) -> Coroutine[Any, Any, str]:
    raise AssertionError


def gives_plain(_: object) -> int:
    return 1


class Callable_:  # noqa: N801 - a class whose instances are functions
    """An instance can be called, and compared, and so has no hash."""

    __hash__ = None

    async def __call__(self, _: object) -> int:
        return 1


@pytest.mark.parametrize(
    ("function", "as_type"),
    [
        (gives_int, int),
        (gives_text, UUID | str),
        (gives_nowhere, None),
        (says_nothing, None),
        (gives_awaitable, int),
        (gives_coroutine, str),
        (gives_plain, None),
        (Callable_(), int),
        (functools.partial(gives_int), int),
    ],
)
def test_an_action_knows_what_its_function_gives(function, as_type):
    """As its annotation says, resolved; without one, or with one that means nothing, it is None."""
    assert output_type_of(steno.new_action_noop_undo("a", function)) == as_type


def test_an_action_of_another_class_need_not_say_what_it_gives():
    """It may; then it is as with a function."""
    assert output_type_of(SimpleNamespace(name="a")) is None
    assert output_type_of(SimpleNamespace(name="a", output_type=int)) is int


# Settings, and probes


async def probe(ctx: object) -> object:
    return ("probed", ctx)


def test_settings_of_an_action_and_of_its_undo():
    """Those of the undo are given with it, in any of the ways to make an action."""
    registry = steno.ActionRegistry()
    first, second = steno.Retry(attempts=2), steno.Retry(attempts=3)

    @registry.action(retry=first, timeout=5, limit=2, not_done=KeyError)
    async def book(_: object) -> None:
        return None

    @book.undo(retry=second, timeout=7, in_doubt=True)
    async def cancel(_: object) -> None:
        return None

    made = ActionFunc.new_action(
        "made",
        do,
        undo,
        retry=first,
        timeout=5,
        limit=2,
        not_done=KeyError,
        undo_retry=second,
        undo_timeout=7,
        in_doubt=True,
    )
    policy = registry.policy(book)
    assert policy == registry.policy(made)
    assert (policy.retry, policy.timeout, policy.limit) == (first, 5, 2)
    assert (policy.undo_retry, policy.undo_timeout) == (second, 7)
    assert policy.provides_for_doubt
    assert policy.is_not_done(KeyError())


async def test_an_undo_decorated_with_parentheses():
    """It is the function that it was, with or without settings."""
    action = ActionFunc("book", do)
    assert action.undo()(undo) is undo
    assert not action.lacks_undo


def test_an_undo_with_wrong_settings_is_refused_whole():
    """The action still lacks its undo."""
    action = ActionFunc("book", do)
    with pytest.raises(TypeError, match="^undo_retry must be a Retry"):
        action.undo(retry=5)(undo)
    assert action.lacks_undo


async def test_a_probe_is_called_with_the_context():
    """The decorated function stays what it was; it may be given with the action as well."""
    action = new_action_noop_undo("pay", do)
    assert action.probe(probe) is probe
    assert await action.probe_it(1) == ("probed", 1)
    assert await new_action_noop_undo("pay", do, probe=probe).probe_it(2) == ("probed", 2)


def test_a_probe_beside_an_undo_is_refused():
    """In either order: an undo action that can be called in doubt does not need a probe."""
    for action in (ActionFunc("pay", do, undo), ActionFunc("pay", do)):
        if action.lacks_undo:
            action.undo(in_doubt=True)(undo)
        with pytest.raises(steno.ActionRegistryError, match='^action "pay": it has an undo action'):
            action.probe(probe)
        assert action.settings.probe is None
    action = ActionFunc("pay", do)
    action.probe(probe)
    with pytest.raises(steno.ActionRegistryError, match="with a probe, say undo=steno.NOOP"):
        action.undo(undo)
    assert action.lacks_undo


def test_a_probe_is_given_once():
    """A second one would silently replace the first."""
    action = new_action_noop_undo("pay", do, probe=probe)
    with pytest.raises(steno.ActionRegistryError, match='^action "pay": it has a probe already'):
        action.probe(do)


@pytest.mark.parametrize("function", ["pay", 5, _generator])
def test_what_cannot_be_called_as_a_probe(function: object):
    """It is refused at once, like an action."""
    with pytest.raises(TypeError, match='^action "pay": .* is not an async function$'):
        new_action_noop_undo("pay", do).probe(function)
    with pytest.raises(TypeError, match='^action "pay": .* is not an async function$'):
        new_action_noop_undo("pay", do, probe=function)


async def test_a_probe_that_does_not_wait_is_told_so():
    """When it is called, as with an action."""
    action = new_action_noop_undo("pay", do, probe=_plain)
    with pytest.raises(TypeError, match='^action "pay" returned .* is it an async function'):
        await action.probe_it(None)
