"""Errors of actions and undo actions, as data and as text."""

import pickle

import pytest

from steno.core import (
    ActionError,
    ActionFailed,
    DeserializeFailed,
    InDoubt,
    InjectedError,
    SerializeFailed,
    SubsagaCreateFailed,
    UndoActionError,
    action_error,
    encode_json,
    in_doubt,
    undo_error,
)
from steno.core.log._action_error import action_error_from_json, undo_error_from_json
from steno.errors import DeserializeError, SerializeError, StenoError

SOURCE = {"type": "SoldOut", "message": "no room"}

UNDO = UndoActionError.attempt(1, "no")

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
    (
        InDoubt(ActionFailed(encode_json(SOURCE))),
        {"InDoubt": {"cause": {"ActionFailed": {"source_error": SOURCE}}}},
        'in doubt: action failed: {"message":"no room","type":"SoldOut"}',
    ),
]


@pytest.mark.parametrize(("error", "data", "text"), ERRORS)
def test_an_action_error_is_data_and_text(error: ActionError, data: object, text: str):
    """Each of the six has its form in dumps, from which it comes back, and its text for people."""
    assert error.to_json() == data
    assert action_error_from_json(data) == error
    assert action_error(error.encoded()) == error
    assert str(error) == text


@pytest.mark.parametrize("error", [each for each, _, _ in ERRORS] + [UNDO])
def test_an_error_can_be_raised_caught_and_compared(error):
    """It is an exception, which equals what would be stored as the same, and nothing else."""
    with pytest.raises(type(error)) as caught:
        raise error
    assert caught.value == error
    assert isinstance(error, StenoError)
    equal = [each for each in (*(e for e, _, _ in ERRORS), UNDO) if each == error]
    assert equal == [error]
    assert {error: 1}[pickle.loads(pickle.dumps(error))] == 1  # noqa: S301 - it was just made
    assert error != str(error)


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
        {"InDoubt": {}},
        {"InDoubt": {"cause": "no"}},
        {"InDoubt": {"cause": {"InDoubt": {"cause": "InjectedError"}}}},
    ],
)
def test_what_is_no_action_error_is_refused(data: object):
    """Whatever is none of the six, or is one without its data, raises."""
    with pytest.raises(ValueError, match="is not an action error"):
        action_error_from_json(data)


def test_unknown_keys_in_an_error_are_ignored():
    """Beside the kind and within it."""
    data = {"new": 1, "SerializeFailed": {"message": "no", "new": 1}}
    assert action_error_from_json(data) == SerializeFailed("no")


def test_an_error_of_an_action_comes_back_as_what_it_was():
    """`convert` decodes the source error; one of another type is refused."""
    error = ActionFailed(encode_json(SOURCE))
    assert error.convert(dict) == SOURCE
    with pytest.raises(DeserializeError, match="is not of type int"):
        error.convert(int)
    assert error.convert(object) == SOURCE
    assert error.error_type == "SoldOut"
    assert ActionFailed(encode_json({"message": "x"})).error_type is None


class Room:
    """A class that nobody can raise."""


def test_an_error_with_a_name_is_no_class_that_is_no_exception():
    """What is asked for must be an exception, or the data that is stored."""
    with pytest.raises(
        DeserializeError, match="the node failed with a SoldOut, which is not a Room"
    ):
        ActionFailed(encode_json(SOURCE)).convert(Room)
    undo = UndoActionError.attempt(1, "no room", type="SoldOut")
    with pytest.raises(DeserializeError, match="the undo action failed with a SoldOut, which is"):
        undo.convert(Room)
    unnamed = ActionFailed(encode_json({"message": "x"}))
    with pytest.raises(DeserializeError, match="is not of type Room"):
        unnamed.convert(Room)


class Recording:
    """A codec that gives the text that it is to decode."""

    def encode(self, value, limit=None, /, *, as_type=None):
        raise AssertionError

    def decode(self, text, as_type):
        return text


@pytest.mark.parametrize(
    ("error", "type_", "text"),
    [
        ("no room", "SoldOut", '{"data":[5],"message":"no room","type":"SoldOut"}'),
        ("SoldOut", "SoldOut", '{"data":[5],"message":"","type":"SoldOut"}'),
    ],
)
def test_an_undo_error_is_decoded_as_it_was_raised(error, type_, text):
    """Without the words that Steno puts before its message; by the codec that it has."""
    source = UndoActionError.attempt(12, error, type=type_, data=[5]).source_error
    stored = UndoActionError(source, codec=Recording())
    assert stored.convert(ValueError) == text
    assert stored.convert(dict) == source
    assert stored.error_type == "SoldOut"
    unnamed = UndoActionError(UNDO.source_error, codec=Recording())
    assert unnamed.convert(ValueError) == UNDO.source_error
    assert unnamed.error_type is None


def test_an_error_may_be_asked_for_as_one_of_several():
    """Anything but a class, such as a union, is left to the codec."""
    error = ActionFailed(encode_json(SOURCE), codec=Recording())
    assert error.convert(ValueError | KeyError) == error.source_error


@pytest.mark.parametrize("error", [InjectedError(), SerializeFailed("no"), DeserializeFailed("x")])
def test_an_error_of_the_engine_is_nothing_that_an_action_raised(error: ActionError):
    """`convert` says what it was instead."""
    with pytest.raises(DeserializeError, match=f"did not fail with a dict: {error}"):
        error.convert(dict)


def test_a_doubt_has_its_cause():
    """It is converted to what the action raised, by the codec that the cause has."""
    doubt = InDoubt(ActionFailed(encode_json(SOURCE), codec=Recording()))
    assert doubt.convert(ValueError) == encode_json(SOURCE)
    assert doubt.cause == ActionFailed(encode_json(SOURCE))
    assert action_error(in_doubt(doubt.cause.encoded()), Recording()) == doubt
    assert action_error(doubt.encoded(), Recording()).convert(ValueError) == encode_json(SOURCE)
    with pytest.raises(DeserializeError, match="did not fail with a ValueError: error injected"):
        InDoubt(InjectedError()).convert(ValueError)


def test_an_undo_error_names_the_attempt():
    """Its text is the JSON of its source, over several lines."""
    error = UndoActionError.attempt(1, "error injected")
    data = {
        "PermanentFailure": {"source_error": {"message": "undo action attempt 1: error injected"}}
    }
    assert error.to_json() == data
    assert undo_error_from_json(data) == undo_error(error.encoded()) == error
    assert str(error) == (
        'undo action failed permanently: {\n  "message": "undo action attempt 1: error injected"\n}'
    )


@pytest.mark.parametrize("data", [None, "PermanentFailure", {}, {"PermanentFailure": {}}, [1]])
def test_what_is_no_undo_error_is_refused(data: object):
    """There is one kind, and it has its source error."""
    with pytest.raises(ValueError, match="is not an undo action error"):
        undo_error_from_json(data)


def test_a_source_error_that_is_no_json_is_refused():
    """A number that no store could hold is found when it is read."""
    with pytest.raises(SerializeError, match="out of the range"):
        action_error_from_json({"ActionFailed": {"source_error": 2**64}})
    with pytest.raises(SerializeError, match="out of the range"):
        undo_error_from_json({"PermanentFailure": {"source_error": -(2**64)}})
