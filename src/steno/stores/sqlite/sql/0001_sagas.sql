-- Sagas, their graphs and their events.
--
-- Rows have integer keys: repeating the saga's random UUID in each log row would cost a fifth more.
-- Times are microseconds since 1970-01-01 UTC.

CREATE TABLE sec (
    name TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE dag (
    dag_key INTEGER NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);

-- Everything that changes with each step is in this table, which stays small.
CREATE TABLE saga (
    saga_key INTEGER NOT NULL PRIMARY KEY,
    saga_id BLOB NOT NULL UNIQUE CHECK (length(saga_id) = 16),
    name TEXT NOT NULL,
    dag_key INTEGER NOT NULL REFERENCES dag (dag_key),
    state TEXT NOT NULL
        CHECK (state IN ('ready', 'running', 'unwinding', 'succeeded', 'failed', 'stuck')),
    current_sec TEXT NOT NULL,
    adopt_generation INTEGER NOT NULL,
    events INTEGER NOT NULL,
    created INTEGER NOT NULL,
    progressed INTEGER NOT NULL,
    ended INTEGER,
    problem TEXT
);

-- Pages of one state, and the sagas to take over on opening, however many others there are.
CREATE INDEX saga_state ON saga (state, saga_id);

-- Pages of one name, in any states: without it, a page of a rare name would scan all sagas. It
-- costs 50 bytes per saga.
CREATE INDEX saga_name ON saga (name, state, saga_id);

-- The sagas of a SEC that may be pruned, oldest first in each state, however many others there are.
CREATE INDEX saga_ended ON saga (current_sec, state, ended, saga_id)
    WHERE ended IS NOT NULL AND state <> 'stuck';

-- Whether any saga still uses a graph.
CREATE INDEX saga_dag ON saga (dag_key);

CREATE TABLE saga_params (
    saga_key INTEGER NOT NULL PRIMARY KEY REFERENCES saga (saga_key),
    params TEXT NOT NULL
);

CREATE TABLE node_event (
    saga_key INTEGER NOT NULL REFERENCES saga (saga_key),
    seq INTEGER NOT NULL,
    node_id INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    data TEXT,
    time INTEGER NOT NULL,
    creator TEXT NOT NULL,
    PRIMARY KEY (saga_key, seq)
) WITHOUT ROWID;
