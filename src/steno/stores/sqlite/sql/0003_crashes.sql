-- Which sagas may be what kills their process; all of it is written by a take-over, and counted.
--
-- crashes: how many lives of its SEC in a row have crashed since its last event. taken_seq: the
-- number of its last step at the last take-over, -1 if it had none; NULL if it was created since.
-- tried: whether its calls were made again in this life.

ALTER TABLE saga ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE saga ADD COLUMN taken_seq INTEGER;
ALTER TABLE saga ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;

-- Whether the last life of a SEC was left normally.
ALTER TABLE sec ADD COLUMN left_normally INTEGER NOT NULL DEFAULT 0;
