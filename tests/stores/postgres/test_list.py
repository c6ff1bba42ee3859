"""Lists at size: the server looks at few rows, whichever filter is given."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest

from steno.core import Attention, SagaCachedState
from steno.store import ListQuery
from steno.stores.postgres._link import Db, Link, Server
from steno.stores.postgres._list import count_attention, list_page
from steno.stores.postgres._migrate import migrate
from support.postgres import execute, new_schema, server

SIZE = 20_000
PAGE = 20

FILL = f"""
    INSERT INTO steno.saga (saga_key, saga_id, dag_key, adopt_generation, sec_generation, created,
        ended, state, current_sec, name, attention, attention_node, error_type)
    SELECT n, md5(n::text)::uuid, 1, 1, 1, n::bigint * 1000000,
        CASE WHEN n % 1000 > 0 THEN n::bigint * 1000000 END,
        CASE WHEN n % 1000 = 0 THEN 'running' WHEN n % 100 = 1 THEN 'stuck' ELSE 'succeeded' END,
        'sec ' || n % 3, 'trip ' || n % 500, CASE n % 100 WHEN 1 THEN 'stuck' END,
        CASE n % 100 WHEN 1 THEN 'hotel' END, CASE n % 100 WHEN 1 THEN 'Full' END
    FROM generate_series(1, {SIZE}) AS n
"""
TAG = f"INSERT INTO steno.tag SELECT n, 'order', n::text FROM generate_series(1, {SIZE}) AS n"


@pytest.fixture(scope="module")
def filled() -> Iterator[str]:
    """A schema with many sagas, whose values the server has counted, as it does by itself."""
    with new_schema() as name:
        with closing(Link(Server(server(), name), migrate)) as link:
            for statement in (FILL, TAG):
                link.do(lambda db, statement=statement: db.execute(statement))
        for table in ("saga", "tag", "step"):
            execute(f"ANALYZE {name}.{table}")
        yield name


@attrs.define(eq=False)
class Explaining:
    """A connection that explains a statement, and returns no rows."""

    db: Db
    rows: int = 0  # that the server has looked at

    def execute(self, query: str, params: tuple = ()) -> list:
        (plan,) = self.db.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", params).fetchone()
        self.look(plan[0]["Plan"])
        return []

    def look(self, plan: dict) -> None:
        for part in plan.get("Plans", []):
            self.look(part)
        if "Scan" in plan["Node Type"]:
            seen = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            seen += plan.get("Rows Removed by Index Recheck", 0)
            self.rows += seen * plan["Actual Loops"]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATE = EPOCH + timedelta(seconds=SIZE - PAGE)
QUERIES = {
    "all": ListQuery(limit=PAGE),
    "newest": ListQuery(limit=PAGE, newest_first=True),
    "common state": ListQuery(limit=PAGE, states={SagaCachedState.SUCCEEDED}),
    "rare state": ListQuery(limit=PAGE, states={SagaCachedState.RUNNING}),
    "no saga's state": ListQuery(limit=PAGE, states={SagaCachedState.PAUSED}, newest_first=True),
    "rare state, newest": ListQuery(
        limit=PAGE, states={SagaCachedState.RUNNING}, newest_first=True
    ),
    "name": ListQuery(limit=PAGE, name="trip 7"),
    "name and state": ListQuery(limit=PAGE, name="trip 7", states={SagaCachedState.SUCCEEDED}),
    "tag": ListQuery(limit=PAGE, tags={"order": "4711"}),
    "tag, newest": ListQuery(limit=PAGE, tags={"order": "4711"}, newest_first=True),
    "attention": ListQuery(limit=PAGE, attention=set(Attention)),
    "attention, newest": ListQuery(limit=PAGE, attention=set(Attention), newest_first=True),
    "node": ListQuery(limit=PAGE, attention_node="car"),
    "ended": ListQuery(limit=PAGE, states={SagaCachedState.SUCCEEDED}, ended_since=LATE),
    "created, newest": ListQuery(limit=PAGE, created_since=LATE, newest_first=True),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_page_costs_few_rows(query: ListQuery, filled: str):
    """Those that match, and not more than a twentieth of all sagas."""
    with closing(Link(Server(server(), filled), lambda _: None)) as link:
        explaining = link.do(partial(explain, query))
    assert explaining.rows <= SIZE / 20


def explain(query: ListQuery, db: Db) -> Explaining:
    explaining = Explaining(db)
    list_page(explaining, query)
    return explaining


def test_groups_cost_the_rows_that_are_counted(filled: str):
    """However many sagas nobody has to look at."""

    def count(db: Db) -> int:
        explaining = Explaining(db)
        count_attention(explaining, ListQuery())
        groups = count_attention(db, ListQuery(attention_node="hotel"))
        assert sum(group.count for group in groups) == SIZE / 100
        return explaining.rows

    with closing(Link(Server(server(), filled), lambda _: None)) as link:
        assert link.do(count) == SIZE / 100
