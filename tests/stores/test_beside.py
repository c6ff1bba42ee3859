"""The files beside a database: what is not ours is left alone, and what is ours is for us only."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

import steno
from steno.stores._sqlite_doctor import examine_file
from steno.stores._sqlite_file import SqliteFile

NOTES = b"what somebody wrote down\n"
SUFFIXES = ["-owner", "-wal", "-shm", "-journal"]

RECORD = b'{"process": 1, "host": "h", "since": "2026-01-01T00:00:00+00:00", "sec": "a"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


async def use(path: Path) -> None:
    """Open the store, which makes it if there is none, and write to it."""
    async with steno.SqliteSecStore(path).open() as session:
        await session.take_over("me")


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def refused(path: Path, match: str) -> None:
    with pytest.raises(steno.StoreError, match=match):
        trio.run(use, path)


# What stands there is not ours


def link(target: Path, name: Path) -> Path:
    name.symlink_to(target)
    return target


def hard_link(target: Path, name: Path) -> Path:
    name.hardlink_to(target)
    return target


def plain(target: Path, name: Path) -> Path:
    target.rename(name)
    return name


PLACED = pytest.mark.parametrize("place", [link, hard_link, plain])


@PLACED
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_somebody_wrote_is_left_as_it_is(
    path: Path, place: Callable[[Path, Path], Path], suffix: str
):
    """Whether it stands beside the database itself, or is linked to; the error names it."""
    target = path.with_name("notes.txt")
    target.write_bytes(NOTES)
    kept = place(target, beside(path, suffix))
    refused(path, f"{path.name}{suffix} (is not a regular|has 2 names|holds something)")
    assert kept.read_bytes() == NOTES
    assert not path.exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_somebody_wrote_beside_a_database_is_left_as_it_is(path: Path, suffix: str):
    """Who only reads is refused as well: it makes `-shm`, and changes it."""
    trio.run(use, path)
    beside(path, suffix).write_bytes(NOTES)
    refused(path, f"{path.name}{suffix} holds something that this store did not write")
    if suffix != "-owner":  # it is none of a reader's business
        with pytest.raises(steno.StoreError, match=f"{path.name}{suffix} holds something"):
            SqliteFile(str(path)).reader()
    assert beside(path, suffix).read_bytes() == NOTES


@pytest.mark.parametrize("size", [0, 3, 4096, 32768])
def test_what_a_kill_leaves_of_the_shared_memory_is_used(path: Path, size: int):
    """SQLite cuts the file to three bytes before it makes it anew, and makes it page by page."""
    trio.run(use, path)
    beside(path, "-shm").write_bytes(bytes(size))
    trio.run(use, path)


@pytest.mark.parametrize("length", range(5))
@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_what_a_power_cut_leaves_of_a_header_is_used(path: Path, suffix: str, length: int):
    """A file of any length that its beginning does not show to be somebody's."""
    trio.run(use, path)
    magic = b"\x37\x7f\x06\x82" if suffix == "-wal" else b"\xd9\xd5\x05\xf9"
    for head in (magic[:length], bytes(length)):
        beside(path, suffix).write_bytes(head)
        trio.run(use, path)


def test_changes_of_a_database_that_is_gone_are_not_thrown_away(path: Path):
    """A new database of that name would begin with wiping its predecessor's WAL file."""

    async def crash() -> None:
        async with steno.SqliteSecStore(path).open() as session:
            await session.take_over("me")
            shutil.copyfile(beside(path, "-wal"), path.with_name("kept"))

    trio.run(crash)
    path.unlink()
    path.with_name("kept").rename(beside(path, "-wal"))
    before = beside(path, "-wal").read_bytes()
    assert before
    refused(path, "t.db-wal holds changes of a database that is no longer at .*t.db")
    path.touch()
    refused(path, "bring the database back")
    assert beside(path, "-wal").read_bytes() == before


