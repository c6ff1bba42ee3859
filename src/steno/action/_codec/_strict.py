"""
The JSON that is read as a type: what encoding a value of that type returns, and nothing else.

Theory of operation. cattrs is lenient: `int("5")`, `list("abc")`, a class out of a list. A log must
not be read like that, so the hook of every type is made here, by `structure_hook`, and a type that
has no arm there is refused. cattrs is left to find and keep hooks, to generate a function per
class, to tell the classes of a union apart, and to say where in a value a fault is.

The hooks of parts are fetched when the hook of the whole is made. For a class that contains itself
that ends in a `RecursionError`, which cattrs answers by a late lookup: it is never caught here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args

from cattrs import Converter

from steno.action._codec._annotation import (
    Annotation,
    args_of,
    has_fields,
    is_alias,
    is_model,
    is_named_tuple,
    is_typed_dict,
    origin_of,
    type_name,
    unwrapped,
)
from steno.action._codec._container import (
    ARRAYS,
    OBJECTS,
    Reader,
    read_array,
    read_named_tuple,
    read_object,
    read_tuple,
    read_typed_dict,
)
from steno.action._codec._record import read_exception, read_fields
from steno.action._codec._refusal import UNREADABLE, Mismatch, Refusal, grouped, refusing, step
from steno.action._codec._text import text_of
from steno.action._codec._union import read_union
from steno.core import JSON, encode_json

PLAIN: tuple[type, ...] = (NoneType, bool, int, float, str)
"""The types of JSON itself; a `bool` is an `int` too, so it comes first."""


ANYTHING = (Any, object, None)
"""Annotations that are read as plain JSON; None stands for a field without annotation."""


def structure_hook(as_type: Annotation, converter: Converter) -> Reader:
    """Return the reader of a type; for an unknown one, a reader that refuses every value."""
    if as_type in ANYTHING:
        return lambda value, _: value
    if (inner := unwrapped(as_type)) is not as_type:
        return _named(inner, converter, late=is_alias(as_type))
    origin, args = origin_of(as_type), args_of(as_type)
    if origin in (Union, UnionType):
        return read_union(args, converter)
    if origin is Literal:
        return _one_of(get_args(as_type), as_type, converter)
    if origin in ARRAYS:
        return read_array(ARRAYS[origin], as_type, args[0] if args else Any, converter)
    if origin is tuple:
        return read_tuple(as_type, converter)
    if origin in OBJECTS:
        return read_object(as_type, converter)
    if is_typed_dict(origin):
        return read_typed_dict(as_type, converter)
    if isinstance(origin, type):
        return _class(as_type, origin, converter)
    return _unknown(as_type)


def _named(inner: Annotation, converter: Converter, *, late: bool) -> Reader:
    """Read a type under another name; looked up late if it may contain itself."""
    if late:
        return lambda value, _: converter.structure(value, inner)
    hook = converter.get_structure_hook(inner)
    return lambda value, _: hook(value, inner)


# The order of the arms matters: an enum may also be a str or an int, and a class with fields may be
# derived from one of the classes below.
def _class(as_type: Annotation, cls: Annotation, converter: Converter) -> Reader:
    if issubclass(cls, Enum):
        return _one_of(cls, cls, converter)
    if issubclass(cls, Exception):
        return read_exception(as_type, cls, converter)
    if has_fields(cls):
        return read_fields(as_type, cls, converter)
    if is_named_tuple(cls):
        return read_named_tuple(as_type, converter)
    if is_model(cls):
        return _model(cls)
    if (text := text_of(cls)) is not None:
        return _text(cls, text.read)
    if (kind := next((each for each in PLAIN if issubclass(cls, each)), None)) is not None:
        return _plain(cls, kind)
    return _unknown(as_type)


def _unknown(as_type: Annotation) -> Reader:
    return refusing(f"the type {type_name(as_type)} {UNREADABLE}")


# Scalars


def _plain(cls: Annotation, kind: Annotation) -> Reader:
    """Read a type of JSON itself; an int is a float too (PEP 484), NaN and infinities are not."""

    def read(value: JSON, _: Annotation) -> JSON:
        fits = _is_number(value) if kind is float else value.__class__ is kind
        if not fits:
            raise Mismatch(value, cls)
        return value if value.__class__ is cls else cls(value)

    return read


def _is_number(value: JSON) -> bool:
    return value.__class__ in (int, float) and math.isfinite(value)


def _text(cls: Annotation, reader: Callable[[JSON, str], JSON]) -> Reader:
    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is str:
            try:
                return reader(cls, value)
            except (ValueError, ArithmeticError):
                pass  # the texts differ between versions of Python; the value says enough
        raise Mismatch(value, cls)

    return read


def _one_of(members: Iterable[JSON], as_type: Annotation, converter: Converter) -> Reader:
    """Read a `Literal` or an `Enum`; by JSON text, in which 1, 1.0 and true are three things."""
    by_text = {encode_json(converter.unstructure(member)): member for member in members}
    kinds: set[Annotation] = {type(getattr(each, "value", each)) for each in members}

    def read(value: JSON, _: Annotation) -> JSON:
        text = encode_json(value)
        if text in by_text:
            return by_text[text]
        if isinstance(as_type, type) and type(value) in kinds:
            try:
                return as_type(value)  # several flags, or `_missing_` knows a former name
            except ValueError:
                pass
        raise Mismatch(value, as_type)

    return read


# Models


def _model(cls: Annotation) -> Reader:
    """Read a model of pydantic, strictly too."""

    def read(value: JSON, _: Annotation) -> JSON:
        try:
            return cls.model_validate_json(encode_json(value), strict=True)
        except ValueError as error:
            details = getattr(error, "errors", None)
            if details is None:
                raise
            faults = [Refusal(each["msg"], "".join(map(step, each["loc"]))) for each in details()]
            raise grouped(faults, cls) from None

    return read
