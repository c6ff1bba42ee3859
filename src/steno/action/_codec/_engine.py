"""
The functions that write and read the values of a codec, made when a class is first met.

There are two readers. One knows nothing of tags, and is fast; the other is made when a text with
tags is first met. All codecs without registered types share one engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, cached_property
from pathlib import Path

import attrs
from cattrs import Converter

from steno.action._codec._annotation import Annotation, args_of, type_name, unwrapped
from steno.action._codec._announced import Announced
from steno.action._codec._container import Reader
from steno.action._codec._member import is_union, tag_names
from steno.action._codec._plain import Writer, Writers, unstructure_hook
from steno.action._codec._record import read_exception
from steno.action._codec._refusal import Mismatch, Refusal
from steno.action._codec._strict import ANYTHING, structure_hook
from steno.action._codec._tag import Tagged, with_tags, without_tags
from steno.action._codec._union import read_tagged_union
from steno.core import JSON


@attrs.frozen
class Registered:
    """
    A type that a user has registered.

    Attributes:
        encode: Takes a value, returns one that the codec can write.
        decode: Takes JSON, returns the value.
    """

    encode: Callable[[JSON], JSON]
    decode: Callable[[JSON], JSON]


class Engine:
    """
    Writes and reads values.

    Attributes:
        registered: The types that users have registered.
        writers: Write a value by its class.
        announced: Writes a value by its annotation, where its class is not enough.
        reading: Reads JSON without tags.
    """

    def __init__(self, registered: Mapping[type, Registered]) -> None:
        self.registered = registered
        self.reading = Converter()
        self.writers = Writers(self.reading, {c: each.encode for c, each in registered.items()})
        _add_reading(self.reading, self._reader)
        self._add_writing()

    @cached_property
    def reading_tags(self) -> Converter:
        """What reads JSON in which each tag is a `Tagged`."""
        converter = Converter()
        _add_reading(converter, self._reader_of_tags)
        return converter

    @cached_property
    def announced(self) -> Announced:
        """What writes values that may need tags."""
        return Announced(self.writers, self.reading, self.reading_tags)

    def _add_writing(self) -> None:
        writers = self.writers
        writers.announced = self.announced.writer

        # Cached here as well, since cattrs asks again for each field of each class.
        @cache
        def writer_of(as_type: Annotation) -> Writer:
            return unstructure_hook(as_type, writers)

        def write_quickly(value: JSON) -> JSON:
            return value if value.__class__ is str else writer_of(value.__class__)(value)

        self.reading.register_unstructure_hook_factory(lambda _: True, writer_of)
        # cattrs has hooks of its own for these and their subclasses, which it asks first.
        for kind in (str, bytes, Enum):
            self.reading.register_unstructure_hook(kind, write_quickly)

    def _reader(self, as_type: Annotation, converter: Converter) -> Reader:
        mine = self.registered.get(as_type) if isinstance(as_type, type) else None
        if mine is None:
            return structure_hook(as_type, converter)
        inner = _registered(as_type, mine)
        if issubclass(as_type, Exception):
            return read_exception(as_type, as_type, converter, inner)
        return inner

    def _reader_of_tags(self, as_type: Annotation, converter: Converter) -> Reader:
        if as_type in ANYTHING:
            return lambda value, _: without_tags(value)
        if is_union(as_type):
            return read_tagged_union(args_of(as_type), converter)
        read = self._reader(as_type, converter)
        if unwrapped(as_type) is not as_type:
            return read
        names = tag_names(as_type)
        is_foreign = as_type in self.registered or hasattr(as_type, "model_dump")

        def read_tagged(value: JSON, _: Annotation) -> JSON:
            if value.__class__ is Tagged:
                if value.name not in names:
                    raise Mismatch(with_tags(value), as_type)
                value = value.value
            return read(with_tags(value) if is_foreign else value, as_type)

        read_tagged.__dict__.update(getattr(read, "__dict__", {}))  # the `overrides` of a class
        return read_tagged


def _add_reading(converter: Converter, make: Callable[[Annotation, Converter], Reader]) -> None:
    @cache
    def reader_of(as_type: Annotation) -> Reader:
        return make(as_type, converter)

    def read_quickly(value: JSON, as_type: Annotation) -> JSON:
        # A float may still be NaN or infinite, which its reader refuses.
        if value.__class__ is as_type and as_type is not float:
            return value
        return reader_of(as_type)(value, as_type)

    converter.register_structure_hook_factory(lambda _: True, reader_of)
    # cattrs has hooks of its own for these and their subclasses, which it asks before a factory.
    for kind in (str, int, float, bytes, Path, Enum):
        converter.register_structure_hook(kind, read_quickly)


def _registered(cls: type, mine: Registered) -> Reader:
    def read(value: JSON, _: Annotation) -> JSON:
        result = mine.decode(value)
        if result.__class__ is not cls:
            why = f"expected decode to return a {type_name(cls)}, got a {type_name(type(result))}"
            raise Refusal(why)
        return result

    return read


PLAIN_ENGINE = Engine({})
"""The engine of all codecs without registered types."""
