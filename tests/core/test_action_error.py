"""Errors of actions and undo actions, as data and as text."""

import pytest

from steno.core import (
    ActionError,
    ActionFailed,
    DeserializeFailed,
    InjectedError,
    SerializeFailed,
    SubsagaCreateFailed,
    UndoActionError,
    encode_json,
)
from steno.core._action_error import action_error_from_json, undo_error_from_json
from steno.errors import DeserializeError, SerializeError

SOURCE = {"type": "SoldOut", "message": "no room"}

ERRORS: list[tuple[ActionError, object, str]] = [
    (
        ActionFailed(encode_json(SOURCE)),
        {"ActionFailed": {"source_error": SOURCE}},
        'action failed: {"message":"no room","type":"SoldOut"}',
    ),
    (
        DeserializeFailed("$.x: 5"),
        {"DeserializeFailed": {"message": "$.x: 5"}},
        "deserialize failed: $.x: 5",
    ),
    (InjectedError(), "InjectedError", "error injected"),
    (
        SerializeFailed("$: nan"),
        {"SerializeFailed": {"message": "$: nan"}},
        "serialize failed: $: nan",
    ),
    (
        SubsagaCreateFailed("no"),
        {"SubsagaCreateFailed": {"message": "no"}},
        "failed to create subsaga: no",
    ),
]


@pytest.mark.parametrize(("error", "data", "text"), ERRORS)
def test_an_action_error_is_data_and_text(error: ActionError, data: object, text: str):
    """Each of the five has its form in dumps, from which it comes back, and its text for people."""
    assert error.to_json() == data
    assert action_error_from_json(data) == error
    assert str(error) == text


@pytest.mark.parametrize(
    "data",
    [
        None,
        "Injected",
        5,
        [],
        {},
        {"InjectedError": {}},
        {"ActionFailed": {}},
        {"ActionFailed": "no"},
        {"SerializeFailed": {"message": 5}},
        {"DeserializeFailed": {}},
        {"SubsagaCreateFailed": None},
        {"SomethingElse": {"message": "no"}},
    ],
)
def test_what_is_no_action_error_is_refused(data: object):
    """Whatever is none of the five, or is one without its data, raises."""
    with pytest.raises(ValueError, match="is no action error"):
        action_error_from_json(data)


def test_unknown_keys_in_an_error_are_ignored():
    """Beside the kind and within it."""
    data = {"new": 1, "SerializeFailed": {"message": "no", "new": 1}}
    assert action_error_from_json(data) == SerializeFailed("no")


def test_an_error_of_an_action_comes_back_as_what_it_was():
    """`convert` decodes the source error; one of another type is refused."""
    error = ActionFailed(encode_json(SOURCE))
    assert error.convert(dict) == SOURCE
    with pytest.raises(DeserializeError, match="is no int"):
        error.convert(int)


@pytest.mark.parametrize("error", [InjectedError(), SerializeFailed("no"), DeserializeFailed("x")])
def test_an_error_of_the_engine_is_nothing_that_an_action_raised(error: ActionError):
    """`convert` says what it was instead."""
    with pytest.raises(DeserializeError, match=f"did not fail with a dict: {error}"):
        error.convert(dict)


def test_an_undo_error_names_the_attempt():
    """Its text is the JSON of its source, over several lines."""
    error = UndoActionError.attempt(1, "error injected")
    data = {
        "PermanentFailure": {"source_error": {"message": "undo action attempt 1: error injected"}}
    }
    assert error.to_json() == data
    assert undo_error_from_json(data) == error
    assert str(error) == (
        'undo action failed permanently: {\n  "message": "undo action attempt 1: error injected"\n}'
    )


@pytest.mark.parametrize("data", [None, "PermanentFailure", {}, {"PermanentFailure": {}}, [1]])
def test_what_is_no_undo_error_is_refused(data: object):
    """There is one kind, and it has its source error."""
    with pytest.raises(ValueError, match="is no undo action error"):
        undo_error_from_json(data)


def test_a_source_error_that_is_no_json_is_refused():
    """A number that no store could hold is found when it is read."""
    with pytest.raises(SerializeError, match="out of the range"):
        action_error_from_json({"ActionFailed": {"source_error": 2**64}})
    with pytest.raises(SerializeError, match="out of the range"):
        undo_error_from_json({"PermanentFailure": {"source_error": -(2**64)}})
