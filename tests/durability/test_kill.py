"""
Real processes that are killed, at any moment, and what is left of their sagas.

`STENO_KILLS` says how often the long test kills, `STENO_KILLS_SEED` at which moments.
"""

import os
import random
import signal
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

import steno
from steno.store import PruneQuery
from support.aftermath import Aftermath, Look, aftermath, check, check_file, look
from support.demo import saga
from support.filled import fill, in_order_of_end
from support.killable import ERRORS, SHAPES, STORE, Life
from support.killing import Moment, lived, some_moment
from support.worlds import World, nothing, returns

PROGRAM = Path(__file__).with_name("program.py")

KILLS = int(os.environ.get("STENO_KILLS", "6"))
SEED = os.environ.get("STENO_KILLS_SEED", "1")


@attrs.define(eq=False)
class Lives:
    """
    The lives of a process, on one file.

    Attributes:
        folder: Where its files are.
        looks: What was durable before each life, and after the last.
    """

    folder: Path
    looks: list[Look] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.looks = [look(self.folder)]

    def live(self, moment: Moment | None = None, **options: object) -> int:
        """Let it live, and kill it, if it has not ended before; return how it ended."""
        life = Life(str(self.folder), len(self.looks), **options)
        code = lived(PROGRAM, life.to_json(), life.path(ERRORS), moment)
        self.looks.append(look(self.folder))
        return code

    def killed(self, moment: Moment, **options: object) -> None:
        """Let it live until it is killed."""
        assert self.live(moment, **options) == -signal.SIGKILL

    async def end(self, **options: object) -> Aftermath:
        """Let it live to its end, and check all that is left."""
        assert self.live(**options) == 0
        check_file(self.folder)
        after = await aftermath(self.folder, self.looks)
        check(after)
        return after


def report(after: Aftermath) -> str:
    """Say how much was tried."""
    begun = [(call.saga, call.node, call.undoing) for call in after.effects if not call.done]
    sizes = [seen.unfinished() for seen in after.looks]
    return (
        f"{len(after.looks) - 2} kills, {len(after.rows)} sagas, "
        f"{sum(len(row.events) for row in after.rows.values())} events, {len(begun)} calls, "
        f"{len(begun) - len(set(begun))} of them made again, "
        f"{max(sizes)} sagas unfinished at most between lives, {sum(sizes)} in all"
    )


async def test_killed_at_any_moment_every_saga_ends_as_its_log_demands(tmp_path: Path):
    """Nothing acknowledged is lost, nothing durable is called again, and effects match logs."""
    rng = random.Random(SEED)
    lives = Lives(tmp_path)
    for _ in range(KILLS):
        lives.killed(some_moment(rng, 0.005, 1))
    after = await lives.end(count=len(SHAPES))
    print(report(after))  # noqa: T201 - with -s: how much was tried
    assert {job.shape for job in after.jobs.values()} == set(SHAPES)
    assert any(seen.unfinished() for seen in after.looks)


async def test_killed_while_many_sagas_unwind(tmp_path: Path):
    """What is half undone is undone to its end, and nothing of it twice."""
    rng = random.Random(SEED)
    lives = Lives(tmp_path)
    for _ in range(max(3, KILLS // 4)):
        moment = Moment("undoing", rng.uniform(0, 0.1))
        lives.killed(moment, shapes=("avalanche", "stuck in several"), pause=0.001)
    after = await lives.end(count=1)
    print(report(after))  # noqa: T201 - with -s: how much was tried
    assert any("unwinding" in seen.states.values() for seen in after.looks)


@pytest.mark.parametrize(
    "statement", ["journal_mode = WAL", "CREATE TABLE node_event", "COMMIT", "INSERT INTO sec"]
)
async def test_killed_while_the_file_is_made(tmp_path: Path, statement: str):
    """At whichever statement that is, the next life finds a file that it can use, or makes one."""
    lives = Lives(tmp_path)
    assert lives.live(count=1, statement=statement) == -signal.SIGKILL
    registry = steno.ActionRegistry()
    registry.register(steno.ActionFunc.new_action("a", returns(17), nothing))
    store = steno.SqliteSecStore(tmp_path / STORE)
    async with steno.open_sec(store, registry, context=World()) as sec:
        assert await sec.saga_list() == []
        assert (await sec.saga_run(saga("a"))).unwrap().saga_output() == 17
    check_file(tmp_path)


async def test_killed_while_it_prunes(tmp_path: Path):
    """A saga is gone whole, the oldest first, or is there whole; one that is stuck stays."""
    rng, kills = random.Random(SEED), max(3, KILLS // 4)
    await fill(tmp_path / STORE, 500 * kills)
    lives = Lives(tmp_path)
    states = lives.looks[0].states
    stuck = {each for each, state in states.items() if state == "stuck"}
    oldest_first = [each for each in in_order_of_end(500 * kills) if each not in stuck]
    for _ in range(kills):
        lives.killed(Moment("pruning", rng.uniform(0, 0.05)), prune=True)
        check_file(tmp_path)
        gone = len(states) - len(lives.looks[-1].sizes)
        assert gone % PruneQuery(timedelta(0)).limit == 0 or gone == len(oldest_first)
        assert set(lives.looks[-1].sizes) == {*oldest_first[gone:], *stuck}
    assert lives.live(prune=True, count=0) == 0
    check_file(tmp_path)
    assert set(lives.looks[-1].sizes) == stuck
