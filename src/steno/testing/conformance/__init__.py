"""
What every store must do: a test kit for authors of stores.

Each `Demand` opens the store that it is given, fresh and empty, and checks one rule of the
interface in `steno.store`. With pytest and pytest-trio::

    import pytest
    from steno.testing import conformance


    @pytest.mark.parametrize("demand", conformance.DEMANDS, ids=str)
    async def test_my_store(demand, tmp_path):
        await demand.run(conformance.Subject(MyStore(tmp_path / "sagas")))

`str(demand)` is its topic and its text, as in `record: a record can be sent again`. If a store
fails a demand, an `AssertionError` says what was found and what was wanted. Demands that need help
from outside (a fault, a newer release, a clock) are skipped unless `Subject` has the hook.

A store may refuse a second session at the same time or fence it off, and may be an `OperatorStore`
or not. Stores with several modes should run the kit on each.
"""

from steno.testing.conformance._attention import ATTENTION
from steno.testing.conformance._bulk import BULK
from steno.testing.conformance._bulk_report import BULK_REPORT
from steno.testing.conformance._cancel import CANCEL
from steno.testing.conformance._crashes import CRASHES
from steno.testing.conformance._create import CREATE
from steno.testing.conformance._demand import Demand, Topic
from steno.testing.conformance._faults import FAULTS
from steno.testing.conformance._fencing import FENCING
from steno.testing.conformance._filters import FILTERS
from steno.testing.conformance._fleet import FLEET
from steno.testing.conformance._list import LIST
from steno.testing.conformance._load import LOAD
from steno.testing.conformance._migration import MIGRATION
from steno.testing.conformance._prune import PRUNE
from steno.testing.conformance._read import READ
from steno.testing.conformance._record import RECORD
from steno.testing.conformance._rules import RULES
from steno.testing.conformance._session import SESSION
from steno.testing.conformance._subject import Subject
from steno.testing.conformance._tags import TAGS
from steno.testing.conformance._times import TIMES

__all__ = ["DEMANDS", "Demand", "Subject"]

_TOPICS: tuple[Topic, ...] = (
    CREATE,
    RECORD,
    TIMES,
    LOAD,
    RULES,
    LIST,
    FILTERS,
    TAGS,
    ATTENTION,
    FENCING,
    CRASHES,
    PRUNE,
    BULK,
    BULK_REPORT,
    FLEET,
    MIGRATION,
    SESSION,
    CANCEL,
    FAULTS,
    READ,
)

DEMANDS: tuple[Demand, ...] = tuple(demand for topic in _TOPICS for demand in topic.demands)
"""Every demand, topic by topic."""