@pytest.mark.parametrize("place", [link, hard_link])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_link_is_refused_beside_a_database_that_is_there(
    path: Path, place: Callable[[Path, Path], Path], suffix: str
):
    """Also one to what such a file holds."""
    trio.run(use, path)
    target = path.with_name("elsewhere")
    target.write_bytes(b"" if suffix == "-owner" else NOTES)
    beside(path, suffix).unlink(missing_ok=True)
    place(target, beside(path, suffix))
    before, mode = target.read_bytes(), target.stat().st_mode
    refused(path, "is not a regular file|has 2 names")
    assert (target.read_bytes(), target.stat().st_mode) == (before, mode)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_target_of_a_dangling_link_is_not_made(path: Path, suffix: str):
    """Nothing comes to be where somebody points."""
    target = path.with_name("nothing")
    beside(path, suffix).symlink_to(target)
    refused(path, "is not a regular file")
    assert not target.exists()


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused(path: Path, make: Callable[[Path], None], suffix: str):
    """At once: a pipe is not waited for."""
    make(beside(path, suffix))
    refused(path, f"{path.name}{suffix} is not a regular file")


@pytest.mark.parametrize("text", [b"", RECORD, bytes(200)], ids=["empty", "record", "zeros"])
def test_a_lock_file_that_an_owner_left_is_used(path: Path, text: bytes):
    """What an owner wrote who was killed, and what a power cut leaves of that."""
    beside(path, "-owner").write_bytes(text)
    trio.run(use, path)
    assert beside(path, "-owner").read_bytes() == b""


@pytest.mark.parametrize("text", [b"{}", b"[]", b'"x"', b"1", RECORD[:-1] + b', "more": 1}'])
def test_json_that_is_not_an_owner_is_not_ours(path: Path, text: bytes):
    """Only what an owner writes is overwritten."""
    beside(path, "-owner").write_bytes(text)
    refused(path, "-owner holds something that this store did not write")
    assert beside(path, "-owner").read_bytes() == text


def test_a_database_of_two_names_is_refused(path: Path):
    """Under each it would have a lock, and a WAL file, of its own."""
    trio.run(use, path)
    path.with_name("other.db").hardlink_to(path)
    refused(path, r"t.db has 2 names \(hard links\)")
    with pytest.raises(steno.StoreError, match="t.db has 2 names"):
        SqliteFile(str(path)).reader()


def test_links_in_the_path_of_the_database_are_followed(path: Path):
    """On purpose: whatever name it is opened by, it has the same files beside it."""
    real = path.with_name("real")
    real.mkdir()
    path.symlink_to(real / "data.db")
    trio.run(use, path)
    assert (real / "data.db").is_file()
    assert (real / "data.db-owner").is_file()
    assert not beside(path, "-owner").exists()


def test_looking_changes_nothing(path: Path):
    """The doctor, which reads the lock file, follows no link and waits for no pipe."""
    trio.run(use, path)
    owner = beside(path, "-owner")
    owner.unlink()
    os.mkfifo(owner)
    (finding,) = (each for each in examine_file(str(path)) if each.topic == "owner")
    assert "is not a regular file" in finding.advice


# Who may read it


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(path: Path) -> dict[str, int]:
    names = ["", "-owner", "-wal", "-shm"]
    return {name: stat.S_IMODE(beside(path, name).stat().st_mode) for name in names}


@pytest.mark.usefixtures("no_umask")
async def test_what_is_made_is_for_its_owner_only(path: Path):
    """The database and all beside it, whatever the umask."""
    async with steno.SqliteSecStore(path).open() as session:
        await session.take_over("me")
        assert modes(path) == {"": 0o600, "-owner": 0o600, "-wal": 0o600, "-shm": 0o600}


@pytest.mark.usefixtures("no_umask")
def test_the_mode_of_what_is_there_is_kept(path: Path):
    """SQLite gives its own files the mode of the database."""
    trio.run(use, path)
    path.chmod(0o640)
    beside(path, "-owner").chmod(0o660)

    async def look() -> dict[str, int]:
        async with steno.SqliteSecStore(path).open() as session:
            await session.take_over("me")
            return modes(path)

    assert trio.run(look) == {"": 0o640, "-owner": 0o660, "-wal": 0o640, "-shm": 0o640}


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user")
def test_nobody_else_can_take_the_lock():
    """Another user cannot open the lock file, so as to lock the owner out."""
    # Not where TMPDIR says: the other user could not even go there.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder, "t.db")
        trio.run(use, path)
        open_it = ["/bin/cat", str(beside(path, "-owner"))]
        assert subprocess.run(open_it, user=65534, capture_output=True, check=False).returncode
        beside(path, "-owner").chmod(0o644)  # as it was once made
        assert subprocess.run(open_it, user=65534, check=True)
