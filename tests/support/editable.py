"""Databases that a test changes by hand, past all that the store would see."""

import sqlite3

_PLACE = "'$[' || (OLD.seq - step.seq) || ']'"
_STEP = """
    saga_key = OLD.saga_key
    AND seq = (SELECT max(seq) FROM step WHERE saga_key = OLD.saga_key AND seq <= OLD.seq)
"""
_TRIGGERS = f"""
    CREATE TEMP TRIGGER change_event INSTEAD OF UPDATE ON node_event BEGIN
        UPDATE step SET events = json_set(
            events, {_PLACE}, json_array(NEW.node_id, NEW.event_type, NEW.data)
        ) WHERE {_STEP};
    END;
    CREATE TEMP TRIGGER delete_event INSTEAD OF DELETE ON node_event BEGIN
        UPDATE step SET events = json_remove(events, {_PLACE}) WHERE {_STEP};
        DELETE FROM step WHERE events = '[]';
    END;
"""  # noqa: S608 - of the words above


def make_editable(db: sqlite3.Connection) -> None:
    """Let a connection change and delete rows of the view `node_event`: events in their steps."""
    db.executescript(_TRIGGERS)
