"""The SQLite store does all that a store has to do, with its thread, without, and with both."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steno import SagaId
from steno.stores import SqliteSecStore
from steno.testing import conformance


class File:
    """A database file, and what can be done to it from outside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = datetime(2026, 5, 4, 8, tzinfo=UTC)

    def subject(self, mode: str) -> conformance.Subject:
        inline, commits = mode == "inline", mode == "inline commits"
        return conformance.Subject(
            SqliteSecStore(
                self.path, inline=inline, inline_commits=commits, clock=lambda: self.now
            ),
            make_newer=lambda: self.execute("PRAGMA user_version = 999"),
            failing=self.locked,
            damage=self.damage,
            advance=self.advance,
        )

    def execute(self, statement: str, *values: object) -> int:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            return db.execute(statement, values).rowcount

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock that a writer needs."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")

    def damage(self, saga_id: SagaId) -> None:
        """Make an event of what is none."""
        damaged = self.execute(
            "UPDATE step SET events = replace(events, 'started', 'torn') WHERE seq = 0 AND saga_key"
            " = (SELECT saga_key FROM saga WHERE saga_id = ?)",
            saga_id.bytes,
        )
        assert damaged == 1

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.mark.parametrize("mode", ["thread", "inline", "inline commits"])
@pytest.mark.parametrize("demand", conformance.DEMANDS, ids=str)
async def test_it_passes(
    demand: conformance.Demand, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Every demand, none skipped."""
    monkeypatch.setattr("steno.stores.sqlite._file.PATIENCE", 0.01)  # seconds, for each lock
    monkeypatch.setattr("steno.stores.sqlite._haste.ENOUGH", 0)  # all that it may, from the first
    monkeypatch.setattr("steno.stores.sqlite._haste.QUICK", 60.0)
    await demand.run(File(tmp_path / "sagas.db").subject(mode))
