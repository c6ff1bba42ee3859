"""Unions: which of its members a value is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import NoneType

from cattrs import Converter
from cattrs.disambiguators import create_default_dis_func

from steno.action._codec._annotation import Annotation, type_name
from steno.action._codec._container import Reader
from steno.action._codec._member import by_richness, is_record, tags_of
from steno.action._codec._refusal import Mismatch, refusing
from steno.action._codec._tag import Tagged
from steno.core import JSON


def read_tagged_union(members: Collection[Annotation], converter: Converter) -> Reader:
    """Read a value as the member whose tag it has, or without a tag as any union."""
    read_first = read_union(members, converter)
    by_tag = tags_of(members)

    def read(value: JSON, as_type: Annotation) -> JSON:
        if value.__class__ is Tagged and value.name in by_tag:
            member = by_tag[value.name]
            return converter.get_structure_hook(member)(value.value, member)
        return read_first(value, as_type)

    return read


def read_union(members: Collection[Annotation], converter: Converter) -> Reader:
    """
    Read a value as the one member that it fits.

    Where it fits several, the richest counts: a date in `date | str` is no longer a mere string.
    The order of the members does not matter, as Python takes unions that differ in it for equal.
    """
    records = [each for each in members if is_record(each)]
    others = [each for each in members if not is_record(each) and each is not NoneType]
    choices = [(converter.get_structure_hook(each), each) for each in by_richness(others)]
    if len(records) == 1:
        choices.insert(0, (converter.get_structure_hook(records[0]), records[0]))
    elif records:
        choices.insert(0, (_told_apart(records, converter), None))
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


def chooser(
    records: Collection[Annotation], converter: Converter
) -> Callable[[JSON], Annotation] | None:
    """Return what tells by its keys which record some JSON is; None: nothing can."""
    try:
        return create_default_dis_func(converter, *records)
    except TypeError:
        return None


def _told_apart(records: list[Annotation], converter: Converter) -> Reader:
    """Read a value as the class that its Literal field, or a key that only one has, tells."""
    choose = chooser(records, converter)
    if choose is None:
        names = ", ".join(map(type_name, records))
        return refusing(f"{names} can not be told apart: give each a field of type Literal")

    def read(value: JSON, _: Annotation) -> JSON:
        try:
            chosen = choose(value)
        except (KeyError, TypeError, ValueError):
            raise Mismatch(value, *records) from None
        return converter.get_structure_hook(chosen)(value, chosen)

    return read
