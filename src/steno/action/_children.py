"""
What is done with children: sagas that a node of another saga runs, and unwinds when it is undone.

Theory of operation.

Rule 1. A child is found by its id, which follows from its parent, the node and the child's number.
So a call that is made again, after a crash or after an attempt that was held, finds the children
that there are, and creates the rest. It never creates another one in the place of one that has
failed: what can be tried again is tried again within the child.

Rule 2. Children are created in waves of 1, 2, 4, … and each wave is durable before the next one
begins. So the last one is found without knowing how many there were to be: after a wave of which
there is none, there is none. The undo depends on that, as a new build may ask for another number.

Rule 3. A call that fails leaves its node in doubt, and the undo looks after each child that there
is. Nothing was done only if there is none, or if each has failed, and so is unwound: that is what
the probe finds out. It does not wait, as its saga may unwind, and leaves open what another call
would find out.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias, TypeVar, cast
from uuid import UUID

import attrs
import trio

from steno.action._context import ActionContext
from steno.action._policy import NOT_DONE, OPEN
from steno.core import (
    JSON,
    Abandoned,
    ActionError,
    ActionFailed,
    InDoubt,
    SagaCachedState,
    SagaDag,
    SagaResultErr,
    SagaResultOk,
    UndoActionError,
    decode_json,
)
from steno.errors import (
    CommandError,
    DefinitionError,
    Hold,
    NoSuchSaga,
    OrderRefused,
    SagaFailed,
    SagaHaltedError,
    SagaHeldError,
    SagaNotRunning,
    SecClosing,
)

T = TypeVar("T")

Context: TypeAlias = ActionContext[object]

PARENT_TAG: Final = "steno.parent"
"""The tag of a child that has the id of its parent, for people."""

CREATION_DEADLINE: Final = 10.0
"""
For how many seconds a creation is not cancelled.

The probe may follow the cancellation of a call at once, and has to find what is being stored.
"""


class _Unknown(enum.Enum):
    """The type of `UNKNOWN`."""

    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""Stands for the output of a node that has failed in doubt."""


@attrs.frozen(eq=False)
class Children:
    """
    The children of the nodes of one action.

    Attributes:
        what: What the action was made by, for messages.
        make: Makes their graphs.
        many: Whether there may be any number of them, instead of one.
    """

    what: str
    make: Callable[..., object]
    many: bool

    async def run_one(self, ctx: Context, **inputs: object) -> JSON:
        """Run the child, if there is none yet, and return its output."""
        if not await _exists(ctx, _id_of(ctx, 0)):
            (dag,) = self._dags(ctx, inputs)
            await self._create(ctx, 0, dag)
        return await self._output(ctx, 0, 1)

    async def run_many(self, ctx: Context, **inputs: object) -> list[JSON]:
        """Run the children that there are not yet, and return the outputs of all."""
        dags = self._dags(ctx, inputs)
        for wave in _waves(len(dags)):
            await _together(partial(self._create, ctx, number, dags[number]) for number in wave)
        outputs = (partial(self._output, ctx, number, len(dags)) for number in range(len(dags)))
        return await _together(outputs, decisive=SagaFailed)

    async def probe(self, ctx: Context) -> object:
        """Find out whether anything was done, and is not undone."""
        for wave in self._waves():
            there = False
            for number in wave:
                saga_id = _id_of(ctx, number)
                try:
                    state = (await ctx.sec.saga_get(saga_id)).state.state
                except NoSuchSaga:
                    continue
                if state is SagaCachedState.SUCCEEDED and not self.many:
                    return await self._output(ctx, number, 1)
                if state is not SagaCachedState.FAILED:
                    return OPEN
                there = True
            if not there:
                break
        return NOT_DONE  # noqa: ASYNC910 - there is a first wave, so the SEC was asked

    async def undo(self, ctx: Context, output: object = UNKNOWN) -> None:
        """Have all children unwound that there are, and wait for that."""
        known = self._count(output)
        found: list[int] = []
        for wave in self._waves():
            there = await _together(partial(_order, ctx, number) for number in wave)
            found += [number for number, is_there in zip(wave, there, strict=True) if is_there]
            if wave.start >= known and not any(there):
                break
        await _together(partial(self._unwound, ctx, number) for number in found)
        if missing := set(range(known)) - set(found):
            number = min(missing)
            msg = (
                f"{self._name(number)}saga {_id_of(ctx, number)} cannot be unwound, as the store "
                "does not have it: it was deleted, or somebody completed the node by hand. Undo by "
                "hand what was done, and complete the undo of this node"
            )
            raise CommandError(msg)

    def _count(self, output: object) -> int:
        """Return how many children there must be, given the output of their node."""
        if output is UNKNOWN:
            return 0
        listed = self.many and isinstance(output, list)
        return len(cast("Sequence[object]", output)) if listed else 1

    def _waves(self) -> Iterator[range]:
        return _waves(None if self.many else 1)

    def _dags(self, ctx: Context, inputs: Mapping[str, object]) -> Sequence[SagaDag]:
        """
        Return the graphs and params of the children.

        Raises:
            Hold: The function has returned something else, which is a mistake of the build.
        """
        made = self.make(ctx, **inputs)
        dags: tuple[object, ...] | None = None
        if not self.many:
            dags = (made,)
        elif isinstance(made, Iterable):
            dags = tuple(cast("Iterable[object]", made))
        if dags is None or not all(isinstance(each, SagaDag) for each in dags):
            expected = "SagaDags, as in a list" if self.many else "a SagaDag"
            msg = f"the function of {self.what} must return {expected}, not {made!r}"
            raise Hold(msg)
        return cast("tuple[SagaDag, ...]", dags)

    async def _create(self, ctx: Context, number: int, dag: SagaDag) -> None:
        """Store a child and start it, unless it exists."""
        await trio.lowlevel.checkpoint_if_cancelled()
        saga_id = _id_of(ctx, number)
        if self.many and await _exists(ctx, saga_id):
            return
        create = partial(
            ctx.sec.saga_create,
            dag,
            saga_id=saga_id,
            start=True,
            if_exists="use",
            tags={PARENT_TAG: str(ctx.saga_id)},
        )
        try:
            with trio.CancelScope(shield=True, relative_deadline=CREATION_DEADLINE) as scope:
                await create()
            if scope.cancelled_caught:  # it goes on, and this waits for it
                await create()
        except DefinitionError as error:
            msg = f"{self._name(number)}saga {saga_id} of {self.what} cannot be created: {error}"
            raise Hold(msg) from error

    async def _output(self, ctx: Context, number: int, count: int) -> JSON:
        """Wait for a child, and return its output."""
        saga_id = _id_of(ctx, number)
        result = await ctx.sec.saga_wait(saga_id)
        if isinstance(result, SagaResultErr):
            which = f"(child {number + 1} of {count}) " if self.many else ""
            raise SagaFailed(saga_id, result, f"{which}{_why(result)}")
        return result.saga_output()

    async def _unwound(self, ctx: Context, number: int) -> None:
        """Wait until a child is unwound."""
        saga_id = _id_of(ctx, number)
        result = await ctx.sec.saga_wait(saga_id)
        if isinstance(result, SagaResultOk):
            msg = f"saga {saga_id} was to unwind, and has succeeded"
            raise CommandError(msg)
        what = f'to unwind, for {self._name(number)}node "{ctx.node_name}" of saga {ctx.saga_id}'
        if result.undo_failure is not None:
            why = f"{what}: it is stuck: {_why(result)}. Repair it, then retry this undo"
            raise SagaFailed(saga_id, result, why)
        if isinstance(result.error_source, Abandoned):
            why = (
                f"{what}: it was {result.error_source}. Undo by hand what is left, then complete "
                "this undo"
            )
            raise SagaFailed(saga_id, result, why)

    def _name(self, number: int) -> str:
        return f"child {number + 1}, " if self.many else ""


