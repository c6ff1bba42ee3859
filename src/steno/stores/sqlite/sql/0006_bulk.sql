-- Orders to many sagas.

-- generation: of the SEC that gives it, in the life in which it does.
CREATE TABLE bulk_order (
    bulk_key INTEGER NOT NULL PRIMARY KEY,
    bulk_id BLOB NOT NULL UNIQUE CHECK (length(bulk_id) = 16),
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
    current_sec TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER,
    ordered TEXT NOT NULL
);

-- The sagas of each, in their order, and what became of it there. The ids are written with the
-- order, and never change; a saga may be pruned meanwhile.
CREATE TABLE bulk_saga (
    bulk_key INTEGER NOT NULL REFERENCES bulk_order (bulk_key),
    number INTEGER NOT NULL,
    saga_id BLOB NOT NULL CHECK (length(saga_id) = 16),
    outcome TEXT NOT NULL CHECK (outcome IN ('waiting', 'given', 'refused', 'failed')),
    why TEXT,
    PRIMARY KEY (bulk_key, number)
) WITHOUT ROWID;

-- The next ones that wait, and how many there are of each outcome, however many others there are.
CREATE INDEX bulk_saga_by_outcome ON bulk_saga (bulk_key, outcome, number);
