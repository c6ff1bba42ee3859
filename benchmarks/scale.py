"""Scales: how much to run."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Scale:
    """
    How much to run.

    Attributes:
        name: Its name on the command line.
        rounds: The default number of rounds.
        concurrencies: How many sagas run at once; the first is 1, and one of them is `many`.
        alone: The concurrency of scenarios that do one thing at a time.
        many: The concurrency at which engines are compared.
        turns: How many sagas are run in sequence, for each of those that run at once.
        least: The minimum number of sagas.
        peers: How many sagas of a peer run at once; the best of these counts.
        peers_few: The same, for scenarios with a single concurrency.
        peer_sagas: The minimum for a peer; with a commit per step, it takes a while.
        sizes: How many nodes a single saga has; the smallest and the largest are compared.
        size_nodes: How many nodes are run of each size, in as many sagas as needed.
        waiting: How many sagas wait in an action at once.
        recovering: How many are in flight when the process dies.
        looking: How many sagas run while a reader views them.
        seconds: How long the reader views them.
        verifying: How many nodes there are in the saga whose log is verified.
        exploring: The number of runs in the exploration of the trip.
        warming: How many sagas are run before measuring; None for a tenth.
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
        """Return the number of sagas to run at a concurrency."""
        return max(self.least, self.turns * concurrency)

    def warm_up(self, sagas: int) -> int:
        """Return the number of sagas to run before measuring this many."""
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
