"""A file that an older release has written opens, and its sagas go on where they were."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import steno
from steno.store import ListQuery
from steno.stores import SqliteSecStore
from support.shell import FAILED, PROBLEM, READY, RUNNING, STUCK, SUCCEEDED, UNWINDING, registry

FILES = sorted((Path(__file__).parent / "files").glob("*.sql"))
"""
Databases as SQL, one of each schema version: `Connection.iterdump()` of what `support.shell.filled`
made with the release that wrote it, and then `PRAGMA user_version` and `PRAGMA application_id`.
"""

STATES = {
    READY: "ready",
    RUNNING: "succeeded",
    UNWINDING: "failed",
    SUCCEEDED: "succeeded",
    FAILED: "failed",
    STUCK: "stuck",
    PROBLEM: "failed",
}
"""What becomes of the sagas of such a file; those in flight are seen to their end."""


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database as an older release has left it."""
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(request.param.read_text(encoding="utf-8"))
    return path


REASONS = {STUCK: "stuck", PROBLEM: "halted"}
"""Why a person should look at some of them; an older release did not say at which node."""


async def test_what_needs_attention_is_told_of_an_older_file(path: Path):
    """By states and problems, as soon as it has been opened."""
    store = SqliteSecStore(path)
    async with store.open() as session:
        found = {
            saga.saga_id: saga.concern.attention.value
            for saga in await session.list(ListQuery())
            if saga.concern is not None
        }
        groups = await session.attention(ListQuery())
    assert found == REASONS
    assert [group.attention.value for group in groups] == ["halted", "stuck"]


async def test_a_file_of_an_older_release_opens_with_sagas_in_flight(path: Path):
    """None is lost; what had ended stays so, what had not comes to its end."""
    async with steno.open_sec(SqliteSecStore(path), registry, sec_name="trips") as sec:
        for saga_id in (RUNNING, UNWINDING, PROBLEM):
            await sec.saga_wait(saga_id)
        assert {each.saga_id: each.state.value for each in await sec.saga_list()} == STATES
        await sec.saga_start(READY)
        assert isinstance(await sec.saga_wait(READY), steno.SagaResultOk)


def test_there_is_a_file_of_each_schema():
    """A new version of the schema comes with a file that the previous release wrote."""
    migrations = Path(steno.__file__).parent / "stores" / "sqlite" / "sql"
    assert [int(file.stem.removeprefix("schema-")) for file in FILES] == list(
        range(1, len(list(migrations.glob("*.sql"))) + 1)
    )
