"""
Damaged rows: whatever stands in a column, it costs its own saga and no others.

Every column of every table is damaged by hand, past all that SQLite would see, in a file with a
saga in each state.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import attrs
import pytest
import trio
from click.testing import Result

import steno
from steno.cli._exit import Exit
from steno.core import SagaCachedState
from steno.store import ListQuery, SagaSummary, SecStoreReader
from steno.stores import SqliteSecStore
from steno.stores.sqlite import _doctor as doctor
from support.crash import silence
from support.shell import (
    FAILED,
    GOOD,
    PROBLEM,
    RUNNING,
    STORED,
    SUCCEEDED,
    TAGS,
    UNWINDING,
    Shell,
    filled,
    registry,
)

VALUES = {
    "NULL": "NULL",
    "a negative number": "-1",
    "the largest number": f"{2**63 - 1}",
    "the least number": f"{-(2**63)}",
    "half a number": "0.5",
    "a word": "'x'",
    "a text with NUL": "'a' || char(0) || 'b'",
    "a text that is not UTF-8": "CAST(x'ff22' AS TEXT)",
    "bytes": "x'ff'",
    "bytes like an id": "x'000102030405060708090a0b0c0d0e0f'",
}
"""What is put into a column, in the language of SQL."""

JSONS = {
    "lists in lists": f"'{'[' * 900}{']' * 900}'",
    "lists without end": f"'{'[' * 100_000}'",
    "an unpaired surrogate": "'\"\\ud800\"'",
}
"""What is put into a column that holds JSON, too."""

WHERE = {
    "saga": "saga_id = ?",
    "saga_params": "saga_key = (SELECT saga_key FROM saga WHERE saga_id = ?)",
    "step": "saga_key = (SELECT saga_key FROM saga WHERE saga_id = ?) AND seq = 0",
    "tag": "saga_key = (SELECT saga_key FROM saga WHERE saga_id = ?) AND key = 'order'",
    "dag": "dag_key = (SELECT dag_key FROM saga WHERE saga_id = ?)",
    "sec": "name = (SELECT current_sec FROM saga WHERE saga_id = ?)",
}

COLUMNS = {
    "saga": (
        *("saga_key", "saga_id", "name", "dag_key", "state", "current_sec", "adopt_generation"),
        *("created", "ended", "problem", "crashes", "taken_seq", "tried"),
        *("attention", "attention_node", "error_type"),
    ),
    "saga_params": ("saga_key", "params"),
    "step": ("saga_key", "seq", "time", "creator", "events"),
    "tag": ("saga_key", "key", "value"),
    "dag": ("dag_key", "digest", "text"),
    "sec": ("name", "generation", "left_normally"),
}

NUMBERS = {
    *("dag_key", "adopt_generation", "created", "ended", "seq", "time", "generation"),
}
"""Columns that hold numbers."""

MENDED = {"crashes", "taken_seq", "tried", "left_normally"}
"""Columns that each opening writes anew, whatever was there: the doctor has nothing to say."""

NULLABLE = {"ended", "problem", "attention", "attention_node", "error_type"}


def is_damage(column: str, value: object) -> bool:
    """Say whether a value is of a type that its column never has, whatever the other columns."""
    if column in MENDED:
        return False
    if value is None:
        return column not in NULLABLE
    if column == "saga_id":
        return not (isinstance(value, bytes) and len(value) == 16)
    return type(value) is not (int if column in NUMBERS else str)


@attrs.frozen
class Damaged:
    """
    A file with one damaged row.

    Attributes:
        path: The file.
        is_named: Whether a doctor has to see it.
        others: The sagas that do not suffer from it.
        ids: The ids of all sagas that have one.
    """

    path: Path
    is_named: bool
    others: frozenset[steno.SagaId]
    ids: list[steno.SagaId]


def damaged(sound: Path, table: str, column: str, value: str, saga: steno.SagaId) -> Damaged | None:
    """Put a value into a column of a row of a saga; None if SQLite can have no such row."""
    path = sound.with_name("damaged.db")
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    shutil.copy(sound, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.text_factory = lambda text: text.decode() if text.isascii() else text
        same = "SELECT saga_id FROM saga WHERE dag_key = (SELECT dag_key FROM saga WHERE saga_id=?)"
        victims = {saga.bytes}
        if table == "dag":
            victims = {each for (each,) in db.execute(same, (saga.bytes,))}
        if (stored := _put(db, table, column, value, saga)) is _NOTHING:
            return None
        ids = [each for (each,) in db.execute("SELECT saga_id FROM saga WHERE saga_id >= x'00'")]
    return Damaged(
        path,
        is_damage(column, stored),
        frozenset(each for each in STORED if each.bytes not in victims),
        sorted(steno.SagaId(UUID(bytes=each)) for each in ids if len(each) == 16),
    )


_NOTHING = object()


def _put(db: sqlite3.Connection, table: str, column: str, value: str, saga: steno.SagaId) -> object:
    db.execute("PRAGMA ignore_check_constraints = ON")
    query = "SELECT name, sql FROM sqlite_schema WHERE type = 'table'"
    schema = db.execute(query).fetchall()
    _set_schema(db, [(name, sql.replace(" NOT NULL", "")) for name, sql in schema])
    change = f"{table} SET {column} = {value} WHERE {WHERE[table]} RETURNING {column}"
    try:
        ((stored,),) = db.execute(f"UPDATE {change}", (saga.bytes,)).fetchall()
    except sqlite3.IntegrityError:
        return _NOTHING
    finally:
        _set_schema(db, schema)
    return stored


def _set_schema(db: sqlite3.Connection, tables: list[tuple[str, str]]) -> None:
    db.execute("PRAGMA writable_schema = ON")
    for name, sql in tables:
        db.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (sql, name)
        )
    db.execute("PRAGMA writable_schema = RESET")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a saga in each state, in which nothing is damaged."""
    return filled(tmp_path_factory.mktemp("sound") / "sagas.db")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FSYNC_SECONDS", 0)


