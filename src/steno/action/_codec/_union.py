"""Unions: which of its members a value is."""

from __future__ import annotations

from collections.abc import Collection
from types import NoneType
from typing import Any

from cattrs import Converter
from cattrs.disambiguators import create_default_dis_func

from steno.action._codec._annotation import Annotation, has_fields, origin_of, type_name, unwrapped
from steno.action._codec._container import OBJECTS, Reader
from steno.action._codec._refusal import Mismatch, refusing
from steno.core import JSON

_LAST: tuple[Annotation, ...] = (bool, int, float, str, *OBJECTS, Any, object)


def read_union(members: Collection[Annotation], converter: Converter) -> Reader:
    """
    Read a value as the one member that it fits.

    Where it fits several, the richest counts: a date in `date | str` is no longer a mere string.
    The order of the members does not matter, as Python takes unions that differ in it for equal.
    """
    classes = [each for each in members if has_fields(each)]
    others = [each for each in members if not has_fields(each) and each is not NoneType]
    choices = [(converter.get_structure_hook(each), each) for each in sorted(others, key=_richness)]
    if len(classes) == 1:
        choices.insert(0, (converter.get_structure_hook(classes[0]), classes[0]))
    elif classes:
        choices.insert(0, (_told_apart(classes, converter), None))
    has_none = NoneType in members

    def read(value: JSON, _: Annotation) -> JSON:
        if value is None and has_none:
            return None
        faults: list[Exception] = []
        for hook, member in choices:
            try:
                return hook(value, member)
            except Exception as error:  # noqa: BLE001 - hooks call constructors of users
                faults.append(error)
        raise _best_fault(faults, value, members)

    return read


def _best_fault(faults: list[Exception], value: JSON, members: Collection[Annotation]) -> Exception:
    """Of the reasons why no member fits, choose the one of the member that was meant, if clear."""
    inside = [error for error in faults if not isinstance(error, Mismatch)]
    if len(inside) == 1:
        return inside[0]
    return faults[0] if len(faults) == 1 else Mismatch(value, *members)


def _richness(member: Annotation) -> tuple[int, int, str]:
    """Give the order in which members are tried: the plain last, and what asks for most first."""
    while (inner := unwrapped(member)) is not member:
        member = inner
    origin = origin_of(member)
    rank = _LAST.index(origin) if origin in _LAST else -1
    return rank, -len(getattr(origin, "__required_keys__", ())), str(member)


def _told_apart(classes: list[Annotation], converter: Converter) -> Reader:
    """Read a value as the class that its Literal field, or a key that only one has, tells."""
    try:
        choose = create_default_dis_func(converter, *classes)
    except TypeError:
        names = ", ".join(map(type_name, classes))
        return refusing(f"{names} can not be told apart: give each a field of type Literal")

    def read(value: JSON, _: Annotation) -> JSON:
        try:
            chosen = choose(value)
        except (KeyError, TypeError, ValueError):
            raise Mismatch(value, *classes) from None
        return converter.get_structure_hook(chosen)(value, chosen)

    return read
