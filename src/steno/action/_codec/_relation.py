"""
Comparing annotations: whether a value of one type can be read as another.

Theory of operation. A graph passes the value of one node to another as JSON: it is written by the
class of the value, and read by the annotation of the parameter. So two annotations are compared by
the JSON that one may write and the other reads, their *shapes*, and not by what a type checker
would say: a UUID can be read as a `str`, but a `bool` cannot be read as an `int`.

The answer is used to refuse a graph before it runs. A refusal has to be right, whereas a mismatch
that is overlooked is still found when the value is read; so what is not understood is accepted.
There are three exceptions, where users expect an error although some value would pass:

* `list[int]` is not accepted for `list[str]`, although an empty list is read as either. The same
  goes for the keys and values of dicts, and for optional keys of a `TypedDict`.
* A value is expected to have the fields of its annotation, although a subclass may add fields. Only
  if the parameter asks for a subclass is it accepted without comparing fields.
* A `TypedDict` is compared by its keys even with its bases, which it does not know at run time.
"""

from __future__ import annotations

import dataclasses
from collections import abc
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import GenericAlias
from typing import Annotated, Literal, TypeAlias, Unpack, get_args

import attrs
from cattrs import override

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    field_types,
    fields_of,
    has_fields,
    is_named_tuple,
    is_typed_dict,
    origin_of,
    required_keys,
    type_name,
    unwrapped,
)
from steno.action._codec._codec import Codec
from steno.action._codec._container import ARRAYS, OBJECTS
from steno.action._codec._member import PLAIN, is_union
from steno.action._codec._text import TEXTS
from steno.core import JsonText, decode_json
from steno.errors import DeserializeError, SerializeError

_OVERRIDE = type(override())

# What the JSON of an atom may be besides its own class. A type checker accepts an int as a float,
# and a bool as either.
_WRITTEN: dict[type, frozenset[type]] = {int: frozenset({bool}), float: frozenset({bool, int})}
_READ: dict[type, frozenset[type]] = {float: frozenset({int})}

_LOOK_ALIKE: frozenset[tuple[type, type]] = frozenset(
    {
        (date, datetime),  # a datetime is a date too
        # Base64 has all the characters of a number, of "PT86400S" and of "20240506T00+0000".
        (bytes, Decimal),
        (bytes, timedelta),
        (bytes, datetime),
        (Decimal, bytes),
        (timedelta, bytes),
    }
)
"""Pairs of types where text of the first may be read as the second; paths may be any text."""


@attrs.frozen
class Anything:
    """The shape of a type that says nothing about its JSON, or that is not understood."""


@attrs.frozen
class Finite:
    """
    The shape of a `Literal` or an enum.

    Attributes:
        texts: Its values, as JSON.
        is_open: True if there may be other values of the same kinds, as with flags.
    """

    texts: list[JsonText]
    is_open: bool = False


@attrs.frozen
class Atom:
    """The shape of a type of JSON itself, one of `PLAIN`."""

    kind: type


@attrs.frozen
class Text:
    """The shape of a type that is spelled as a string, one of `TEXTS`."""

    kind: type


@attrs.frozen
class Array:
    """The shape of a list of any length."""

    item: Annotation


@attrs.frozen
class Row:
    """The shape of a list whose places have types; those from `least` on may be missing."""

    items: tuple[Annotation, ...]
    least: int


@attrs.frozen
class Object:
    """The shape of a dict with any keys of a type."""

    key: Annotation
    item: Annotation


@attrs.frozen
class Record:
    """The shape of a dict with the keys of a class, some of which must be there."""

    types: dict[str, Annotation]
    required: frozenset[str]


Shape: TypeAlias = Anything | Finite | Atom | Text | Array | Row | Object | Record


def may_be(source: Annotation, wanted: Annotation, codec: Codec) -> bool:
    """
    Return False if a value of one type, once written, certainly cannot be read as another.

    Args:
        source: The annotation of the value; None if it has none.
        wanted: The annotation that it is read by; None if there is none.
        codec: Writes and reads it; the types that are registered with it are accepted.
    """
    try:
        return _Relation(codec).holds(source, wanted)
    except Exception:  # noqa: BLE001 - a user's annotation may be anything
        # A name that does not exist at run time, an unhashable type, a RecursionError for a generic
        # class that contains itself with different arguments at each level: reading may report it.
        return True


def type_text(as_type: Annotation) -> str:
    """Return a type as messages show it: by its name, without what only annotates it."""
    while origin_of(as_type) is Annotated:
        as_type = args_of(as_type)[0]
    return type_name(as_type)


