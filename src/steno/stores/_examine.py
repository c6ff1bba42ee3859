"""Examining a store of any kind, for operators."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from steno.store import OperatorStore
from steno.stores._finding import Finding
from steno.stores._sqlite import SqliteSecStore
from steno.stores._sqlite_doctor import examine_file


async def examine(store: OperatorStore) -> Sequence[Finding]:
    """
    Examine what a store stands on; nothing in it is changed, and nobody who uses it is held up.

    A store that is not known here gives no findings.

    Raises:
        StoreError: There is no such store, or it can not be read at all.
    """
    if not isinstance(store, SqliteSecStore):
        await trio.lowlevel.checkpoint()
        return ()
    # Looking through a large file takes long: whoever is interrupted need not wait for it.
    return await trio.to_thread.run_sync(examine_file, store.path, abandon_on_cancel=True)
