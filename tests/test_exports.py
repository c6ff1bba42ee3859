"""The names that users may rely on: none comes, goes or moves unnoticed."""

from types import ModuleType

import steno

NAMES = """
Action ActionContext ActionDataError ActionError ActionFailed ActionFunc ActionName ActionRegistry
ActionRegistryError Breach BugError CommandError CorruptLog Dag DagBuilder DagBuilderError
DefinitionError DeserializeError DeserializeFailed DumpError ForeignEvent IllegalEvent
InMemorySecStore InjectedError InternalError LogRule NOOP NoSuchNode NoSuchSaga Node NodeBegun
NodeExecState NodeLookupError NodeName RecoveryError RepeatInjected SagaCachedState SagaCreateParams
SagaDag SagaDone SagaExecStatus SagaFailed SagaHalted SagaHaltedError SagaHandle SagaId SagaIdInUse
SagaLog SagaName SagaNodeEvent SagaNodeId SagaNotReady SagaNotRunning SagaReady SagaResult
SagaResultErr SagaResultOk SagaRunning SagaSerialized SagaSummary SagaTakenOver SagaTimes
SagaValidationError SagaView SecClient SecClosing SecCrashed SecExecClient SecStatistics SecStore
SecStoreSession SerializeError SerializeFailed SqliteSecStore StenoError StoreError StoreInUse
StoreStuck StoreUnavailable SubsagaCreateFailed UndoActionError WriterStatistics
new_action_noop_undo open_sec rare_collections verify_log
""".split()  # noqa: SIM905 - a list with a line per name would hide the test


def test_the_facade_has_these_names_and_no_others():
    """`__all__` is this list, each name in it exists, and nothing else is public."""
    public = {name for name in vars(steno) if not name.startswith("_")}
    assert sorted(steno.__all__) == NAMES
    assert {n for n in public if not isinstance(getattr(steno, n), ModuleType)} == set(NAMES)
