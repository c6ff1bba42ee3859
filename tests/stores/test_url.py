"""Stores by name: paths, URLs, and what is neither."""

import pytest

from steno import InMemorySecStore, SqliteSecStore
from steno.stores import store_from_url


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("trips.db", "trips.db"),
        ("/var/lib/trips.db", "/var/lib/trips.db"),
        ("a b%20c.db", "a b%20c.db"),
        ("what?.db", "what?.db"),
        ("sqlite:trips.db", "sqlite:trips.db"),  # a path as good as any
        ("sqlite:///trips.db", "trips.db"),
        ("sqlite:///some/trips.db", "some/trips.db"),
        ("sqlite:////var/lib/trips.db", "/var/lib/trips.db"),
        ("sqlite:///a%20b%3F%23%25.db", "a b?#%.db"),
        ("sqlite:///%C3%A9.db", "é.db"),
        ("SQLITE:///trips.db", "trips.db"),
    ],
)
def test_a_name_of_a_store(text: str, path: str):
    """A path is taken as it is; in a URL what is escaped is unescaped, and four slashes are `/`."""
    store = store_from_url(text)
    assert isinstance(store, SqliteSecStore)
    assert store.path == path


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://trips.db",
        "sqlite://host/trips.db",
        "sqlite:///trips.db?mode=ro",
        "sqlite:///trips.db#1",
        "mysql://host/trips",
        "://trips.db",
    ],
)
def test_a_name_of_no_store(text: str):
    """The error says the name, and what is one."""
    with pytest.raises(ValueError, match="does not name a (store|file)") as caught:
        store_from_url(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "path", ["", ":memory:", ":memory:?cache=shared", "a\0b", b"a.db", 7, None]
)
def test_what_is_no_path_of_a_file(path: object):
    """It is refused when the store is described, and the error says what there is for memory."""
    with pytest.raises((ValueError, TypeError)) as caught:
        SqliteSecStore(path)
    if isinstance(path, str | bytes):
        assert InMemorySecStore.__name__ in str(caught.value)
        assert repr(path) in str(caught.value)
