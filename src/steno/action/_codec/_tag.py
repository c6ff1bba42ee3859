"""
Tags: `{"$type": …, "value": …}`, for values whose type their JSON alone does not tell.

Theory of operation. A tag is written in one place only: where an annotation is a union, and the
plain JSON of the value would be read as another member of it (see `_announced`). A user's dict with
a key `$type` is written as the value of the tag `$dict`, so that nothing that a user stores is ever
taken for a tag.

Reading pays for tags only where there are some. A text without `"$type"` is read as if tags did not
exist; otherwise `revived` replaces each tag by a `Tagged`, for hooks that know it. Plain JSON is
returned without its tags.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from steno.core import JSON

TAG = "$type"
"""The key of a tag for the name of a type."""

VALUE = "value"
"""The key of a tag for the tagged value."""

OWN = "$dict"
"""The tag of a dict that has a key `$type` of its own; no type has such a name."""

MARK = f'"{TAG}"'

SIZE = len(f'{{"{TAG}":"","{VALUE}":}}')
"""How many bytes a tag takes, without its name."""


@attrs.frozen
class Tagged:
    """
    A tag, in JSON that is being read.

    Attributes:
        name: The name of the type.
        value: The tagged value.
    """

    name: str
    value: JSON


def tagged(name: str, value: JSON) -> JSON:
    """Return a value with a tag."""
    return {TAG: name, VALUE: value}


def revived(plain: JSON) -> JSON:
    """
    Return JSON with a `Tagged` for each tag.

    From the top down, since the value of `$dict` may look like a tag. A part without tags is
    returned as it is, and not copied.
    """
    if plain.__class__ is list:
        parts = [revived(each) for each in plain]
        return plain if all(map(_is, parts, plain)) else parts
    if plain.__class__ is not dict:
        return plain
    if _is_tag(plain):
        name, value = plain[TAG], plain[VALUE]
        if name != OWN or value.__class__ is not dict:
            return Tagged(name, revived(value))
        # A user's dict: its own keys are taken as they are, its values may have tags again.
        return {key: revived(each) for key, each in value.items()}
    items = {key: revived(each) for key, each in plain.items()}
    return plain if all(map(_is, items.values(), plain.values())) else items


def _is_tag(plain: dict[str, JSON]) -> bool:
    return plain.keys() == _KEYS and plain[TAG].__class__ is str


_KEYS = {TAG, VALUE}


def _is(one: object, other: object) -> bool:
    return one is other


def without_tags(value: JSON) -> JSON:
    """Return JSON without its tags."""
    return _replaced(value, lambda _, inner: inner)


def with_tags(value: JSON) -> JSON:
    """Return JSON as it was before `revived`, except for dicts that were escaped by `$dict`."""
    return _replaced(value, tagged)


def _replaced(value: JSON, by: Callable[[str, JSON], JSON]) -> JSON:
    """Return JSON with each tag replaced, given its name and its value."""
    if value.__class__ is Tagged:
        return by(value.name, _replaced(value.value, by))
    if value.__class__ is list:
        return [_replaced(each, by) for each in value]
    if value.__class__ is dict:
        return {key: _replaced(each, by) for key, each in value.items()}
    return value


def escaped(plain: JSON) -> JSON:
    """Return JSON of foreign origin with its dicts that have a key `$type` put into a tag."""
    if plain.__class__ is list:
        return [escaped(each) for each in plain]
    if plain.__class__ is dict:
        items = {key: escaped(each) for key, each in plain.items()}
        return tagged(OWN, items) if TAG in items else items
    return plain
