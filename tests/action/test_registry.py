"""The registry: which code an action's name stands for."""

import gc
import weakref
from datetime import timedelta
from types import SimpleNamespace
from typing import Annotated, Any

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
def test_a_timeout_that_says_what_holds_then(action: steno.ActionFunc[object, [], str]):
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


# Aliases


def test_an_action_is_found_by_the_names_it_had_before():
    """Stored sagas refer to it by these; its own name is the one that is shown."""
    registry = steno.ActionRegistry()
    action = registry.action(name="book", aliases=["book_hotel", "reserve"], undo=steno.NOOP)(book)
    for name in ("book", "book_hotel", "reserve"):
        assert registry.get(name) is action
    assert action.aliases == ("book_hotel", "reserve")
    assert action.name == "book"
    registry.validate(saga("book_hotel", "reserve", "book").flat)


def test_every_way_to_make_an_action_takes_aliases():
    """An action of another class may have them, too."""
    own = SimpleNamespace(name="own", aliases=["mine"])
    registry = steno.ActionRegistry()
    registry.register(steno.ActionFunc.new_action("a", book, cancel, aliases=("b",)))
    registry.register(steno.new_action_noop_undo("c", book, aliases=["d"]))
    registry.undo_only(name="e", aliases=["f"])(cancel)
    registry.register(own)
    names = {"b": "a", "d": "c", "f": "e", "mine": "own"}
    assert {alias: registry.get(alias).name for alias in names} == names


@pytest.mark.parametrize(
    ("name", "aliases", "wrong"),
    [
        ("book", [], "book"),
        ("book_hotel", [], "book_hotel"),
        ("new", ["book"], "book"),
        ("new", ["other", "book_hotel"], "book_hotel"),
        ("new", ["new"], "new"),
        ("new", ["other", "other"], "other"),
    ],
)
def test_a_name_that_is_taken(name: str, aliases: list[str], wrong: str):
    """By a name or an alias of another action, or twice by the same; nothing is registered."""
    registry = steno.ActionRegistry()
    first = registry.action(name="book", aliases=["book_hotel"])(book)
    with pytest.raises(steno.ActionRegistryError) as refused:
        registry.action(name=name, aliases=aliases)(book)
    assert str(refused.value) == f'action "{wrong}": it is registered already'
    assert registry.get("book") is registry.get("book_hotel") is first
    for new in ("new", "other"):
        with pytest.raises(steno.ActionRegistryError, match="is not registered"):
            registry.get(new)


@pytest.mark.parametrize("alias", ["steno.sleep", "steno."])
def test_an_alias_that_is_reserved(alias: str):
    """As for names; nothing is registered."""
    registry = steno.ActionRegistry()
    with pytest.raises(steno.ActionRegistryError, match='names that begin with "steno." are'):
        registry.action(aliases=["other", alias])(book)
    with pytest.raises(steno.ActionRegistryError, match="is not registered"):
        registry.get("book")


@pytest.mark.parametrize("aliases", ["book", 5, None, [5], ["a", None], iter("ab"), {"a"}, b"a"])
def test_malformed_aliases(aliases: object):
    """They are a list of names, which a single name is not, nor what can be read only once."""
    registry = steno.ActionRegistry()
    for make in (
        lambda: registry.action(aliases=aliases)(book),
        lambda: registry.undo_only(aliases=aliases)(cancel),
        lambda: steno.new_action_noop_undo("a", book, aliases=aliases),
        lambda: registry.register(SimpleNamespace(name="own", aliases=aliases)),
    ):
        with pytest.raises(TypeError, match="^aliases must be a list of names, got "):
            make()


# The type of the context


class World:
    """What actions are given as their user data."""


class Universe(World):
    """More of it."""


async def in_world(ctx: steno.ActionContext[World]) -> None: ...
async def in_universe(ctx: "steno.ActionContext[Universe]") -> None: ...
async def in_none_or_world(ctx: steno.ActionContext[World | None]) -> None: ...
async def in_nothing(ctx: steno.ActionContext[None]) -> None: ...
async def in_any(ctx: steno.ActionContext[Any]) -> None: ...
async def in_bare(ctx: steno.ActionContext) -> None: ...
async def in_nowhere(ctx: "steno.ActionContext[Nowhere]") -> None: ...  # noqa: F821 - the point
async def in_several(ctx: steno.ActionContext[World] | steno.ActionContext[int]) -> None: ...
async def in_annotated(ctx: Annotated[steno.ActionContext[World], "x"]) -> None: ...
async def in_list(ctx: list[World]) -> None: ...
async def in_dict(ctx: dict[str, World]) -> None: ...
async def in_generic(ctx: steno.ActionContext[dict[str, int]]) -> None: ...


