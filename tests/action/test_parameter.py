"""What functions of actions take: their context, then inputs by name."""

import functools
import inspect
from datetime import date
from typing import Annotated, Any, Literal

import attrs
import pytest

import steno
from steno import NOOP, ActionFunc, ActionRegistryError
from steno.action._parameter import Role, Takes


@attrs.frozen
class Room:
    number: int


Ctx = steno.ActionContext[object]


def names(function: object, role: Role = Role.ACTION) -> list[str]:
    """Return the names of what a function takes; an optional one has a question mark."""
    taken = Takes.of("book", role, function).parameters
    return [each.name + ("" if each.required else "?") for each in taken]


def types(function: object) -> list[object]:
    takes = Takes.of("book", Role.ACTION, function)
    return [takes.type_of(each) for each in takes.parameters]


# Names


async def nothing(ctx: Ctx) -> None: ...
async def one(ctx: Ctx, hotel: Room) -> None: ...
async def keyword_only(ctx: Ctx, *, hotel: Room, rate: int = 7) -> None: ...
async def with_default(ctx: Ctx, hotel: Room, rate: int = 7) -> None: ...
async def positional_context(ctx: Ctx, /, hotel: Room) -> None: ...
async def params(ctx: Ctx, params: Room) -> None: ...
async def no_annotation(ctx, hotel, rate=None) -> None: ...
def not_async(ctx: Ctx, hotel: Room) -> object: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (nothing, []),
        (one, ["hotel"]),
        (keyword_only, ["hotel", "rate?"]),
        (with_default, ["hotel", "rate?"]),
        (positional_context, ["hotel"]),
        (params, ["params"]),
        (no_annotation, ["hotel", "rate?"]),
        (not_async, ["hotel"]),
        (lambda ctx, hotel: None, ["hotel"]),
    ],
)
def test_parameters_after_the_context_are_inputs(function: object, expected: list[str]):
    """By position or by keyword only; one with a default is optional."""
    for role in Role:
        assert names(function, role) == expected


class Service:
    keywords = None  # an object of this class is not a partial, though it has some

    async def book(self, ctx: Ctx, hotel: Room) -> None: ...

    @classmethod
    async def pay(cls, ctx: Ctx, price: int) -> None: ...

    @staticmethod
    async def tell(ctx: Ctx, text: str = "") -> None: ...

    async def __call__(self, ctx: Ctx, flight: "Room") -> None: ...


async def many(price: int, ctx: Ctx, hotel: "Room", rate: int, *, days: int = 3) -> object:
    return price, hotel, rate, days


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Service().book, ["hotel"]),
        (Service.pay, ["price"]),
        (Service.tell, ["text?"]),
        (Service().tell, ["text?"]),
        (Service(), ["flight"]),
        (functools.partial(many, 5), ["hotel", "rate", "days?"]),
        (functools.partial(many, 5, rate=2), ["hotel", "days?"]),
        (functools.partial(many, 5, hotel=Room(1), rate=2, days=4), []),
        (functools.partial(functools.partial(many, 5), rate=2), ["hotel", "days?"]),
        (functools.partial(Service(), flight=Room(1)), []),
        (functools.partial(Service().book, hotel=Room(1)), []),
        (functools.partial(Service()), ["flight"]),
    ],
)
def test_methods_objects_and_partials(function: object, expected: list[str]):
    """What they have been given already is not asked for again."""
    assert names(function) == expected


def telling(function):
    """Decorate a function, and say so."""

    @functools.wraps(function)
    async def wrapper(*args: object, **kwargs: object) -> object:
        return await function(*args, **kwargs)

    return wrapper


class Wrapper:
    """A decorator that is a class."""

    def __init__(self, function: object) -> None:
        functools.update_wrapper(self, function)

    async def __call__(self, *args: object, **kwargs: object) -> object:
        return await self.__wrapped__(*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (telling(with_default), ["hotel", "rate?"]),
        (telling(telling(with_default)), ["hotel", "rate?"]),
        (Wrapper(with_default), ["hotel", "rate?"]),
        (functools.partial(telling(with_default), rate=3), ["hotel"]),
        (telling(functools.partial(many, 5)), ["hotel", "rate", "days?"]),
        (telling(Service()), ["flight"]),
    ],
)
def test_a_decorator_that_says_what_it_takes(function: object, expected: list[str]):
    """As with `functools.wraps`."""
    assert names(function) == expected


def test_a_function_that_has_no_signature():
    """One of C may not say what it takes; it is given a context alone."""
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(dict)
    takes = Takes.of("book", Role.ACTION, dict)
    assert (takes.parameters, takes.context_type) == ((), type(None))
    assert takes.place == 'action "book"'


# What cannot be given an input


