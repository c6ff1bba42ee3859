"""
The actors: a thin Trio shell around the pure core.

* `_mailbox`, `_message`: how the actors communicate, and their messages.
* `_writer`: makes everything durable. `_coordinator`: knows which sagas there are.
* `_executor`, `_runner`, `_exec_client`: run one saga; call user code; reach the SEC from there.
* `_entry`, `_statistics`: a saga in the coordinator's memory; the statistics of a SEC.
* `_holding`, `_awaited`: sagas that are held; nodes that wait for such a saga.
* `_tasks`, `_resident`: the tasks of a saga's calls. `_halting`, `_endings`: how it ends.
* `_executor_factory`: makes executors of sagas, and decides whether a stored one can resume.
* `_recover`: loads the sagas that this SEC has taken over.
* `_creation`: the write that creates a saga, with its tags.
* `_value_limit`, `_retention`: limits the size of values; deletes old finished sagas.
* `_admission`: which commands are accepted. `_asker`: sends requests to the coordinator.
* `_stored`: reads the store. `_absent`: answers for sagas that are not in memory.
* `_access`: these four together. `_backoff`: when a store that was unavailable is tried again.
* `_client`, `_handle`, `_listing`: an application's view of a SEC, a saga, and all sagas.
* `_bulk_client`, `_bulk_order`: the same of an order to many sagas; `_many`: what is ordered.
* `_bulk_orders`, `_bulk`, `_pace`: has such orders, gives each to its sagas, and how fast.
* `_fault`, `_report`: what user code may raise; what is logged. `_open`: opening and leaving.
* `_instruments`: tells the application's instruments, and drops those that raise.
* `_collector`: less frequent garbage collection, for applications that opt in.
"""

from steno.runtime._bulk_order import BulkOrder, BulkStatistics
from steno.runtime._client import SecClient
from steno.runtime._collector import rare_collections
from steno.runtime._exec_client import SecExecClient
from steno.runtime._executor_factory import restore
from steno.runtime._handle import SagaHandle
from steno.runtime._listing import BulkListing, SagaListing
from steno.runtime._open import open_sec
from steno.runtime._statistics import SecStatistics
from steno.runtime._writer import WriterStatistics

__all__ = [
    "BulkListing",
    "BulkOrder",
    "BulkStatistics",
    "SagaHandle",
    "SagaListing",
    "SecClient",
    "SecExecClient",
    "SecStatistics",
    "WriterStatistics",
    "open_sec",
    "rare_collections",
    "restore",
]