@pytest.mark.parametrize(
    ("function", "context"),
    [
        (in_world, World()),
        (in_world, Universe()),
        (in_universe, Universe()),
        (in_none_or_world, None),
        (in_none_or_world, World()),
        (in_nothing, None),
        (in_any, 5),
        (in_bare, 5),
        (in_nowhere, 5),
        (in_several, 5),
        (in_annotated, 5),
        (in_list, 5),
        (in_dict, 5),
        (in_generic, {"a": "b"}),
        (book, 5),
    ],
)
def test_a_context_that_may_be_what_actions_ask_for(function: object, context: object):
    """An instance of the class, or of a subclass; what is not known is not asked for."""
    registry = steno.ActionRegistry()
    registry.register(OwnAction())
    registry.register(steno.new_action_noop_undo("a", function))
    registry.check_context(context)


@pytest.mark.parametrize(
    ("function", "context", "asked"),
    [
        (in_world, None, "World"),
        (in_world, 5, "World"),
        (in_universe, World(), "Universe"),
        (in_none_or_world, 5, "World | None"),
        (in_nothing, 5, "None"),
        (in_generic, [], "dict[str, int]"),
    ],
)
def test_a_context_that_actions_cannot_use(function: object, context: object, asked: str):
    """The error names the action, its undo action or its probe, and where it is."""
    line = function.__code__.co_firstlineno
    place = f"(test_registry.py, line {line}) takes an ActionContext[{asked}]"
    for action, role in (
        (steno.new_action_noop_undo("a", function), 'action "a"'),
        (steno.ActionFunc("a", book, function), 'undo action of "a"'),
        (steno.new_action_noop_undo("a", book, probe=function), 'probe of "a"'),
    ):
        registry = steno.ActionRegistry()
        registry.register(action)
        with pytest.raises(TypeError) as refused:
            registry.check_context(context)
        kind = type(context).__qualname__
        assert str(refused.value) == (
            f"open_sec: the context is of type {kind}, but the {role} {place}"
        )


@pytest.mark.parametrize(
    ("registry", "good", "wrong", "asked"),
    [
        (steno.ActionRegistry[World](), Universe(), 5, "World"),
        (steno.ActionRegistry[World | None](), None, 5, "World | None"),
        (steno.ActionRegistry[None](), None, 5, "None"),
        (steno.ActionRegistry[list[int]](), ["x"], None, "list[int]"),
    ],
)
def test_a_registry_of_a_type(
    registry: steno.ActionRegistry, good: object, wrong: object, asked: str
):
    """It is known before there is any action."""
    registry.check_context(good)
    with pytest.raises(TypeError) as refused:
        registry.check_context(wrong)
    kind = type(wrong).__qualname__
    assert str(refused.value) == (
        f"open_sec: the context is of type {kind}, but its registry is an ActionRegistry[{asked}]"
    )


@pytest.mark.parametrize(
    "registry",
    [
        steno.ActionRegistry(),
        steno.ActionRegistry[Any](),
        steno.ActionRegistry[object](),
        steno.ActionRegistry[float](),
    ],
)
def test_a_registry_of_anything(registry: steno.ActionRegistry):
    """What it says is true of every context, or of an int."""
    registry.check_context(5)


# Inputs of new sagas


class Counted:
    """An action that counts how often it is looked at, and gives an int."""

    name = "counted"

    def __init__(self) -> None:
        self.asked = 0

    @property
    def output_type(self) -> object:
        self.asked += 1
        return int

    async def do_it(self, _: object) -> object: ...
    async def undo_it(self, _: object) -> None: ...


async def takes_text(ctx: object, hotel: str) -> None: ...
async def takes_number(ctx: object, hotel: int, rate: int = 7) -> int: ...
async def takes_params(ctx: object, params: int) -> None: ...


def with_actions(*functions: object) -> steno.ActionRegistry:
    registry = steno.ActionRegistry()
    for function in functions:
        registry.action(undo=steno.NOOP)(function)
    registry.register(Counted())
    return registry


def named(name: str, action: str | None = None, **inputs: str | steno.Value) -> steno.Node:
    return steno.Node.action(name, name if action is None else action, inputs=inputs)


C = steno.Node.constant("c", 5)
LAST = build("inner", named("hotel", "book"), named("x", "counted"))


@pytest.mark.parametrize(
    "stages",
    [
        [named("hotel", "counted"), named("takes_number")],
        [named("x", "counted"), named("takes_number", hotel="x")],
        [named("takes_number", hotel=steno.Value(5), rate=steno.Value(6))],
        [named("hotel", "book"), named("takes_text")],
        [C, steno.Node.subsaga("hotel", LAST, "c"), named("takes_number")],
        [C, steno.Node.subsaga("s", build("inner", "takes_params"), "c")],
        [named("hotel", "own"), named("takes_text")],
        [named("hotel", "own"), named("takes_number")],
    ],
)
def test_a_new_saga_whose_actions_can_be_given_their_inputs(stages: list):
    """Also of nodes that were made of names: their actions are known now."""
    registry = with_actions(book, takes_text, takes_number, takes_params)
    registry.register(OwnAction())
    registry.validate_inputs(saga(*stages).flat)


