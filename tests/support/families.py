"""Sagas with children, for tests: nodes that run them, and their ids."""

from uuid import UUID, uuid5

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
