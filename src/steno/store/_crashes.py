"""
The count of crashes: which sagas may be what kills their process.

Theory of operation. A saga whose call kills the process is called again by the next one, and so on
without end. Nothing can be noted at the moment of death, so it is found out at the next take-over:
the last life of the SEC was not left normally, and the saga's log has not grown in it.

Rule 1. Only lives in a row count: a life that was left normally, or a new event of the saga, begins
the count again.

Rule 2. From the second crash on, a life counts only for the sagas that were tried in it, which a
loader marks before their calls are made again. Otherwise a process that dies soon after each open
would condemn ten thousand sagas that it never got to load. Before that no mark is needed, so that
an ordinary crash costs no writes.
"""

from __future__ import annotations

UNMARKED = 2
"""How many crashes in a row are counted without a mark."""


def crashes_at_take_over(before: int, *, left: bool, progressed: bool, tried: bool) -> int:
    """
    Return how many lives of its SEC in a row have crashed since a saga's last event.

    Args:
        before: The count at the last take-over, if nothing has reset it since.
        left: Whether the SEC's last life was left normally, or there was none.
        progressed: Whether the saga was created, or got an event, since the last take-over.
        tried: Whether it was marked as tried in that life.
    """
    if left:
        return 0
    if progressed:
        return 1
    return before + 1 if before < UNMARKED or tried else before