def cases(sound: Path, table: str, column: str) -> Iterator[tuple[str, Damaged]]:
    """Give files with one damaged row each: of a saga that runs, and of one that is finished."""
    for what, value in (VALUES | (JSONS if column in {"params", "text", "events"} else {})).items():
        for saga in (RUNNING, SUCCEEDED) if column in {"state", "ended"} else (RUNNING,):
            if (file := damaged(sound, table, column, value, saga)) is not None:
                yield f"{what} in {column} of {table} of {saga}", file


def columns() -> list[tuple[str, str]]:
    return [(table, column) for table, names in COLUMNS.items() for column in names]


each_column = pytest.mark.parametrize(("table", "column"), columns(), ids=map(".".join, columns()))


# Running


async def open_and_use(file: Damaged) -> None:
    """See all others to their end, list them, and prune them."""
    store = SqliteSecStore(file.path, inline=True)
    async with store.open_reader() as reader:
        states = [await reader.list(ListQuery(states={state})) for state in SagaCachedState]
        assert sorted(each.saga_id for page in states for each in page) == file.ids
        assert [*(await reader.count()).values()] == [*map(len, states)]
        await find(reader, file, states)
    with silence(), trio.fail_after(20):
        async with steno.open_sec(store, registry, sec_name="trips") as sec:
            for saga in {UNWINDING, PROBLEM} & file.others:
                assert isinstance(await sec.saga_wait(saga), steno.SagaResultErr)
            for saga in file.ids:
                with suppress(steno.StenoError):
                    await sec.saga_get(saga)
            assert [each.saga_id async for each in sec.sagas(page_size=2)] == file.ids
            with suppress(steno.SagaHaltedError):
                await sec.saga_run(GOOD)
            await sec.saga_prune(timedelta(days=1))
            left = {each.saga_id for each in await sec.saga_list()}
            assert not {FAILED, SUCCEEDED} & file.others & left
            assert file.others - {FAILED, SUCCEEDED} <= left


EARLIEST = datetime.min.replace(tzinfo=UTC)


