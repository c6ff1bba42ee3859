"""Unions: finding the member that some JSON is of."""

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
    """Read a value as the member whose tag it has; without a tag, as any union."""
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

    If it fits several, the richest counts: a date in `date | str` is not just a string. The order
    of the members does not matter, since to Python unions that differ in it only are equal.
    """
    # Records come first: a `dict` among the others would take their JSON too.
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
        # By trying: the readers are strict, so that success means that it is one.
        faults: list[Exception] = []
        for hook, member in choices:
            try:
                return hook(value, member)
            except Exception as error:  # noqa: BLE001 - hooks call constructors of users
                faults.append(error)
        raise _best_fault(faults, value, members)

    return read


def _best_fault(faults: list[Exception], value: JSON, members: Collection[Annotation]) -> Exception:
    """Return the fault of the member that was meant, if that is clear, or else a `Mismatch`."""
    # A Mismatch says that the value as a whole is of another kind. Any other fault is further
    # inside, so that the value looked like that member.
    inside = [error for error in faults if not isinstance(error, Mismatch)]
    if len(inside) == 1:
        return inside[0]
    return faults[0] if len(faults) == 1 else Mismatch(value, *members)


def chooser(
    records: Collection[Annotation], converter: Converter
) -> Callable[[JSON], Annotation] | None:
    """Return a function that finds the record of some JSON by its keys; None if impossible."""
    try:
        return create_default_dis_func(converter, *records)
    except TypeError:
        return None


def _told_apart(records: list[Annotation], converter: Converter) -> Reader:
    """Read a value as the class that has its Literal field, or a key that no other class has."""
    choose = chooser(records, converter)
    # Refused when a value is read, and not now: an annotation that is never read does no harm.
    if choose is None:
        names = ", ".join(map(type_name, records))
        return refusing(f"{names} cannot be told apart: give each a field of type Literal")

    def read(value: JSON, _: Annotation) -> JSON:
        try:
            chosen = choose(value)
        except (KeyError, TypeError, ValueError):
            raise Mismatch(value, *records) from None
        return converter.get_structure_hook(chosen)(value, chosen)

    return read
