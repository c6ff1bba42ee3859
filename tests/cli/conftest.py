"""What the tests of the command start from."""

from pathlib import Path

import pytest

from support.shell import Shell, filled


@pytest.fixture(scope="session")
def stored(tmp_path_factory) -> Path:
    """Return a file with a saga in each state; not to be written to."""
    return filled(tmp_path_factory.mktemp("stored") / "sagas.db")


@pytest.fixture
def shell(stored) -> Shell:
    """Return a shell whose STENO_STORE is that file."""
    return Shell(str(stored))


@pytest.fixture
def own(tmp_path) -> Shell:
    """Return a shell with such a file of its own, to be written to."""
    return Shell(str(filled(tmp_path / "sagas.db")))
