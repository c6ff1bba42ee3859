"""
Writing values by their annotations, where the JSON of the value alone would be ambiguous.

Theory of operation. Most annotations need nothing of this: their values are written by their
classes (see `_plain`), and read back as what they were. A union may need a tag, and so may any type
that contains one. Whether a union can need one is known before there is a value: a member that is
tried before another takes JSON of the other's kind, as a UUID takes strings before `str` does. In
such a union a value is written and then read as if it had no tag; if another member takes it, it
gets one.

A value that does not match its annotation is written by its class alone, as everywhere; reading it
by the annotation will then report that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    field_types,
    fields_of,
    has_fields,
    is_named_tuple,
    is_typed_dict,
    origin_of,
    type_name,
    unwrapped,
)
from steno.action._codec._budget import bounded, spend
from steno.action._codec._container import ARRAYS, OBJECTS, Reader
from steno.action._codec._fitting import Fitting, same
from steno.action._codec._member import (
    bare,
    by_richness,
    class_of,
    is_record,
    is_union,
    kinds_of,
    tags_of,
)
from steno.action._codec._plain import Writer, Writers, as_object, in_order
from steno.action._codec._refusal import Refusal
from steno.action._codec._tag import SIZE, revived, tagged
from steno.action._codec._union import chooser, read_union
from steno.core import JSON

LISTS, SETS = (list, tuple), (set, frozenset)


@attrs.define(eq=False)
class Announced:
    """
    Writes values by the type that they are announced as.

    Args:
        writers: Write a value by its class.
        converter: Generates functions for classes.
        reading: Reads JSON with tags.
    """

    _writers: Writers
    _converter: Converter
    _reading: Converter
    _known: dict[Annotation, Writer | None] = attrs.field(init=False, factory=dict)

    def writer(self, as_type: Annotation) -> Writer | None:
        """Return the writer for values of a type; None if their classes are enough."""
        try:
            return self._known[as_type]
        except KeyError:
            pass
        write = self._new(as_type) if self.may_need_tags(as_type, frozenset()) else None
        self._known[as_type] = write
        return write

    def may_need_tags(self, as_type: Annotation, seen: frozenset[Annotation]) -> bool:
        """
        Return True if a value of a type, or a part of it, may need a tag.

        Args:
            as_type: The type. A class without parameters is not looked into: its own writer, by
                class, handles its fields.
            seen: The types that it is part of; a type may contain itself.
        """
        if as_type in seen:
            return False
        return any(
            each is None or self.may_need_tags(each, seen | {as_type})
            for each in self._parts(as_type)
        )

    def _parts(self, as_type: Annotation) -> Iterable[Annotation | None]:
        """Return the types of the parts of a value; None stands for an ambiguous union."""
        if (inner := unwrapped(as_type)) is not as_type:
            return (inner,)
        origin, args = origin_of(as_type), args_of(as_type)
        if is_union(as_type):
            return args if self._is_clear(args) else (None,)
        if origin in ARRAYS or origin in OBJECTS or origin is tuple:
            return tuple(each for each in args if each is not ...)
        if is_typed_dict(origin) or (args and is_named_tuple(origin)):
            return field_types(as_type).values()
        return fields_of(as_type).values() if args and has_fields(as_type) else ()

    def _is_clear(self, members: tuple[Annotation, ...]) -> bool:
        # Several records are told apart by keys, which has to be tried with the value at hand.
        sure = Sure(members)
        records = [each for each in members if is_record(each)]
        return len(sure.members) == len(members) and len(records) <= 1

    def _write(self, as_type: Annotation) -> Writer:
        """Return a writer for a part, looked up when called, since a type may contain itself."""

        def write(value: JSON) -> JSON:
            found = self.writer(as_type)
            return self._writers[value.__class__](value) if found is None else found(value)

        return write

    def _new(self, as_type: Annotation) -> Writer:
        if (inner := unwrapped(as_type)) is not as_type:
            return self._write(inner)
        origin, args = origin_of(as_type), args_of(as_type)
        if is_union(as_type):
            return self._union(as_type, args)
        if origin is tuple and args[1:] != (...,):
            return self._row(tuple, args)
        if origin in ARRAYS or origin is tuple:
            return self._array(LISTS if class_of(as_type) in LISTS else SETS, args[0])
        if origin in OBJECTS:
            return self._object(as_type, *args)
        if is_typed_dict(origin):
            return self._typed_dict(field_types(as_type))
        if is_named_tuple(origin):
            return self._row(origin, field_types(as_type).values())
        return self._fields(as_type, origin)

    # Containers

    def _array(self, classes: tuple[type, ...], item: Annotation) -> Writer:
        write = self._write(item)

        def write_array(value: JSON) -> JSON:
            kind: Annotation = value.__class__
            # Here and below: not what was announced, so its class decides.
            if kind not in classes:
                return self._writers[kind](value)
            spend(len(value) + 1)
            items = [write(each) for each in value]
            # Sorted as they are written, tags included, so that equal sets have equal texts.
            return in_order(items) if classes is SETS else items

        return write_array

    def _row(self, cls: type, types: Iterable[Annotation]) -> Writer:
        writes = [self._write(each) for each in types]

        def write_row(value: JSON) -> JSON:
            kind: Annotation = value.__class__
            if kind is not cls or len(value) != len(writes):
                return self._writers[kind](value)
            spend(len(writes) + 1)
            return [write(each) for write, each in zip(writes, bounded(value), strict=True)]

        return write_row

    def _object(self, as_type: Annotation, of_key: Annotation, of_item: Annotation) -> Writer:
        write_name, write = self._write(of_key), self._write(of_item)

        def name_of(key: JSON) -> JSON:
            name = write_name(key)
            # That is a tag, and the key of a JSON object has no place for one.
            if name.__class__ is dict:
                why = f"the key {key!r} would be read as of another type of {type_name(as_type)}"
                raise Refusal(why)
            return name

        return self._items(lambda key, item: (name_of(key), write(item)))

    def _typed_dict(self, types: Mapping[str, Annotation]) -> Writer:
        writes = {name: self._write(each) for name, each in types.items()}

        def write_item(key: JSON, item: JSON) -> tuple[JSON, JSON]:
            write = writes.get(key)
            written = self._writers[item.__class__](item) if write is None else write(item)
            return self._writers[key.__class__](key), written

        return self._items(write_item)

    def _items(self, write_item: Callable[[JSON, JSON], tuple[JSON, JSON]]) -> Writer:
        def write_items(value: JSON) -> JSON:
            kind: Annotation = value.__class__
            if kind is not dict:
                return self._writers[kind](value)
            spend(4 * len(value) + 1)  # quotes, colons, commas, brackets
            return as_object(write_item(*each) for each in value.items())

        return write_items

    def _fields(self, as_type: Annotation, cls: Annotation) -> Writer:
        """Write a generic class whose parameters are known."""
        # cattrs takes a class within itself, as in `Box[Box[int]]`, for one whose parameters do not
        # matter, so the hooks are given explicitly. A field that is `Annotated` may have its own
        # instructions to cattrs, and is left alone.
        hooks: dict[str, JSON] = {
            name: override(unstruct_hook=self._write(each))
            for name, each in fields_of(as_type).items()
            if origin_of(each) is not Annotated
        }
        write = make_dict_unstructure_fn(as_type, self._converter, **hooks)

        def write_fields(value: JSON) -> JSON:
            kind: Annotation = value.__class__
            if kind is not cls:
                return self._writers[kind](value)
            result = write(value)
            spend(4 * len(result) + 1)
            return result

        return write_fields

    # Unions

    def _union(self, as_type: Annotation, members: tuple[Annotation, ...]) -> Writer:
        return _UnionWriter(as_type, members, self._writers, self._write, self._reading).write


class Sure:
    """
    The members of a union whose values never need a tag, as far as that is known in advance.

    Attributes:
        members: Those for which no member that is tried earlier can take their JSON. Records are
            told apart only when there is a value.
        by_class: The same, by the class of their values, if no other member has values of it.
    """

    def __init__(self, members: tuple[Annotation, ...]) -> None:
        records = [each for each in members if is_record(each)]
        others = by_richness(each for each in members if not is_record(each))
        order = [*records, *others]
        classes = [class_of(each) for each in order]
        # In the order in which `read_union` tries them; `taken` is all the JSON that the members so
        # far may take. What is written and what is read differ: a float also reads an int.
        taken: frozenset[type] = frozenset()
        self.members: list[Annotation] = []
        self.by_class: dict[type, Annotation] = {}
        for place, (member, cls) in enumerate(zip(order, classes, strict=True)):
            # Only records are tried before a record, and those are told apart by keys.
            if member in records or not taken & kinds_of(member, written=True):
                self.members.append(member)
                if cls is not None and classes.count(cls) == 1 and None not in classes[:place]:
                    self.by_class[cls] = member
            taken |= kinds_of(member, written=False)


class _UnionWriter:
    """Writes the values of a union that may need tags."""

    def __init__(
        self,
        as_type: Annotation,
        members: tuple[Annotation, ...],
        writers: Writers,
        writer_of: Callable[[Annotation], Writer],
        reading: Converter,
    ) -> None:
        self._name = type_name(as_type)
        self._members = members
        self._writers = writers
        self._writes = {each: writer_of(each) for each in members}
        self._reading = reading
        self._tags = {member: name for name, member in tags_of(members).items()}
        self._records = [each for each in members if is_record(each)]
        self._sure = {
            cls: self._writes[member]
            for cls, member in Sure(members).by_class.items()
            if member not in self._records or len(self._records) == 1
        }
        self._hooks: tuple[Reader, Callable[[JSON], Annotation] | None] | None = None

    def write(self, value: JSON) -> JSON:
        """Return a value as JSON, with a tag if it would be read as another member."""
        # The fast path: values of this class never need a tag.
        write = self._sure.get(value.__class__)
        if write is not None:
            return write(value)
        found = self._candidates(value)
        if not found:
            return self._writers[value.__class__](value)
        member = found[0]
        written = self._writes[member](value)
        # Tags only where needed: a log stays readable, and survives a change of the union better.
        if self._is_read_as(written, member, value, alone=len(found) == 1):
            return written
        name = self._tags.get(member)
        if name is None:
            why = f"{type_name(member)} cannot be told from other members of {self._name}"
            raise Refusal(why)
        spend(SIZE + len(name))
        return tagged(name, written)

    def _candidates(self, value: JSON) -> list[Annotation]:
        """Return the members that a value may be of, the ones that it fits first."""
        fitting = Fitting()
        found = [each for each in self._members if fitting.may_be(value, each)]
        # `fits` looks at all parts, so it is asked only to choose between several.
        if len(found) > 1:
            found.sort(key=lambda each: not fitting.fits(value, each))
        return found or [each for each in self._members if _is_instance(value, each)]

    def _is_read_as(self, written: JSON, member: Annotation, value: JSON, *, alone: bool) -> bool:
        """Return True if JSON without a tag is read back as the value it was written from."""
        read_first, choose = self._readers()
        plain = revived(written)
        try:
            if choose is not None and alone and is_record(member):
                return bool(choose(plain) == member)
            back = read_first(plain, None)
            # If several members have this class, only an equal value shows that the right one has
            # read it. If one has, its class is enough, which does not ask users for an `__eq__`.
            if not alone:
                return same(back, value)
            if value.__class__ is class_of(member):
                return back.__class__ is value.__class__
            # A subclass is read as its member's class at best: compare with what that reads.
            own = self._reading.get_structure_hook(member)(plain, member)
        except Exception:  # noqa: BLE001 - hooks call constructors of users, which refuse so
            return False
        return own.__class__ is back.__class__

    def _readers(self) -> tuple[Reader, Callable[[JSON], Annotation] | None]:
        """Return the reader of JSON without tags, and the one that tells records apart."""
        # Made when needed, since a type may contain itself.
        if self._hooks is None:
            choose = chooser(self._records, self._reading) if len(self._records) > 1 else None
            self._hooks = read_union(self._members, self._reading), choose
        return self._hooks


def _is_instance(value: JSON, member: Annotation) -> bool:
    """Return True if a value is an instance of a member's class, or the member allows anything."""
    cls = class_of(member)
    return bare(member) in (Any, object) or (cls is not None and isinstance(value, cls))
