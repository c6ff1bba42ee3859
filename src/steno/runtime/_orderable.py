"""What can be ordered of a saga and of its nodes, by a handle."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

import attrs

from steno.core import NULL, SagaId, Verb, inputs
from steno.errors import RecoveryError, SagaHaltedError
from steno.runtime._access import SecAccess
from steno.runtime._message import Loads, OrderSaga
from steno.runtime._order import Details, Signature, checked_deadline, checked_signal, completion


@attrs.frozen
class Orderable:
    """
    A saga of a SEC, which takes orders.

    An order is an event of the saga's log. Once a method has returned, it is durable, with what
    follows from it, and is carried out also after a crash. One that is refused leaves no trace.

    A saga that is halted, or that a SEC opened with `recover=False` has not recovered, takes orders
    as well: they are logged, with what they say of their own node, and nothing is begun until the
    saga is recovered. So it can be started, paused, unwound, or abandoned, and then it is finished.
    """

    saga_id: SagaId
    _sec_access: SecAccess = attrs.field(repr=False)

    async def pause(
        self, *, by: str | None = None, why: str | None = None, expect: int | None = None
    ) -> None:
        """
        Order that nothing of the saga is begun; calls under way end, and are logged.

        It stays so, through restarts too, until `resume` or `unwind`. Once its calls have ended,
        the saga takes no memory.

        Args:
            by: Who orders it; None: the SEC.
            why: The reason, for the log.
            expect: See `hold`.

        Raises:
            OrderRefused: The saga is paused already, or has ended.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._give(Verb.PAUSE, Signature(by, why, expect))

    async def resume(
        self, *, by: str | None = None, why: str | None = None, expect: int | None = None
    ) -> None:
        """
        Order that a paused saga goes on.

        Args:
            by: Who orders it; None: the SEC.
            why: The reason, for the log.
            expect: See `hold`.

        Raises:
            OrderRefused: The saga is not paused, or is finished.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._give(Verb.RESUME, Signature(by, why, expect))

    async def unwind(
        self,
        *,
        why: str,
        cancel: bool = False,
        by: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that all that the saga has done is undone, even if it succeeded long ago.

        What is under way ends first, and is undone then; a pause ends. A saga that was never
        started fails at once. Those who wait for the saga get a `SagaResultErr` with the source
        `Unwound`.

        Args:
            why: The reason, for the log.
            cancel: Whether calls of actions are cancelled that provide for doubt; their nodes have
                failed in doubt then, unless a probe says otherwise. In an unwinding, too.
            by: Who orders it; None: the SEC.
            expect: See `hold`.

        Raises:
            ValueError: The reason is empty.
            OrderRefused: The saga unwinds already, and nothing is to be cancelled; or it has
                failed, or is stuck or abandoned.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._give(Verb.UNWIND, Signature(by, why, expect, cancel))

    async def abandon(self, *, why: str, by: str | None = None, expect: int | None = None) -> None:
        """
        Order that the saga is finished as it stands; what is not undone stays.

        Calls under way are cancelled, and what they still say is dropped. Those who wait for the
        saga get a `SagaResultErr` with the source `Abandoned`.

        A saga that cannot be read at all is abandoned in its row: its problem says by whom, and
        why. Nobody knows its result; those who wait for it get a `SagaHaltedError`.

        Args:
            why: The reason, for the log.
            by: Who orders it; None: the SEC.
            expect: See `hold`.

        Raises:
            ValueError: The reason is empty.
            OrderRefused: The saga is finished: it has succeeded or failed, or was abandoned.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        access = self._sec_access
        order = Signature(by, why, expect).order(access, None, Verb.ABANDON)
        try:
            await self._send(order)
        except (SagaHaltedError, RecoveryError) as error:
            if not isinstance(error, RecoveryError) and not isinstance(
                error.__cause__, RecoveryError
            ):
                raise
            await access.absent.check_unread(self.saga_id, order)
            await access.asker.ask(OrderSaga(self.saga_id, order, Loads.UNREAD))

    async def deadline(
        self,
        at: datetime | None,
        *,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that the saga is unwound at a time, unless it has ended by then, or unwinds.

        The last one counts. While the saga is ready or paused nothing happens: a deadline that has
        passed by then takes effect when it is started, or resumed.

        Args:
            at: The time, with a time zone; None: there is no deadline any more.
            by: Who orders it; None: the SEC.
            why: The reason, for the log.
            expect: See `hold`.

        Raises:
            TypeError: The time is not a datetime.
            ValueError: It has no time zone.
            OrderRefused: The saga has ended.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        time = checked_deadline(at)
        await self._give(Verb.DEADLINE, Signature(by, why, expect), at=time)

    async def signal(
        self,
        name: str,
        value: object = None,
        *,
        replace: bool = False,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Send a value to the nodes that wait for a signal, now or later; see `Node.signal`.

        Sending the same value again changes nothing.

        Args:
            name: The name of the signal.
            value: What is sent.
            replace: Whether it may take the place of another value that no node has taken yet.
            by: Who sends it; None: the SEC.
            why: The reason, for the log.
            expect: See `hold`.

        Raises:
            TypeError: The name is not a str.
            SerializeError: The value cannot be stored as JSON.
            OrderRefused: The saga has ended, or no node of it waits for that signal, or another
                value was sent before.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        checked_signal(name)
        text = self._sec_access.codec.encode(value)
        await self._give(
            Verb.SIGNAL, Signature(by, why, expect), signal=name, value=text, replace=replace
        )

    async def hold(
        self,
        node: str | int,
        *,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that a node is not begun, or, once it has begun, that it is not undone.

        A breakpoint: it stays in effect, through restarts too, until somebody orders to `retry` the
        node.

        Args:
            node: The node, by index, name or path.
            by: Who orders it; None: the SEC.
            why: The reason, for the log.
            expect: The number of events in the log that they have seen. If it has grown, the order
                is refused.

        Raises:
            OrderRefused: The node's undo has begun, or it is never begun, or it is held already;
                nothing has changed.
            NoSuchNode: The saga has no such node.
            NoSuchSaga: No saga has that id.
            SagaNotRunning: It is finished.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
            SecClosing: The SEC is being left.
        """
        await self._order(node, Verb.HOLD, Signature(by, why, expect))

    async def retry(
        self,
        node: str | int,
        *,
        cancel: bool = False,
        by: str | None = None,
        why: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that the next attempt of a node, or of its undo, is made now.

        For a node that is held or backs off, and for one that an order holds; the order is durable
        before it has any effect. What follows after that attempt is up to the action's policy.

        Args:
            node: See `hold`, as for the others.
            cancel: Whether it is also for a call under way, which is cancelled then, and counts as
                a failed attempt. Once its task has ended, whatever that says, it is made again;
                but an action is not while its saga unwinds.
            by: See there.
            why: See there.
            expect: See there.

        Raises:
            OrderRefused: The node neither is held nor waits for another attempt.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._order(node, Verb.RETRY, Signature(by, why, expect, cancel))

    async def fail(
        self,
        node: str | int,
        *,
        why: str,
        cancel: bool = False,
        by: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Order that a node fails with its last error, instead of being tried again.

        For a node that is held, backs off or sleeps, while its saga does not unwind; it does then.

        Args:
            node: See `hold`, as for the others.
            why: The reason, for the log.
            cancel: Whether it is also for a call of the action that is under way, which is
                cancelled then. Whatever that call says, the node has failed once its task has
                ended, in doubt where its action provides for that.
            by: See there.
            expect: See there.

        Raises:
            ValueError: The reason is empty.
            OrderRefused: The node does not wait for anything.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._order(node, Verb.FAIL, Signature(by, why, expect, cancel))

    async def complete(
        self,
        node: str | int,
        output: object = None,
        *,
        why: str,
        cancel: bool = False,
        by: str | None = None,
        expect: int | None = None,
    ) -> None:
        """
        Tell the saga that somebody did by hand what a node, or its undo, was to do.

        For a node that is held, backs off or sleeps, and for an undo that is held, backs off or has
        failed. The node has succeeded then, or counts as undone; it is not called.

        Args:
            node: See `hold`, as for the others.
            output: What the action would have returned; None for an undo and for a sleep.
            why: The reason, for the log.
            cancel: Whether it is also for a call under way, which is cancelled then. Once its task
                has ended, whatever that says, the node has succeeded, or counts as undone.
            by: See there.
            expect: See there.

        Raises:
            ValueError: The reason is empty.
            SerializeError: The output cannot be stored as JSON.
            OrderRefused: The node does not wait for anything.
            CommandError: Otherwise as `hold`.
            SagaHaltedError: It belongs to another SEC, or cannot be read.
        """
        await self._order(node, Verb.COMPLETE, Signature(by, why, expect, cancel), output)

    async def _order(
        self, node: str | int, verb: Verb, signature: Signature, output: object = None
    ) -> None:
        access = self._sec_access
        dag = await access.dag_of(self.saga_id)
        index = dag.get_index(node)
        text = NULL if output is None else completion(access, dag, index, output)
        await self._send(signature.order(access, index, verb, value=text))

    async def _give(self, verb: Verb, signature: Signature, **details: Unpack[Details]) -> None:
        await self._send(signature.order(self._sec_access, None, verb, **details))

    async def _send(self, order: inputs.Order) -> None:
        access, loads = self._sec_access, Loads.NOT
        # Again where it could not be loaded to go on: then it is halted, and takes orders as such.
        while not_here := await access.asker.ask(OrderSaga(self.saga_id, order, loads)):
            loads = await access.absent.loads(not_here, order)
