BEGIN TRANSACTION;
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
INSERT INTO "bulk_order" VALUES(1,X'B0000000000000000000000000000001','running','trips',2,1767323045678901,NULL,'{"order":{"by":"ops@host","verb":"resume","why":"the bank is back"},"rate":5.0}');
CREATE TABLE bulk_saga (
    bulk_key INTEGER NOT NULL REFERENCES bulk_order (bulk_key),
    number INTEGER NOT NULL,
    saga_id BLOB NOT NULL CHECK (length(saga_id) = 16),
    outcome TEXT NOT NULL CHECK (outcome IN ('waiting', 'given', 'refused', 'failed')),
    why TEXT,
    PRIMARY KEY (bulk_key, number)
) WITHOUT ROWID;
INSERT INTO "bulk_saga" VALUES(1,0,X'50000000000000000000000000000001','waiting',NULL);
INSERT INTO "bulk_saga" VALUES(1,1,X'60AB0000000000000000000000000001','refused','the saga is not paused');
CREATE TABLE dag (
    dag_key INTEGER NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);
INSERT INTO "dag" VALUES(1,'14eb58b0baebb2e747eefd2e380cb7a7f118517bebf5b70a65ea32d931b6970b','{"nodes":[[0,{"Action":{"action_name":"step","label":"Left","name":"left"}}],[0,{"Action":{"action_name":"step","label":"Right","name":"right"}}],[1,{"Constant":{"name":"size","value":{"rooms":2}}}],[2,{"SubsagaStart":{"params_node_name":"size","saga_name":"sub"}}],[0,{"Action":{"action_name":"step","label":"Left","name":"left"}}],[2,{"SubsagaEnd":{"name":"inner"}}]],"saga_name":"good"}');
INSERT INTO "dag" VALUES(2,'3ae642772adfd555cd53922691c4dd18e36437419566eb4747d0f31862fdfe18','{"nodes":[[0,{"Action":{"action_name":"step","label":"First","name":"first"}}],[1,{"Action":{"action_name":"broken","label":"Second","name":"second"}}]],"saga_name":"bad"}');
INSERT INTO "dag" VALUES(3,'d4a06587e4ff0df5535916435d862b4c9992d6a3649bb663b9e93833ad3b5af7','{"nodes":[[0,{"Action":{"action_name":"sticky","label":"First","name":"first"}}],[1,{"Action":{"action_name":"broken","label":"Second","name":"second"}}]],"saga_name":"worse"}');
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
INSERT INTO "saga" VALUES(1,X'40000000000000000000000000000001',1,'succeeded','trips',1,1767323045678901,1767323045678901,NULL,'good',0,NULL,0,NULL,NULL,NULL);
INSERT INTO "saga" VALUES(2,X'50000000000000000000000000000001',2,'failed','trips',1,1767323045678901,1767323045678901,NULL,'bad',0,NULL,0,NULL,NULL,NULL);
INSERT INTO "saga" VALUES(3,X'60AB0000000000000000000000000001',3,'stuck','trips',1,1767323045678901,1767323045678901,NULL,'worse',0,NULL,0,'stuck','first','ValueError');
INSERT INTO "saga" VALUES(4,X'10000000000000000000000000000001',1,'ready','trips',2,1767323045678901,NULL,NULL,'good',0,NULL,0,NULL,NULL,NULL);
INSERT INTO "saga" VALUES(5,X'20000000000000000000000000000001',1,'running','trips',2,1767323045678901,NULL,NULL,'good',0,NULL,0,NULL,NULL,NULL);
INSERT INTO "saga" VALUES(6,X'30000000000000000000000000000001',2,'unwinding','trips',2,1767323045678901,NULL,NULL,'bad',0,NULL,0,NULL,NULL,NULL);
INSERT INTO "saga" VALUES(7,X'60CD0000000000000000000000000001',2,'running','trips',2,1767323045678901,NULL,'its action
was [31mlost','bad',0,NULL,0,'halted',NULL,NULL);
CREATE TABLE saga_params (
    saga_key INTEGER NOT NULL PRIMARY KEY REFERENCES saga (saga_key),
    params TEXT NOT NULL
);
INSERT INTO "saga_params" VALUES(1,'{"who":"Ada"}');
INSERT INTO "saga_params" VALUES(2,'null');
INSERT INTO "saga_params" VALUES(3,'[1]');
INSERT INTO "saga_params" VALUES(4,'{"who":"Ada"}');
INSERT INTO "saga_params" VALUES(5,'{"who":"Ada"}');
INSERT INTO "saga_params" VALUES(6,'null');
INSERT INTO "saga_params" VALUES(7,'null');
CREATE TABLE sec (
    name TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
, left_normally INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "sec" VALUES('trips',2,0);
CREATE TABLE step (
    saga_key INTEGER NOT NULL REFERENCES saga (saga_key),
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    creator TEXT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (saga_key, seq)
) WITHOUT ROWID;
INSERT INTO "step" VALUES(1,0,1767323045678901,'trips','[[6,"started"],[6,"succeeded","null"],[0,"started"],[1,"started"]]');
INSERT INTO "step" VALUES(1,4,1767323045678901,'trips','[[0,"succeeded","{\"node\":\"left\"}"],[1,"succeeded","{\"node\":\"right\"}"],[2,"started"],[2,"succeeded","{\"rooms\":2}"],[3,"started"],[3,"succeeded","null"],[4,"started"]]');
INSERT INTO "step" VALUES(1,11,1767323045678901,'trips','[[4,"succeeded","{\"node\":\"left\"}"],[5,"started"],[5,"succeeded","{\"node\":\"left\"}"],[7,"started"],[7,"succeeded","null"]]');
INSERT INTO "step" VALUES(2,0,1767323045678901,'trips','[[2,"started"],[2,"succeeded","null"],[0,"started"]]');
INSERT INTO "step" VALUES(2,3,1767323045678901,'trips','[[0,"succeeded","{\"node\":\"first\"}"],[1,"started"]]');
INSERT INTO "step" VALUES(2,5,1767323045678901,'trips','[[1,"failed","{\"ActionFailed\":{\"source_error\":{\"message\":\"it broke\",\"type\":\"ValueError\"}}}"],[0,"undo_started"]]');
INSERT INTO "step" VALUES(2,7,1767323045678901,'trips','[[0,"undo_finished"],[2,"undo_started"],[2,"undo_finished"]]');
INSERT INTO "step" VALUES(3,0,1767323045678901,'trips','[[2,"started"],[2,"succeeded","null"],[0,"started"]]');
INSERT INTO "step" VALUES(3,3,1767323045678901,'trips','[[0,"succeeded","null"],[1,"started"]]');
INSERT INTO "step" VALUES(3,5,1767323045678901,'trips','[[1,"failed","{\"ActionFailed\":{\"source_error\":{\"message\":\"it broke\",\"type\":\"ValueError\"}}}"],[0,"undo_started"]]');
INSERT INTO "step" VALUES(3,7,1767323045678901,'trips','[[0,"undo_failed","{\"PermanentFailure\":{\"source_error\":{\"message\":\"undo action attempt 1: it sticks\",\"type\":\"ValueError\"}}}"]]');
INSERT INTO "step" VALUES(5,0,1767323045678901,'trips','[[6,"started"],[6,"succeeded","null"],[0,"started"]]');
INSERT INTO "step" VALUES(6,0,1767323045678901,'trips','[[2,"started"],[2,"succeeded","null"],[0,"started"],[0,"succeeded","null"],[1,"started"],[1,"failed","\"InjectedError\""],[0,"undo_started"]]');
INSERT INTO "step" VALUES(7,0,1767323045678901,'trips','[[2,"started"],[2,"succeeded","null"]]');
CREATE TABLE tag (
    saga_key INTEGER NOT NULL REFERENCES saga (saga_key),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (saga_key, key)
) WITHOUT ROWID;
INSERT INTO "tag" VALUES(5,'order','4711');
INSERT INTO "tag" VALUES(2,'order','4712');
INSERT INTO "tag" VALUES(2,'who','Ada');
INSERT INTO "tag" VALUES(5,'who','Ada');
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
CREATE INDEX tag_by_value ON tag (key, value, saga_key);
CREATE INDEX saga_by_state ON saga (state, saga_id);
CREATE INDEX saga_by_name ON saga (name, state, saga_id);
CREATE INDEX saga_by_end ON saga (current_sec, state, ended, saga_id)
    WHERE ended IS NOT NULL AND state <> 'stuck';
CREATE INDEX saga_by_graph ON saga (dag_key);
CREATE INDEX saga_by_attention ON saga (attention, saga_id) WHERE attention IS NOT NULL;
CREATE INDEX saga_by_new_attention ON saga (attention) WHERE attention IS NOT NULL;
CREATE INDEX saga_by_concern ON saga (attention, attention_node, error_type, name, saga_id)
    WHERE attention IS NOT NULL;
CREATE INDEX bulk_saga_by_outcome ON bulk_saga (bulk_key, outcome, number);
COMMIT;
PRAGMA user_version = 6;
PRAGMA application_id = 1398031694;
