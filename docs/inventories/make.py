"""
Write the inventories of what the documentation links to: `python docs/inventories/make.py`.

The whole inventories of Python and Trio have thousands of names, and fetching them takes a network;
these have the few that are needed.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

PYTHON: Final = {
    "collections.abc": [
        "AsyncGenerator",
        "Awaitable",
        "Callable",
        "Collection",
        "Generator",
        "Iterable",
        "Iterator",
        "Mapping",
        "Sequence",
    ],
    "contextlib": ["AbstractAsyncContextManager", "AbstractContextManager"],
    "datetime": ["datetime", "timedelta"],
    "os": ["PathLike"],
    "uuid": ["UUID"],
}

BUILTINS: Final = ["bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set"]
BUILTINS_IN_STDTYPES: Final = {*BUILTINS, "str", "tuple", "type"} - {"object", "type"}
EXCEPTIONS: Final = ["BaseException", "Exception", "LookupError", "TimeoutError", "TypeError"]

TRIO: Final = {
    "trio.CapacityLimiter": ("class", "reference-core.html"),
    "trio.Nursery": ("class", "reference-core.html"),
    "trio.TooSlowError": ("exception", "reference-core.html"),
    "trio.lowlevel.Task": ("class", "reference-lowlevel.html"),
}


def write(name: str, project: str, entries: list[str]) -> None:
    """Write an inventory in version 2 of Sphinx's format."""
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    body = "".join(f"{entry}\n" for entry in entries).encode()
    Path(__file__).with_name(f"{name}.inv").write_bytes(head.encode() + zlib.compress(body, 9))


def main() -> None:
    """Write both."""
    python = [
        f"{module}.{name} py:class 1 library/{module}.html#$ -"
        for module, names in PYTHON.items()
        for name in names
    ]
    for name in sorted({*BUILTINS, *BUILTINS_IN_STDTYPES, "type"}):
        page = "stdtypes" if name in BUILTINS_IN_STDTYPES else "functions"
        python.append(f"{name} py:class 1 library/{page}.html#$ -")
    python += [f"{name} py:exception 1 library/exceptions.html#$ -" for name in EXCEPTIONS]
    python.append("ValueError py:exception 1 library/exceptions.html#$ -")
    python.append("unittest.SkipTest py:exception 1 library/unittest.html#$ -")
    write("python", "Python", python)
    trio = [f"{name} py:{kind} 1 {page}#$ -" for name, (kind, page) in TRIO.items()]
    write("trio", "Trio", trio)


if __name__ == "__main__":
    main()