async def all_positional(*args: object) -> None: ...
async def all_keywords(**kwargs: object) -> None: ...
async def keyword_context(*, ctx: Ctx) -> None: ...
async def no_parameters() -> None: ...
async def more_positional(ctx: Ctx, hotel: Room, /) -> None: ...
async def optional_positional(ctx: Ctx, hotel: int = 3, /, rate: int = 3) -> None: ...
async def more_args(ctx: Ctx, *args: object) -> None: ...
async def more_kwargs(ctx: Ctx, hotel: Room, **rest: object) -> None: ...
async def output(ctx: Ctx, output: Room) -> None: ...
async def output_keyword(ctx: Ctx, *, output: Room | None = None) -> None: ...


CONTEXT = "must take a context as its first parameter: async def f(ctx, …)"
DECORATOR = "A decorator around the function must say what it takes, as with functools.wraps"
BY_NAME = (
    f"each parameter after the context is given the output of the node of its name. {DECORATOR}"
)
OUTPUT = (
    'cannot take "output": that is what an undo action is given. For the output of a node of that '
    'name, choose another name and say inputs={"<name>": "output"} where the node is made'
)

REFUSED = [
    (no_parameters, CONTEXT),
    (all_positional, f"{CONTEXT}. {DECORATOR}"),
    (all_keywords, CONTEXT),
    (keyword_context, CONTEXT),
    (functools.partial(many, price=5), CONTEXT),
    (functools.partial(nothing, ctx=5), CONTEXT),
    (functools.partial(nothing, 5), CONTEXT),
    (more_positional, f'cannot take "hotel: {__name__}.Room": {BY_NAME}'),
    (optional_positional, f'cannot take "hotel: int = 3": {BY_NAME}'),
    (more_args, f'cannot take "*args: object": {BY_NAME}'),
    (more_kwargs, f'cannot take "**rest: object": {BY_NAME}'),
]


@pytest.mark.parametrize(("function", "why"), REFUSED)
@pytest.mark.parametrize(
    ("role", "what"),
    [(Role.ACTION, "it"), (Role.UNDO, "its undo action"), (Role.PROBE, "its probe")],
)
def test_a_parameter_that_cannot_be_given_an_input(
    function: object, why: str, role: Role, what: str
):
    """The error names the action and which of its functions it is, and says what to do."""
    with pytest.raises(ActionRegistryError) as refused:
        Takes.of("book", role, function)
    assert str(refused.value) == f'action "book": {what} {why}'
    assert refused.value.action_name == "book"


@pytest.mark.parametrize("function", [output, output_keyword])
def test_an_output_is_given_to_undo_actions_only(function: object):
    """Elsewhere the name is refused, with the way to take the output of a node of that name."""
    assert names(function, Role.UNDO)[0].startswith("output")
    for role, what in ((Role.ACTION, "it"), (Role.PROBE, "its probe")):
        with pytest.raises(ActionRegistryError) as refused:
            Takes.of("book", role, function)
        assert str(refused.value) == f'action "book": {what} {OUTPUT}'


def silent(function):
    """Decorate a function without a word on what it takes."""

    async def wrapper(ctx: object, *args: object, **kwargs: object) -> object:
        return await function(ctx, *args, **kwargs)

    return wrapper


def test_functions_are_looked_at_where_they_are_given():
    """When they are decorated, in any way to make an action, and then nothing is changed."""
    registry = steno.ActionRegistry()
    book = registry.action(name="book")(one)
    for refused in (
        lambda: registry.action(silent(one)),
        lambda: registry.action(name="other", undo=NOOP)(output),
        lambda: registry.undo_only(name="other")(more_args),
        lambda: ActionFunc("other", more_args),
        lambda: ActionFunc.new_action("other", one, more_args),
        lambda: steno.new_action_noop_undo("other", one, probe=output),
        lambda: book.undo(more_args),
        lambda: book.undo(in_doubt=True)(more_args),
        lambda: book.probe(output),
    ):
        with pytest.raises(ActionRegistryError, match="must|cannot take"):
            refused()
    assert book.lacks_undo
    assert book.settings.probe is None
    assert not book.settings.in_doubt
    assert [each.role for each in book.takes] == [Role.ACTION]
    with pytest.raises(ActionRegistryError, match="is not registered"):
        registry.get("other")


def test_an_action_made_of_an_action():
    """It takes what the function of the other does."""
    first = ActionFunc("first", keyword_only)
    for role, made in (
        (Role.ACTION, ActionFunc("second", first)),
        (Role.UNDO, ActionFunc("second", nothing, first)),
        (Role.PROBE, steno.new_action_noop_undo("second", nothing, probe=ActionFunc("x", first))),
    ):
        (takes,) = [each for each in made.takes if each.role is role]
        assert [each.name for each in takes.parameters] == ["hotel", "rate"]
        assert takes.action_name == "second"


# Types


