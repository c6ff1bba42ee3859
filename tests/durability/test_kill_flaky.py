"""
Real processes whose services fail one call in five, killed at any moment, and what is left.

`STENO_KILLS` says how often the test kills, `STENO_KILLS_SEED` at which moments.
"""

import os
import random
import signal
from collections import Counter, defaultdict
from pathlib import Path

from steno import SagaId, SqliteSecStore
from steno.core import SagaState, verify_log
from support.aftermath import check_file, look
from support.flaky import SECOND, Doing, Kind, Rules, action_names, rules_by_name
from support.killable_flaky import DOINGS, ERRORS, RULES, STORE, FlakyLife, Noted, job_of
from support.killing import lived, some_moment
from support.oracle import Evidence, judge, read

PROGRAM = Path(__file__).with_name("flaky_program.py")

KILLS = int(os.environ.get("STENO_KILLS", "6"))
SEED = os.environ.get("STENO_KILLS_SEED", "1")


def rules_of(saga_id: SagaId) -> dict[int, Rules]:
    names = action_names(job_of(saga_id).dag)
    return {node: rules_by_name(RULES, name) for node, name in names.items()}


async def test_killed_while_services_fail_every_saga_is_whole_or_undone(tmp_path: Path):
    """No effect without its saga, none left by one that was unwound, no attempt too many."""
    rng, sizes = random.Random(SEED), []
    for number in range(KILLS + 1):
        sizes.append(look(tmp_path).sizes)
        last = number == KILLS
        life = FlakyLife(str(tmp_path), number, count=3 if last else None)
        moment = None if last else some_moment(rng, 0.005, 0.7)
        code = lived(PROGRAM, life.to_json(), life.path(ERRORS), moment)
        assert code == (0 if last else -signal.SIGKILL)
    check_file(tmp_path)
    noted, counts = Noted.of(tmp_path / DOINGS), Counter[str]()
    by_saga: dict[SagaId, list[Doing]] = defaultdict(list)
    for doing in noted.doings.values():
        by_saga[doing.saga_id].append(doing)
    stored = look(tmp_path).sizes
    assert by_saga.keys() <= stored.keys()
    assert {saga_id for saga_id, _ in noted.effects} <= stored.keys()
    async with SqliteSecStore(tmp_path / STORE).open_reader() as reader:
        for saga_id in stored:
            saga, job = await reader.load(saga_id), job_of(saga_id)
            end, log = saga.summary.state, read(saga.events, [s.get(saga_id, 0) for s in sizes])
            effects = frozenset(node for each, node in noted.effects if each == saga_id)
            doings = by_saga[saga_id]
            rules = rules_of(saga_id)
            case = Evidence(
                job.graph, rules, job.wakes, log, end.value, doings, effects, late=SECOND
            )
            judge(case)
            assert verify_log(job.dag, saga.events, saga_id=saga_id, finished=end) is None
            assert SagaState.fold(job.dag.flat, saga_id, saga.events).outcome.value == end.value
            if end.value == "failed":  # what has no undo is not undone
                assert not {node for node in effects if rules[node].undo.name != "NOOP"}
            counts[f"sagas {end.value}"] += 1
            counts["events"] += len(log)
            counts.update(f"events {entry.what}" for entry in log)
            counts["attempts"] += sum(
                e.what in {"started", "undo_started"} and e.node in rules for e in log
            )
            counts.update(f"{kind.value}s" for kind in (doing.kind for doing in doings))
            counts["calls cut off"] += sum(d.said is None and d.kind is Kind.CALL for d in doings)
    print(f"{KILLS} kills, {len(stored)} sagas,", dict(sorted(counts.items())))  # noqa: T201 - with -s
    assert counts["events attempt_failed"]
    assert counts["sagas failed"]
    assert not counts["sagas stuck"]