@attrs.define(eq=False)
class _Relation:
    """Remembers which pairs of types were compared, since types may contain themselves."""

    _codec: Codec
    _known: dict[tuple[Annotation, Annotation], bool] = attrs.field(init=False, factory=dict)

    def holds(self, source: Annotation, wanted: Annotation) -> bool:
        """Return True if a value of one type may be read as another."""
        pair = source, wanted
        known = self._known.get(pair)
        if known is None:
            # The answer for this pair within itself, so that this ends. It is lenient: if the
            # pair is refused all the same, it certainly does not fit.
            self._known[pair] = True
            known = self._known[pair] = self._compare(source, wanted)
        return known

    def _compare(self, source: Annotation, wanted: Annotation) -> bool:
        if (inner := unwrapped(source)) is not source:
            return self.holds(inner, wanted)
        if (inner := unwrapped(wanted)) is not wanted:
            return self.holds(source, inner)
        if members := self._members(source):
            return any(self.holds(each, wanted) for each in members)
        if is_union(wanted):
            return any(self.holds(source, each) for each in args_of(wanted))
        return _is_derived(wanted, source) or self._compare_shapes(source, wanted)

    def _compare_shapes(self, source: Annotation, wanted: Annotation) -> bool:
        match self._shape(source), self._shape(wanted):
            case (Anything(), _) | (_, Anything()):
                return True
            # Listed values are tried out, unless there may be others, or unless the other type may
            # have a part that is not understood.
            case Finite(texts, is_open), shape:
                if is_open or not isinstance(shape, Finite | Atom | Text):
                    return any(self.holds(_kind_of(text), wanted) for text in texts)
                return any(self._decodes(text, wanted) for text in texts)
            case shape, Finite(texts, is_open):
                if is_open or not isinstance(shape, Text):
                    return any(self.holds(source, _kind_of(text)) for text in texts)
                return any(self._decodes(text, source) for text in texts)  # it reads what it writes
            case written, read:
                return self._fits(written, read)

    def _members(self, source: Annotation) -> tuple[Annotation, ...]:
        """Return the types that a value of a union, or of an abstract class, may have."""
        origin, args = origin_of(source), args_of(source)
        if is_union(source):
            return args
        if origin not in {abc.Sequence, abc.Collection}:
            return ()
        # They are read as lists only, but a value of theirs may also be a string, or a dict.
        item = args[0] if args else object
        members: list[Annotation] = [GenericAlias(list, (item,))]
        members += [cls for cls, part in ((str, str), (bytes, int)) if self.holds(part, item)]
        if origin is abc.Collection:
            members.append(GenericAlias(dict, (item, object)))
        return tuple(members)

    def _decodes(self, text: JsonText, as_type: Annotation) -> bool:
        try:
            self._codec.decode(text, as_type)
        except DeserializeError:
            return False
        return True

    def _fits(self, written: Shape, read: Shape) -> bool:
        match written, read:
            case Atom(source), Atom(wanted):
                return not _kinds(source, _WRITTEN).isdisjoint(_kinds(wanted, _READ))
            case (Atom(kind), Text()) | (Text(), Atom(kind)):
                return kind is str
            case Text(source), Text(wanted):
                pair = source, wanted
                return source is wanted or PurePath in pair or pair in _LOOK_ALIKE
            case ((Array() | Row()), (Array() | Row())):
                return self._items_fit(written, read)
            case ((Object() | Record()), (Object() | Record())):
                return self._keys_fit(written, read)
            case _:
                return False

    def _items_fit(self, written: Array | Row, read: Array | Row) -> bool:
        if isinstance(written, Array):
            wanted = (read.item,) if isinstance(read, Array) else read.items[: read.least]
            return self._all_hold((written.item, each) for each in wanted)
        if isinstance(read, Array):
            return self._all_hold((each, read.item) for each in written.items)
        pairs = zip(written.items, read.items, strict=False)
        return read.least <= len(written.items) <= len(read.items) and self._all_hold(pairs)

    def _keys_fit(self, written: Object | Record, read: Object | Record) -> bool:
        if isinstance(read, Object):
            if isinstance(written, Object):
                return self.holds(written.key, read.key) and self.holds(written.item, read.item)
            pairs = ((each, read.item) for each in written.types.values())
            return self.holds(str, read.key) and self._all_hold(pairs)
        if isinstance(written, Object):
            return self._all_hold((written.item, read.types[name]) for name in read.required)
        shared = [name for name in read.types if name in written.types]
        pairs = ((written.types[name], read.types[name]) for name in shared)
        return read.required <= {*shared} and self._all_hold(pairs)

    def _all_hold(self, pairs: Iterable[tuple[Annotation, Annotation]]) -> bool:
        return all(self.holds(source, wanted) for source, wanted in pairs)

    def _shape(self, as_type: Annotation) -> Shape:
        origin, args = origin_of(as_type), args_of(as_type)
        if origin is Literal:
            return self._finite(get_args(as_type))
        if origin is tuple:
            return _tuple_shape(as_type, args)
        if origin in ARRAYS:
            return Array(args[0] if args else object)
        if origin in OBJECTS:
            return Object(*(args or (object, object)))
        if is_typed_dict(origin):
            return Record(field_types(as_type), required_keys(origin))
        if not isinstance(origin, type):
            return Anything()
        if issubclass(origin, Enum):
            return self._finite(origin, is_open=_is_open(origin))
        return _class_shape(as_type, origin)

    def _finite(self, values: Iterable[object], *, is_open: bool = False) -> Shape:
        try:
            texts = [self._codec.encode(value) for value in values]
        except SerializeError:
            return Anything()
        # An enum without members is made to be derived from.
        return Finite(texts, is_open) if texts else Anything()


