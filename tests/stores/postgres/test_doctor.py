"""The examination of a server and a schema."""

import psycopg
import pytest

from steno.core import SagaCachedState
from steno.store import Finding, Verdict
from steno.stores.postgres import PostgresSecStore, _doctor
from steno.testing.conformance._life import living
from steno.testing.conformance._sample import ONE, TWO
from steno.testing.conformance._subject import Subject
from support.postgres import execute, server


async def findings(store: PostgresSecStore, topic: str) -> list[Finding]:
    return [each for each in await store.examine() if each.topic == topic]


async def test_what_is_as_it_should_be(store: PostgresSecStore, schema: str):
    """Versions, settings and sizes are told, and nothing is wrong with the rows."""
    async with living(Subject(store)) as sec:
        await sec.finished(ONE, SagaCachedState.SUCCEEDED)
    assert await findings(store, "rows") == [Finding("rows", "ok")]
    assert await findings(store, "schema version") == [Finding("schema version", f"1 in {schema}")]
    (size,) = await findings(store, "table saga")
    assert size.value.endswith(" bytes")
    # The first two are settings of the server of the tests.
    wrong = {each.topic for each in await store.examine() if each.verdict is not Verdict.OK}
    assert wrong <= {
        "fsync",
        "full_page_writes",
        "oldest transaction",
    }


async def test_damaged_rows_are_named(store: PostgresSecStore, schema: str):
    """A log that cannot be read, a graph that is missing, and steps of no saga."""
    async with living(Subject(store)) as sec:
        await sec.done(sec.create(ONE, 3), sec.create(TWO, 3))
    execute(f"UPDATE {schema}.step SET events = '[]' WHERE saga_key = 1")
    execute(f"DELETE FROM {schema}.dag")
    execute(f"DELETE FROM {schema}.saga_params WHERE saga_key = 2")
    execute(f"DELETE FROM {schema}.saga WHERE saga_key = 2")
    found = {each.value: each.verdict for each in await findings(store, "damaged row")}
    assert found == dict.fromkeys(
        (
            f"saga {ONE}: its graph is missing",
            "steps of saga_key 2, which is no longer there",
            f"saga {ONE}: the step of event 0 is damaged: its events are '[]'",
        ),
        Verdict.FAULT,
    )


async def test_an_old_transaction_is_named(
    store: PostgresSecStore, monkeypatch: pytest.MonkeyPatch
):
    """It keeps deleted rows from being removed, which slows down everything."""
    monkeypatch.setattr(_doctor, "OLD_SECONDS", 0.0)
    async with store.open():
        pass
    with psycopg.connect(server(), application_name="report") as db:
        db.execute("SELECT 1")
        (found,) = await findings(store, "oldest transaction")
    assert found.verdict is Verdict.WARNING
    assert "by process" in found.value
