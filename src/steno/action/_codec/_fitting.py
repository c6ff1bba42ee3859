"""Checking whether a value matches an annotation, down to its parts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from types import NoneType
from typing import Any, Literal, get_args

import attrs

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    field_names,
    field_types,
    fields_of,
    has_fields,
    is_named_tuple,
    is_typed_dict,
    origin_of,
)
from steno.action._codec._container import ARRAYS, OBJECTS
from steno.action._codec._member import bare, class_of, is_union
from steno.core import JSON


@attrs.define(eq=False)
class Fitting:
    """Remembers what fits, since parts may be shared and unions nested."""

    _known: dict[tuple[int, Annotation], bool] = attrs.field(init=False, factory=dict)

    def may_be(self, value: JSON, as_type: Annotation) -> bool:
        """Return True if a value is of exactly the class of a type, regardless of its parts."""
        as_type = bare(as_type)
        if is_union(as_type):
            return any(self.may_be(value, each) for each in args_of(as_type))
        if origin_of(as_type) is Literal:
            allowed = get_args(as_type)
            return any(value.__class__ is each.__class__ and value == each for each in allowed)
        return value.__class__ is class_of(as_type)

    def fits(self, value: JSON, as_type: Annotation) -> bool:
        """Return True if a value matches a type."""
        key = id(value), as_type
        known = self._known.get(key)
        if known is None:
            # The answer for a value within itself, so that this ends; it is refused elsewhere.
            self._known[key] = False
            known = self._known[key] = self._fits(value, bare(as_type))
        return known

    def _fits(self, value: JSON, as_type: Annotation) -> bool:
        origin, args = origin_of(as_type), args_of(as_type)
        if as_type in (Any, object):
            return True
        if is_union(as_type):
            return any(self.fits(value, each) for each in args)
        if origin is Literal:
            return self.may_be(value, as_type)
        if as_type in (None, NoneType):
            return value is None
        if not self.may_be(value, as_type):
            return False
        return self._parts_fit(value, as_type, origin, args)

    def _parts_fit(
        self, value: JSON, as_type: Annotation, origin: Annotation, args: tuple[Annotation, ...]
    ) -> bool:
        if is_typed_dict(origin):
            types = field_types(as_type)
            if not origin.__required_keys__ <= value.keys() <= types.keys():
                return False
        if origin is tuple and args and args[1:] != (...,) and len(value) != len(args):
            return False
        return self._each(_parts(value, as_type, origin, args))

    def _each(self, pairs: Iterable[tuple[JSON, Annotation]]) -> bool:
        return all(self.fits(value, as_type) for value, as_type in pairs)


def _parts(
    value: JSON, as_type: Annotation, origin: Annotation, args: tuple[Annotation, ...]
) -> Iterable[tuple[JSON, Annotation]]:
    """Return the parts of a value, each with the type that it has to match."""
    if is_typed_dict(origin):
        types = field_types(as_type)
        return ((value[name], types[name]) for name in value)
    if is_named_tuple(origin):
        return zip(value, field_types(as_type).values(), strict=False)
    if not args:
        return ()
    if origin is tuple and args[1:] != (...,):
        return zip(value, args, strict=True)
    if origin in ARRAYS or origin is tuple:
        return ((each, args[0]) for each in value)
    if origin in OBJECTS:
        keys, values = args
        return chain(((each, keys) for each in value), ((each, values) for each in value.values()))
    types = fields_of(as_type) if has_fields(as_type) else {}
    return ((getattr(value, name), types[name]) for name in types)


def same(one: JSON, other: JSON) -> bool:
    """Return True if two values are equal and of the same types, down to their parts."""
    cls: Annotation = one.__class__
    if other.__class__ is not cls:
        return False
    if issubclass(cls, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if issubclass(cls, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if issubclass(cls, set | frozenset):
        return bool(one == other) and _classes(one) == _classes(other)
    if has_fields(cls):
        return all(same(getattr(one, n), getattr(other, n)) for n in field_names(cls))
    return bool(one == other)


def _classes(values: Iterable[object]) -> list[str]:
    return sorted(str(type(each)) for each in values)
