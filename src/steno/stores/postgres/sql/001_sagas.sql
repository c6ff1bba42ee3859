-- Sagas, their graphs and their steps.
--
-- "steno." stands for the schema that the store is given. Rows have integer keys: repeating the
-- saga's random UUID in each step would cost a fifth more. Times are microseconds since 1970-01-01
-- UTC. There are no foreign keys: checking them would lock the row of a graph for each saga.

CREATE TABLE steno.sec (
    name text COLLATE "C" PRIMARY KEY,
    generation bigint NOT NULL,
    left_normally boolean NOT NULL DEFAULT false
);

-- A row per life of a SEC that shares the database with others. It is small, and has no index but
-- its key, as it is written every few seconds.
CREATE TABLE steno.life (
    sec_name text COLLATE "C",
    generation bigint,
    joined timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_end timestamptz NOT NULL,
    left_normally boolean NOT NULL DEFAULT false,
    build text NOT NULL,
    PRIMARY KEY (sec_name, generation)
) WITH (fillfactor = 50);

CREATE TABLE steno.dag (
    dag_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text COLLATE "C" NOT NULL UNIQUE,
    text text NOT NULL
);

-- Keys are fetched before the rows are written, so that all tables are written in one round trip.
CREATE SEQUENCE steno.saga_key AS bigint;

-- sec_generation: the life of its SEC that has it.
-- attention: why a person should look at it, as it was recorded last; NULL if nobody has to.
-- attention_node, error_type: at which node, and for which class of error, where that is known.
-- crashes: how many lives of its SEC in a row have crashed since its last event. taken_seq: the
-- number of its last step at the last take-over, -1 if it had none; NULL if it was created since.
-- tried: whether its calls were made again in this life.
CREATE TABLE steno.saga (
    saga_key bigint PRIMARY KEY,
    saga_id uuid NOT NULL UNIQUE,
    dag_key bigint NOT NULL,
    adopt_generation bigint NOT NULL,
    sec_generation bigint NOT NULL,
    created bigint NOT NULL CHECK (created BETWEEN -62135596800000000 AND 253402300799999999),
    ended bigint CHECK (ended BETWEEN -62135596800000000 AND 253402300799999999),
    taken_seq bigint,
    crashes integer NOT NULL DEFAULT 0,
    tried boolean NOT NULL DEFAULT false,
    state text COLLATE "C" NOT NULL CHECK (state IN (
        'ready', 'running', 'unwinding', 'paused', 'succeeded', 'failed', 'stuck', 'abandoned'
    )),
    current_sec text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    problem text,
    attention text COLLATE "C"
        CHECK (attention IN ('quarantined', 'halted', 'stuck', 'held')),
    attention_node text COLLATE "C",
    error_type text COLLATE "C"
) WITH (fillfactor = 80);

-- Pages of one state, and of one name.
CREATE INDEX saga_by_state ON steno.saga (state, saga_id);
CREATE INDEX saga_by_name ON steno.saga (name, saga_id);

-- The sagas to take over, however many others there are.
CREATE INDEX saga_by_sec ON steno.saga (current_sec, sec_generation, saga_id)
    WHERE state IN ('ready', 'running', 'unwinding');

-- The sagas that may be pruned, oldest first in each state; and those that ended at some time.
CREATE INDEX saga_by_end ON steno.saga (state, ended, saga_id) WHERE ended IS NOT NULL;

-- The sagas that were created at some time. The times rise with the keys, so that each new row is
-- at the end of the index.
CREATE INDEX saga_by_creation ON steno.saga (created);

-- Whether any saga still uses a graph, which pruning checks.
CREATE INDEX saga_by_graph ON steno.saga (dag_key);

-- The sagas at which a person should look: pages in the order of ids, and groups.
CREATE INDEX saga_by_attention ON steno.saga (attention, saga_id) WHERE attention IS NOT NULL;
CREATE INDEX saga_by_concern ON steno.saga (attention, attention_node, error_type, name)
    WHERE attention IS NOT NULL;

CREATE TABLE steno.saga_params (
    saga_key bigint PRIMARY KEY,
    params text NOT NULL
);

-- Tags: texts by which sagas are found. They are written with their saga, and never change.
CREATE TABLE steno.tag (
    saga_key bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (saga_key, key)
);

-- The sagas that have a tag, in the order of their creation, however many others there are.
CREATE INDEX tag_by_value ON steno.tag (key, value, saga_key);

-- The events of one transaction of one saga, or the part of them that has the same time; rows are
-- only ever added, and deleted with their saga.
--
-- seq: the number of the first event. events: a JSON list of lists of node, type and, if there is
-- any, data, which is itself JSON in a string.
CREATE TABLE steno.step (
    saga_key bigint NOT NULL,
    time bigint NOT NULL,
    seq integer NOT NULL,
    creator text COLLATE "C" NOT NULL,
    events text NOT NULL,
    PRIMARY KEY (saga_key, seq)
);

-- Orders to many sagas. generation: of the SEC that gives it, in the life in which it does.
CREATE TABLE steno.bulk_order (
    bulk_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bulk_id uuid NOT NULL UNIQUE,
    generation bigint NOT NULL,
    created bigint NOT NULL,
    ended bigint,
    state text COLLATE "C" NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    current_sec text COLLATE "C" NOT NULL,
    ordered text NOT NULL
);

-- The sagas of each, in their order, and what became of it there. The ids are written with the
-- order, and never change; a saga may be pruned meanwhile.
CREATE TABLE steno.bulk_saga (
    bulk_key bigint NOT NULL,
    number integer NOT NULL,
    saga_id uuid NOT NULL,
    outcome text COLLATE "C" NOT NULL
        CHECK (outcome IN ('waiting', 'given', 'refused', 'failed')),
    why text,
    PRIMARY KEY (bulk_key, number)
);

-- The next ones that wait, and how many there are of each outcome, however many others there are.
CREATE INDEX bulk_saga_by_outcome ON steno.bulk_saga (bulk_key, outcome, number);

-- For people: a row per event.
CREATE VIEW steno.node_event AS
SELECT
    saga_key,
    seq + number - 1 AS seq,
    (event ->> 0)::bigint AS node_id,
    event ->> 1 AS event_type,
    event ->> 2 AS data,
    time,
    creator
FROM steno.step,
    LATERAL json_array_elements(events::json) WITH ORDINALITY AS item (event, number);
