"""Stores that go wrong when they are opened, left or cancelled."""

from contextlib import asynccontextmanager

import trio

from steno import StoreError, StoreInUse, StoreUnavailable
from steno.core import Failed
from support.broken._registry import caught_by
from support.hooked import HookedSession, HookedStore, a_while

# Opening again


class LeftStore(HookedStore):
    """A store to which `left` happens each time it was left."""

    @asynccontextmanager
    async def open(self):
        async with super().open() as session:
            yield session
        self.left()


@caught_by("migration: what was stored is there when the store is opened again")
class ForgetsProblems(LeftStore):
    def left(self):
        for row in self._rows.values():
            row.problem = None


@caught_by("migration: what was stored is there when the store is opened again")
class ForgetsWhatIsFinished(LeftStore):
    def left(self):
        for row in self._rows.values():
            row.events = [] if row.state.finished else row.events


@caught_by("migration: every kind of event is there when the store is opened again")
class ForgetsEventsThatHaveFailed(LeftStore):
    def left(self):
        for row in self._rows.values():
            row.events = [each for each in row.events if not isinstance(each.event_type, Failed)]


@caught_by(
    "migration: an empty store may be opened again",
    "migration: what was stored is there when the store is opened again",
)
class MakesItsTablesEachTime(LeftStore):
    opened = 0

    @asynccontextmanager
    async def open(self):
        async with super().open() as session:
            if self.opened:
                raise StoreError("table saga already exists")
            yield session

    def left(self):
        self.opened += 1


@caught_by("migration: what a newer release has written is refused")
class OpensWhatIsNewer(HookedStore):
    def make_newer(self):
        pass


@caught_by("migration: what a newer release has written is refused")
class SaysThatWhatIsNewerWillPass(HookedStore):
    @asynccontextmanager
    async def open(self):
        if self.newer:
            raise StoreUnavailable("a newer release has written this")
        async with super().open() as session:
            yield session


@caught_by("migration: what a newer release has written is refused")
class MakesWhatIsNewerOlder(HookedStore):
    @asynccontextmanager
    async def open(self):
        newer, self.newer = self.newer, False
        if newer:
            raise StoreError("a newer release has written this")
        async with super().open() as session:
            yield session


@caught_by("migration: what a newer release has written is refused")
class DoesNotSayWhatIsWrong(HookedStore):
    @asynccontextmanager
    async def open(self):
        if self.newer:
            raise StoreError("no such column: shard")
        async with super().open() as session:
            yield session


@caught_by("faults: a saga that cannot be read says so")
class DoesNotSayWhatCanNotBeRead(HookedStore):
    def load(self, saga_id):
        if saga_id in self.damaged:
            return None
        return super().load(saga_id)


@caught_by("faults: a saga that cannot be read says so")
class TakesOverOnlyWhatCanBeRead(HookedStore):
    def take_over(self, sec_name):
        for saga_id in list(self.damaged):
            self._rows.pop(saga_id, None)
        return super().take_over(sec_name)


# Leaving


@caught_by("session: a session that was left is closed")
class NeverCloses(HookedStore):
    @asynccontextmanager
    async def open(self):
        await trio.lowlevel.checkpoint()
        yield self.session_class(self)


@caught_by("session: a session is closed however it is left")
class ClosesWhenAllIsWell(HookedStore):
    @asynccontextmanager
    async def open(self):
        await trio.lowlevel.checkpoint()
        session = self.session_class(self)
        yield session
        session.closed = True


@caught_by("session: a session is closed however it is left")
class WrapsWhatTheBodyRaises(HookedStore):
    @asynccontextmanager
    async def open(self):
        async with super().open() as session:
            try:
                yield session
            except Exception as error:
                raise StoreError("the session was left") from error


@caught_by("session: a read that is under way ends with its session")
class LetsReadsCrash(HookedStore):
    class session_class(HookedSession):  # noqa: N801 - it stands for the attribute
        async def load(self, saga_id):
            found = await super().load(saga_id)
            await a_while()
            if self.closed:
                raise ValueError("operation on closed database")
            return found


@caught_by("session: a second session is refused or fenced")
class DoesNotSayWhoHasIt(HookedStore):
    busy = False

    @asynccontextmanager
    async def open(self):
        if self.busy:
            raise StoreInUse("it", "")
        async with super().open() as session:
            self.busy = True
            yield session
            self.busy = False


@caught_by("session: a second session is refused or fenced")
class StaysLocked(HookedStore):
    opened = 0

    @asynccontextmanager
    async def open(self):
        self.opened += 1
        if self.opened > 1:
            raise StoreInUse("it", "a process that is gone")
        async with super().open() as session:
            yield session


# Cancelling


class TornSession(HookedSession):
    """Writes a batch in several transactions, and may be cancelled between two."""

    async def record(self, batch):
        store = await self.checked()
        outcomes = []
        for write in batch:
            await a_while()
            outcomes.append(store.write(write))
        return outcomes


@caught_by(
    "session: a batch is seen whole or not at all",
    "cancel: a batch that is cancelled is whole or not there",
    "cancel: a session that is left in the midst of a batch writes it whole",
)
class TearsBatches(HookedStore):
    session_class = TornSession


class LateSession(HookedSession):
    """Puts a batch that is cancelled aside."""

    async def record(self, batch):
        try:
            await a_while()
        except trio.Cancelled:
            self.store.late.append(batch)
            raise
        return await super().record(batch)


@caught_by("cancel: a session that is left in the midst of a batch writes it whole")
class WritesLate(HookedStore):
    session_class = LateSession

    def __init__(self):
        super().__init__()
        self.late = []

    def take_over(self, sec_name):
        while self.late:
            for write in self.late.pop():
                self.write(write)
        return super().take_over(sec_name)


class LockedSession(HookedSession):
    """Has a lock that a call which is cancelled does not give back."""

    busy = False

    async def _checkpoint(self):
        store = await super()._checkpoint()
        if self.busy:
            raise StoreError("another call is under way")
        self.busy = True
        await a_while()
        self.busy = False
        return store


@caught_by("cancel: a session goes on after a call that was cancelled")
class KeepsItsLock(HookedStore):
    session_class = LockedSession


class ForgetfulSession(HookedSession):
    """Loses the claims of a take-over that was cancelled."""

    async def take_over(self, sec_name):
        taken = await super().take_over(sec_name)
        try:
            await a_while()
        except trio.Cancelled:
            for claim in taken.claims:
                self.store.forget(claim.saga_id)
            raise
        return taken


@caught_by("cancel: a session goes on after a call that was cancelled")
class LosesSagasWhenCancelled(HookedStore):
    session_class = ForgetfulSession

    def forget(self, saga_id):
        del self._rows[saga_id]
