"""The adapters: stores that sagas can be kept in. The runtime knows none of them."""

from steno.stores._examine import examine
from steno.stores._finding import Finding, Verdict
from steno.stores._memory import InMemorySecStore
from steno.stores._sqlite import SqliteSecStore
from steno.stores._url import store_from_url

__all__ = [
    "Finding",
    "InMemorySecStore",
    "SqliteSecStore",
    "Verdict",
    "examine",
    "store_from_url",
]
