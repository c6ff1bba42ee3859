"""
Reading lists, tuples, sets and objects.

A hook here fetches the hooks of its parts when it is made, or, where a class may contain itself
without cattrs knowing, when it is called.
"""

from __future__ import annotations

import typing
from collections import abc
from collections.abc import Callable, Collection, Iterable
from itertools import count, repeat
from typing import Any, TypeAlias

from cattrs import Converter
from cattrs.errors import IterableValidationNote

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    field_types,
    origin_of,
    required_keys,
)
from steno.action._codec._refusal import Mismatch, Refusal, grouped
from steno.core import JSON

Reader: TypeAlias = Callable[[JSON, Annotation], JSON]
"""Takes JSON and a type, returns a value of the type."""

ARRAYS: dict[Annotation, Callable[[Iterable[JSON]], JSON]] = {
    list: list,
    abc.MutableSequence: list,
    abc.Sequence: tuple,
    abc.Collection: tuple,
    set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    abc.Set: frozenset,
}

OBJECTS: tuple[Annotation, ...] = (dict, abc.Mapping, abc.MutableMapping)


def _each(
    as_type: Annotation,
    keys: Iterable[int | str],
    values: Iterable[JSON],
    hooks: Iterable[Reader],
    types: Iterable[Annotation],
) -> list[JSON]:
    """Return all parts, read, or raise all their faults at once."""
    done: list[JSON] = []
    faults: list[Exception] = []
    for key, value, hook, kind in zip(keys, values, hooks, types, strict=False):
        try:
            done.append(hook(value, kind))
        except Exception as error:  # noqa: BLE001 - hooks call constructors and validators of users
            error.add_note(IterableValidationNote("", key, kind))
            faults.append(error)
    if faults:
        raise grouped(faults, as_type)
    return done


def read_array(
    build: Callable[[Iterable[JSON]], JSON],
    as_type: Annotation,
    item: Annotation,
    converter: Converter,
) -> Reader:
    """Read a list whose items are all of one type."""
    hook = converter.get_structure_hook(item)

    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is not list:
            raise Mismatch(value, as_type)
        return build(_each(as_type, count(), value, repeat(hook), repeat(item)))

    return read


def read_tuple(as_type: Annotation, converter: Converter) -> Reader:
    """Read a list as a tuple of any length, or of the length that its type has."""
    types = args_of(as_type)
    if as_type in (tuple, typing.Tuple):  # noqa: UP006 - users may still write it so
        types = (Any, ...)
    if types[1:] == (...,):
        return read_array(tuple, as_type, types[0], converter)
    hooks = [converter.get_structure_hook(kind) for kind in types]
    return _row(tuple, as_type, hooks, types, len(types))


def _row(
    build: Callable[[list[JSON]], JSON],
    as_type: Annotation,
    hooks: Collection[Reader],
    types: Collection[Annotation],
    least: int,
) -> Reader:
    """Read a list whose places have types of their own; those from `least` on may be missing."""
    most = len(types)

    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is not list:
            raise Mismatch(value, as_type)
        if not least <= len(value) <= most:
            expected = f"{most}" if least == most else f"{least} to {most}"
            why = f"has {len(value)} items, not {expected}"
            raise Refusal(why)
        return build(_each(as_type, count(), value, hooks, types))

    return read


def read_named_tuple(as_type: Annotation, converter: Converter) -> Reader:
    """Read a list as a tuple with names; those at its end that have defaults may be missing."""
    cls: Annotation = origin_of(as_type)
    hints = field_types(as_type)
    types = [hints.get(name, Any) for name in cls._fields]
    # Looked up late: a `NamedTuple` may contain itself.
    hooks = [converter.structure for _ in types]
    return _row(
        lambda items: cls(*items), as_type, hooks, types, len(types) - len(cls._field_defaults)
    )


def read_object(as_type: Annotation, converter: Converter) -> Reader:
    """Read a dict whose keys are all of one type, and its values too."""
    of_key, of_item = args_of(as_type) or (Any, Any)
    key_hook, hook = converter.get_structure_hook(of_key), converter.get_structure_hook(of_item)
    plain_keys = of_key in (str, Any, object)

    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is not dict:
            raise Mismatch(value, as_type)
        keys: Iterable[JSON] = value
        if not plain_keys:
            keys = _each(as_type, value, value, repeat(key_hook), repeat(of_key))
        items = _each(as_type, value, value.values(), repeat(hook), repeat(of_item))
        return dict(zip(keys, items, strict=True))

    return read


def read_typed_dict(as_type: Annotation, converter: Converter) -> Reader:
    """Read the keys that the class names; others are ignored, as for other classes."""
    types = field_types(as_type)
    required = required_keys(origin_of(as_type))

    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is not dict:
            raise Mismatch(value, as_type)
        names = [name for name in types if name in value]
        if missing := [name for name in types if name in required and name not in value]:
            faults = [Refusal("is missing", f".{name}") for name in missing]
            raise grouped(faults, as_type)
        # Hooks are looked up late: a `TypedDict` may contain itself.
        hooks = repeat(converter.structure)
        items = _each(as_type, names, (value[n] for n in names), hooks, (types[n] for n in names))
        return dict(zip(names, items, strict=True))

    return read
