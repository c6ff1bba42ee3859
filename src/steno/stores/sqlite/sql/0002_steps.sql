-- One row per step instead of one per event; the row of a saga changes only with its state.
--
-- The contents of the tables of version 1 are moved afterwards, a part at a time (`_repack.py`).
-- Until that is complete, the old tables exist beside the new ones, and neither are read.

ALTER TABLE saga RENAME TO saga_1;
ALTER TABLE node_event RENAME TO node_event_1;

CREATE TABLE saga (
    saga_key INTEGER NOT NULL PRIMARY KEY,
    saga_id BLOB NOT NULL UNIQUE CHECK (length(saga_id) = 16),
    dag_key INTEGER NOT NULL REFERENCES dag (dag_key),
    state TEXT NOT NULL
        CHECK (state IN ('ready', 'running', 'unwinding', 'succeeded', 'failed', 'stuck')),
    current_sec TEXT NOT NULL,
    adopt_generation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER,
    problem TEXT,
    name TEXT NOT NULL
);

-- Pages of one state, and the sagas to take over on opening, however many others there are.
CREATE INDEX saga_by_state ON saga (state, saga_id);

-- Pages of one name, in any states: without it, a page of a rare name would scan all sagas. It
-- costs 50 bytes per saga.
CREATE INDEX saga_by_name ON saga (name, state, saga_id);

-- The sagas of a SEC that may be pruned, oldest first in each state, however many others there are.
CREATE INDEX saga_by_end ON saga (current_sec, state, ended, saga_id)
    WHERE ended IS NOT NULL AND state <> 'stuck';

-- Whether any saga still uses a graph, which pruning checks.
CREATE INDEX saga_by_graph ON saga (dag_key);

-- The events of one transaction of one saga, or the part of them that has the same time.
--
-- seq: the number of the first event. events: a JSON list of lists of node, type and, if there is
-- any, data, which is itself JSON in a string.
CREATE TABLE step (
    saga_key INTEGER NOT NULL REFERENCES saga (saga_key),
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    creator TEXT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (saga_key, seq)
) WITHOUT ROWID;

-- For people: a row per event. A damaged step has no rows.
CREATE VIEW node_event AS
SELECT
    saga_key,
    seq + event.key AS seq,
    event.value ->> 0 AS node_id,
    event.value ->> 1 AS event_type,
    event.value ->> 2 AS data,
    time,
    creator
FROM step, json_each(
    CASE WHEN typeof(events) = 'text' AND json_valid(events) THEN events ELSE '[]' END
) AS event
WHERE event.type = 'array';
