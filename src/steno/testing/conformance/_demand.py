"""Demands on a store, each checked separately."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import attrs

from steno.testing.conformance._subject import Subject

Check: TypeAlias = Callable[[Subject], Awaitable[None]]


@attrs.frozen
class Demand:
    """
    One demand on a store.

    Attributes:
        topic: What it is about.
        text: What is demanded, in words.
    """

    topic: str
    text: str
    _check: Check = attrs.field(repr=False)

    def __str__(self) -> str:
        """Return topic and text, as a test's name."""
        return f"{self.topic}: {self.text}"

    async def run(self, subject: Subject) -> None:
        """
        Check that a store does what is demanded.

        Raises:
            AssertionError: It does not; the text says what was found and what was wanted.
            unittest.SkipTest: The subject lacks a hook that this demand needs.
            Exception: Any other exception that the store raises where it should not.
        """
        try:
            await self._check(subject)
        except Exception as error:
            error.add_note(f'demanded of every store, as "{self}"')
            raise


@attrs.define(eq=False)
class Topic:
    """
    The demands about one thing.

    Attributes:
        name: What they are about.
        demands: The demands, in the order of their definition.
    """

    name: str
    demands: list[Demand] = attrs.field(init=False, factory=list)

    def demand(self, check: Check) -> Check:
        """Add a demand whose text is the name of a function, and return the function."""
        words = getattr(check, "__name__", "").replace("_", " ")
        self.demands.append(Demand(self.name, words, check))
        return check
