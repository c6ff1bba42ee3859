"""The adapters: stores that sagas can be kept in. The runtime knows none of them."""

from steno.stores._memory import InMemorySecStore

__all__ = ["InMemorySecStore"]
