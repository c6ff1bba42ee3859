-- Tags: texts by which sagas are found. They are written with their saga, and never change.

CREATE TABLE tag (
    saga_key INTEGER NOT NULL REFERENCES saga (saga_key),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (saga_key, key)
) WITHOUT ROWID;

-- The sagas that have a tag, in the order of their creation, however many others there are.
CREATE INDEX tag_by_value ON tag (key, value, saga_key);
