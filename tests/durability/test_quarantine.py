"""A real process that one of its sagas kills: it does so five times, and no more."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

import steno
from steno.store import ListQuery
from steno.stores import SqliteSecStore

PROGRAM = Path(__file__).with_name("deadly_program.py")
PATIENCE = 60
DEADLY = UUID(int=1)


def live(path: Path) -> int:
    """Let a process live, and return how it ended."""
    command = [sys.executable, "-W", "error", str(PROGRAM), str(path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        return process.wait(PATIENCE)


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what six processes have left, five of which were killed."""
    path = tmp_path_factory.mktemp("killed") / "sagas.db"
    assert [live(path) for _ in range(6)] == [*[-signal.SIGKILL] * 5, 0]
    return path


async def test_a_saga_that_kills_its_process_does_so_five_times(left: Path):
    """The sixth process puts it into quarantine, and sees the other saga to its end."""
    async with SqliteSecStore(left).open_reader() as reader:
        deadly, sound = await reader.list(ListQuery())
    assert (deadly.saga_name, sound.saga_name) == ("deadly", "sound")
    assert sound.state is steno.SagaCachedState.SUCCEEDED
    assert sound.problem is None
    assert deadly.state is steno.SagaCachedState.RUNNING
    assert deadly.problem == (
        "it is quarantined: the last 5 lives of its SEC crashed while a call of node "
        '"deadly1" was under way; find out why, then saga_recover it'
    )


async def test_a_mended_build_goes_on_with_it(left: Path, tmp_path: Path):
    """As the sixth process ended normally, the next one tries it again by itself."""
    path = tmp_path / "sagas.db"
    shutil.copy(left, path)
    registry = steno.ActionRegistry()

    @registry.action(undo=steno.NOOP)
    async def die(ctx: steno.ActionContext[None]) -> None:
        """Do no harm any more."""

    @registry.action(undo=steno.NOOP)
    async def work(ctx: steno.ActionContext[None]) -> str:
        pytest.fail("it has succeeded already")

    async with steno.open_sec(SqliteSecStore(path), registry) as sec:
        (await sec.saga_wait(DEADLY)).unwrap()  # it may be over by now
        assert (await sec.saga_list())[0].problem is None
