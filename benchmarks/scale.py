"""Scales: how much of everything is run."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Scale:
    """
    How much of everything is run.

    Attributes:
        name: What it is asked for by.
        rounds: How often each piece is measured, if nothing else is said.
        concurrencies: How many sagas run at once; the first is 1, and one of them is `many`.
        alone: The concurrency of what can only be done alone.
        many: The concurrency at which engines are held against each other.
        turns: How many sagas each of those that run at once stands for, one after another.
        least: How many sagas are run in any case.
        peers: How many sagas of a peer run at once; the best of these counts.
        peers_few: The same, where one has to do.
        peer_sagas: How many a peer runs at least: with a commit per step, that takes its time.
        sizes: How many nodes a single saga has, the smallest and the largest held together.
        size_nodes: How many nodes are run of each size, in as many sagas as that takes.
        waiting: How many sagas wait in an action at once.
        recovering: How many are in flight when the process dies.
        looking: How many run while somebody looks at them.
        seconds: How long somebody looks.
        verifying: How many nodes there are in the saga whose log is verified.
        exploring: How many runs there are in the exploration of the trip.
        warming: How many sagas are run before the clock is started; None for a tenth.
    """

    name: str
    rounds: int
    concurrencies: tuple[int, ...]
    alone: tuple[int, ...]
    many: int
    turns: int
    least: int
    peers: tuple[int, ...]
    peers_few: tuple[int, ...]
    peer_sagas: int
    sizes: tuple[int, ...]
    size_nodes: int
    waiting: tuple[int, ...]
    recovering: tuple[int, ...]
    looking: tuple[int, ...]
    seconds: float
    verifying: tuple[int, ...]
    exploring: tuple[int, ...]
    warming: int | None = None

    def sagas(self, concurrency: int) -> int:
        """Return how many sagas are run at a concurrency."""
        return max(self.least, self.turns * concurrency)

    def warm_up(self, sagas: int) -> int:
        """Return how many are run before so many are measured."""
        return sagas // 10 + 1 if self.warming is None else self.warming


FULL: Final = Scale(
    name="full",
    rounds=5,
    concurrencies=(1, 16, 256, 1024),
    alone=(1,),
    many=256,
    turns=4,
    least=100,
    peers=(16, 256),
    peers_few=(16,),
    peer_sagas=64,
    sizes=(100, 1_000, 10_000, 100_000),
    size_nodes=20_000,
    waiting=(100_000,),
    recovering=(10_000,),
    looking=(1_000,),
    seconds=10,
    verifying=(10_000,),
    exploring=(500,),
)
QUICK: Final = Scale(
    name="quick",
    rounds=1,
    concurrencies=(1, 256),
    alone=(1,),
    many=256,
    turns=1,
    least=10,
    peers=(16,),
    peers_few=(16,),
    peer_sagas=16,
    sizes=(100, 1_000),
    size_nodes=1_000,
    waiting=(1_000,),
    recovering=(200,),
    looking=(200,),
    seconds=1,
    verifying=(1_000,),
    exploring=(10,),
)
TINY: Final = Scale(
    name="tiny",
    rounds=1,
    concurrencies=(1, 4),
    alone=(1,),
    many=4,
    turns=1,
    least=2,
    peers=(2,),
    peers_few=(2,),
    peer_sagas=2,
    sizes=(10, 40),
    size_nodes=40,
    waiting=(200,),
    recovering=(10,),
    looking=(10,),
    seconds=0.3,
    verifying=(40,),
    exploring=(3,),
)

SCALES: Final = {scale.name: scale for scale in (FULL, QUICK, TINY)}
