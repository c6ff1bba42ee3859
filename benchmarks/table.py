"""The scenarios."""

from __future__ import annotations

from typing import Final

from benchmarks.scenario import Scenario

_RATE = ("rate", "nodes/s")

FLOORS: Final = (
    Scenario(
        "bare-trio",
        "(a) a nursery for each chain of 10, a task for each node, a memory channel back",
        "floors.bare_trio:run",
        "concurrencies",
        *_RATE,
    ),
    Scenario(
        "disk-one-row",
        "(b) group commit in SQLite, FULL; producers wait; one row for each step",
        "floors.group_commit:run",
        "concurrencies",
        *_RATE,
        {"rows": "1"},
    ),
    Scenario(
        "disk-two-rows",
        "(b) the same, two rows for each step: its success and the next start",
        "floors.group_commit:run",
        "concurrencies",
        *_RATE,
        {"rows": "2"},
    ),
    Scenario(
        "disk-sequence",
        "(c) one commit for each row, one after another",
        "floors.one_commit:run",
        "alone",
        *_RATE,
        {"wal": "growing"},
    ),
    Scenario(
        "disk-sequence-old",
        "(c) in a file that was written to before, so that its WAL grows no more",
        "floors.one_commit:run",
        "alone",
        *_RATE,
        {"wal": "overwritten"},
    ),
    Scenario(
        "disk-tasks",
        "(d) as (b) with two rows, and a Trio task for each node",
        "floors.task_commit:run",
        "concurrencies",
        *_RATE,
        {"rows": "2"},
    ),
)

CHAINS: Final = tuple(
    Scenario(
        f"chains-{store}-{end}",
        f"chains of 10, {place}, {how}",
        "sagas.chains:run",
        "concurrencies",
        *_RATE,
        {"store": store, "end": end},
    )
    for store, place in (("memory", "in memory"), ("sqlite", "on SQLite"))
    for end, how in (("forward", "forward"), ("unwinding", "failing in the last node, all undone"))
)

SHAPES: Final = ("chain", "fan", "stages", "nested")
ENDS: Final = ("forward", "unwinding")

SIZES: Final = tuple(
    Scenario(
        f"size-{shape}-{end}",
        f"one saga of this many nodes in memory: {shape}, {end}; from the builder to the end",
        "sagas.sizes:run",
        "sizes",
        "cpu",
        "µs/node",
        {"shape": shape, "end": end},
    )
    for shape in SHAPES
    for end in ENDS
)

WAITING: Final = (
    Scenario(
        "skeleton",
        "this many times two tasks, a nursery and a channel, all waiting",
        "floors.skeleton:run",
        "waiting",
        "memory",
        "bytes/saga",
    ),
    Scenario(
        "waiting-sqlite",
        "this many sagas of 10 nodes in an action that waits, on SQLite",
        "sagas.waiting:run",
        "waiting",
        "memory",
        "bytes/saga",
        {"store": "sqlite"},
    ),
    Scenario(
        "waiting-memory",
        "the same, with the store in memory, so that it counts too",
        "sagas.waiting:run",
        "waiting",
        "memory",
        "bytes/saga",
        {"store": "memory"},
    ),
)

RECOVERY: Final = (
    Scenario(
        "afresh",
        "this many sagas of 10 nodes, created and run to their 6th node, on SQLite",
        "sagas.recovery:afresh",
        "recovering",
        "rate",
        "sagas/s",
        {"store": "sqlite"},
    ),
    Scenario(
        "recovery",
        "the same sagas, after their process has died there: recovered to that point",
        "sagas.recovery:run",
        "recovering",
        "rate",
        "sagas/s",
        {"store": "sqlite"},
    ),
)

LOOKING: Final = (
    Scenario(
        "looking-sqlite",
        "saga_get 200 times a second, saga_list 20 times, while this many sagas run on SQLite",
        "sagas.looking:run",
        "looking",
        "get p99",
        "ms",
        {"store": "sqlite"},
    ),
    Scenario(
        "looking-slow",
        "the same, with a store that takes 100 ms for each commit",
        "sagas.looking:run",
        "looking",
        "get p99",
        "ms",
        {"store": "slow"},
    ),
)

TOOLS: Final = (
    Scenario(
        "verifying",
        "verify_log of an unwound saga of this many nodes in stages",
        "sagas.verifying:run",
        "verifying",
        "rate",
        "events/s",
    ),
    Scenario(
        "exploring",
        "explore() of the saga of examples/trip.py: this many runs",
        "sagas.exploring:run",
        "exploring",
        "rate",
        "runs/s",
    ),
)

DBOS: Final = tuple(
    Scenario(
        f"dbos-{mode}-{journal}{'' if end == 'forward' else '-unwinding'}",
        f"DBOS Transact on SQLite, 10 steps, {how}, journal_mode {said}, synchronous FULL; {end}",
        "peers.transact:run",
        "peers" if end == "forward" else "peers_few",
        *_RATE,
        {"mode": mode, "journal": journal, "end": end},
        "dbos",
    )
    for journal, said in (("own", "DELETE as it sets it up"), ("wal", "set to WAL beforehand"))
    for mode, how in (("threads", "in threads"), ("async", "as coroutines"))
    for end in ENDS
)

OTHERS: Final = tuple(
    Scenario(
        f"{package}{'' if end == 'forward' else '-unwinding'}",
        f"{what}; {end}",
        f"peers.in_{package}:run",
        "peers" if end == "forward" else "peers_few",
        *_RATE,
        {"end": end},
        package,
    )
    for package, what in (
        ("sagaz", "sagaz on SQLite, 10 steps; it stores beginning and end, and no steps"),
        ("dura", "dura on SQLite, 10 checkpoints in threads, WAL, synchronous FULL"),
    )
    for end in ENDS
)

SCENARIOS: Final = (
    *FLOORS,
    *CHAINS,
    *SIZES,
    *WAITING,
    *RECOVERY,
    *LOOKING,
    *TOOLS,
    *DBOS,
    *OTHERS,
)


def scenario(name: str) -> Scenario:
    """Return the scenario with this name."""
    return next(each for each in SCENARIOS if each.name == name)
