"""
A WAL file that ends early, as after a loss of power on a disk that keeps less than it has said.

Wherever it is cut, what is left is a state that there was: the file opens, each saga has a part of
its log from the beginning, and all that are there go on and end rightly.
"""

import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import attrs
import pytest
import trio

import steno
from steno.store import StoredSaga
from support.crash import Job
from support.disk import JOBS, Work, check_prefixes, stored

HERE = Path(__file__).parent
CUTS = int(os.environ.get("STENO_CUTS", "24"))
"""How many cut points are tried, drawn from all frames."""

SEED = int(os.environ.get("STENO_SEED", "1"))
WAL_HEADER, FRAME_HEADER = 32, 24

KILLED = """
import os, sys
from pathlib import Path
import trio
from support.disk import JOBS, Work

async def main():
    work = Work(Path(sys.argv[1]), size=300)
    async with work.open() as sec:
        for saga in [await work.start(sec, job) for job in JOBS * 2]:
            await saga.wait()
        work.held |= {"b", "d"}
        for job in JOBS * 2:
            await work.start(sec, job)
        await work.until_called("b")
        print(*(f"{saga_id}={JOBS.index(job)}" for saga_id, job in work.jobs.items()), flush=True)
        os.kill(os.getpid(), 9)

trio.run(main)
"""


@attrs.frozen
class Wreck:
    """
    What a process has left that was killed.

    Attributes:
        database: Its file.
        wal: Its WAL file.
        jobs: Its sagas.
        logs: What all of it together says.
    """

    database: bytes
    wal: bytes
    jobs: dict[steno.SagaId, Job]
    logs: Mapping[steno.SagaId, StoredSaga]

    def frames(self) -> int:
        """Count those that were written since it was last begun anew."""
        salts = self.wal[16:24]
        number = 0
        while self.wal[(at := WAL_HEADER + number * self.frame + 8) : at + 8] == salts:
            number += 1
        return number

    @property
    def written(self) -> int:
        """So many bytes have all that was written."""
        return WAL_HEADER + self.frames() * self.frame

    @property
    def frame(self) -> int:
        return FRAME_HEADER + struct.unpack(">I", self.wal[8:12])[0]

    def cut(self, path: Path, length: int) -> Work:
        """Write it to a new place, with so much of its WAL file."""
        path.write_bytes(self.database)
        Path(f"{path}-wal").write_bytes(self.wal[:length])
        return Work(path, size=300, jobs=dict(self.jobs))


@pytest.fixture(scope="module")
def wreck(tmp_path_factory: pytest.TempPathFactory) -> Wreck:
    path = tmp_path_factory.mktemp("wreck") / "trips.db"
    process = subprocess.run(
        [sys.executable, "-c", KILLED, path],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == -9, process.stderr
    pairs = (word.split("=") for word in process.stdout.split())
    jobs = {steno.SagaId(UUID(saga_id)): JOBS[int(number)] for saga_id, number in pairs}
    database, wal = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    logs = trio.run(stored, path)
    assert logs.keys() == jobs.keys()
    return Wreck(database, wal, jobs, logs)


def cut_points(wreck: Wreck) -> Iterator[int]:
    """Give lengths of the WAL file: none, its header, and before, at, within and after frames."""
    chosen = random.Random(SEED)
    yield from (0, 1, WAL_HEADER - 1, WAL_HEADER, wreck.written - 1, wreck.written)
    yield from (wreck.written + 1, wreck.written + wreck.frame, len(wreck.wal) - 1, len(wreck.wal))
    frames = range(wreck.frames())
    for number in sorted(chosen.sample(frames, min(CUTS, len(frames)))):
        start = WAL_HEADER + number * wreck.frame
        within = chosen.choice([0, 1, FRAME_HEADER, FRAME_HEADER + 1, wreck.frame - 1])
        yield start + (within if number % 3 else 0)


async def test_a_wal_that_is_cut_leaves_each_saga_a_part_of_its_log(wreck: Wreck, tmp_path: Path):
    """Those that it leaves go on from there, and end; what is gone leaves nothing in the way."""
    sizes = set()
    for number, length in enumerate(cut_points(wreck)):
        work = wreck.cut(tmp_path / f"{number}.db", length)
        async with steno.SqliteSecStore(work.path).open():
            pass  # a file that has no tables yet gets them
        left = await work.stored()
        check_prefixes(wreck.jobs, wreck.logs, left)
        sizes.add(sum(len(saga.events) for saga in left.values()))
        work.jobs = {saga_id: wreck.jobs[saga_id] for saga_id in left}
        async with work.open() as sec:
            for saga_id in left:
                with suppress(steno.SagaNotReady):  # its start may be in what is gone
                    await sec.saga_start(saga_id)
                await sec.saga_wait(saga_id)
            await (await work.start(sec)).wait()
        await work.check()
    assert len(sizes) > 5
    assert max(sizes) == sum(len(saga.events) for saga in wreck.logs.values())


async def test_a_wal_of_which_a_bit_has_turned_is_as_one_that_ends_there(
    wreck: Wreck, tmp_path: Path
):
    """Each frame has a checksum: from the first that is wrong on, it was never written."""
    chosen = random.Random(SEED)
    for number in range(10):
        wal = bytearray(wreck.wal)
        at = chosen.randrange(WAL_HEADER + wreck.frame, wreck.written)
        wal[at] ^= 1 << chosen.randrange(8)
        spoilt = attrs.evolve(wreck, wal=bytes(wal)).cut(tmp_path / f"{number}.db", len(wal))
        whole = WAL_HEADER + (at - WAL_HEADER) // wreck.frame * wreck.frame
        ended = wreck.cut(tmp_path / f"{number}-cut.db", whole)
        for work in (spoilt, ended):
            async with steno.SqliteSecStore(work.path).open():
                pass
        left = await spoilt.stored()
        assert left == await ended.stored()
        check_prefixes(wreck.jobs, wreck.logs, left)


async def test_a_wal_with_a_tail_has_all_that_was_written(wreck: Wreck, tmp_path: Path):
    """Whatever follows it: nothing, zeros, or what a disk that lost power has put there."""
    noise = random.Random(SEED).randbytes(5 * wreck.frame)
    old = wreck.wal[WAL_HEADER:][: 5 * wreck.frame]
    for number, tail in enumerate(
        [b"", bytes(1), bytes(5 * wreck.frame), bytes(7) + noise, noise, old]
    ):
        whole = attrs.evolve(wreck, wal=wreck.wal[: wreck.written] + tail)
        work = whole.cut(tmp_path / f"{number}.db", len(whole.wal))
        async with work.open() as sec:
            await (await work.start(sec)).wait()
        await work.check()
        left = whole.cut(tmp_path / f"{number}-left.db", len(whole.wal))
        assert await left.stored() == wreck.logs


async def test_a_wal_that_is_gone_leaves_what_was_checkpointed(wreck: Wreck, tmp_path: Path):
    """An index of it that was left behind is not believed."""
    alone = wreck.cut(tmp_path / "alone.db", 0)
    misled = wreck.cut(tmp_path / "misled.db", len(wreck.wal))
    remains(misled.path)
    for work in (alone, misled):
        async with steno.SqliteSecStore(work.path).open():
            pass
    left = await misled.stored()
    assert left == await alone.stored()
    check_prefixes(wreck.jobs, wreck.logs, left)


def remains(path: Path) -> None:
    """Take the WAL file away, and leave an index of it."""
    Path(f"{path}-wal").unlink()
    Path(f"{path}-shm").write_bytes(b"\x18\xe2\x2d\x00" * 8192)
