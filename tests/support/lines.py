"""A file of lines, each a JSON object, that outlives the processes that append to it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import attrs


@attrs.frozen
class Lines:
    """A file that lines are appended to, each by one write."""

    _descriptor: int

    @classmethod
    def of(cls, path: Path) -> "Lines":
        return cls(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644))

    def append(self, line: Mapping[str, object]) -> None:
        text = b"\n" + json.dumps(line).encode()
        assert os.write(self._descriptor, text) == len(text)


def read_lines(path: Path) -> Iterator[dict]:
    """
    Return what was appended to a file.

    The last line of a life may be torn: a kill can end a write where a page of the file ends. It
    was never there, then: its write has not returned.
    """
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                with suppress(json.JSONDecodeError):
                    yield json.loads(line)
