"""
A program whose disk is full: it runs sagas on it, and says a line for each thing that happens.

The disk is one with a limit on what a process may write (`limit`), which needs no privilege, or a
file system that a big file (`filler`) fills. A line on its input mends it.
"""

import json
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

import attrs
import trio

import steno
from support.disk import JOBS, Work, until

LARGE = 4_000_000
"""More than the room that there is in a WAL file before the disk is full."""


@attrs.frozen
class Disk:
    """
    What can be full.

    Attributes:
        path: The store.
        limit: Bytes that a file may have, at most; None for no limit.
        filler: A file that takes up all the space that is left; None for none.
    """

    path: Path
    limit: int | None
    filler: Path | None

    def fill(self) -> None:
        if self.limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, resource.RLIM_INFINITY))
        if self.filler is not None:
            with suppress(OSError), self.filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if self.filler is not None:
            self.filler.unlink()


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - the parent listens


async def told() -> None:
    """Wait for a line of the parent."""
    await trio.to_thread.run_sync(sys.stdin.readline)


async def go_on(disk: Disk, work: Work) -> None:
    """Let the disk be full for less than the store's patience."""
    async with work.open() as sec:
        for number in range(30):
            await work.start(sec, JOBS[number % len(JOBS)])
        await work.until_called("a")
        disk.fill()
        work.let_go()
        await until(lambda: sec.statistics().writer.failures >= 3)
        say("full", sec.statistics().halted)
        await told()
        disk.mend()
        for saga_id in work.jobs:
            await sec.saga_wait(saga_id)


async def halt(disk: Disk, work: Work) -> None:
    """Let the disk be full for longer; when it is mended the sagas are recovered."""
    async with work.open(store_patience=0.2) as sec:
        for number in range(30):
            await work.start(sec, JOBS[number % len(JOBS)])
        await work.until_called("a")
        disk.fill()
        work.let_go()
        problems = {await why_halted(sec, saga_id) for saga_id in work.jobs}
        try:
            await sec.saga_create(steno.SagaDag(JOBS[0].spec.dag(), "x" * LARGE))
        except steno.StoreUnavailable as error:
            problems.add(f"not created: {error}")
        say("full", json.dumps(sorted(problems)))
        await told()
        disk.mend()
        for saga_id in work.jobs:
            await (await sec.saga_recover(saga_id)).wait()


async def reopen(disk: Disk, work: Work) -> None:
    """Leave while the disk is full; what comes after is for the next open."""
    async with work.open(store_patience=0.2) as sec:
        for number in range(30):
            await work.start(sec, JOBS[number % len(JOBS)])
        await work.until_called("a")
        disk.fill()
        work.let_go()
        for saga_id in work.jobs:
            await why_halted(sec, saga_id)
    say("full", len(work.jobs))
    await told()
    disk.mend()
    await work.finish()


async def open_full(disk: Disk, work: Work) -> None:
    """Open a store for the first time when the disk is full already."""
    disk.fill()
    try:
        async with work.open():
            say("open")
    except steno.StoreUnavailable as error:
        say("full", error)
    await told()
    disk.mend()
    work.let_go()
    async with work.open() as sec:
        for job in JOBS:
            await work.start(sec, job)


async def why_halted(sec: steno.SecClient, saga_id: steno.SagaId) -> str:
    """Wait until a saga is halted, or finished, as some may be that are out before the rest."""
    try:
        await sec.saga_wait(saga_id)
    except steno.SagaHaltedError as halted:
        return halted.problem
    return "finished"


async def main(what: str, path: str, limit: int | None, filler: str | None) -> None:
    """Do what is told, check that all is well in the end, and put the file where it is asked."""
    disk = Disk(Path(path), limit, None if filler is None else Path(filler))
    work = Work(disk.path, size=100_000, held={"a"})
    with trio.fail_after(60):
        await {"go on": go_on, "halt": halt, "reopen": reopen, "open": open_full}[what](disk, work)
    await work.check()
    say("ended", len(work.jobs))


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    trio.run(main, *json.loads(sys.argv[1]))
