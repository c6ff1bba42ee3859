"""
The actors: a thin shell of Trio around the pure core.

* `_mailbox`, `_message`: how they talk, and what they say.
* `_writer`: makes everything durable. `_coordinator`: knows which sagas there are.
* `_executor`, `_runner`, `_exec_client`: run one saga; call user code; reach the SEC from there.
* `_entry`, `_statistics`: a saga in the coordinator's memory; what a SEC tells of itself.
* `_recover`: makes executors, of new and of stored sagas, and decides whether one can go on.
* `_value_limit`, `_retention`: how large values may be; deletes what was kept for long enough.
* `_admission`: which commands are taken. `_asker`: asks the coordinator.
* `_stored`: reads the store. `_absent`: what to say of sagas that are not in memory.
* `_access`: these four together.
* `_client`, `_handle`, `_listing`: what an application holds of a SEC, a saga, and all sagas.
* `_fault`, `_report`: what user code may raise; what is logged. `_open`: opening and leaving.
* `_collector`: less work for the garbage collector, for who asks for it.
"""

from steno.runtime._client import SecClient
from steno.runtime._collector import rare_collections
from steno.runtime._exec_client import SecExecClient
from steno.runtime._handle import SagaHandle
from steno.runtime._listing import SagaListing
from steno.runtime._open import open_sec
from steno.runtime._recover import restore
from steno.runtime._statistics import SecStatistics
from steno.runtime._writer import WriterStatistics

__all__ = [
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
