-- Enrolment of agents, and whose suites, their runs and schedules are, version 6.

-- A word that is traded once for an agent's token. secret: SHA-256, as in tokens.
CREATE TABLE enrolments (
	id INTEGER PRIMARY KEY,
	public TEXT NOT NULL UNIQUE CHECK (length(public) = 12),
	secret BLOB NOT NULL CHECK (length(secret) = 32),
	host TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 64),
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	used_at INTEGER
) STRICT;

-- A token's name, as jobs.token; '' for what nobody was asked about.
ALTER TABLE suites ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE suite_runs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN owner TEXT NOT NULL DEFAULT '';

-- How many jobs of somebody are queued; an open server writes nothing into it.
CREATE INDEX jobs_queued_by_token ON jobs (token) WHERE state = 'queued' AND token <> '';
