"""
What is left when a process was killed again and again, held against the specification.

Between two lives the file is looked at, by SQL and without a change to it: that is what was durable
when one life ended and the next began. In the end each saga's log is checked by itself, as after
other crashes, and then against what the actions have done and what the application was told:

* A call was made only after its `started` (or `undo_started`) was durable, which it therefore is
  when that life has ended; and never once its end was durable, so not if it was before that life
  began. In one life no call is made twice.
* What a node has returned according to the log is what its last call was about to return.
* What was acknowledged is there, and what a waiter was told is what is stored.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from uuid import UUID

import attrs

from steno import SagaCachedState, SagaId, SqliteSecStore
from steno.core import ActionNode, JsonText, SagaNodeId, Succeeded
from steno.store import StoredSaga
from steno.testing.fakes import FakeCall
from support.crash import Jobs, check_calls, check_effects, check_end, check_log
from support.killable import (
    EFFECTS,
    JOURNAL,
    SHAPES,
    STORE,
    Call,
    Told,
    child_id,
    fingerprint,
    job_of,
)
from support.lines import read_lines


@attrs.frozen
class Look:
    """
    What is durable between two lives.

    Attributes:
        sizes: How many events each saga has.
        states: What its row says.
        logs: Node and type of each event of sagas that are not finished.
    """

    sizes: Mapping[SagaId, int] = attrs.field(factory=dict)
    states: Mapping[SagaId, str] = attrs.field(factory=dict)
    logs: Mapping[SagaId, list[tuple[int, str]]] = attrs.field(factory=dict)

    def unfinished(self) -> int:
        return len(self.logs)


def open_to_look(folder: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing, so that the next life finds what the last left."""
    return sqlite3.connect(f"{(folder / STORE).as_uri()}?mode=ro", uri=True)


def look(folder: Path) -> Look:
    """Look at a file that nobody has open."""
    if not (folder / STORE).exists():
        return Look()
    with closing(open_to_look(folder)) as db:
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'saga'").fetchone():
            return Look()
        rows = db.execute(
            "SELECT saga_id, coalesce((SELECT sum(json_array_length(events)) FROM step"
            " WHERE step.saga_key = saga.saga_key), 0), state FROM saga"
        ).fetchall()
        logs: dict[SagaId, list[tuple[int, str]]] = {}
        for saga_id, _, state in rows:
            if state in {"ready", "running", "unwinding"}:
                logs[_id(saga_id)] = []
        query = (
            "SELECT saga_id, node_id, event_type FROM saga JOIN node_event USING (saga_key)"
            " WHERE state IN ('ready', 'running', 'unwinding') ORDER BY saga_key, seq"
        )
        for saga_id, node, event_type in db.execute(query):
            logs[_id(saga_id)].append((node, event_type))
    sizes = {_id(saga_id): events for saga_id, events, _ in rows}
    return Look(sizes, {_id(saga_id): state for saga_id, _, state in rows}, logs)


def _id(blob: bytes) -> SagaId:
    return SagaId(UUID(bytes=blob))


