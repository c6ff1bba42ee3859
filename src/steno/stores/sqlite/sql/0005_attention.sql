-- Two more states, and why a person should look at a saga.
--
-- A CHECK cannot be changed, so the table is made anew: its columns are those of before, and three
-- more. A damaged row stays damaged: a NULL where none is allowed becomes a text, which is just as
-- wrong. The reasons of sagas that are stored already are told from the columns; at which node,
-- their logs say.

ALTER TABLE saga RENAME TO saga_4;

-- attention: why a person should look at it, as it was recorded last; NULL if nobody has to.
-- attention_node, error_type: at which node, and for which class of error, where that is known.
CREATE TABLE saga (
    saga_key INTEGER NOT NULL PRIMARY KEY,
    saga_id BLOB NOT NULL UNIQUE CHECK (length(saga_id) = 16),
    dag_key INTEGER NOT NULL REFERENCES dag (dag_key),
    state TEXT NOT NULL CHECK (state IN (
        'ready', 'running', 'unwinding', 'paused', 'succeeded', 'failed', 'stuck', 'abandoned'
    )),
    current_sec TEXT NOT NULL,
    adopt_generation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER,
    problem TEXT,
    name TEXT NOT NULL,
    crashes INTEGER NOT NULL DEFAULT 0,
    taken_seq INTEGER,
    tried INTEGER NOT NULL DEFAULT 0,
    attention TEXT,
    attention_node TEXT,
    error_type TEXT
);

INSERT INTO saga
SELECT
    saga_key,
    coalesce(saga_id, 'NULL ' || saga_key),
    coalesce(dag_key, 'NULL'),
    coalesce(state, 'NULL'),
    coalesce(current_sec, 'NULL'),
    coalesce(adopt_generation, 'NULL'),
    coalesce(created, 'NULL'),
    ended,
    problem,
    coalesce(name, 'NULL'),
    coalesce(crashes, 0),
    taken_seq,
    coalesce(tried, 0),
    CASE
        WHEN problem LIKE 'it could not be loaded%' OR problem LIKE 'it is quarantined%'
            THEN 'quarantined'
        WHEN problem IS NOT NULL THEN 'halted'
        WHEN state = 'stuck' THEN 'stuck'
    END,
    NULL,
    NULL
FROM saga_4;

DROP TABLE saga_4;

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

-- The sagas at which a person should look: pages in the order of ids, pages of the newest, and
-- groups. None of them has a row of any other saga.
CREATE INDEX saga_by_attention ON saga (attention, saga_id) WHERE attention IS NOT NULL;
CREATE INDEX saga_by_new_attention ON saga (attention) WHERE attention IS NOT NULL;
CREATE INDEX saga_by_concern ON saga (attention, attention_node, error_type, name, saga_id)
    WHERE attention IS NOT NULL;
