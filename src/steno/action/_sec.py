"""
The SEC as an action sees it: what it can create, wait for and order from within.

A protocol, as actions know nothing of the runtime; its `SecClient` and `SagaHandle` have these
methods, and describe them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from steno.core import SagaDag, SagaId, SagaResult, SagaView


class SecSaga(Protocol):
    """One saga, as an action sees it; `SagaHandle` is one."""

    @property
    def saga_id(self) -> SagaId:
        """The saga."""
        ...

    async def start(
        self, *, by: str | None = None, why: str | None = None, expect: int | None = None
    ) -> None:
        """Start it; see `SagaHandle.start`."""
        ...

    async def wait(self) -> SagaResult:
        """Wait until it is finished, and return its result; see `SecClient.saga_wait`."""
        ...

    async def view(self) -> SagaView:
        """Return a view of it; see `SecClient.saga_get`."""
        ...

    async def unwind(
        self,
        *,
        why: str,
        cancel: bool = False,
        by: str | None = None,
        expect: int | None = None,
    ) -> None:
        """Order that all that it has done is undone; see `SagaHandle.unwind`."""
        ...

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
        """Send it a value; see `SagaHandle.signal`."""
        ...


class Sec(Protocol):
    """
    The SEC that runs an action, as `ctx.sec`; `SecClient` is one.

    A saga that an action creates needs an id that is the same when the action is called again, as
    from `ctx.uuid`. An action that waits for a saga lets `SecClosing` pass, as it is called again
    at the next open.
    """

    async def saga_create(
        self,
        dag: SagaDag,
        *,
        saga_id: UUID | None = None,
        start: bool = False,
        if_exists: Literal["compare", "use"] = "compare",
        tags: Mapping[str, str] | None = None,
        deadline: datetime | None = None,
    ) -> SecSaga:
        """Store a saga, and return its handle; see `SecClient.saga_create`."""
        ...

    async def saga_run(
        self,
        dag: SagaDag,
        *,
        saga_id: UUID | None = None,
        tags: Mapping[str, str] | None = None,
        deadline: datetime | None = None,
    ) -> SagaResult:
        """Create a saga, start it, and return its result; see `SecClient.saga_run`."""
        ...

    async def saga_start(self, saga_id: UUID) -> None:
        """Start a ready saga; see `SecClient.saga_start`."""
        ...

    async def saga_wait(self, saga_id: UUID) -> SagaResult:
        """Wait until a saga is finished; see `SecClient.saga_wait`."""
        ...

    async def saga_get(self, saga_id: UUID) -> SagaView:
        """Return a view of a saga; see `SecClient.saga_get`."""
        ...

    def saga_handle(self, saga_id: UUID) -> SecSaga:
        """Return a handle of a saga; see `SecClient.saga_handle`."""
        ...
