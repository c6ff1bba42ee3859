"""Retention: deleting finished sagas after a while."""

from __future__ import annotations

import logging
from datetime import timedelta

import attrs
import trio

from steno.runtime._mailbox import Mailbox
from steno.runtime._message import Pruned, SecMessage
from steno.store import BulkPruneQuery, PruneQuery, SecStoreSession

SHORTEST_INTERVAL = 1.0
"""Minimum seconds between two rounds."""

LONGEST_INTERVAL = 3600.0
"""Maximum seconds between two rounds."""

_logger = logging.getLogger("steno")


@attrs.frozen(eq=False)
class Pruner:
    """
    Deletes finished sagas of one SEC.

    Attributes:
        session: The open store.
        coordinator: Where deletions are reported.
        sec_name: The SEC whose sagas are deleted.
    """

    session: SecStoreSession
    coordinator: Mailbox[SecMessage]
    sec_name: str

    async def prune(self, query: PruneQuery) -> int:
        """
        Delete all matching sagas of the SEC, a few at a time, and return how many.

        Its orders to many sagas that ended as long ago are deleted as well.
        """
        query = attrs.evolve(query, sec_name=self.sec_name)
        count = 0
        while True:
            pruned = await self.session.prune(query)
            self.coordinator.tell(Pruned(frozenset(pruned)))
            count += len(pruned)
            if len(pruned) < query.limit:
                break
        # One at a time, as each may have a hundred thousand rows.
        while await self.session.bulk.prune(BulkPruneQuery(query.older_than, self.sec_name)):
            pass
        return count

    async def run(self, query: PruneQuery) -> None:
        """Prune periodically, until cancelled; after a failure of the store, retry next time."""
        seconds = query.older_than.total_seconds() / 10
        interval = min(max(seconds, SHORTEST_INTERVAL), LONGEST_INTERVAL)
        while True:
            try:
                await self.prune(query)
            except Exception as error:  # noqa: BLE001 - a store may raise anything; there is no caller to tell
                _logger.warning("finished sagas could not be pruned: %s", error)
            await trio.sleep(interval)


def checked_retention(retention: object) -> PruneQuery | None:
    """
    Return the query that prunes by a retention; None if everything is kept.

    Raises:
        TypeError: It is not a timedelta.
        ValueError: It is negative.
    """
    if retention is None:
        return None
    if not isinstance(retention, timedelta):
        msg = f"open_sec: retention must be a timedelta, or None to keep all, not {retention!r}"
        raise TypeError(msg)
    return PruneQuery(retention)
