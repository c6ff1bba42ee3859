"""The registry: which code an action's name stands for."""

import pytest

import steno
from support.demo import build, saga


async def book(_: object) -> str:
    return "booked"


async def cancel(_: object) -> None:
    return None


class OwnAction:
    """An action that is no `ActionFunc`."""

    name = "own"

    async def do_it(self, _: object) -> object:
        return None

    async def undo_it(self, _: object) -> None:
        return None


def test_an_action_is_found_by_its_name():
    """Any object with a name and two methods is one."""
    registry = steno.ActionRegistry()
    own, made = OwnAction(), steno.ActionFunc.new_action("book", book, cancel)
    registry.register(own)
    registry.register(made)
    assert registry.get("own") is own
    assert registry.get("book") is made


def test_a_name_is_registered_once():
    """However it is registered; the first stays."""
    registry = steno.ActionRegistry()
    first = registry.action(book)
    with pytest.raises(steno.ActionRegistryError) as refused:
        registry.action(name="book")(cancel)
    assert str(refused.value) == 'action "book": it is registered already'
    assert refused.value.action_name == "book"
    with pytest.raises(steno.ActionRegistryError):
        registry.register(steno.new_action_noop_undo("book", book))
    assert registry.get("book") is first


def test_a_name_that_is_not_registered_is_an_error():
    """It names the action."""
    with pytest.raises(steno.ActionRegistryError, match='^action "fly": it is not registered$'):
        steno.ActionRegistry().get("fly")


async def test_a_decorated_function_is_an_action_of_its_name():
    """And its undo is what is decorated with it."""
    registry = steno.ActionRegistry()
    action = registry.action(book)
    assert registry.get("book") is action
    assert action.lacks_undo
    action.undo(cancel)
    assert not action.lacks_undo
    assert await action.do_it(None) == "booked"


def test_a_decorated_function_may_have_another_name_and_no_need_of_an_undo():
    """A name that stored sagas know outlives what the function is called."""
    registry = steno.ActionRegistry()
    action = registry.action(name="book_hotel", undo=steno.NOOP)(book)
    assert action.name == "book_hotel"
    assert registry.get("book_hotel") is action
    assert not action.lacks_undo
    registry.action()(book)
    assert registry.get("book").lacks_undo


def test_what_has_no_name_needs_one():
    """A partial has none of its own."""

    class Service:
        async def __call__(self, _: object) -> None:
            return None

    registry = steno.ActionRegistry()
    with pytest.raises(TypeError, match="has no name; give one"):
        registry.action(Service())
    assert registry.action(name="service")(Service()).name == "service"


# Validation


def test_a_saga_whose_actions_are_all_there_is_valid():
    """Also those in subsagas; an action of another class need not say whether it has an undo."""
    registry = steno.ActionRegistry()
    registry.register(OwnAction())
    registry.register(steno.ActionFunc.new_action("book", book, cancel))
    p = steno.Node.constant("p", 1)
    dag = saga(p, steno.Node.subsaga("s", build("inner", "own"), "p"), "book")
    assert registry.validate(dag.flat) is None


def test_a_saga_with_an_action_that_is_not_registered_is_not_valid():
    """The error names saga, node and action, and the first of several."""
    p = steno.Node.constant("p", 1)
    inner = build("inner", steno.Node.action("room", "reserve", label="R"), "b")
    dag = saga(p, steno.Node.subsaga("s", inner, "p"))
    with pytest.raises(steno.SagaValidationError) as refused:
        steno.ActionRegistry().validate(dag.flat)
    assert str(refused.value) == (
        'validating saga "test": action for node "room" not registered: "reserve"'
    )
    assert refused.value.saga_name == "test"


def test_a_saga_with_an_action_whose_undo_was_forgotten_is_not_valid():
    """The error says what can be done."""
    registry = steno.ActionRegistry()
    action = registry.action(book)
    dag = saga("book")
    with pytest.raises(steno.SagaValidationError) as refused:
        registry.validate(dag.flat)
    assert str(refused.value) == (
        'validating saga "test": action "book" of node "book" has no undo: decorate one with '
        "@book.undo, or say undo=steno.NOOP if there is nothing to undo"
    )
    action.undo(cancel)
    registry.validate(dag.flat)
