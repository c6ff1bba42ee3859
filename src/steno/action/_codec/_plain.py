"""
What the values of users' types are as plain JSON.

The class of a value decides, not what an annotation says of it; so the hooks of all annotations
that are no classes are one and the same. Where there is no JSON, the value is left as it is: core
refuses it and says where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType
from typing import TypeAlias

from cattrs import Converter
from cattrs.fns import identity

from steno.action._codec._annotation import Annotation, has_fields, is_model
from steno.action._codec._refusal import Refusal
from steno.action._codec._text import text_of
from steno.core import JSON, encode_json

Writer: TypeAlias = Callable[[JSON], JSON]
"""Takes a value, gives JSON."""

ATOMS = frozenset({NoneType, bool, int, float, str})
"""The classes whose instances are JSON already; those of their subclasses may be more."""


def unstructure_hook(as_type: Annotation, converter: Converter) -> Writer:
    """Return what writes a value announced as of a type: the class that it is of decides."""
    if as_type in ATOMS:
        return identity
    if not isinstance(as_type, type):
        return converter.unstructure
    write = _class_writer(as_type, converter)

    def write_exactly(value: JSON) -> JSON:
        return write(value) if value.__class__ is as_type else converter.unstructure(value)

    return write_exactly


def _class_writer(cls: Annotation, converter: Converter) -> Writer:
    """Return what gives the JSON of a class's instances; core refuses what it leaves as it is."""
    write = converter.unstructure
    if issubclass(cls, Enum):
        return lambda member: write(member.value)
    if has_fields(cls):
        return converter.gen_unstructure_attrs_fromdict(cls)
    if issubclass(cls, dict):
        return lambda value: _write_object(value, write)
    if issubclass(cls, list | tuple):
        return lambda value: [each if each.__class__ in ATOMS else write(each) for each in value]
    if issubclass(cls, set | frozenset):
        # A set has no order of its own, and the same value must give the same text.
        return lambda value: sorted(map(write, value), key=encode_json)
    if is_model(cls):
        # With its aliases and without what it computes, which is what it reads.
        return lambda model: model.model_dump(mode="json", by_alias=True, round_trip=True)
    return identity if (text := text_of(cls)) is None else text.write


def _write_object(value: Mapping[JSON, JSON], write: Writer) -> JSON:
    result: dict[JSON, JSON] = {}
    for key, item in value.items():
        name = key if key.__class__ is str else write(key)
        if not isinstance(name, str):
            reason = f"the key {key!r} is no string"
            raise Refusal(reason)
        if name in result:
            reason = f"two keys are written as {name!r}"
            raise Refusal(reason)
        result[name] = item if item.__class__ in ATOMS else write(item)
    return result