async def find(
    reader: SecStoreReader, file: Damaged, states: Sequence[Sequence[SagaSummary]]
) -> None:
    """List the sagas in the other order, of each state, of all times, and by their tags."""
    for first in (
        ListQuery(limit=2, newest_first=True),
        ListQuery(created_since=EARLIEST, progressed_since=EARLIEST),
        ListQuery(limit=2, created_since=EARLIEST, states=[*SagaCachedState], newest_first=True),
    ):
        found: list[SagaSummary] = []
        query = first
        while page := await reader.list(query):
            found += page
            query = query.following(page[-1])
        assert sorted(each.saga_id for each in found) == file.ids
        for state, same in zip(SagaCachedState, states, strict=True):
            assert {each.saga_id for each in found if each.state is state} == {
                each.saga_id for each in same
            }
    for state, same in zip(SagaCachedState, states, strict=True):
        page = await reader.list(ListQuery(states={state}, newest_first=True))
        assert sorted(each.saga_id for each in page) == [each.saga_id for each in same]
    tagged = {each.saga_id for each in await reader.list(ListQuery(tags={"who": "Ada"}))}
    assert {*TAGS} & file.others <= tagged <= {*file.ids}


@each_column
def test_a_damaged_row_costs_its_own_saga_only(sound: Path, table: str, column: str):
    """All others are opened, end rightly, are listed once each, and are pruned."""
    for what, file in cases(sound, table, column):
        try:
            trio.run(open_and_use, file)
        except Exception as error:
            error.add_note(what)
            raise


# Commands

COMMANDS = (
    *("list", "list --json", "list --state running --name good", "doctor", "check APP"),
    *("prune --older-than 1d --dry-run", "prune --older-than 9999w"),
)
SAGA_COMMANDS = ("show", "show --json", "log", "log --times", "log --json", "dot", "export")


def run(shell: Shell, command: str) -> Result:
    """Run a command; it ends with an exit code that is documented, and no traceback."""
    result = shell(*command.split())
    assert result.exception is None or isinstance(result.exception, SystemExit), command
    assert result.exit_code in {Exit.FINE, Exit.NO, Exit.STORE}, f"{command}: {result.output}"
    assert "Traceback" not in result.output
    return result


def look(file: Damaged) -> None:
    """Look at a file with every command."""
    shell = Shell(str(file.path))
    for command in COMMANDS:
        run(shell, command.replace("APP", "support.shell:registry"))
    for command in SAGA_COMMANDS:
        for saga in {RUNNING, SUCCEEDED} & {*file.ids}:
            run(shell, f"{command} {saga}")
        for saga in {UNWINDING} & file.others:
            assert run(shell, f"{command} {saga}").exit_code == Exit.FINE
    for saga in {SUCCEEDED} & {*file.ids}:
        run(shell, f"watch --json {saga}")
    assert [each["id"] for each in shell.json("list")] == [str(each) for each in file.ids]
    if file.is_named:
        assert run(shell, "doctor").exit_code == Exit.NO


@pytest.mark.parametrize("saga", [RUNNING, SUCCEEDED])
def test_the_doctor_sees_params_that_are_gone(sound: Path, saga: steno.SagaId):
    """Loading the saga says so too; but a finished saga may never be loaded."""
    path = sound.with_name("damaged.db")
    shutil.copy(sound, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        where = WHERE["saga_params"]
        db.execute(f"DELETE FROM saga_params WHERE {where}", (saga.bytes,))  # noqa: S608 - ours
    result = Shell(str(path))("doctor")
    assert result.exit_code == Exit.NO
    assert "saga_params, saga_key" in result.stdout
    assert "params is NULL, not JSON" in result.stdout


@each_column
def test_a_damaged_row_is_no_reason_for_a_traceback(sound: Path, table: str, column: str):
    """Every command ends as it says it does; others are shown, and the doctor sees the damage."""
    for what, file in cases(sound, table, column):
        try:
            look(file)
        except BaseException as error:
            error.add_note(what)
            raise
