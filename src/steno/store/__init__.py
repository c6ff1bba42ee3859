"""
The port: what the runtime asks of a store, and in which words.

Theory of operation. A store keeps three things: graphs, once per content hash; a row per saga; and
a row per event, numbered within its saga from 0. It is written to in batches, by one writer per
SEC. Each saga row names the SEC that runs it (`current_sec`) and how often it has changed hands
(`adopt_generation`): together its **fence**. Every write is conditional on the fence, saga by saga,
in the same transaction: what an earlier life of a SEC sends late is refused, and hurts no other
saga of its batch.

A SEC has a generation of its own as well, raised each time one of its name is opened. What it
creates begins with that, so that not even two lives of a SEC that create the same saga have the
same fence.

Numbers make writes idempotent: a batch that was written, and whose answer was lost, can be sent
again.

A store also keeps orders to many sagas: a row for each, with a fence of its own, and a row for each
of its sagas, in which it is noted what became of the order there.
"""

from steno.action import from_timestamp, to_timestamp
from steno.core import with_times
from steno.store._bulk import (
    BulkCreate,
    BulkListQuery,
    BulkMark,
    BulkNote,
    BulkOutcome,
    BulkPruneQuery,
    BulkSaga,
    BulkSagaQuery,
    BulkState,
    BulkSummary,
    BulkWrite,
)
from steno.store._bulk_book import BulkBook
from steno.store._crashes import UNMARKED, crashes_at_take_over
from steno.store._filter import SagaFilter
from steno.store._finding import Finding, Verdict
from steno.store._fleet import Fleet, OrphanGraph, SecSummary, fair_share, fleet_of
from steno.store._groups import AttentionGroup, attention_groups
from steno.store._judge import Append, Change, Create, Mark, Note, StoredRow, judge
from steno.store._judge_bulk import BulkAdd, BulkAdvance, BulkChange, BulkRow, judge_bulk
from steno.store._list import ListQuery, SagaFilters
from steno.store._many_order import ManyOrder
from steno.store._port import (
    BulkReader,
    BulkSession,
    OperatorStore,
    SecStore,
    SecStoreReader,
    SecStoreSession,
)
from steno.store._read import (
    PRUNABLE,
    LogEntry,
    PruneQuery,
    SagaClaim,
    SagaSummary,
    SagaTimes,
    StoredSaga,
    TakeOver,
)
from steno.store._tags import MOST_TAGS, NO_TAGS, TAG_LENGTH, checked_tags
from steno.store._write import (
    Durable,
    Fence,
    Lost,
    Rejected,
    SagaCreateParams,
    SagaProblem,
    SagaRecord,
    SagaTrial,
    SagaWrite,
    WriteOutcome,
)

__all__ = [
    "MOST_TAGS",
    "NO_TAGS",
    "PRUNABLE",
    "TAG_LENGTH",
    "UNMARKED",
    "Append",
    "AttentionGroup",
    "BulkAdd",
    "BulkAdvance",
    "BulkBook",
    "BulkChange",
    "BulkCreate",
    "BulkListQuery",
    "BulkMark",
    "BulkNote",
    "BulkOutcome",
    "BulkPruneQuery",
    "BulkReader",
    "BulkRow",
    "BulkSaga",
    "BulkSagaQuery",
    "BulkSession",
    "BulkState",
    "BulkSummary",
    "BulkWrite",
    "Change",
    "Create",
    "Durable",
    "Fence",
    "Finding",
    "Fleet",
    "ListQuery",
    "LogEntry",
    "Lost",
    "ManyOrder",
    "Mark",
    "Note",
    "OperatorStore",
    "OrphanGraph",
    "PruneQuery",
    "Rejected",
    "SagaClaim",
    "SagaCreateParams",
    "SagaFilter",
    "SagaFilters",
    "SagaProblem",
    "SagaRecord",
    "SagaSummary",
    "SagaTimes",
    "SagaTrial",
    "SagaWrite",
    "SecStore",
    "SecStoreReader",
    "SecStoreSession",
    "SecSummary",
    "StoredRow",
    "StoredSaga",
    "TakeOver",
    "Verdict",
    "WriteOutcome",
    "attention_groups",
    "checked_tags",
    "crashes_at_take_over",
    "fair_share",
    "fleet_of",
    "from_timestamp",
    "judge",
    "judge_bulk",
    "to_timestamp",
    "with_times",
]
