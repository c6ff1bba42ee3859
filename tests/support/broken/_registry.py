"""Broken stores, and which cases of the conformance kit catch them."""

from collections.abc import Callable

import attrs

from support.hooked import HookedStore


@attrs.frozen
class Broken:
    """A store with one fault, and the cases that have to see it."""

    store: type[HookedStore]
    cases: tuple[str, ...]

    def __str__(self) -> str:
        return self.store.__name__


BROKEN: list[Broken] = []


def caught_by(*cases: str) -> Callable[[type[HookedStore]], type[HookedStore]]:
    def register(store: type[HookedStore]) -> type[HookedStore]:
        BROKEN.append(Broken(store, cases))
        return store

    return register
