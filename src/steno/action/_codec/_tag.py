"""
Tags: `{"$type": …, "value": …}` stands where JSON alone would not tell what a value is.

Theory of operation. A tag is written in one place only: where an annotation is a union, and the
plain JSON of the value would be read as another member of it (see `_announced`). A dict of a user's
that has a key `$type` is written as the value of the tag `$dict`, so that nothing that a user
stores is ever taken for a tag.

Reading pays for tags only where there are some. A text without `"$type"` is read as if there were
no such thing; another is parsed with `revive`, which puts a `Tagged` in the place of each tag, and
is read by hooks that know it. Whoever asks for plain JSON gets it with the tags taken off.
"""

from __future__ import annotations

import json

import attrs

from steno.core import JSON, JsonText

TAG = "$type"
"""The key under which a tag has the name of a type."""

VALUE = "value"
"""The key under which it has what is tagged."""

OWN = "$dict"
"""The tag of a dict that has a key `$type` of its own; no type has such a name."""

MARK = f'"{TAG}"'

SIZE = len(f'{{"{TAG}":"","{VALUE}":}}')
"""How many bytes a tag takes, but for its name."""


@attrs.frozen
class Tagged:
    """
    A tag, where JSON is read.

    Attributes:
        name: The name of the type.
        value: What is tagged.
    """

    name: str
    value: JSON


def tagged(name: str, value: JSON) -> JSON:
    """Return a value with a tag."""
    return {TAG: name, VALUE: value}


def loads(text: JsonText) -> JSON:
    """Return the JSON of a text that has tags, or seems to, with a `Tagged` for each."""
    return json.loads(text, object_hook=_revived)


def _revived(data: dict[str, JSON]) -> JSON:
    """Return what an object stands for, whose parts were revived before it."""
    if len(data) != len((TAG, VALUE)) or data.get(TAG).__class__ is not str or VALUE not in data:
        return data
    name, value = data[TAG], data[VALUE]
    if name == OWN and value.__class__ is dict and TAG in value:
        return value
    if name == OWN and value.__class__ is Tagged:  # its two keys were the user's own
        return tagged(value.name, value.value)
    return Tagged(name, value)


def revived(plain: JSON) -> JSON:
    """Return JSON that was just written as it would be read; what has no tags is given back."""
    if plain.__class__ is list:
        parts = [revived(each) for each in plain]
        same = all(map(_is, parts, plain))
        return plain if same else parts
    if plain.__class__ is not dict:
        return plain
    items = {key: revived(each) for key, each in plain.items()}
    same = TAG not in plain and all(map(_is, items.values(), plain.values()))
    return plain if same else _revived(items)


def _is(one: object, other: object) -> bool:
    return one is other


def without_tags(value: JSON) -> JSON:
    """Return JSON with its tags taken off."""
    if value.__class__ is Tagged:
        return without_tags(value.value)
    if value.__class__ is list:
        return [without_tags(each) for each in value]
    if value.__class__ is dict:
        return {key: without_tags(each) for key, each in value.items()}
    return value


def with_tags(value: JSON) -> JSON:
    """Return JSON as it was before it was revived, but for dicts that were no tags."""
    if value.__class__ is Tagged:
        return tagged(value.name, with_tags(value.value))
    if value.__class__ is list:
        return [with_tags(each) for each in value]
    if value.__class__ is dict:
        return {key: with_tags(each) for key, each in value.items()}
    return value


def escaped(plain: JSON) -> JSON:
    """Return JSON that somebody else made, its dicts with a key `$type` as values of a tag."""
    if plain.__class__ is list:
        return [escaped(each) for each in plain]
    if plain.__class__ is dict:
        items = {key: escaped(each) for key, each in plain.items()}
        return tagged(OWN, items) if TAG in items else items
    return plain
