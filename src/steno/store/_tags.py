"""Tags: short texts that a saga is given when it is created, and found by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

MOST_TAGS = 50
"""How many tags a saga may have."""

TAG_LENGTH = 200
"""How many characters the key, or the value, of a tag may have."""

NO_TAGS: Final = MappingProxyType[str, str]({})
"""The tags of most sagas."""


def checked_tags(tags: Mapping[str, str] | None) -> Mapping[str, str]:
    """
    Return a copy of what a user gave as tags, read-only and sorted by key; None gives no tags.

    Raises:
        TypeError: It is not a mapping, or a key or a value is not a str.
        ValueError: There are too many tags, or one is too long, or cannot be stored.
    """
    if tags is None or tags is NO_TAGS:
        return NO_TAGS
    if not isinstance(cast("object", tags), Mapping):
        msg = f"tags must be a mapping of str to str, not {tags!r}"
        raise TypeError(msg)
    if len(tags) > MOST_TAGS:
        msg = f"a saga can have at most {MOST_TAGS} tags, not {len(tags)}"
        raise ValueError(msg)
    for key, value in tags.items():
        _check("key", key)
        _check("value", value)
        # The command takes KEY=VALUE. An empty key is a mistake; an empty value need not be.
        if not key or "=" in key:
            msg = f"the key of a tag must have at least one character and no '=', not {key!r}"
            raise ValueError(msg)
    return MappingProxyType(dict(sorted(tags.items())))


def _check(what: str, text: object) -> None:
    """Refuse a key or a value that not every store can hold and find again."""
    if not isinstance(text, str):
        msg = f"the {what} of a tag must be a str, not {text!r}"
        raise TypeError(msg)
    if len(text) > TAG_LENGTH:
        msg = (
            f"the {what} of a tag can have at most {TAG_LENGTH} characters; "
            f"{text[:20]!r}… has {len(text)}"
        )
        raise ValueError(msg)
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        msg = f"the {what} of a tag cannot hold NUL or a lone surrogate, as {text!r} does"
        raise ValueError(msg)
