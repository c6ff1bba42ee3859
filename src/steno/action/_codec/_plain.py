"""
The values of users' types as plain JSON.

The class of a value decides, not its annotation; so all annotations that are not classes have the
same hook, except those whose values may need tags (see `_announced`). A value that has no JSON is
left as it is: core refuses it, and says where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from types import NoneType
from typing import TypeAlias

from cattrs import Converter
from cattrs.fns import identity

from steno.action._codec._annotation import (
    Annotation,
    field_types,
    has_fields,
    is_model,
    is_named_tuple,
    resolve_fields,
)
from steno.action._codec._budget import BudgetSpent, bounded, bytes_left, spend, spend_on
from steno.action._codec._refusal import Refusal
from steno.action._codec._sharing import explodes, shown
from steno.action._codec._tag import OWN, TAG, escaped, tagged
from steno.action._codec._text import text_of
from steno.core import JSON, encode_json

Writer: TypeAlias = Callable[[JSON], JSON]
"""Takes a value, returns JSON."""

ATOMS = frozenset({NoneType, bool, int, float, str})
"""The classes whose instances are JSON already; those of their subclasses may be more."""


class Writers(dict[Annotation, Writer]):
    """
    The writer of each class, made when an instance is first met.

    The writer of a container looks up those of its parts here: asking cattrs takes longer, and one
    more stack frame for each level.

    Args:
        converter: Generates functions for classes.
        registered: The encode functions of the classes that users have registered.

    Attributes:
        announced: Returns the writer for a type whose values may need tags; None for others.
    """

    def __init__(self, converter: Converter, registered: Mapping[type, Writer]) -> None:
        super().__init__()
        self._converter = converter
        self._registered = registered
        self.announced: Callable[[Annotation], Writer | None] = _nothing_special

    def __missing__(self, cls: Annotation) -> Writer:
        """Return the writer of a class; core refuses a value that it leaves as it is."""
        # The order matters: a registered class may be any of the others, an enum may be a str, a
        # class with fields may be a dict or a list, and a NamedTuple is a tuple.
        if cls in ATOMS:
            write: Writer = identity
        elif cls in self._registered:
            write = _registered(self._registered[cls], self)
        elif issubclass(cls, Enum):
            write = _enum(self)
        elif has_fields(cls):
            resolve_fields(cls)
            write = _fields(self._converter.gen_unstructure_attrs_fromdict(cls))
        elif issubclass(cls, tuple) and is_named_tuple(cls):
            write = _named_tuple(cls, self)
        elif issubclass(cls, dict):
            write = _object(cls, self)
        elif issubclass(cls, list | tuple):
            write = _array(cls, self)
        elif issubclass(cls, set | frozenset):
            write = _set(cls, self)
        elif is_model(cls):
            write = _model
        elif (text := text_of(cls)) is not None:
            write = _text(text.write)
        else:
            write = identity
        self[cls] = write
        return write


def unstructure_hook(as_type: Annotation, writers: Writers) -> Writer:
    """Return the writer of values announced as a type; the class of each value decides."""
    if as_type in ATOMS:
        return identity
    if (announced := writers.announced(as_type)) is not None:
        return announced
    if not isinstance(as_type, type):
        return lambda value: writers[value.__class__](value)
    write = writers[as_type]

    def write_exactly(value: JSON) -> JSON:
        return write(value) if value.__class__ is as_type else writers[value.__class__](value)

    return write_exactly


def _nothing_special(_: Annotation) -> None:
    return None


def _registered(encode: Writer, writers: Writers) -> Writer:
    def write_registered(value: JSON) -> JSON:
        result = encode(value)
        # A string goes through `identity`, which spends nothing; containers spend for themselves.
        if result.__class__ is str:
            spend(len(result))
        return writers[result.__class__](result)

    return write_registered


def _enum(writers: Writers) -> Writer:
    def write_enum(member: JSON) -> JSON:
        return writers[member.value.__class__](member.value)

    return write_enum


def _fields(write: Writer) -> Writer:
    def write_fields(value: JSON) -> JSON:
        result = write(value)
        spend(4 * len(result) + 1)  # quotes, colons, commas, brackets
        return result

    return write_fields


def _named_tuple(cls: Annotation, writers: Writers) -> Writer:
    """Write a tuple whose fields have names, each by its annotation, if that matters."""
    types = field_types(cls)
    announced = [writers.announced(types[name]) if name in types else None for name in cls._fields]
    write_array = _array(cls, writers)
    if not any(announced):
        return write_array

    def write_named_tuple(value: JSON) -> JSON:
        spend(len(announced) + 1)
        return [
            writers[part.__class__](part) if write is None else write(part)
            for part, write in zip(bounded(value), announced, strict=True)
        ]

    return write_named_tuple


def _text(write: Callable[[JSON], str]) -> Writer:
    def write_text(value: JSON) -> str:
        result = write(value)
        spend(len(result))
        return result

    return write_text


def _array(cls: Annotation, writers: Writers) -> Writer:
    own = cls in (list, tuple)  # a subclass may have an `__iter__` that does not end

    def write_array(value: JSON) -> JSON:
        parts = value if own else bounded(value)
        spend(len(parts) + 1)
        return [
            each if each.__class__ in ATOMS else writers[each.__class__](each) for each in parts
        ]

    return write_array


def _set(cls: Annotation, writers: Writers) -> Writer:
    write_array = _array(cls, writers)

    def write_set(value: JSON) -> JSON:
        return in_order(write_array(value))

    return write_set


def in_order(items: list[JSON]) -> list[JSON]:
    """Return the items of a set in a fixed order: that of their texts."""
    # Counted but not spent: the items have paid for themselves when they were written. The texts
    # are thrown away again, and must not take more memory than the result may.
    left, texts = bytes_left(), list[str]()
    for item in items:
        texts.append(text := encode_json(item))
        left -= len(text)
        if left < 0:
            raise BudgetSpent
    return [items[place] for place in sorted(range(len(items)), key=texts.__getitem__)]


def _object(cls: Annotation, writers: Writers) -> Writer:
    own = cls is dict

    def write_object(value: JSON) -> JSON:
        items = value.items() if own else bounded(value.items())
        spend(4 * len(items) + 1)
        result: dict[JSON, JSON] = {}
        for key, item in items:
            kind = key.__class__
            name = key if kind is str else writers[kind](key)
            if not isinstance(name, str) or name in result:
                raise _bad_key(key, name)
            kind = item.__class__
            result[name] = item if kind in ATOMS else writers[kind](item)
        return tagged(OWN, result) if TAG in result else result

    return write_object


def as_object(pairs: Iterable[tuple[JSON, JSON]]) -> JSON:
    """Return the keys and items of a dict, already written, as one object."""
    result: dict[JSON, JSON] = {}
    for name, item in pairs:
        if not isinstance(name, str) or name in result:
            raise _bad_key(name, name)
        result[name] = item
    return tagged(OWN, result) if TAG in result else result


def _bad_key(key: JSON, name: JSON) -> Refusal:
    if not isinstance(name, str):
        return Refusal(f"the key {shown(key)} is not a string")
    # A UUID and its text, say: one of the two items would be lost.
    return Refusal(f"two keys are written as {name!r}")


def _model(model: JSON) -> JSON:
    # pydantic knows no budget, so the size is estimated before it is asked.
    if explodes(model, bytes_left()):
        raise BudgetSpent
    # With aliases and without computed fields, since that is what the model reads.
    plain = model.model_dump(mode="json", by_alias=True, round_trip=True)
    spend_on(plain)
    return escaped(plain)
