"""The meaning of users' type annotations."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import NoneType
from typing import Annotated, Final, Literal, NewType, NotRequired, Required, TypeAlias

import attrs

from steno.core import JSON

Annotation: TypeAlias = JSON
"""A class, or anything else that an annotation can be: no type of Python covers all of that."""

_get_origin: Callable[[Annotation], Annotation] = typing.get_origin


def origin_of(as_type: Annotation) -> Annotation:
    """Return the origin of a type, `list` for `list[int]`; the type itself if it has none."""
    return _get_origin(as_type) or as_type


def args_of(as_type: Annotation) -> tuple[Annotation, ...]:
    """Return the arguments of a type, those in its brackets."""
    return tuple(map(_spelled_out, typing.get_args(as_type)))


def _spelled_out(as_type: Annotation) -> Annotation:
    """Return NoneType for None, since None stands for a missing annotation elsewhere."""
    return NoneType if as_type is None else as_type


def type_name(as_type: Annotation) -> str:
    """Return a type as people write it, without modules."""
    if origin_of(as_type) is Literal:
        return " or ".join(repr(each) for each in typing.get_args(as_type))
    if as_type is NoneType:
        return "None"
    name = as_type.__qualname__ if isinstance(as_type, type) else str(as_type)
    return re.sub(r"(?:[\w<>]+\.)+", "", name)


def qualified_name(cls: Annotation) -> str:
    """Return the name that identifies an exception class in the log."""
    module: object = cls.__module__  # a user's class may have anything under that name
    named = isinstance(module, str) and module != "builtins"
    return f"{module}.{cls.__qualname__}" if named else cls.__qualname__


def has_fields(as_type: Annotation) -> bool:
    """Return True for an attrs class or a dataclass, generic or not."""
    cls = origin_of(as_type)
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls))


def field_names(cls: Annotation) -> list[str]:
    """Return the names of the fields of an attrs class or a dataclass."""
    if attrs.has(cls):
        return [field.name for field in attrs.fields(cls)]
    return [field.name for field in dataclasses.fields(cls)]


def is_typed_dict(cls: Annotation) -> bool:
    """Return True for a `TypedDict`, from `typing` or typing_extensions."""
    return hasattr(cls, "__required_keys__")


def is_named_tuple(cls: Annotation) -> bool:
    """Return True for a `NamedTuple`, or a class made by `collections.namedtuple`."""
    return hasattr(cls, "_fields") and issubclass(cls, tuple)


def is_model(cls: Annotation) -> bool:
    """Return True for a pydantic model; pydantic need not be installed."""
    return hasattr(cls, "model_dump") and hasattr(cls, "model_validate_json")


def is_alias(as_type: Annotation) -> bool:
    """Return True for a type that a `type` statement has named, as in Python 3.12 and later."""
    return type(origin_of(as_type)).__name__ == "TypeAliasType"


def unwrapped(as_type: Annotation) -> Annotation:
    """Return the type that another one only names or annotates, or else the type itself."""
    if isinstance(as_type, NewType):
        return _spelled_out(as_type.__supertype__)
    origin, args = origin_of(as_type), args_of(as_type)
    if args and origin in (Annotated, Final, Required, NotRequired):
        return args[0]
    if is_alias(as_type):
        given = dict(zip(origin.__type_params__, args, strict=False))
        return _spelled_out(_filled(origin.__value__, given))
    return as_type


def resolve_fields(cls: Annotation) -> None:
    """
    Resolve the types of fields that are spelled as strings, as in `list["Car"]`.

    cattrs does so for whole annotations only. A name that does not exist at run time is left.
    """
    with suppress(NameError):
        if attrs.has(cls):
            attrs.resolve_types(cls)
            return
        hints = typing.get_type_hints(cls, include_extras=True)
        for field in dataclasses.fields(cls):
            field.type = hints[field.name]


def field_types(as_type: Annotation) -> dict[str, Annotation]:
    """Return the types of the fields of a `TypedDict` or `NamedTuple`, generic or not."""
    cls, args = origin_of(as_type), args_of(as_type)
    given = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
    return {name: _filled(hint, given) for name, hint in typing.get_type_hints(cls).items()}


def fields_of(as_type: Annotation) -> dict[str, Annotation]:
    """Return the types of the fields of an attrs class or a dataclass, generic or not."""
    cls, args = origin_of(as_type), args_of(as_type)
    resolve_fields(cls)
    given = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
    fields = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return {field.name: _filled(field.type, given) for field in fields}


def required_keys(cls: Annotation) -> frozenset[str]:
    """
    Return the keys that a `TypedDict` must have.

    It knows them itself, but wrongly where its annotations are strings, as they are after
    `from __future__ import annotations`.
    """
    required: set[str] = set(cls.__required_keys__)
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        if origin_of(hint) is NotRequired:
            required.discard(name)
        elif origin_of(hint) is Required:
            required.add(name)
    return frozenset(required)


def _filled(hint: Annotation, given: Mapping[Annotation, Annotation]) -> Annotation:
    """Return a type with its type variables replaced by the given types."""
    if hint in given:
        return given[hint]
    free = getattr(hint, "__parameters__", ())
    if not free or isinstance(hint, type):
        return hint
    return hint[tuple(given.get(each, each) for each in free)]
