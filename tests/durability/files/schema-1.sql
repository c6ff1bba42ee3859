BEGIN TRANSACTION;
CREATE TABLE dag (
    dag_key INTEGER NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);
INSERT INTO "dag" VALUES(1,'14eb58b0baebb2e747eefd2e380cb7a7f118517bebf5b70a65ea32d931b6970b','{"nodes":[[0,{"Action":{"action_name":"step","label":"Left","name":"left"}}],[0,{"Action":{"action_name":"step","label":"Right","name":"right"}}],[1,{"Constant":{"name":"size","value":{"rooms":2}}}],[2,{"SubsagaStart":{"params_node_name":"size","saga_name":"sub"}}],[0,{"Action":{"action_name":"step","label":"Left","name":"left"}}],[2,{"SubsagaEnd":{"name":"inner"}}]],"saga_name":"good"}');
INSERT INTO "dag" VALUES(2,'3ae642772adfd555cd53922691c4dd18e36437419566eb4747d0f31862fdfe18','{"nodes":[[0,{"Action":{"action_name":"step","label":"First","name":"first"}}],[1,{"Action":{"action_name":"broken","label":"Second","name":"second"}}]],"saga_name":"bad"}');
INSERT INTO "dag" VALUES(3,'d4a06587e4ff0df5535916435d862b4c9992d6a3649bb663b9e93833ad3b5af7','{"nodes":[[0,{"Action":{"action_name":"sticky","label":"First","name":"first"}}],[1,{"Action":{"action_name":"broken","label":"Second","name":"second"}}]],"saga_name":"worse"}');
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
INSERT INTO "node_event" VALUES(1,0,6,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,1,6,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,2,0,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,3,1,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,4,1,'succeeded','{"node":"right"}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,5,0,'succeeded','{"node":"left"}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,6,2,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,7,2,'succeeded','{"rooms":2}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,8,3,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,9,3,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,10,4,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,11,4,'succeeded','{"node":"left"}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,12,5,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,13,5,'succeeded','{"node":"left"}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,14,7,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(1,15,7,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,0,2,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,1,2,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,2,0,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,3,0,'succeeded','{"node":"first"}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,4,1,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,5,1,'failed','{"ActionFailed":{"source_error":{"message":"it broke","type":"ValueError"}}}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,6,0,'undo_started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,7,0,'undo_finished',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,8,2,'undo_started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(2,9,2,'undo_finished',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,0,2,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,1,2,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,2,0,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,3,0,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,4,1,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,5,1,'failed','{"ActionFailed":{"source_error":{"message":"it broke","type":"ValueError"}}}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,6,0,'undo_started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(3,7,0,'undo_failed','{"PermanentFailure":{"source_error":{"message":"undo action attempt 1: it sticks"}}}',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(5,0,6,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(5,1,6,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(5,2,0,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,0,2,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,1,2,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,2,0,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,3,0,'succeeded','null',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,4,1,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,5,1,'failed','"InjectedError"',1767323045678901,'trips');
INSERT INTO "node_event" VALUES(6,6,0,'undo_started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(7,0,2,'started',NULL,1767323045678901,'trips');
INSERT INTO "node_event" VALUES(7,1,2,'succeeded','null',1767323045678901,'trips');
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
INSERT INTO "saga" VALUES(1,X'40000000000000000000000000000001','good',1,'succeeded','trips',1,16,1767323045678901,1767323045678901,1767323045678901,NULL);
INSERT INTO "saga" VALUES(2,X'50000000000000000000000000000001','bad',2,'failed','trips',1,10,1767323045678901,1767323045678901,1767323045678901,NULL);
INSERT INTO "saga" VALUES(3,X'60AB0000000000000000000000000001','worse',3,'stuck','trips',1,8,1767323045678901,1767323045678901,1767323045678901,NULL);
INSERT INTO "saga" VALUES(4,X'10000000000000000000000000000001','good',1,'ready','trips',2,0,1767323045678901,1767323045678901,NULL,NULL);
INSERT INTO "saga" VALUES(5,X'20000000000000000000000000000001','good',1,'running','trips',2,3,1767323045678901,1767323045678901,NULL,NULL);
INSERT INTO "saga" VALUES(6,X'30000000000000000000000000000001','bad',2,'unwinding','trips',2,7,1767323045678901,1767323045678901,NULL,NULL);
INSERT INTO "saga" VALUES(7,X'60CD0000000000000000000000000001','bad',2,'running','trips',2,2,1767323045678901,1767323045678901,NULL,'its action
was [31mlost');
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
) WITHOUT ROWID;
INSERT INTO "sec" VALUES('trips',2);
CREATE INDEX saga_state ON saga (state, saga_id);
CREATE INDEX saga_name ON saga (name, state, saga_id);
CREATE INDEX saga_ended ON saga (current_sec, state, ended, saga_id)
    WHERE ended IS NOT NULL AND state <> 'stuck';
CREATE INDEX saga_dag ON saga (dag_key);
COMMIT;
PRAGMA user_version = 1;
PRAGMA application_id = 1398031694;
