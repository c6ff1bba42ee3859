"""A mutant: the engine with one fault."""

from pathlib import Path

import attrs

ENGINE = Path("src", "steno")
"""Where the engine is in a project."""


class Outdated(Exception):
    """The text that a mutant replaces is not in the source, or is there more than once."""


@attrs.frozen
class Mutant:
    """
    A fault of the engine, as what is written instead of what.

    Attributes:
        name: What goes wrong, in a few words that no other mutant has.
        killed_by: The test that finds it, as pytest names it.
        breaks: The line of the specification that it breaks, or the fault of Steno that it has.
        file: Where, below the engine's folder.
        edits: Old texts, each of which is there exactly once, with what takes its place.
    """

    name: str
    killed_by: str
    breaks: str
    file: str
    edits: tuple[tuple[str, str], ...]

    @property
    def path(self) -> Path:
        """Where, below the project's folder."""
        return ENGINE / self.file

    def mutated(self, source: str) -> str:
        """
        Return the source with the fault.

        Raises:
            Outdated: The source has changed, and the table has to follow.
        """
        for old, new in self.edits:
            if (count := source.count(old)) != 1:
                why = f'mutant "{self.name}": in {self.path}, once, not {count} times, should be'
                raise Outdated(f"{why}:\n{old}")
            source = source.replace(old, new)
        return source


def fault(name: str, killed_by: str, breaks: str, file: str, *edits: tuple[str, str]) -> Mutant:
    """Return a mutant; a table of them reads better so."""
    return Mutant(name, killed_by, breaks, file, edits)
