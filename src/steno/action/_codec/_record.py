"""
Reading classes with fields, and exceptions.

An exception is stored as its `type` and `message`, and its fields, or the result of a registered
function, as `data`. It is read as the class that was raised, which may be asked for by a base, as
in `except`. An earlier release stored an exception that has fields as these alone.
"""

from __future__ import annotations

from contextlib import suppress
from functools import wraps

from cattrs import Converter

from steno.action._codec._annotation import (
    Annotation,
    field_names,
    has_fields,
    qualified_name,
    resolve_fields,
)
from steno.action._codec._container import Reader
from steno.action._codec._refusal import UNREADABLE, Mismatch, Refusal, message_of
from steno.core import JSON

SCRIPT = "__main__"
"""The name of a module that is run as a script."""


def read_fields(as_type: Annotation, cls: Annotation, converter: Converter) -> Reader:
    """Read an attrs class or a dataclass."""
    resolve_fields(cls)
    inner = converter.gen_structure_attrs_fromdict(as_type)

    @wraps(inner)  # with its attribute `overrides`, which telling classes apart asks for
    def read(value: JSON, _: Annotation) -> JSON:
        if value.__class__ is not dict:
            raise Mismatch(value, as_type)
        return inner(value, as_type)

    return read


def read_exception(
    as_type: Annotation, cls: Annotation, converter: Converter, inner: Reader | None = None
) -> Reader:
    """
    Read an exception of a class, or of a class that is derived from it.

    Args:
        as_type: The class, with its parameters if it is generic.
        cls: The class.
        converter: Has the hooks of the others.
        inner: Reads the data of the exception; None: its fields are read, if it has any.
    """
    names = field_names(cls) if has_fields(cls) else []
    if inner is None and names:
        inner = read_fields(as_type, cls, converter)
    # The fields of such a class, stored alone, look like an exception that has none.
    looks_alike = {"type", "message"} <= set(names)

    def is_fields(value: JSON) -> bool:
        if not _is_exception_data(value):
            return True
        return looks_alike and "data" not in value and value["type"] != qualified_name(cls)

    def read(value: JSON, _: Annotation) -> JSON:
        if is_fields(value):
            if inner is None:
                raise Mismatch(value, as_type)
            return inner(value, as_type)
        raised = class_named(cls, value["type"])
        if raised is None:
            why = f"the error is of type {value['type']}, not {qualified_name(cls)}"
            raise Refusal(why)
        if raised is not cls:
            return converter.structure(value, raised)
        if inner is None:
            return _without_fields(value, cls)
        if "data" not in value:
            why = "its fields could not be stored, only its type and message"
            raise Refusal(why)
        return _with_text(inner(value["data"], as_type), value["message"])

    return read


def _with_text(error: JSON, message: str) -> JSON:
    """Return an error with its text restored: making a dataclass does not set `args`."""
    if message and isinstance(error, BaseException) and not error.args and not message_of(error):
        error.args = (message,)
    return error


def _without_fields(value: JSON, cls: Annotation) -> JSON:
    kind: type = cls
    if issubclass(kind, BaseExceptionGroup):  # its members may be of any class
        why = f"the type {cls.__qualname__} {UNREADABLE}"
        raise Refusal(why)
    if has_fields(cls):  # an empty list of them, so it takes no arguments
        return _with_text(cls(), value["message"])
    return cls(value["message"])


def class_named(base: Annotation, name: str) -> Annotation:
    """
    Return the class of a qualified name, if it is one or is derived from it, or else None.

    A module has another name while it is run as a script, so there the rest of the name decides.
    """
    if qualified_name(base) == name:
        return base
    pending: list[Annotation] = [base]
    seen: set[int] = {id(base)}  # by identity: a metaclass may compare in any way
    found: Annotation = None
    in_script: Annotation = None
    for each in pending:  # the list grows as it is walked
        with suppress(Exception):  # these may be any classes of the process, and may refuse
            # The last one counts: attrs makes a class with slots of one without, which lives on
            # until it is collected; and a module may have been loaded again.
            module, dot, _ = name.rpartition(f".{each.__qualname__}")
            if qualified_name(each) == name:
                found = each
            elif dot and SCRIPT in {module, str(each.__module__)}:
                in_script = each
        derived: list[Annotation] = type.__subclasses__(each)
        pending += [cls for cls in derived if id(cls) not in seen]
        seen.update(map(id, derived))
    return in_script if found is None else found


def _is_exception_data(value: JSON) -> bool:
    match value:
        case {"type": str(), "message": str(), **more}:
            return more.keys() <= {"data", "exceptions", "omitted"}
        case _:
            return False