async def many_types(
    ctx: Ctx,
    plain,
    nothing: None,
    text: "Room | None",
    inside: "list[Room]",
    any_: Any,
    literal: Literal["a"],
    kept: Annotated[int, "cents"],
    later: "Later",
) -> None: ...


@attrs.frozen
class Later:
    """A class that is defined after the function that asks for it."""


def test_types_are_those_of_the_annotations():
    """Strings are resolved; what is annotated is kept; without an annotation it is plain JSON."""
    assert types(many_types) == [
        None,
        type(None),
        Room | None,
        list[Room],
        Any,
        Literal["a"],
        Annotated[int, "cents"],
        Later,
    ]


@pytest.mark.parametrize(
    "function",
    [
        Service(),
        functools.partial(Service()),
        telling(Service()),
        functools.partial(many, 5, rate=1, days=2),
        telling(functools.partial(many, 5, rate=1, days=2)),
    ],
)
def test_types_of_methods_objects_and_partials(function: object):
    """Strings are resolved where the function was written."""
    assert types(function)[0] is Room


FOREIGN = """
import functools

class Decorator:
    def __init__(self, function):
        functools.update_wrapper(self, function)

    async def __call__(self, *args, **kwargs):
        return await self.__wrapped__(*args, **kwargs)

def decorator(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        return await function(*args, **kwargs)
    return wrapper
"""


def test_strings_are_resolved_in_the_module_of_the_function():
    """Not in that of its decorator."""
    module: dict[str, object] = {}
    exec(FOREIGN, module)  # noqa: S102 - stands for a module of its own
    for name in ("decorator", "Decorator"):
        assert types(module[name](many_types))[2] == Room | None
        assert types(functools.partial(module[name](many_types)))[2] == Room | None


async def nowhere(ctx: "Nowhere", hotel: "Nowhere", rate: int) -> None: ...  # noqa: F821 - the point
async def broken(ctx: Ctx, hotel: "1/0", rate: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "why"),
    [(nowhere, "name 'Nowhere' is not defined"), (broken, "division by zero")],
)
def test_an_annotation_that_cannot_be_resolved(function: object, why: str):
    """It is an error only where it matters, which says where the function is and what to do."""
    takes = Takes.of("book", Role.UNDO, function)
    hotel, rate = takes.parameters
    assert takes.type_of(rate) is int
    for _ in range(2):
        with pytest.raises(ActionRegistryError) as refused:
            takes.type_of(hotel)
    line = function.__code__.co_firstlineno
    assert str(refused.value) == (
        f'action "book": the annotation of parameter "hotel" of the undo action of "book" '
        f"(test_parameter.py, line {line}) cannot be resolved: {why}; it must be defined when the "
        "program runs, at the top level of its module"
    )


def test_a_class_inside_a_function_is_not_found():
    """Its name means nothing in the module; the class itself does."""

    class Inside: ...

    async def by_name(ctx: Ctx, hotel: "Inside") -> None: ...

    async def itself(ctx: Ctx, hotel: Inside) -> None: ...

    with pytest.raises(ActionRegistryError, match="'Inside' is not defined"):
        types(by_name)
    assert types(itself) == [Inside]


def test_a_type_is_resolved_once():
    """However often it is asked for; a name may be defined late."""
    made: list[str] = []

    class Names(dict):
        def __missing__(self, key: str) -> object:
            made.append(key)
            return date

    function = eval("lambda ctx, day: None", Names())  # noqa: S307 - a module of its own
    function.__annotations__["day"] = "Somewhere"
    takes = Takes.of("book", Role.ACTION, function)
    (day,) = takes.parameters
    assert made == []
    assert takes.type_of(day) is takes.type_of(day) is date
    assert made == ["Somewhere"]


async def strange_context(ctx: "steno.ActionContext[Room]") -> None: ...
async def without_context_type(ctx) -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (strange_context, steno.ActionContext[Room]),
        (without_context_type, None),
        (nowhere, None),
        (nothing, Ctx),
    ],
)
def test_the_type_of_a_context(function: object, expected: object):
    """It is None if there is none, or if it cannot be resolved: no input depends on it."""
    assert Takes.of("book", Role.ACTION, function).context_type == expected


# Places


@pytest.mark.parametrize(
    ("role", "text"),
    [
        (Role.ACTION, 'action "book"'),
        (Role.UNDO, 'undo action of "book"'),
        (Role.PROBE, 'probe of "book"'),
    ],
)
def test_a_message_says_where_a_function_is(role: Role, text: str):
    """By file and line; that of a decorated one is where it was written itself."""
    for function in (one, telling(one), functools.partial(one, hotel=1), Wrapper(one)):
        line = one.__code__.co_firstlineno
        assert Takes.of("book", role, function).place == f"{text} (test_parameter.py, line {line})"
    line = Service.__call__.__code__.co_firstlineno
    assert Takes.of("book", role, Service()).place == f"{text} (test_parameter.py, line {line})"
