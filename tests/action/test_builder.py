"""Building graphs of actions: what flows in them is checked when they are built."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from types import SimpleNamespace

import attrs
import pytest

import steno
from steno import NOOP, ActionFunc, DagBuilder, DagBuilderError, Node, SagaDag, Value
from steno.core import PLAIN_CODEC, encode_json


@attrs.frozen
class Trip:
    guests: int


@attrs.frozen
class Room:
    number: int


@attrs.frozen
class Suite(Room):
    rooms: int


Ctx = steno.ActionContext[object]


def action(function: object, undo: object = NOOP) -> ActionFunc:
    """Return an action of the name of a function."""
    return ActionFunc(function.__name__, function, undo)


def build(*stages: object, name: str = "trip", **more: object) -> steno.Dag:
    """Return a graph; a stage is a node, an action under its own name, or a list of these."""
    builder = DagBuilder(name, **more)
    for stage in stages:
        each = stage if isinstance(stage, list) else [stage]
        builder.append_parallel(
            [n if isinstance(n, Node) else Node.action(n.name, n) for n in each]
        )
    return builder.build()


def refused(*stages: object, **more: object) -> str:
    """Return why a graph of these stages cannot be built."""
    with pytest.raises(DagBuilderError) as caught:
        build(*stages, **more)
    saga = more.get("name", "trip")
    assert str(caught.value) == f'building saga "{saga}": {caught.value.why}'
    return caught.value.why


def place(function: object, role: str = "action", name: str | None = None) -> str:
    """Return where a function is, as messages say it."""
    shown = function.__name__ if name is None else name
    return f'{role} "{shown}" (test_builder.py, line {function.__code__.co_firstlineno})'


async def hotel(ctx: Ctx) -> Room: ...
async def suite(ctx: Ctx) -> Suite: ...
async def payment(ctx: Ctx) -> int: ...
async def maybe(ctx: Ctx) -> Room | None: ...
async def untyped(ctx: Ctx): ...
async def bill(ctx: Ctx, hotel: Room, payment: int) -> str: ...
async def optional(ctx: Ctx, hotel: Room | None = None, *, rate: int = 7) -> str: ...
async def text_hotel(ctx: Ctx, hotel: str) -> str: ...
async def with_params(ctx: Ctx, params: Trip) -> str: ...
async def undo(ctx: Ctx) -> None: ...
async def undo_bill(ctx: Ctx, hotel: Room, output: str) -> None: ...
async def undo_wrong(ctx: Ctx, output: int) -> None: ...


HOTEL, SUITE, PAYMENT, BILL = action(hotel), action(suite), action(payment), action(bill)


def renamed(name: str, made: ActionFunc, **inputs: object) -> Node:
    return Node.action(name, made, inputs=inputs)


# Names


def test_inputs_are_ancestors_of_their_names():
    """Of the stage before, or of one long before."""
    dag = build(HOTEL, action(untyped), [PAYMENT, action(optional)], action(bill, undo_bill))
    assert [type(node).__name__ for node in dag.flat.nodes][:2] == ["ActionNode"] * 2


THERE = '(there are {}); to take it from another node, say inputs={{"hotel": "<node>"}}'


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        (
            [PAYMENT, BILL],
            f'the {place(bill)} takes "hotel", but no node of that name comes before it '
            + THERE.format('"payment"'),
        ),
        (
            [BILL],
            f'the {place(bill)} takes "hotel", but no node of that name comes before it '
            + THERE.format("none"),
        ),
        (
            [PAYMENT, [HOTEL, BILL], action(undo)],
            f'the {place(bill)} takes "hotel", but the node does not depend on the node of that '
            "name",
        ),
        (
            [PAYMENT, BILL, HOTEL],
            f'the {place(bill)} takes "hotel", but the node does not depend on the node of that '
            "name",
        ),
    ],
    ids=["of another name", "the first node", "a sibling", "a later node"],
)
def test_a_node_that_an_input_cannot_come_from(stages: list, why: str):
    """The error names the node, the function with its line, and what there is."""
    assert refused(*stages) == f'node "bill": {why}'


def test_an_optional_input_need_not_be_there():
    """A node of its name gives it, if it is an ancestor; otherwise it keeps its default."""
    for stages in ([action(optional)], [PAYMENT, [HOTEL, action(optional)], action(undo)]):
        build(*stages)
    why = refused(renamed("hotel", PAYMENT), action(optional))
    assert why.endswith('asks for Room | None, but node "hotel" gives int, as the '
                        f"{place(payment)} returns")  # fmt: skip


def test_the_first_mistake_is_raised():
    """In the order of the nodes; those of shape come before those of what flows."""
    text, wrong = action(text_hotel), renamed("payment", HOTEL)
    assert refused(HOTEL, text, BILL).startswith('node "text_hotel": ')
    assert refused(wrong, HOTEL, BILL, text).startswith('node "bill": ')
    assert "used multiple times" in refused(HOTEL, text, HOTEL)
    with pytest.raises(DagBuilderError, match="must end with exactly one node"):
        build(HOTEL, [text, BILL])


def test_a_builder_that_was_refused_may_go_on():
    """Building changes nothing; the mistake stays."""
    builder = DagBuilder("trip")
    builder.append(Node.action("bill", BILL))
    for _ in range(2):
        with pytest.raises(DagBuilderError, match='takes "hotel"'):
            builder.build()
    builder.append(Node.constant("c", 1))
    with pytest.raises(DagBuilderError, match='takes "hotel"'):
        builder.build()


# Types


def test_a_certain_mismatch_shows_both_places():
    """Both nodes, and both functions with the file and line where they are."""
    assert refused(HOTEL, action(text_hotel)) == (
        f'node "text_hotel": parameter "hotel" of the {place(text_hotel)} asks for str, '
        f'but node "hotel" gives Room, as the {place(hotel)} returns'
    )


@pytest.mark.parametrize("made", [HOTEL, SUITE, action(maybe), action(untyped)])
def test_only_certain_mismatches_are_mistakes(made: ActionFunc):
    """A subclass, a union, and what is not annotated may be what is asked for."""
    build(renamed("hotel", made), PAYMENT, BILL)


def test_the_undo_action_and_the_probe_are_checked_too():
    """They are given inputs by the same rules; `output` is what the action returns."""

    async def probe(ctx: Ctx, hotel: str) -> str: ...

    build(HOTEL, PAYMENT, action(bill, undo_bill))
    assert refused(HOTEL, PAYMENT, action(bill, undo_wrong)) == (
        f'node "bill": parameter "output" of the {place(undo_wrong, "undo action of", "bill")} '
        f'asks for int, but action "bill" gives str, as the {place(bill)} returns'
    )
    probed = steno.new_action_noop_undo("bill", bill, probe=probe)
    assert f'parameter "hotel" of the {place(probe, "probe of", "bill")} asks for str' in refused(
        HOTEL, PAYMENT, probed
    )


def test_an_annotation_that_cannot_be_resolved():
    """It is found when a graph is built: a module may define the class further down."""

    async def later(ctx: Ctx, hotel: "Nowhere") -> None: ...  # noqa: F821 - the point

    why = refused(HOTEL, action(later))
    assert f"of the {place(later)} cannot be resolved: name 'Nowhere' is not defined" in why
    assert why.startswith('action "later": the annotation of parameter "hotel"')


def test_an_undo_action_that_is_called_in_doubt():
    """It may be given no output, so it must not insist on one."""

    async def unbook(ctx: Ctx, output: Room) -> None: ...

    made = ActionFunc.new_action("book", hotel, unbook, in_doubt=True)
    assert 'annotate "output" with Room | None, or give it a default' in refused(made)
    build(ActionFunc.new_action("book", hotel, unbook))


# inputs=


def test_inputs_from_other_nodes_and_values():
    """What a node says of its inputs comes before the names."""
    build(SUITE, renamed("bill", BILL, hotel="suite", payment=Value(3)))
    build(PAYMENT, renamed("bill", BILL, hotel=Value({"number": 5})))
    build(PAYMENT, renamed("bill", BILL, hotel=Value(Suite(5, 2))))
    build(HOTEL, PAYMENT, renamed("bill", action(bill, undo_bill), payment=Value(1)))
    build(renamed("late", action(optional), rate=Value(1)))


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (
            {"payment": "hotel"},
            f'parameter "payment" of the {place(bill)} asks for int, but node "hotel" gives Room, '
            f"as the {place(hotel)} returns",
        ),
        (
            {"payment": Value("3")},
            f'parameter "payment" of the {place(bill)} asks for int, but the value given '
            'for it does not fit: $: "3" is not of type int',
        ),
        (
            {"hotel": Value({"number": "5"}), "payment": Value(1)},
            f'parameter "hotel" of the {place(bill)} asks for Room, but the value given '
            'for it does not fit: $.number: "5" is not of type int',
        ),
        (
            {"hotle": "hotel", "payment": Value(3)},
            f'it is given "hotle", which the {place(bill)} does not take, nor do its undo action '
            'and probe (they take "hotel", "payment")',
        ),
        (
            {"params": Value(3), "payment": Value(3)},
            '"params" cannot be given with inputs=: it stands for the params of the saga, or for '
            "the output that is undone. Rename the parameter",
        ),
        (
            {"output": "hotel", "payment": Value(3)},
            '"output" cannot be given with inputs=: it stands for the params of the saga, or for '
            "the output that is undone. Rename the parameter",
        ),
        (
            {"payment": "nobody"},
            None,
        ),
    ],
)
def test_inputs_that_are_wrong(inputs: dict[str, object], why: str | None):
    """Of another type, of no parameter, or of a special name; a node that is not there."""
    expected = f'node "bill": {why}'
    if why is None:
        expected = (
            'node "bill" takes its input "payment" from node "nobody", '
            "but it does not depend on any such node"
        )
    assert refused(HOTEL, renamed("bill", BILL, **inputs)) == expected


def test_a_node_of_a_special_name():
    """It is reached through another parameter."""

    async def takes(ctx: Ctx, of: int) -> None: ...

    for name in ("params", "output"):
        build(renamed(name, PAYMENT), renamed("z", action(takes), of=name))
        why = refused(renamed(name, HOTEL), renamed("z", action(takes), of=name))
        assert f'but node "{name}" gives Room' in why


# Values


def asks(as_type: object) -> ActionFunc:
    """Return an action that takes `c`, of a type."""

    async def asks(ctx: Ctx, c) -> None: ...

    asks.__annotations__["c"] = as_type
    return action(asks)


@pytest.mark.parametrize(
    ("value", "as_type"),
    [
        ({"number": 1}, Room),
        (Room(1), Room),
        ("x", str | int),
        ([1, 2], list[int]),
        ("2026-01-02T03:04:05Z", datetime),
        (None, Room | None),
        (5, object),
    ],
)
def test_constants_are_checked_by_their_values(value: object, as_type: object):
    """Not by their classes: a dict may be read as what it describes."""
    build(Node.constant("c", value), asks(as_type))


@pytest.mark.parametrize(
    ("value", "as_type", "why"),
    [
        (5, str, 'asks for str, but node "c" does not fit: $: 5 is not of type str'),
        (Room(1), Trip, 'asks for Trip, but node "c" does not fit: $.guests: is missing'),
        (
            [1, "2"],
            list[int],
            'asks for list[int], but node "c" does not fit: $[1]: "2" is not of type int',
        ),
    ],
)
def test_constants_that_do_not_fit(value: object, as_type: object, why: str):
    """The error says where in the value."""
    assert why in refused(Node.constant("c", value), asks(as_type))


class Opaque:
    """A type that no codec knows of itself."""

    def __init__(self, text: str = "") -> None:
        self.text = text


def knowing() -> steno.Codec:
    codec = steno.Codec()
    codec.register(Opaque, encode=lambda value: value.text, decode=Opaque)
    return codec


def test_a_constant_with_a_codec_of_its_own():
    """It is read by that one: the codec of the builder need not know the type."""
    constant = Node.constant("c", Opaque("x"), codec=knowing())
    build(constant, asks(Opaque))
    build(constant, asks(str))
    why = refused(constant, asks(int))
    assert why.endswith('asks for int, but node "c" does not fit: $: "x" is not of type int')


def test_types_that_only_the_codec_of_the_registry_knows():
    """They are accepted: in constants, in inputs, in params and between actions."""

    async def make(ctx: Ctx) -> Opaque: ...

    build(Node.constant("c", "x"), asks(Opaque))
    build(renamed("z", asks(Opaque), c=Value("x")))
    build(renamed("c", action(make)), asks(Opaque))
    build(renamed("c", action(make)), asks(str))
    build(renamed("c", PAYMENT), asks(Opaque))

    async def takes(ctx: Ctx, params: Opaque) -> None: ...

    build(action(takes), params=Opaque)
    build(action(takes), params=str)


def test_a_codec_that_is_not_ours():
    """What it writes will be read by that of a registry, so its own refusals are not asked for."""

    class Refusing:
        def encode(self, value, limit=None, /, *, as_type=None):
            return encode_json(value)

        def decode(self, text, as_type):
            raise steno.DeserializeError("never")

    for constant in (
        lambda value, **more: build(Node.constant("c", value), asks(Room), **more),
        lambda value, codec: build(Node.constant("c", value, codec=codec), asks(Room)),
        lambda value, **more: build(renamed("z", asks(Room), c=Value(value)), **more),
    ):
        for codec in (Refusing(), PLAIN_CODEC):
            constant({"number": 1}, codec=codec)
            with pytest.raises(
                DagBuilderError, match='does not fit: \\$.number: "1" is not of type int$'
            ):
                constant({"number": "1"}, codec=codec)
    assert "gives Room" in refused(HOTEL, action(text_hotel), codec=Refusing())


# Params


@pytest.mark.parametrize("params", [None, Trip, Trip | None, object])
def test_params_of_the_right_type(params: object):
    """What the builder was told may be what the actions ask for; or it was told nothing."""
    assert build(action(with_params), params=params).params_type == params


def test_params_of_a_wrong_type():
    """The builder says what they are."""
    assert refused(action(with_params), params=Room) == (
        f'node "with_params": parameter "params" of the {place(with_params)} asks for Trip, '
        'but the builder of saga "trip" gives Room as its params'
    )


def test_params_are_checked_when_a_saga_is_made():
    """As the type that the builder was told, with the reason."""
    dag = build(action(with_params), params=Trip)
    assert SagaDag(dag, Trip(2)).params == '{"guests":2}'
    assert SagaDag(dag, {"guests": 2}).params == '{"guests":2}'
    for wrong in ({"guests": "2"}, {}, 5, Room(1)):
        with pytest.raises((steno.SagaValidationError, steno.SerializeError)):
            SagaDag(dag, wrong)
    with pytest.raises(
        steno.SagaValidationError,
        match=r'^validating saga "trip": its params: \$\.guests: "2" is not of type int$',
    ):
        SagaDag(dag, {"guests": "2"})


# Subsagas


def subsaga(*stages: object, params: object = None, name: str = "s") -> Node:
    """Return a subsaga whose params the node `c` gives."""
    return Node.subsaga(name, build(*stages, name="inner", params=params), "c")


C = Node.constant("c", {"guests": 2})


def test_a_subsaga_gives_what_its_last_node_does():
    """It may be a subsaga, too."""
    inner = build(HOTEL, C, Node.subsaga("last", build(PAYMENT, name="innermost"), "c"))
    outer = Node.subsaga("hotel", inner, "c")
    why = refused(C, outer, action(text_hotel))
    assert why.endswith(f'but node "hotel" gives int, as the {place(payment)} returns')
    build(C, Node.subsaga("payment", inner, "c"), HOTEL, BILL)
    ends_with_value = build(HOTEL, Node.constant("v", "x"), name="inner")
    build(C, Node.subsaga("hotel", ends_with_value, "c"), action(text_hotel))
    why = refused(C, Node.subsaga("payment", ends_with_value, "c"), HOTEL, BILL)
    assert why.endswith('asks for int, but node "payment" does not fit: $: "x" is not of type int')


def test_a_constant_inside_a_subsaga_is_read_by_the_codec_of_that():
    """Or by its own."""
    for inner in (
        build(Node.constant("v", Opaque("x")), codec=knowing()),
        build(Node.constant("v", Opaque("x"), codec=knowing())),
    ):
        build(C, Node.subsaga("c2", inner, "c"), renamed("z", asks(Opaque), c="c2"))
        assert 'does not fit: $: "x" is not of type int' in refused(
            C, Node.subsaga("c2", inner, "c"), renamed("z", asks(int), c="c2")
        )


def test_names_of_a_subsaga_are_its_own():
    """An inner `hotel` hides nothing, and an outer one is not seen inside."""
    inner = [renamed("hotel", PAYMENT), renamed("z", asks(int), c="hotel")]
    build(C, HOTEL, subsaga(*inner), PAYMENT, BILL)
    build(C, subsaga(*inner), HOTEL, PAYMENT, BILL)
    assert 'takes "hotel", but no node of that name' in refused(PAYMENT, BILL)
    assert "the node does not depend" in refused(C, PAYMENT, subsaga(HOTEL), BILL, HOTEL)


def test_params_of_a_subsaga_against_the_type_that_its_builder_was_told():
    """The params node gives them, and knows more or less about them."""
    build(C, subsaga(action(with_params), params=Trip))
    build(renamed("c", action(untyped)), subsaga(action(with_params), params=Trip))
    assert refused(renamed("c", HOTEL), subsaga(action(with_params), params=Trip)) == (
        'node "s": saga "inner" takes Trip as its params, but node "c" gives Room, '
        f"as the {place(hotel)} returns"
    )
    assert refused(Node.constant("c", 5), subsaga(PAYMENT, params=Trip)) == (
        'node "s": saga "inner" takes Trip as its params, but node "c" does not fit: '
        "$: 5 is not of type Trip"
    )


def test_params_of_a_subsaga_against_what_its_actions_ask_for():
    """If its builder was told nothing; the actions of its own subsagas ask for other ones."""
    build(C, subsaga(PAYMENT, action(with_params)))
    build(C, subsaga(PAYMENT, C, subsaga(action(with_params), name="t")))
    assert refused(renamed("c", HOTEL), subsaga(PAYMENT, action(with_params))) == (
        f'node "s": "params" of the {place(with_params)} asks for Trip, '
        f'but node "c" gives Room, as the {place(hotel)} returns'
    )
    by_name = build(Node.action("x", "with_params"), name="inner")
    build(renamed("c", HOTEL), Node.subsaga("s", by_name, "c"))


def test_params_of_a_subsaga_for_undo_actions():
    """They ask as actions do."""

    async def unbook(ctx: Ctx, params: Trip) -> None: ...

    why = refused(renamed("c", PAYMENT), subsaga(action(hotel, unbook)))
    assert why.startswith(f'node "s": "params" of the {place(unbook, "undo action of", "hotel")} ')


def test_a_subsaga_of_another_class():
    """Of a graph that only looks like one nothing is known."""
    inner = SimpleNamespace(saga_name="inner", stages=build(PAYMENT).stages)
    build(C, Node.subsaga("hotel", inner, "c"), action(text_hotel))


def test_subsagas_that_nest_deeper_than_the_stack():
    """Each level is checked by itself, and what a subsaga gives is found without recursion."""
    dag = build(C, PAYMENT, name="0")
    for depth in range(1, 2_000):
        dag = build(C, Node.subsaga("s", dag, "c"), name=str(depth))
    build(C, Node.subsaga("s", dag, "c"), renamed("z", asks(int), c="s"))
    why = refused(C, Node.subsaga("s", dag, "c"), renamed("z", asks(str), c="s"))
    assert why.endswith(f'but node "s" gives int, as the {place(payment)} returns')


# Sleeps


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (renamed("t", action(untyped)), None),
        (Node.constant("t", datetime(2026, 1, 2, tzinfo=UTC)), None),
        (Node.action("t", "by_name"), None),
        (renamed("t", PAYMENT), f'node "t" gives int, as the {place(payment)} returns'),
        (Node.constant("t", 5), 'node "t" does not fit: $: 5 is not of type datetime'),
        (Node.sleep("t", timedelta(1)), 'node "t" gives None, as a sleep does'),
    ],
)
def test_a_sleep_until_what_a_node_gives(node: Node, why: str | None):
    """That is a time, as far as is known."""
    if why is None:
        build(node, Node.sleep("night", until="t"))
    else:
        told = refused(node, Node.sleep("night", until="t"))
        assert told == f'node "night": it sleeps until a datetime, but {why}'


def test_a_sleep_gives_none():
    """What takes its output by name is told so."""
    night = Node.sleep("c", timedelta(1))
    build(night, asks(None))
    build(night, asks(int | None))
    assert refused(night, asks(int)).endswith('but node "c" gives None, as a sleep does')


# What is not known


def test_actions_that_are_given_by_name():
    """Nothing is known of them until the saga is created: neither inputs, nor outputs."""
    build(Node.action("bill", "bill", inputs={"anything": Value(5), "params": Value(1)}))
    build(Node.action("hotel", "hotel"), action(text_hotel))


def test_actions_of_another_class():
    """They take what they look up; what they give is known if they say so."""
    own = SimpleNamespace(name="own", output_type=int)
    build(Node.action("x", own, inputs={"y": Value(1)}))
    why = refused(Node.action("hotel", own), action(text_hotel))
    assert why.endswith('asks for str, but node "hotel" gives int')


def test_an_address_is_text():
    """Types are compared by what is written of them."""

    async def address(ctx: Ctx) -> IPv4Address: ...

    build(renamed("hotel", action(address)), action(text_hotel))
