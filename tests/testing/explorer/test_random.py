"""Random sagas that are right, with random declarations, pass the whole default set."""

import random

import pytest
import trio

import steno
from steno.testing import Outcome, explore

Context = steno.ActionContext
MOMENTS = (0.0, 0.1, 1.0, 2.0)
ERRORS = (Exception, ConnectionError, TimeoutError, lambda error: 2.0)


def retry(draw: random.Random) -> steno.Retry:
    """Return any policy; not all of its attempts run out."""
    return steno.Retry(
        on=draw.choice(ERRORS),
        attempts=draw.choice((1, 2, 3, None)),
        timeout=draw.choice((None, 45.0, 5.0)),
        wait_initial=draw.choice((0.0, 0.1, 10.0)),
        wait_jitter=draw.choice((0.0, 1.0)),
        then=draw.choice(("fail", "fail", "hold")),
    )


def settings(draw: random.Random, **names) -> dict[str, object]:
    """Return some of the settings of these names, each made by a function."""
    return {name: make(draw) for name, make in names.items() if draw.random() < 0.5}


def add_reversible(draw: random.Random, registry: steno.ActionRegistry, name: str):
    """Return an action with an effect, which can be undone in doubt, or is atomic."""
    atomic, steps = draw.random() < 0.3, [draw.choice(MOMENTS) for _ in range(draw.randint(0, 3))]
    own = settings(
        draw,
        retry=retry,
        timeout=lambda draw: draw.choice((15.0, 30.0, 1000.0)),
        limit=lambda draw: draw.choice((1, 2)),
        not_done=lambda draw: draw.choice((LookupError, TimeoutError)),
    )

    @registry.action(name=name, atomic=atomic, **own)
    async def act(ctx: Context) -> str:
        for seconds in steps:
            await trio.sleep(seconds)
        ctx.user_data.add(ctx.action_key)
        for seconds in () if atomic else steps:
            await trio.sleep(seconds)
        return ctx.action_key

    undone = settings(draw, retry=retry, timeout=lambda draw: draw.choice((15.0, 30.0)))

    @act.undo(in_doubt=not atomic, **undone)
    async def take_back(ctx: Context) -> None:
        for seconds in steps:
            await trio.sleep(seconds)
        ctx.user_data.discard(ctx.action_key)
        await trio.sleep(sum(steps))

    return act


def add_pivot(draw: random.Random, registry: steno.ActionRegistry, name: str):
    """Return an action with nothing to undo, and perhaps with a probe, which is right."""
    own = settings(draw, retry=retry, timeout=lambda draw: draw.choice((15.0, 30.0)))

    @registry.action(name=name, undo=steno.NOOP, **own)
    async def act(ctx: Context) -> None:
        await trio.sleep(draw_once)
        ctx.user_data.add(f"{ctx.action_key} read")

    draw_once = draw.choice(MOMENTS)
    if draw.random() < 0.5:

        @act.probe
        async def probe(ctx: Context) -> object:
            await trio.sleep(draw_once)
            return None if f"{ctx.action_key} read" in ctx.user_data else steno.NOT_DONE

    return act


def saga(draw: random.Random, registry: steno.ActionRegistry, prefix: str = "") -> steno.Dag:
    """Return a saga with stages, and perhaps a subsaga."""
    builder, number, last = steno.DagBuilder(f"saga{prefix}"), 0, draw.randint(1, 3)
    for stage in range(last + 1):
        nodes = []
        for _ in range(1 if stage == last else draw.randint(1, 3)):
            name = f"n{number}"
            number += 1
            if stage and not prefix and draw.random() < 0.2:
                nodes.append(steno.Node.subsaga(name, saga(draw, registry, f".{name}"), "n0"))
            else:
                add = draw.choice((add_reversible, add_reversible, add_pivot))
                action = add(draw, registry, f"{name}{prefix}")
                nodes.append(steno.Node.action(name, action))
        builder.append_parallel(nodes)
    return builder.build()


def nothing_is_left(world: set[str], outcome: Outcome) -> None:
    """What has an undo is undone if the saga fails."""
    effects = {key for key in world if not key.endswith("read")}
    assert outcome.stuck or bool(effects) <= outcome.succeeded, effects


@pytest.mark.parametrize("seed", range(12))
def test_a_saga_that_is_right_passes(seed: int):
    """Nothing is found in it, whatever its actions declare."""
    draw, registry = random.Random(seed), steno.ActionRegistry()
    dag = steno.SagaDag(saga(draw, registry))
    report = explore(lambda: dag, registry, set, check=nothing_is_left, budget=120, seed=seed)
    assert report.runs > 50
    assert report.hints == ()