def _id_of(ctx: Context, number: int) -> UUID:
    return ctx.uuid(f"steno.child/{number}")


async def _exists(ctx: Context, saga_id: UUID) -> bool:
    try:
        await ctx.sec.saga_get(saga_id)
    except NoSuchSaga:
        return False  # noqa: ASYNC910 - the SEC was asked
    return True


async def _order(ctx: Context, number: int) -> bool:
    """Order a child to unwind, and return whether it exists."""
    why = f'node "{ctx.node_name}" of saga {ctx.saga_id} is undone'
    try:
        await ctx.sec.saga_handle(_id_of(ctx, number)).unwind(why=why)
    except NoSuchSaga:
        return False  # noqa: ASYNC910 - the SEC was asked
    except (OrderRefused, SagaNotRunning, SagaHaltedError):
        pass  # it unwinds, or has ended otherwise, or is halted: waiting for it tells
    return True  # noqa: ASYNC910 - the SEC was asked


def _waves(count: int | None) -> Iterator[range]:
    """Yield the numbers of so many children, or of any number, 1, 2, 4, … at a time."""
    start, size = 0, 1
    while count is None or start < count:
        yield range(start, start + size if count is None else min(start + size, count))
        start, size = start + size, 2 * size


async def _together(
    calls: Iterable[Callable[[], Awaitable[T]]], *, decisive: type[Exception] | None = None
) -> list[T]:
    """
    Make calls at once, and return what they return, in their order.

    Of several that raise, the exception that matters most is raised, and not in a group.

    Args:
        calls: The calls.
        decisive: An exception of this type cancels the others.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    results: dict[int, T] = {}
    errors: list[tuple[int, int, Exception]] = []

    async def make(  # noqa: ASYNC910 - a call waits
        number: int, call: Callable[[], Awaitable[T]]
    ) -> None:
        try:
            results[number] = await call()
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append((_rank(error), number, error))
            if decisive is not None and isinstance(error, decisive):
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for number, call in enumerate(calls):
            nursery.start_soon(make, number, call)
    if errors:
        raise min(errors, key=lambda each: each[:2])[2]
    return [results[number] for number in range(len(results))]


def _why(result: SagaResultErr) -> str:
    """Return why a child has failed; it grows by a line for each level of children, not more."""
    text = _said(result.error_source)
    if result.error_node_name is not None:
        text = f'at node "{result.error_node_name}": {text}'
    if result.undo_failure is not None:
        node, error = result.undo_failure
        text += f'; then, at the undo of node "{node}": {_said(error)}'
    return text


def _said(error: ActionError | UndoActionError) -> str:
    """Return an error in words, and not as the JSON that is stored of it."""
    match error:
        case InDoubt(cause=cause):
            return f"in doubt: {_said(cause)}"
        case ActionFailed(source_error=source) | UndoActionError(source_error=source):
            stored = decode_json(source)
            if isinstance(stored, dict) and "message" in stored:
                stored = cast("Mapping[str, JSON]", stored)
                kind = str(stored.get("type", "")).rpartition(".")[2]
                return f"{kind}: {stored['message']}" if kind else str(stored["message"])
            return str(error)
        case _:
            return str(error)


def _rank(error: Exception) -> int:
    """Return how little an exception matters beside others: a held child may still go on."""
    match error:
        case SecClosing():
            return 0
        case SagaFailed():
            return 1
        case SagaHeldError() | SagaHaltedError():
            return 3
        case _:
            return 2
