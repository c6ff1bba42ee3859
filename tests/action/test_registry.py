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


# Reserved names


@pytest.mark.parametrize("name", ["steno.sleep", "steno.", "steno.mine"])
def test_names_of_the_library_are_reserved(name: str):
    """However an action is registered; a name that only looks like one is not."""
    registry = steno.ActionRegistry()
    for register in (
        lambda: registry.action(name=name, undo=steno.NOOP)(book),
        lambda: registry.undo_only(name=name)(cancel),
        lambda: registry.register(steno.new_action_noop_undo(name, book)),
    ):
        with pytest.raises(steno.ActionRegistryError, match='names that begin with "steno." are'):
            register()
    registry.action(name="stenographer")(book)


# Timeouts


@pytest.mark.parametrize("settings", [{}, {"not_done": KeyError}, {"retry": steno.Retry()}])
def test_a_timeout_that_leaves_open_what_was_done(settings: dict[str, object]):
    """Beside an undo action it has to be said what holds then; the error says how."""
    registry = steno.ActionRegistry()
    registry.action(timeout=5, **settings)(book).undo(cancel)
    with pytest.raises(steno.SagaValidationError) as refused:
        registry.validate(saga("book").flat)
    text = str(refused.value)
    assert text.startswith('validating saga "test": action "book" of node "book" has a timeout')
    assert "in_doubt=True" in text
    assert "atomic=True" in text


@pytest.mark.parametrize(
    "action",
    [
        steno.ActionFunc.new_action("book", book, cancel, timeout=5, in_doubt=True),
        steno.ActionFunc.new_action("book", book, cancel, timeout=5, atomic=True),
        steno.ActionFunc.new_action("book", book, cancel, timeout=None),
        steno.ActionFunc.new_action("book", book, cancel, undo_timeout=5),
        steno.new_action_noop_undo("book", book, timeout=5),
        steno.new_action_noop_undo("book", book, timeout=5, probe=book),
    ],
    ids=["in doubt", "atomic", "none", "of the undo", "noop", "probe"],
)
def test_a_timeout_that_says_what_holds_then(action: steno.ActionFunc[object, str]):
    """Nothing else is asked for; the timeout of an undo action needs nothing."""
    registry = steno.ActionRegistry()
    registry.register(action)
    registry.validate(saga("book").flat)


def test_a_default_timeout_is_no_reason_to_refuse_a_saga():
    """It is not for actions that could not have it."""
    registry = steno.ActionRegistry(timeout=5)
    registry.register(steno.ActionFunc.new_action("book", book, cancel))
    registry.validate(saga("book").flat)


# Policies


def test_the_policy_follows_what_is_decorated_later():
    """The undo and the probe come after the action; the answer is not kept too long."""
    registry = steno.ActionRegistry()
    first = registry.action(book)
    assert not registry.policy(first).provides_for_doubt
    first.undo(in_doubt=True)(cancel)
    assert registry.policy(first).provides_for_doubt
    second = registry.action(name="pay", undo=steno.NOOP)(book)
    assert registry.policy(second) is registry.policy(registry.get("pay"))
    second.probe(book)
    assert registry.policy(second).probe is book


def test_the_policy_of_an_action_of_another_class():
    """The defaults are for it too, but for the timeout: what it undoes is not known."""
    retry = steno.Retry(attempts=2)
    registry = steno.ActionRegistry(retry=retry, timeout=5, undo_retry=retry, undo_timeout=7)
    policy = registry.policy(OwnAction())
    assert (policy.retry, policy.timeout) == (retry, None)
    assert (policy.undo_retry, policy.undo_timeout) == (retry, 7)
    assert not policy.provides_for_doubt


# Undo actions alone


async def test_an_action_that_is_only_undone():
    """It does nothing, and gives null; its undo is the function, under its name."""
    registry = steno.ActionRegistry()
    undone: list[object] = []

    @registry.undo_only(retry=steno.Retry(attempts=2), timeout=5)
    async def tell_support(ctx: object) -> None:
        undone.append(ctx)

    assert registry.get("tell_support") is tell_support
    registry.validate(saga("tell_support").flat)
    assert await tell_support.do_it(1) is None
    await tell_support.undo_it(2)
    assert undone == [2]
    policy = registry.policy(tell_support)
    assert (policy.undo_retry, policy.undo_timeout) == (steno.Retry(attempts=2), 5)
    assert policy.timeout is None
    assert registry.undo_only(name="other")(cancel).name == "other"


def test_an_action_that_is_only_undone_and_is_refused():
    """Nothing of it is left in the registry."""
    registry = steno.ActionRegistry()
    with pytest.raises(TypeError, match="^undo_retry must be a Retry"):
        registry.undo_only(retry=5)(cancel)
    with pytest.raises(TypeError, match="is not an async function"):
        registry.undo_only(name="cancel")(5)
    registry.undo_only()(cancel)
