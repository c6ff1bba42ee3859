"""
The adapters: stores that sagas can be kept in. The runtime does not know them.

What stores of several kinds need is here: `_worker`, a thread that owns a connection; `_pool`,
connections that read; `_bell`, how a thread wakes a task; `_coalesce`, concurrent calls merged into
one; `_step`, `_concern`, what rows hold; `_bulk_session`, bulk orders; `_url`.
"""

from steno.stores._memory import InMemorySecStore
from steno.stores._url import store_from_url
from steno.stores.sqlite import SqliteSecStore

__all__ = ["InMemorySecStore", "SqliteSecStore", "store_from_url"]
