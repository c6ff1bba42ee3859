"""The names that users may rely on: none comes, goes or moves unnoticed."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import get_args

import pytest

import steno
from steno import testing
from steno.core import SagaNodeEventType, inputs

NAMES = """
Abandoned Action ActionContext ActionDataError ActionError ActionFailed ActionFunc ActionName
ActionRegistry ActionRegistryError ActionTimeout AttemptFailed Breach BugError BulkListing BulkOrder
BulkOrderHaltedError BulkOrderId BulkOutcome BulkSaga BulkState BulkStatistics BulkSummary Codec
CodecError CommandError CorruptLog Dag DagBuilder DagBuilderError DefinitionError DeserializeError
DeserializeFailed DumpError Failed FailedAttempt FailedInDoubt ForeignEvent Hold IllegalEvent
InDoubt InMemorySecStore InjectedError InputError InternalError LogRule ManyOrder NOOP NOT_DONE
NoSuchBulkOrder NoSuchNode NoSuchSaga Node NodeBegun NodeExecState NodeLookupError NodeName NotDone
OrderRefused Ordered PostgresSecStore RecoveryError RepeatInjected Retry SagaCachedState
SagaCreateParams SagaDag SagaDone SagaExecStatus SagaFailed SagaFilter SagaFilters SagaHalted
SagaHaltedError SagaHandle SagaHeldError SagaId SagaIdInUse SagaListing SagaLog SagaName
SagaNodeEvent SagaNodeEventType SagaNodeId SagaNotReady SagaNotRunning SagaReady SagaResult
SagaResultErr SagaResultOk SagaRunning SagaSerialized SagaStateView SagaSummary SagaTakenOver
SagaTimes SagaValidationError SagaView Sec SecClient SecClosing SecCrashed SecExecClient SecSaga
SecStatistics SecStore SecStoreSession SerializeError SerializeFailed SqliteSecStore Started
StenoError StoreError StoreInUse StoreStuck StoreUnavailable SubsagaCreateFailed Succeeded
UndoActionError UndoAttemptFailed UndoFailed UndoFinished UndoStarted Unwound Value Verb
WriterStatistics child_saga child_sagas new_action_noop_undo open_sec rare_collections verify_log
""".split()  # noqa: SIM905 - a list with a line per name would hide the test


def test_the_facade_has_these_names_and_no_others():
    """`__all__` is this list, each name in it exists, and nothing else is public."""
    assert sorted(steno.__all__) == NAMES
    for name in NAMES:
        getattr(steno, name)
    helpers = {"annotations", "import_module", "TYPE_CHECKING"}
    public = {name for name in dir(steno) if not name.startswith("_")} - helpers
    assert {n for n in public if not isinstance(getattr(steno, n), ModuleType)} == set(NAMES)


TESTING = """
CounterExample Outcome Report action_context action_failure_can_unwind
action_failure_can_unwind_idempotently actions_succeed_idempotently assert_no_failed_undo_steps
explore verify_log
""".split()  # noqa: SIM905 - as above


def test_what_users_test_with_has_these_names_at_its_top():
    """All else is in a module that is named for what it is about."""
    assert sorted(testing.__all__) == TESTING


def test_what_applications_subclass_is_a_module_of_its_own():
    """It is found as `steno.abc`, without an import of its own, as `trio.abc` is."""
    assert sorted(steno.abc.__all__) == ["Attention", "Call", "CallKind", "Instrument"]
    assert not set(steno.abc.__all__) & set(NAMES)


MODULES = ["conformance", "explorer", "fakes", "faults", "playbook", "schedule", "strategies"]


@pytest.mark.parametrize("module", MODULES)
def test_the_rest_of_what_users_test_with_is_in_modules(module: str):
    """Each has a sorted list of its names, and no name means one thing here and another there."""
    names = importlib.import_module(f"steno.testing.{module}").__all__
    assert names == sorted(names, key=lambda n: (not n.isupper(), n[0].islower(), n))
    for other in set(MODULES) - {module}:
        there = importlib.import_module(f"steno.testing.{other}").__all__
        assert not set(names) & set(there), other


def test_what_is_not_there_is_not_found():
    """The facade imports its names late, but only those."""
    with pytest.raises(AttributeError, match="module 'steno' has no attribute 'Sagas'"):
        steno.Sagas  # noqa: B018 - it is looked up
    assert steno.core.__name__ == "steno.core"


def test_every_error_is_an_exception():
    """Each public name that ends in `Error` can be caught, and so can all the kinds of errors."""
    events = {each.__name__ for each in get_args(SagaNodeEventType)}
    errors = [name for name in NAMES if name.endswith(("Error", "Failed")) and name not in events]
    assert {"ActionError", "UndoActionError", "InjectedError", "SerializeFailed"} <= set(errors)
    for name in errors:
        assert issubclass(getattr(steno, name), steno.StenoError), name


def test_a_word_means_one_thing():
    """No name is an event, an input and an error at once."""
    events = {each.__name__ for each in get_args(SagaNodeEventType)}
    told = {each.__name__ for each in get_args(inputs.Input)}
    errors = {name for name in vars(steno.errors) | vars(steno.core) if name.endswith("Error")}
    kinds = {each.__name__ for each in subclasses(steno.StenoError)}
    assert not events & told
    assert not (events | told) & (errors | kinds)


def subclasses(cls: type) -> Iterator[type]:
    """Give all classes below one."""
    for each in cls.__subclasses__():
        yield each
        yield from subclasses(each)


IMPORTING = """
import sys
import steno.core
print(*sorted({"trio", "sqlite3", "cattrs", "steno.action"} & set(sys.modules)))
"""

LATE = """
import sys
import steno
assert "steno.abc" not in sys.modules
steno.abc.Instrument
assert "steno.runtime" not in sys.modules
"""


def test_instruments_are_imported_late():
    """A module that defines one loads neither the runtime nor a store."""
    subprocess.run([sys.executable, "-c", LATE], check=True)


def test_the_core_is_imported_alone():
    """Importing `steno.core` loads no other layer, nor what only those need."""
    done = subprocess.run([sys.executable, "-c", IMPORTING], capture_output=True, check=True)
    assert done.stdout.split() == []
