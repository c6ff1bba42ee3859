"""The owner lock: who has it, who is told of whom, and how it is given back, between processes."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steno import StoreInUse
from steno.stores.sqlite._owner import find_owner, lock_path, owner_lock

HEAD = """
import os, sys
from steno.stores.sqlite._owner import find_owner, owner_lock
"""

HOLD = """
    with owner_lock(path) as lock:
        lock.sign("trips")
        print("held", flush=True)
        sys.stdin.readline()
"""


@contextmanager
def child(path: Path, program: str = HOLD, word: str = "held") -> Iterator[subprocess.Popen]:
    """Run a program that says a word when it is where it should be, and ends when told so."""
    code = f"{HEAD}\npath = {str(path)!r}\n{textwrap.dedent(program)}"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline().strip() == word
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trips.db"


# One at a time


def test_a_lock_that_another_process_holds_is_refused_and_says_who(path: Path):
    """The error names the SEC, the process, the machine and the time, and what to do."""
    with child(path) as owner, pytest.raises(StoreInUse) as caught, owner_lock(str(path)):
        raise AssertionError
    text = str(caught.value)
    assert f'the SEC "trips", process {owner.pid} on {os.uname().nodename}, since 20' in text
    assert str(path) in text
    assert text.endswith("close that first, or open it for reading")
    assert f"process {owner.pid} " in caught.value.owner


def test_a_lock_that_this_process_holds_is_refused_as_well(path: Path):
    """Two SECs of one process are two."""
    with owner_lock(str(path)), pytest.raises(StoreInUse), owner_lock(str(path)):
        raise AssertionError
    with owner_lock(str(path)):
        pass


def test_a_lock_is_free_when_its_owner_is_killed(path: Path):
    """The text that a killed owner leaves is nobody's; the next one writes its own."""
    with child(path) as owner:
        assert f"process {owner.pid}" in find_owner(str(path))
        owner.kill()
        owner.wait()
        assert find_owner(str(path)) is None
        assert json.loads(Path(lock_path(str(path))).read_text())["process"] == owner.pid
        with owner_lock(str(path)):
            assert f"process {os.getpid()}" in find_owner(str(path))


def test_a_lock_is_free_when_its_owner_has_left(path: Path):
    """Its file stays, and is empty: were it deleted, two processes could hold two locks."""
    with owner_lock(str(path)) as lock:
        assert find_owner(str(path)) is not None
    assert find_owner(str(path)) is None
    assert Path(lock.path).read_bytes() == b""


def test_a_sec_is_named_once_it_is_known(path: Path):
    """Before that the process is."""
    with owner_lock(str(path)) as lock:
        assert find_owner(str(path)).startswith(f"process {os.getpid()} on ")
        lock.sign('a "name"')
        assert find_owner(str(path)).startswith(f'the SEC "a "name"", process {os.getpid()} on ')


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b'{"process": 1', b"[]", b"1", b"null", b"\xff\xfe", b'{"process": 1}', b"\0" * 9],
)
def test_a_text_that_is_torn_says_nothing(path: Path, text: bytes):
    """Its writer may be at it just now, or the disk was full; the lock is what counts."""
    with owner_lock(str(path)) as lock:
        Path(lock.path).write_bytes(text)
        assert find_owner(str(path)) == "another process"
        with pytest.raises(StoreInUse, match="open for writing by another process"):
            owner_lock(str(path)).__enter__()


def test_a_text_that_is_stale_is_overwritten_whole(path: Path):
    """However long it was."""
    stale = {"process": 1, "host": "h", "since": "2026-01-01T00:00:00+00:00", "sec": "x" * 5000}
    Path(lock_path(str(path))).write_text(json.dumps(stale))
    assert find_owner(str(path)) is None
    with owner_lock(str(path)) as lock:
        assert json.loads(Path(lock.path).read_text())["process"] == os.getpid()


def test_a_lock_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path):
    """As where there is no such folder."""
    with pytest.raises(FileNotFoundError), owner_lock(str(tmp_path / "no" / "trips.db")):
        raise AssertionError
    assert find_owner(str(tmp_path / "no" / "trips.db")) is None


# Looking


def test_nobody_owns_what_nobody_has_opened(path: Path):
    """Looking makes no file."""
    assert find_owner(str(path)) is None
    assert list(path.parent.iterdir()) == []


LOOK_ON_AND_ON = """
    print("looking", flush=True)
    while True:
        find_owner(path)
"""


def test_looking_does_not_keep_anybody_from_opening(path: Path):
    """Not even if two processes keep looking: a process that only looks is not the owner."""
    with owner_lock(str(path)):
        pass
    with child(path, LOOK_ON_AND_ON, "looking"), child(path, LOOK_ON_AND_ON, "looking"):
        for _ in range(200):
            with owner_lock(str(path)):
                assert find_owner(str(path)) is not None


LOOK_AND_TELL = """
    print("looking", flush=True)
    for _ in range(20_000):
        if (owner := find_owner(path)) is not None:
            print(owner, flush=True)
            break
    else:
        print("nobody", flush=True)
"""


def test_those_who_look_are_not_taken_for_an_owner_by_others_who_look(path: Path):
    """Many may look at once, and each sees that nobody owns it."""
    with owner_lock(str(path)):
        pass
    with child(path, LOOK_AND_TELL, "looking") as one, child(path, LOOK_AND_TELL, "looking") as two:
        assert one.stdout.readline().strip() == "nobody"
        assert two.stdout.readline().strip() == "nobody"


# Forks

FORK_AND_DIE = """
    lock = owner_lock(path)
    lock.__enter__()
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        print("forked", flush=True)
        sys.stdin.readline()
        os._exit(0)
    os.close(reading)
    os.kill(os.getpid(), 9)
"""


def test_a_child_that_was_forked_off_does_not_hold_its_parents_lock(path: Path):
    """A worker of some pool may outlive the parent, when that is killed, for ever."""
    with child(path, FORK_AND_DIE, "forked") as owner:
        owner.wait()
        assert find_owner(str(path)) is None
        with owner_lock(str(path)):
            pass
        owner.stdin.write("end\n")
        owner.stdin.flush()


FORK_AND_UNWIND = """
    pid = None
    with owner_lock(path) as lock:
        if (pid := os.fork()) != 0:
            os.waitpid(pid, 0)
            print("held", flush=True)
            sys.stdin.readline()
        else:
            mine = os.open(path + "-other", os.O_CREAT | os.O_RDWR)
            assert mine == lock._descriptor
    if pid == 0:
        os.write(mine, b"still open")
        os._exit(0)
"""


def test_a_child_that_was_forked_off_gives_back_nothing(path: Path):
    """It leaves the parent's block as if nothing were there: not the lock, not what it says."""
    with child(path, FORK_AND_UNWIND) as owner:
        assert f"process {owner.pid}" in find_owner(str(path))
        assert Path(f"{path}-other").read_bytes() == b"still open"
        with pytest.raises(StoreInUse), owner_lock(str(path)):
            raise AssertionError


def test_a_lock_is_given_back_although_a_child_is_being_made(path: Path):
    """Between its fork and its exec a child has all that the parent has; its parent unlocks."""
    with owner_lock(str(path)) as lock:
        twin = os.dup(lock._descriptor)  # noqa: SLF001 - what a fork does
    try:
        assert find_owner(str(path)) is None
        with owner_lock(str(path)):
            pass
    finally:
        os.close(twin)