def check_file(folder: Path) -> None:
    """Check that a file is sound, and holds nothing that belongs to no saga."""
    with closing(open_to_look(folder)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        for table in ("saga_params", "step"):
            query = (
                f"SELECT count(*) FROM {table} WHERE saga_key NOT IN (SELECT saga_key FROM saga)"  # noqa: S608 - of the two words above
            )
            assert db.execute(query).fetchone() == (0,)
        unused = "SELECT count(*) FROM dag WHERE dag_key NOT IN (SELECT dag_key FROM saga)"
        assert db.execute(unused).fetchone() == (0,)
        uneven = (
            "SELECT count(*) FROM saga"
            " WHERE coalesce((SELECT max(seq) + 1 FROM node_event AS e WHERE e.saga_key ="
            " saga.saga_key), 0) <> (SELECT count(*) FROM node_event AS e WHERE e.saga_key ="
            " saga.saga_key)"
            " OR NOT EXISTS (SELECT 1 FROM saga_params WHERE saga_params.saga_key = saga.saga_key)"
        )
        assert db.execute(uneven).fetchone() == (0,)


@attrs.define(eq=False)
class Aftermath:
    """
    All that there is in the end; for the checks of `support.crash` it is a world.

    Attributes:
        looks: What was durable before each life, and after the last.
        rows: All that is stored.
        jobs: Every saga, and what goes wrong with it.
        children: Sagas that might not have come to be: none of those that are stored.
        effects: Every call, in the order in which they were noted.
        told: Every line of the journal.
    """

    looks: list[Look]
    rows: dict[SagaId, StoredSaga]
    jobs: Jobs
    effects: list[Call]
    told: list[Told]
    children: Jobs = attrs.field(factory=dict)
    calls: dict[SagaId, list[FakeCall]] = attrs.field(factory=lambda: defaultdict(list))
    done: set[str] = attrs.field(factory=set)
    undone: set[str] = attrs.field(factory=set)
    returned: dict[tuple[SagaId, int], str | None] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for call in self.effects:
            saga_id, node = SagaId(UUID(call.saga)), SagaNodeId(call.node)
            if call.done:
                (self.undone if call.undoing else self.done).add(f"{saga_id}/{node}/action")
            if call.done and not call.undoing:
                self.returned[saga_id, node] = call.output
            seen = tuple((name, JsonText(text)) for name, text in call.seen.items())
            self.calls[saga_id].append(FakeCall(node, call.undoing, seen, JsonText(call.params)))

    def job(self, saga_id: SagaId) -> object:
        return self.jobs[saga_id]

    def stored(self, saga_id: SagaId) -> StoredSaga:
        return self.rows[saga_id]

    def events(self, saga_id: SagaId) -> tuple:
        return self.rows[saga_id].events

    def outputs(self, saga_id: SagaId) -> dict[int, str]:
        return {
            event.node_id: event.event_type.output
            for event in self.events(saga_id)
            if isinstance(event.event_type, Succeeded)
        }


async def aftermath(folder: Path, looks: list[Look]) -> Aftermath:
    """Read all that is left."""
    rows: dict[SagaId, StoredSaga] = {}
    async with SqliteSecStore(folder / STORE).open_reader() as reader:
        for saga_id in looks[-1].sizes:
            rows[saga_id] = await reader.load(saga_id)
    jobs: Jobs = {i: job_of(json.loads(row.params)["shape"]) for i, row in rows.items()}
    effects = [Call(**line) for line in read_lines(folder / EFFECTS)]
    told = [Told(**line) for line in read_lines(folder / JOURNAL)]
    return Aftermath(looks, rows, jobs, effects, told)


# What must be so


def check(after: Aftermath) -> None:
    """Hold all that is left against the specification."""
    acknowledged = {UUID(told.saga) for told in after.told}
    for saga_id, row in after.rows.items():
        job = after.jobs[saga_id]
        assert row.dag_text == job.dag.flat.text
        if row.summary.state is SagaCachedState.READY:
            # It was stored when its process was killed, and nobody knew that it was.
            assert saga_id not in acknowledged
            assert not row.events
            continue
        check_log(job, row)
        check_end(job, row)
        check_calls(after, saga_id)
        check_effects(after, saga_id)
        check_returned(after, saga_id)
        check_children(after, saga_id)
    check_looks(after)
    check_lives(after)
    check_told(after)


def check_returned(after: Aftermath, saga_id: SagaId) -> None:
    """Check that each output that is logged is the one that the last call was to return."""
    kinds = after.jobs[saga_id].graph.kinds
    for node, output in after.outputs(saga_id).items():
        if kinds[node] == "action":
            assert after.returned[saga_id, node] == output


def check_children(after: Aftermath, saga_id: SagaId) -> None:
    """Check that an action that waited for another saga ended as that did."""
    job = after.jobs[saga_id]
    for node in job.dag.get_nodes() if SHAPES[job.shape].child else ():
        if not (isinstance(node, ActionNode) and node.name.startswith("kin")):
            continue
        index = job.dag.get_index(node.name)
        own = {e.event_type.label for e in after.events(saga_id) if e.node_id == index}
        state = after.rows[child_id(saga_id, f"{saga_id}/{index}/action")].summary.state
        assert (state is SagaCachedState.SUCCEEDED) == ("succeeded" in own)
        assert (state is SagaCachedState.FAILED) == ("failed" in own)


def _log(after: Aftermath, saga_id: SagaId) -> list[tuple[int, str]]:
    return [(event.node_id, event.event_type.label) for event in after.events(saga_id)]


def check_looks(after: Aftermath) -> None:
    """Check that nothing that was durable has changed, or is gone."""
    final = {saga_id: _log(after, saga_id) for saga_id in after.rows}
    for seen in after.looks:
        for saga_id, size in seen.sizes.items():
            log = seen.logs.get(saga_id)
            if log is None:
                assert size == len(final[saga_id])
                assert seen.states[saga_id] == after.rows[saga_id].summary.state.value
            else:
                assert len(log) == size
                assert log == final[saga_id][:size]
    assert not any(after.looks[-1].logs.values())  # those that are ready have none


def check_lives(after: Aftermath) -> None:
    """Check of each call that it was allowed, and not one too many, in its life."""
    place = {
        (saga_id, *event): index
        for saga_id in after.rows
        for index, event in enumerate(_log(after, saga_id))
    }
    never = len(place)
    begun: set[tuple[int, str, int, bool]] = set()
    for call in after.effects:
        saga_id, node = SagaId(UUID(call.saga)), call.node
        first, *last = (
            ("undo_started", "undo_finished", "undo_failed")
            if call.undoing
            else ("started", "succeeded", "failed")
        )
        before, behind = (each.sizes.get(saga_id, 0) for each in after.looks[call.life - 1 :][:2])
        assert place[saga_id, node, first] < behind
        assert min(place.get((saga_id, node, each), never) for each in last) >= before
        if not call.done:
            assert (call.life, call.saga, node, call.undoing) not in begun
            begun.add((call.life, call.saga, node, call.undoing))


def check_told(after: Aftermath) -> None:
    """
    Check that what the application was told was durable when that life ended, and still is.

    And that it was told of the end of whatever it knew to be stored: each life waits for what the
    lives before it had waited for in vain.
    """
    for told in after.told:
        saga_id = SagaId(UUID(told.saga))
        assert saga_id in after.looks[told.life].sizes
        if told.fingerprint is not None:
            state = after.rows[saga_id].summary.state.value
            assert told.fingerprint == fingerprint(state, after.events(saga_id))
            assert after.looks[told.life].states[saga_id] == state
    acknowledged = [told.saga for told in after.told if told.fingerprint is None]
    assert sorted(acknowledged) == sorted(told.saga for told in after.told if told.fingerprint)
