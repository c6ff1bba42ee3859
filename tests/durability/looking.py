"""
A program that opens a store where it may not write, as who it is told to be, and says what is so.

It prints a line for each way of opening: that it is open, or the kind and the text of the error.
"""

import json
import os
import sys
import tempfile

import trio

import steno
from steno.store import ListQuery


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - the parent listens


async def look(path: str) -> None:
    store = steno.SqliteSecStore(path)
    for name, opening in (("write", store.open), ("read", store.open_reader)):
        try:
            async with opening() as opened:
                there = await opened.list(ListQuery())
                say(json.dumps([name, "open", len(there)]))
        except steno.StenoError as error:
            say(json.dumps([name, type(error).__name__, str(error)]))


async def warm_up() -> None:
    """Read all that is imported late, or read only once: who it becomes may not read it."""
    with tempfile.TemporaryDirectory() as folder:
        store = steno.SqliteSecStore(f"{folder}/trips.db")
        async with store.open() as session, store.open_reader() as reader:
            for opened in (session, reader):
                await opened.list(ListQuery())


if __name__ == "__main__":
    trio.run(warm_up)
    if len(sys.argv) > 2 and os.getuid() == 0:
        os.setgroups([])
        os.setgid(int(sys.argv[2]))
        os.setuid(int(sys.argv[2]))  # what root may do, it may do in a read-only folder as well
    trio.run(look, sys.argv[1])
