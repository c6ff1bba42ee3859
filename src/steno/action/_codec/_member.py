"""
Members of unions: the class of their values, the kinds of their JSON, and the names of their tags.

All of it is known before there is a value, and it decides whether a union needs tags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    has_fields,
    is_model,
    is_typed_dict,
    origin_of,
    type_name,
    unwrapped,
)
from steno.action._codec._container import ARRAYS, OBJECTS
from steno.action._codec._text import text_of
from steno.core import JSON

Kinds = frozenset[type]
"""Classes of JSON values."""

EVERY: Kinds = frozenset({NoneType, bool, int, float, str, list, dict})

_LAST: tuple[Annotation, ...] = (bool, int, float, str, *OBJECTS, Any, object)

PLAIN = (NoneType, bool, int, float, str)


def bare(member: Annotation) -> Annotation:
    """Return a type without aliases and annotations around it."""
    while (inner := unwrapped(member)) is not member:
        member = inner
    return member


def is_union(as_type: Annotation) -> bool:
    """Return True if a type is a union."""
    return origin_of(as_type) in (Union, UnionType)


def is_record(member: Annotation) -> bool:
    """Return True if a member is told apart from others by the keys of its JSON."""
    return has_fields(member) and not issubclass(origin_of(member), BaseException)


def by_richness(members: Iterable[Annotation]) -> list[Annotation]:
    """Return members in the order in which they are tried: the most demanding come first."""
    return sorted(members, key=_richness)


def _richness(member: Annotation) -> tuple[int, int, str]:
    member = bare(member)
    origin = origin_of(member)
    # The name breaks ties, so that all spellings of one union have the same order.
    rank = _LAST.index(origin) if origin in _LAST else -1
    return rank, -len(getattr(origin, "__required_keys__", ())), str(member)


def class_of(member: Annotation) -> Annotation:
    """Return the class of a member's values, or a base of it; None if it may be any."""
    origin = origin_of(bare(member))
    if origin in ARRAYS:
        builder = ARRAYS[origin]
        return builder if isinstance(builder, type) else None
    if origin in OBJECTS or is_typed_dict(origin):
        return dict
    if origin in (Any, object, Literal) or not isinstance(origin, type):
        return None
    return origin


def kinds_of(member: Annotation, *, written: bool) -> Kinds:
    """
    Return the classes that the JSON of a member may have.

    Args:
        member: The member.
        written: True for JSON that is written, False for JSON that can be read: a float also reads
            an int.
    """
    member = bare(member)
    origin = origin_of(member)
    if is_union(member):
        return frozenset[type]().union(
            *(kinds_of(each, written=written) for each in args_of(member))
        )
    if origin is Literal:
        return _kinds_of_values(get_args(member))
    if origin is float and not written:
        return frozenset({int, float})
    cls = class_of(member)
    if cls in PLAIN:
        return frozenset({cls})
    if cls is None or is_model(cls):
        return EVERY
    return _kinds_of_class(cls)


def _kinds_of_class(cls: Annotation) -> Kinds:
    if issubclass(cls, Enum):
        return _kinds_of_values(each.value for each in cls)
    if has_fields(cls) or issubclass(cls, dict | Exception):
        return frozenset({dict})
    if issubclass(cls, list | tuple | set | frozenset):
        return frozenset({list})
    return frozenset({str}) if text_of(cls) is not None else EVERY


def _kinds_of_values(values: Iterable[JSON]) -> Kinds:
    found: Kinds = frozenset(getattr(each, "value", each).__class__ for each in values)
    return found if found <= {*PLAIN} else EVERY


def tags_of(members: Collection[Annotation]) -> dict[str, Annotation]:
    """Return members by the names of their tags, each the shortest that is unique."""
    # A name that two members share is a tag of neither, and the next longer ones are tried.
    found: dict[str, Annotation] = {}
    for names in zip(*(_names(each) for each in members), strict=True):
        for name, member in zip(names, members, strict=True):
            if names.count(name) == 1 and member not in found.values():
                found.setdefault(name, member)
    return found


def _names(member: Annotation) -> Sequence[str]:
    origin = origin_of(bare(member))
    short: str = getattr(origin, "__name__", type_name(member))
    return short, type_name(member), str(member)


def tag_names(as_type: Annotation) -> frozenset[str]:
    """Return the tags that values of a type may have, in any union."""
    return frozenset(_names(as_type))
