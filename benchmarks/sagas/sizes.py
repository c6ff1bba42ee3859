"""One saga of many nodes, from the builder to its end, in memory."""

from __future__ import annotations

from functools import partial

import trio

import steno
from benchmarks.meter import Meter
from benchmarks.sagas.chains import END
from benchmarks.sagas.graph import SHAPES, World, registry
from benchmarks.scenario import Figures, Load

WARM_UP = 100


async def _measured(load: Load) -> Figures:
    failing = load.options["end"] == "unwinding"
    shape = SHAPES[load.options["shape"]]
    sagas = max(1, load.scale.size_nodes // load.point)
    building = Meter()
    async with steno.open_sec(steno.InMemorySecStore(), registry, context=World()) as sec:
        await sec.saga_run(shape(WARM_UP, failing=failing))
        with Meter() as meter:
            for _ in range(sagas):
                with Meter() as building_one:
                    # A graph of its own: what is done once for each graph is done for each saga,
                    # small or large.
                    dag = shape(load.point, failing=failing)
                building.wall += building_one.wall
                result = await sec.saga_run(dag)
                if type(result) is not END[failing]:
                    msg = f"the saga has ended otherwise than was planned: {result}"
                    raise AssertionError(msg)
    nodes = sagas * load.point
    return meter.figures(nodes) | {"building": building.wall / nodes * 1e6}


def run(load: Load) -> Figures:
    """Run sagas of a size, one after another."""
    return trio.run(partial(_measured, load))
