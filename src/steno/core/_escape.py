"""Escaping: keep a text on one line, and keep it from sending escape codes to a terminal."""

from __future__ import annotations


def escaped(text: str) -> str:
    r"""
    Return a text with every character that is not printable spelled out, as in `\x1b` or `\u202e`.

    Those are control characters, line and paragraph separators, those that change the direction of
    writing, lone surrogates, and spaces other than the usual one (`str.isprintable`). A text
    without any is returned as it is, so a backslash is not doubled.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
