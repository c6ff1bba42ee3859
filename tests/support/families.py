"""Sagas with children, for tests: nodes that run them, and their ids."""

from typing import TypeAlias
from uuid import UUID, uuid5

import attrs
import trio

import steno
from support.worlds import World


def one(world: World, *stages: object, name: str = "one") -> steno.Node:
    """Return a node whose child is a saga of these stages."""
    dag = world.saga(*stages, name="child")
    action = world.registers(steno.child_saga(name, lambda _: dag))
    return steno.Node.action("c", action)


def many(world: World, *dags: steno.SagaDag, name: str = "many") -> steno.Node:
    """Return a node whose children are these sagas."""
    action = world.registers(steno.child_sagas(name, lambda _: dags))
    return steno.Node.action("c", action)


def child_id(parent: UUID, number: int = 0, node: int = 0) -> UUID:
    """Return the id of a child; it must never change, or stored sagas would lose theirs."""
    return uuid5(parent, f"{node}/steno.child/{number}")


def message(result: steno.SagaResultErr) -> str:
    """Return the message of the error of a saga."""
    error = result.error_source
    return (error.cause if isinstance(error, steno.InDoubt) else error).convert(dict)["message"]


# Families: sagas whose nodes are rooms to book, failures, and children of the same kind

Spec: TypeAlias = list["Item"]
Item: TypeAlias = "str | list[object]"

FAMILY = UUID(int=15)


@attrs.define(eq=False)
class Family:
    """
    A saga with children, as its spec says, and what it has done; it outlives SECs.

    A spec is a list of stages: `"ok"` books a room, `"bad"` fails, `["one", spec]` is a child, and
    `["many", [spec, …]]` are several.

    Attributes:
        rooms: The rooms that are booked, by key.
    """

    rooms: set[str] = attrs.field(factory=set)


registry = steno.ActionRegistry[Family]()


@registry.action
async def ok(ctx: steno.ActionContext[Family]) -> str:
    await trio.sleep(1)
    ctx.user_data.rooms.add(ctx.idempotency_key)
    return ctx.idempotency_key


@ok.undo(in_doubt=True)
async def cancel(ctx: steno.ActionContext[Family]) -> None:
    await trio.sleep(1)
    ctx.user_data.rooms.discard(ctx.action_key)


@registry.action(undo=steno.NOOP)
async def bad(ctx: steno.ActionContext[Family]) -> None:
    await trio.sleep(1)
    raise steno.NotDone(ctx.node_name)


def family(spec: Spec) -> steno.SagaDag:
    """Return a saga that does what a spec says."""
    builder = steno.DagBuilder("family")
    for number, item in enumerate(spec):
        match item:
            case str():
                node = steno.Node.action(f"{item}{number}", registry.get(item))
            case [kind, inner]:
                inputs = {"spec": steno.Value(inner)}
                node = steno.Node.action(f"{kind}{number}", registry.get(kind), inputs=inputs)
        builder.append(node)
    return steno.SagaDag(builder.build())


def family_of(_: steno.ActionContext[Family], spec: object) -> steno.SagaDag:
    return family(spec)


def families_of(_: steno.ActionContext[Family], spec: object) -> list[steno.SagaDag]:
    return [family(each) for each in spec]


registry.register(steno.child_saga("one", family_of))
registry.register(steno.child_sagas("many", families_of))


def count(spec: object, what: str) -> int:
    """Return how many items of a kind there are in a spec, at all levels."""
    if isinstance(spec, str):
        return spec == what
    return sum(count(each, what) for each in spec)


def children(spec: Spec) -> int:
    """Return how many children there are to be, at all levels."""
    found = 0
    for item in spec:
        match item:
            case ["one", inner]:
                found += 1 + children(inner)
            case ["many", inner]:
                found += len(inner) + sum(map(children, inner))
    return found
