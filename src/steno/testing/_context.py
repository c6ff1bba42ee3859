"""A context for the unit test of one action, without a SEC, a store or a saga that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar
from uuid import UUID

from typing_extensions import TypeForm

from steno.action import ActionContext, Codec, DagBuilder, Sec, to_timestamp
from steno.core import JsonText, Node, SagaDag, SagaNodeId, checked_saga_id
from steno.testing.notation import SAGA_ID
from steno.testing.schedule import DateClock

C = TypeVar("C")

_NOTHING: Mapping[str, object] = MappingProxyType({})


def action_context(
    user_data: C,
    *,
    params: object = None,
    outputs: Mapping[str, object] = _NOTHING,
    node_name: str = "node",
    saga_id: UUID = SAGA_ID,
    undoing: bool = False,
    in_doubt: bool = False,
    attempt: int = 1,
    started_at: datetime | None = None,
    output_type: TypeForm[object] | None = None,
    codec: Codec | None = None,
    clock: Callable[[], datetime] | None = None,
    sec: Sec | None = None,
) -> ActionContext[C]:
    """
    Return a context to call an action with in a test.

    For example::

        async def test_an_undo_cancels_what_was_booked():
            world = FakeHotels()
            booked = await book_hotel.do_it(action_context(world, params=TripParams("Post")))
            ctx = action_context(world, outputs={"hotel": booked}, node_name="hotel", undoing=True)
            await book_hotel.undo_it(ctx)
            assert world.rooms == {}

    Params and outputs are encoded, and decoded afresh on each access, as in a saga. Calls with the
    same arguments give the same keys.

    Args:
        user_data: What `ctx.user_data` is.
        params: The params of the saga, of any type that the codec knows.
        outputs: What the action can look up: the outputs of its ancestors, by name. For an undo
            action they include that of its own node, which is None unless given.
        node_name: The name of the action's own node.
        saga_id: The saga's id. Its keys, and the ids from `ctx.uuid`, are derived from it.
        undoing: Whether the context is for the undo action.
        in_doubt: Whether the context is for the undo action of a node that failed in doubt, whose
            output is not known.
        attempt: What `ctx.attempt` is.
        started_at: What `ctx.started_at` is.
        output_type: The return annotation of the action, as which `ctx.output` is decoded; None:
            the type of the node's output.
        codec: The codec of the action's registry, if it is not the default.
        clock: Returns what `ctx.now()` does; None: a `DateClock`, which begins in the year 2000 and
            advances with Trio's clock.
        sec: What `ctx.sec` is: an open SEC, or a fake of it.

    Raises:
        ValueError: The outputs include the action's own node, and `undoing` is false, or `in_doubt`
            is true; or that is true and `undoing` is false.
        SerializeError: The params or an output cannot be stored as JSON.
        DagBuilderError: A node's name is not valid.
    """
    _check(node_name in outputs, undoing=undoing, in_doubt=in_doubt, node_name=node_name)
    known = Codec() if codec is None else codec
    dag = _dag(known, [name for name in outputs if name != node_name], node_name, params)
    has_output = undoing and not in_doubt and node_name not in outputs
    visible = {**outputs, node_name: None} if has_output else outputs
    texts: dict[SagaNodeId, JsonText] = {
        dag.get_index(name): known.encode(value) for name, value in visible.items()
    }
    node = dag.get_index(node_name)
    tell = DateClock() if clock is None else clock
    return ActionContext(
        checked_saga_id(saga_id),
        node,
        user_data,
        dag,
        texts,
        undoing,
        attempt,
        None if started_at is None else to_timestamp(started_at),
        type(outputs.get(node_name)) if output_type is None else output_type,
        lambda: to_timestamp(tell()),
        sec,
    )


def _check(
    has_own: bool,  # noqa: FBT001 - of this module
    *,
    undoing: bool,
    in_doubt: bool,
    node_name: str,
) -> None:
    """Refuse an output that the call would not see in a saga."""
    if has_own and not undoing:
        msg = f'an action does not see the output of its own node "{node_name}"; undoing=True does'
        raise ValueError(msg)
    if in_doubt and (has_own or not undoing):
        msg = "in_doubt=True is for an undo action whose own node has no output"
        raise ValueError(msg)


def _dag(codec: Codec, ancestors: Sequence[str], node_name: str, params: object) -> SagaDag:
    """Return a saga of a node, and of nodes that it can look up."""
    builder = DagBuilder("test", codec=codec)
    if ancestors:
        builder.append_parallel([Node.constant(name, None) for name in ancestors])
    builder.append(Node.action(node_name, "action"))
    return SagaDag(builder.build(), params)
