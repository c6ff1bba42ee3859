"""A shell for tests of the `steno` command, and a file with a saga in each state."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import attrs
import trio
from click.testing import CliRunner, Result

from steno.action import NOOP, ActionContext, ActionRegistry
from steno.cli._group import steno
from steno.core import (
    BulkOrderId,
    Failed,
    InjectedError,
    Node,
    Ordered,
    SagaCachedState,
    SagaDag,
    SagaId,
    SagaNodeEvent,
    SagaNodeEventType,
    SagaNodeId,
    Started,
    Succeeded,
    UndoStarted,
    Verb,
)
from steno.runtime import open_sec
from steno.store import (
    BulkCreate,
    BulkMark,
    BulkNote,
    BulkOutcome,
    Fence,
    ListQuery,
    ManyOrder,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
)
from steno.stores import SqliteSecStore
from support.demo import build

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def saga_id(digits: str) -> SagaId:
    """Return an id that begins with some digits."""
    return SagaId(UUID(hex=digits.ljust(31, "0") + "1"))


READY = saga_id("10")
RUNNING = saga_id("20")
UNWINDING = saga_id("30")
SUCCEEDED = saga_id("40")
FAILED = saga_id("50")
STUCK = saga_id("60ab")
PROBLEM = saga_id("60cd")
STORED = (READY, RUNNING, UNWINDING, SUCCEEDED, FAILED, STUCK, PROBLEM)

TAGS = {RUNNING: {"order": "4711", "who": "Ada"}, FAILED: {"order": "4712", "who": "Ada"}}
"""The tags of those sagas that have any."""

BULK = BulkOrderId(saga_id("b0"))
"""An order to many sagas, to the two that have failed and are stuck: it has reached the second."""

MANY = ManyOrder(Ordered(Verb.RESUME, "ops@host", "the bank is back"), rate=5.0)

registry = ActionRegistry()


@registry.action
async def step(ctx: ActionContext[object]) -> dict[str, object]:
    return {"node": ctx.node_name}


@step.undo
async def unstep(ctx: ActionContext[object]) -> None:
    pass


@registry.action
async def sticky(ctx: ActionContext[object]) -> None:
    pass


@sticky.undo
async def unstick(ctx: ActionContext[object]) -> None:
    raise ValueError("it sticks")


@registry.action(undo=NOOP)
async def broken(ctx: ActionContext[object]) -> None:
    raise ValueError("it broke")


def node(name: str, action: str = "step") -> Node:
    return Node.action(name, action, label=name.title())


GOOD = SagaDag(
    build(
        "good",
        [node("left"), node("right")],
        Node.constant("size", {"rooms": 2}),
        Node.subsaga("inner", build("sub", node("left")), "size"),
    ),
    {"who": "Ada"},
)
BAD = SagaDag(build("bad", node("first"), node("second", "broken")), None)
WORSE = SagaDag(build("worse", node("first", "sticky"), node("second", "broken")), [1])


def event(saga: SagaId, index: int, kind: SagaNodeEventType) -> SagaNodeEvent:
    return SagaNodeEvent(saga, SagaNodeId(index), kind)


def forward(saga: SagaId, *nodes: int) -> tuple[SagaNodeEvent, ...]:
    """Return the events of nodes that succeed one after the other, with null."""
    kinds = (Started(), Succeeded("null"))
    return tuple(event(saga, index, kind) for index in nodes for kind in kinds)


def create(saga: SagaId, dag: SagaDag, fence: Fence) -> SagaCreateParams:
    flat = dag.flat
    return SagaCreateParams(saga, dag.saga_name, flat.digest, flat.text, dag.params, fence)


async def _fill(path: Path) -> None:
    store = SqliteSecStore(str(path), inline=True, clock=lambda: NOW)
    async with open_sec(store, registry, sec_name="trips", clock=lambda: NOW) as sec:
        for saga, dag in ((SUCCEEDED, GOOD), (FAILED, BAD), (STUCK, WORSE)):
            await sec.saga_run(dag, saga_id=saga, tags=TAGS.get(saga))
    async with store.open() as session:
        fence = (await session.take_over("trips")).fence
        state = SagaCachedState
        unwinding = (
            *forward(UNWINDING, 2, 0),
            event(UNWINDING, 1, Started()),
            event(UNWINDING, 1, Failed(InjectedError().encoded())),
            event(UNWINDING, 0, UndoStarted()),
        )
        running = (*forward(RUNNING, 6), event(RUNNING, 0, Started()))
        await session.record(
            [
                create(READY, GOOD, fence),
                attrs.evolve(create(RUNNING, GOOD, fence), tags=TAGS[RUNNING]),
                create(UNWINDING, BAD, fence),
                create(PROBLEM, BAD, fence),
                SagaRecord(RUNNING, fence, 0, running, state.RUNNING),
                SagaRecord(UNWINDING, fence, 0, unwinding, state.UNWINDING),
                SagaRecord(PROBLEM, fence, 0, forward(PROBLEM, 2), state.RUNNING),
                SagaProblem(PROBLEM, fence, "its action\nwas \x1b[31mlost"),
            ]
        )
        ended = ListQuery(states=[state.FAILED, state.STUCK])
        await session.bulk.write(BulkCreate(BULK, fence, MANY.to_json(), ended))
        mark = BulkMark(1, BulkOutcome.REFUSED, "the saga is not paused")
        await session.bulk.write(BulkNote(BULK, fence, (mark,)))


def filled(path: Path) -> Path:
    """Make a file with a saga in each state, and one with a problem."""
    trio.run(_fill, path)
    return path


@attrs.frozen
class Shell:
    """
    Calls the command in this process.

    Attributes:
        store: What STENO_STORE says.
        env: What else the environment says.
    """

    store: str | None
    env: Mapping[str, str] = attrs.field(factory=dict)

    def __call__(self, *args: object, input: bytes | None = None) -> Result:
        env = {"STENO_STORE": self.store, "TERM": "xterm", "COLUMNS": "160", **self.env}
        for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
            env.setdefault(name, None)
        return CliRunner().invoke(steno, list(map(str, args)), input=input, env=env)

    def json(self, *args: object) -> object:
        """Return the document that a command prints."""
        result = self(*args, "--json")
        assert not result.stderr
        return json.loads(result.stdout)


def refused(result: Result, code: int) -> str:
    """Return why a command was refused, in one line, with an exit code."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("steno: error: ")
    return line.removeprefix("steno: error: ")


def process(*args: object, **kwargs: object) -> subprocess.Popen[str]:
    """Start the command in a process of its own, whose output can be read."""
    command = [sys.executable, "-m", "steno", *map(str, args)]
    env = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "STENO_STORE"}}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": env}
    return subprocess.Popen(command, **{**pipes, **kwargs})