def _tuple_shape(as_type: Annotation, args: tuple[Annotation, ...]) -> Shape:
    if args[1:] == (...,):
        return Array(args[0])
    is_bare = not args and not isinstance(as_type, GenericAlias)  # `tuple[()]` has no items
    # In `tuple[int, *tuple[str, ...]]` an argument is not an item.
    if is_bare or any(_is_unpacked(each) for each in args):
        return Array(object)
    return Row(args, len(args))


def _is_unpacked(argument: Annotation) -> bool:
    return origin_of(argument) is Unpack or getattr(argument, "__unpacked__", False) is True


# In the order in which the codec decides how a class is read. Subclasses of containers can be
# written, but not read, so any items are accepted. The last line also covers pydantic models, and
# registered types, since the codec does not register a type that has a shape here.
def _class_shape(as_type: Annotation, cls: Annotation) -> Shape:
    if issubclass(cls, BaseException):
        return Anything()
    if has_fields(cls):
        return _fields_shape(as_type, cls)
    if is_named_tuple(cls):
        return _named_tuple_shape(as_type, cls)
    if issubclass(cls, list | tuple | set | frozenset):
        return Array(object)
    if issubclass(cls, dict):
        return Object(object, object)
    if (kind := next((each for each in TEXTS if issubclass(cls, each)), None)) is not None:
        return Text(kind)
    kind = next((each for each in PLAIN if issubclass(cls, each)), None)
    return Anything() if kind is None else Atom(kind)


def _fields_shape(as_type: Annotation, cls: Annotation) -> Shape:
    types = fields_of(as_type)
    # Such a field may have another name in JSON, or none.
    if any(map(_is_overridden, types.values())):
        return Object(object, object)
    fields = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    # A field that `__init__` does not take is neither written nor read.
    taken = [field for field in fields if field.init]
    return Record(
        {field.name: types[field.name] for field in taken},
        frozenset(field.name for field in taken if _is_required(field)),
    )


def _is_required(field: Annotation) -> bool:
    factory: object = getattr(field, "default_factory", dataclasses.MISSING)
    missing = field.default is attrs.NOTHING or field.default is dataclasses.MISSING
    return missing and factory is dataclasses.MISSING


def _is_overridden(as_type: Annotation) -> bool:
    return origin_of(as_type) is Annotated and any(
        isinstance(each, _OVERRIDE) for each in as_type.__metadata__
    )


def _named_tuple_shape(as_type: Annotation, cls: Annotation) -> Shape:
    hints = field_types(as_type)
    items = tuple(hints.get(name, object) for name in cls._fields)
    return Row(items, len(items) - len(cls._field_defaults))


def _is_derived(cls: Annotation, base: Annotation) -> bool:
    """Return True if a class is derived from another one that has fields."""
    cls, base = origin_of(cls), origin_of(base)
    # A class is not derived from itself: `Box[int]` and `Box[str]` differ.
    if cls is base or not isinstance(cls, type) or not isinstance(base, type):
        return False
    return has_fields(base) and issubclass(cls, base)


def _is_open(cls: type[Enum]) -> bool:
    """Return True if an enum makes members of values that it does not list."""
    return any("_missing_" in vars(each) for each in cls.__mro__ if each is not Enum)


def _kind_of(text: JsonText) -> type:
    kind: type = decode_json(text).__class__
    return kind


def _kinds(kind: type, more: dict[type, frozenset[type]]) -> frozenset[type]:
    return frozenset({kind}) | more.get(kind, frozenset())
