"""How many transactions sagas cost on a SQLite file: one a step, and many sagas share one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

import steno
from support.demo import saga

CHAINS = [1, 2, 10, 100]


async def act(ctx: steno.ActionContext[None]) -> str:
    return f"{ctx.node_name}!"


async def undo(ctx: steno.ActionContext[None]) -> None:
    await trio.lowlevel.checkpoint()


async def refuse(_: steno.ActionContext[None]) -> None:
    raise ArithmeticError


def chain(length: int, *, fails: bool = False) -> steno.SagaDag:
    """Return a saga of so many actions, one after the other, and perhaps one more that fails."""
    names = [f"n{number}" for number in range(length)]
    return saga(*names, *["bad"] if fails else [])


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[steno.SecClient]:
    registry = steno.ActionRegistry()
    registry.register(steno.ActionFunc.new_action("bad", refuse, undo))
    for number in range(max(CHAINS)):
        registry.register(steno.ActionFunc.new_action(f"n{number}", act, undo))
    async with steno.open_sec(steno.SqliteSecStore(folder / "sagas.db"), registry) as sec:
        yield sec


@pytest.mark.parametrize("length", CHAINS)
async def test_a_chain_of_n_nodes_makes_at_most_n_plus_2_commits(tmp_path: Path, length: int):
    """One creates it, one starts the first node, and each success is written with the next."""
    async with opened(tmp_path) as sec:
        (await sec.saga_run(chain(length))).unwrap()
        writer = sec.statistics().writer
    assert writer.events == 2 * (length + 2)
    assert writer.commits <= length + 2


@pytest.mark.parametrize("length", CHAINS)
async def test_k_nodes_that_are_undone_make_k_commits_more(tmp_path: Path, length: int):
    """The failure is written with the first undo, and the end of each undo with the next."""
    async with opened(tmp_path) as sec:
        result = await sec.saga_run(chain(length, fails=True))
        writer = sec.statistics().writer
    assert isinstance(result, steno.SagaResultErr)
    assert writer.events == 4 * (length + 1) + 2
    assert writer.commits <= (length + 1) + 2 + length


@pytest.mark.parametrize("fails", [False, True])
async def test_256_sagas_at_once_share_commits(tmp_path: Path, *, fails: bool):
    """What comes while a transaction is under way is in the next, whatever saga it is of."""
    async with opened(tmp_path) as sec:
        async with trio.open_nursery() as nursery:
            for _ in range(256):
                nursery.start_soon(sec.saga_run, chain(10, fails=fails))
        writer = sec.statistics().writer
    print(writer)  # noqa: T201 - shown with -s: how far it is from the bound
    assert writer.events == 256 * (4 * 11 + 2 if fails else 2 * 12)
    assert writer.events >= 20 * writer.commits