PLACE = r'"{}" \(test_registry.py, line \d+\)'
NUMBER = f'parameter "hotel" of the action {PLACE.format("takes_number")} asks for int, but '
TEXT = f'parameter "hotel" of the action {PLACE.format("takes_text")} asks for str, but '


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        (
            [named("takes_number")],
            f'node "/takes_number": the action {PLACE.format("takes_number")} takes "hotel", '
            "but no node of that name comes before it",
        ),
        (
            ["book", [named("hotel", "book"), named("takes_text")], "book_2"],
            f'node "/takes_text": the action {PLACE.format("takes_text")} takes "hotel", '
            "but the node does not depend on the node of that name",
        ),
        (
            [named("hotel", "book"), named("takes_number")],
            f'node "/takes_number": {NUMBER}node "hotel" gives str, as the action '
            f"{PLACE.format('book')} returns",
        ),
        (
            [named("hotel", "counted"), named("takes_text")],
            f'node "/takes_text": {TEXT}node "hotel" gives int',
        ),
        (
            [C, steno.Node.subsaga("hotel", LAST, "c"), named("takes_text")],
            f'node "/takes_text": {TEXT}node "hotel" gives int',
        ),
        (
            [C, steno.Node.subsaga("s", build("inner", named("takes_number")), "c")],
            f'node "/s/takes_number": the action {PLACE.format("takes_number")} takes "hotel"',
        ),
        (
            [steno.Node.constant("hotel", "x"), named("takes_number")],
            f'node "/takes_number": {NUMBER}node "hotel" does not fit: \\$: "x" is not of type int',
        ),
        (
            [steno.Node.sleep("hotel", timedelta(1)), named("takes_number")],
            f'node "/takes_number": {NUMBER}node "hotel" gives None, as a sleep does',
        ),
        (
            [named("takes_number", hotel=steno.Value("x"))],
            f'node "/takes_number": {NUMBER}the value given for it does not fit: '
            '\\$: "x" is not of type int',
        ),
        (
            [named("takes_number", hotel=steno.Value(1), hotle=steno.Value(1))],
            'node "/takes_number": it is given "hotle", which the action',
        ),
        (
            [named("takes_number", hotel=steno.Value(1), params=steno.Value(1))],
            'node "/takes_number": "params" cannot be given with inputs=',
        ),
    ],
)
def test_a_new_saga_whose_actions_cannot_be_given_their_inputs(stages: list, why: str):
    """The error names saga, node and action, and says what to do."""
    registry = with_actions(book, takes_text, takes_number, takes_params)
    registry.action(name="book_2", undo=steno.NOOP)(book)
    with pytest.raises(steno.SagaValidationError, match=f'^validating saga "test": {why}'):
        registry.validate_inputs(saga(*stages).flat)


def test_inputs_of_types_that_the_registry_does_not_know():
    """A constant cannot be read as one, as no other codec will read it."""

    class Opaque: ...

    async def takes(ctx: object, hotel: Opaque) -> None: ...

    registry = with_actions(takes, book)
    dag = saga(steno.Node.constant("hotel", "x"), "takes")
    with pytest.raises(steno.SagaValidationError, match="type Opaque cannot be read from JSON"):
        registry.validate_inputs(dag.flat)
    registry.codec.register(Opaque, encode=str, decode=lambda text: Opaque())
    registry.validate_inputs(dag.flat)


def test_inputs_are_checked_once_for_each_graph():
    """However many sagas are made of it; a graph that was refused is looked at again."""
    registry = with_actions(takes_text, takes_number)
    counted = registry.get("counted")
    dag = saga(named("hotel", "counted"), named("takes_number"))
    for _ in range(3):
        registry.validate_inputs(dag.flat)
    assert counted.asked == 1
    registry.validate_inputs(saga(named("hotel", "counted"), named("takes_number")).flat)
    assert counted.asked == 2
    wrong = saga(named("hotel", "counted"), named("takes_text"))
    for _ in range(2):
        with pytest.raises(steno.SagaValidationError):
            registry.validate_inputs(wrong.flat)
    assert counted.asked == 4


def test_graphs_that_were_checked_are_not_kept():
    """There may be a new one for each saga."""
    registry = with_actions(takes_number)
    dag = saga(named("hotel", "counted"), named("takes_number"))
    registry.validate_inputs(dag.flat)
    kept = weakref.ref(dag.flat)
    del dag
    gc.collect()
    assert kept() is None
