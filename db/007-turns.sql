-- Submitters take turns; where jobs may go; when boards were checked; how long runs took. Version 7.

-- How many jobs of a submitter are on boards. A parent of repetitions is not.
CREATE INDEX jobs_running ON jobs (token) WHERE state = 'active' AND repeat = 1;
-- served: the latest run that a job of the submitter was given.
CREATE TABLE submitters (
	name TEXT PRIMARY KEY,
	served INTEGER NOT NULL
) STRICT;

-- Bits: 1 not on a board of another repetition, 2 rather not on a board that it failed on.
ALTER TABLE jobs ADD COLUMN placing INTEGER NOT NULL DEFAULT 0;

-- The queue in the order of claims: within a priority of a demand, each submitter's jobs together. A claim
-- steps from one submitter's first job to the next one's, and reads nothing but this.
DROP INDEX jobs_queue;
CREATE INDEX jobs_queue ON jobs (demand, priority DESC, token, id, placing) WHERE state = 'queued';

-- When the board was last seen to be in order; 0: not since this version.
ALTER TABLE boards ADD COLUMN checked_at INTEGER NOT NULL DEFAULT 0;

-- How long the latest runs of each demand took, a few of each.
CREATE TABLE durations (
	demand INTEGER NOT NULL REFERENCES demands (id),
	run INTEGER NOT NULL REFERENCES runs (id),
	name TEXT NOT NULL, -- of the job
	took_ms INTEGER NOT NULL,
	PRIMARY KEY (demand, run)
) STRICT, WITHOUT ROWID;
