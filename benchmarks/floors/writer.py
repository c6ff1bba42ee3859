"""A writer that commits for all who wait: one thread, one transaction for what has gathered."""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import attrs
import trio

from benchmarks.floors.append import INSERT, Row, make_table, open_file

_Job: TypeAlias = tuple[Sequence[Row], trio.Event]


def _tell(done: Iterable[trio.Event]) -> None:
    for event in done:
        event.set()


@attrs.define(eq=False)
class GroupWriter:
    """Writes rows; while one transaction is on its way to the disk, the next one gathers."""

    path: Path
    _jobs: queue.SimpleQueue[_Job | None] = attrs.field(factory=queue.SimpleQueue)
    _token: trio.lowlevel.TrioToken = attrs.field(factory=trio.lowlevel.current_trio_token)

    async def write(self, rows: Sequence[Row]) -> None:
        """Write rows; they are on the disk when this returns."""
        done = trio.Event()
        self._jobs.put((rows, done))
        await done.wait()

    def run(self) -> None:
        """Write until it is stopped; in the thread."""
        db = open_file(self.path)
        make_table(db)
        while (job := self._jobs.get()) is not None:
            batch = [job]
            for _ in range(self._jobs.qsize()):
                if (job := self._jobs.get()) is None:
                    self._jobs.put(None)
                else:
                    batch.append(job)
            db.execute("BEGIN")
            db.executemany(INSERT, [row for rows, _ in batch for row in rows])
            db.execute("COMMIT")
            self._token.run_sync_soon(_tell, [done for _, done in batch])
        db.close()

    def stop(self) -> None:
        """End the thread after what was given to it."""
        self._jobs.put(None)


@asynccontextmanager
async def group_writer(path: Path) -> AsyncGenerator[GroupWriter, None]:
    """Open a file for a writer, and its thread."""
    writer = GroupWriter(path)
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop()
        thread.join()
        await trio.lowlevel.cancel_shielded_checkpoint()
