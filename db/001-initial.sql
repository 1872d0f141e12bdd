-- Tables of the server, version 1. Times are Unix milliseconds, states are the words of docs/wire.md.
-- Kept to what PostgreSQL also takes, but for STRICT. Words are checked with OR: SQLite makes a table in
-- memory for an IN of more than two, at each insert.

CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

CREATE TABLE agents (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	host TEXT NOT NULL,
	version TEXT NOT NULL,
	instance TEXT NOT NULL,
	session INTEGER NOT NULL UNIQUE,
	online INTEGER NOT NULL CHECK (online IN (0, 1)),
	last_seen_at INTEGER NOT NULL,
	rejected TEXT
) STRICT;

-- `state` is what the board does; `hold` what a person wants of it as soon as it is idle.
CREATE TABLE boards (
	name TEXT PRIMARY KEY,
	agent INTEGER NOT NULL REFERENCES agents (id),
	type TEXT NOT NULL,
	tags TEXT NOT NULL,
	protocols TEXT,
	phases TEXT,
	mcu TEXT NOT NULL,
	probe_serial TEXT NOT NULL,
	ppk2_serial TEXT NOT NULL,
	virtual INTEGER NOT NULL CHECK (virtual IN (0, 1)),
	exec INTEGER NOT NULL CHECK (exec IN (0, 1)),
	online INTEGER NOT NULL CHECK (online IN (0, 1)),
	state TEXT NOT NULL
		CHECK (state = 'ready' OR state = 'busy' OR state = 'quarantined'
			OR state = 'drained' OR state = 'reserved'),
	reason TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT '',
	hold TEXT NOT NULL DEFAULT '' CHECK (hold = '' OR hold = 'drained' OR hold = 'reserved'),
	hold_reason TEXT NOT NULL DEFAULT '',
	hold_until INTEGER,
	told_session INTEGER NOT NULL DEFAULT 0, -- quarantined: the session that was asked to check
	epoch INTEGER NOT NULL
) STRICT;
CREATE INDEX boards_by_agent ON boards (agent);
CREATE INDEX boards_by_type ON boards (type);
CREATE INDEX boards_held ON boards (hold_until) WHERE hold_until IS NOT NULL;

-- What jobs ask of a board: jobs that ask the same share a row, so a claim looks at the head of each
-- fitting demand and never at all queued jobs.
CREATE TABLE demands (
	id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE,
	board_type TEXT,
	board_name TEXT
) STRICT;
CREATE INDEX demands_by_name ON demands (board_name) WHERE board_name IS NOT NULL;
CREATE INDEX demands_by_type ON demands (board_type) WHERE board_name IS NULL;

CREATE TABLE label_sets (
	id INTEGER PRIMARY KEY,
	labels TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE label_pairs (
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	label_set INTEGER NOT NULL REFERENCES label_sets (id),
	PRIMARY KEY (key, value, label_set)
) STRICT;

CREATE TABLE jobs (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	state TEXT NOT NULL
		CHECK (state = 'queued' OR state = 'active' OR state = 'succeeded'
			OR state = 'failed' OR state = 'canceled' OR state = 'lost'),
	outcome TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT '',
	stage TEXT NOT NULL DEFAULT '',
	demand INTEGER NOT NULL REFERENCES demands (id),
	label_set INTEGER REFERENCES label_sets (id),
	image TEXT NOT NULL,
	priority INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	attempts_allowed INTEGER NOT NULL,
	run INTEGER,
	board TEXT,
	parent INTEGER REFERENCES jobs (id),
	repeat INTEGER NOT NULL DEFAULT 1,
	token TEXT NOT NULL,
	idempotency_key TEXT,
	body_sha256 TEXT,
	cancel_reason TEXT,
	created_at INTEGER NOT NULL,
	queue_deadline_at INTEGER NOT NULL,
	started_at INTEGER,
	finished_at INTEGER,
	document TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_idempotent ON jobs (token, idempotency_key)
	WHERE idempotency_key IS NOT NULL;
-- A submit writes the row and as few indexes as can be: of the queue one in the order of claims, and one
-- that only grows at its end, for lists and deadlines.
CREATE INDEX jobs_queue ON jobs (demand, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_queued ON jobs (id, queue_deadline_at) WHERE state = 'queued';
-- Used only by statements that say state <> 'queued' beside the state they ask for.
CREATE INDEX jobs_by_state ON jobs (state, id) WHERE state <> 'queued';
CREATE INDEX jobs_by_labels ON jobs (label_set, id) WHERE label_set IS NOT NULL;
CREATE INDEX jobs_by_board ON jobs (board, id) WHERE board IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent, id) WHERE parent IS NOT NULL;

-- One attempt; live (offered, running, finishing) exactly while finished_at is NULL.
-- cancel: 0 no, 1 the agent is to be told, 2 it has taken note.
CREATE TABLE runs (
	id INTEGER PRIMARY KEY,
	job INTEGER NOT NULL REFERENCES jobs (id),
	attempt INTEGER NOT NULL,
	board TEXT NOT NULL REFERENCES boards (name),
	board_type TEXT NOT NULL,
	agent INTEGER NOT NULL REFERENCES agents (id),
	label_set INTEGER REFERENCES label_sets (id), -- the job's, for the results table
	epoch INTEGER NOT NULL,
	request TEXT NOT NULL,
	state TEXT NOT NULL
		CHECK (state = 'offered' OR state = 'running' OR state = 'finishing'
			OR state = 'done' OR state = 'released' OR state = 'lost' OR state = 'late'),
	outcome TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT '',
	stage TEXT NOT NULL DEFAULT '',
	virtual INTEGER NOT NULL CHECK (virtual IN (0, 1)),
	exec INTEGER NOT NULL CHECK (exec IN (0, 1)),
	cancel INTEGER NOT NULL DEFAULT 0 CHECK (cancel BETWEEN 0 AND 2),
	log_bytes INTEGER NOT NULL DEFAULT 0,
	result_id TEXT,
	adopted INTEGER NOT NULL DEFAULT 0,
	model TEXT,
	quant TEXT,
	created_at INTEGER NOT NULL,
	started_at INTEGER,
	finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX runs_live_of_board ON runs (board)
	WHERE finished_at IS NULL;
CREATE UNIQUE INDEX runs_live_of_job ON runs (job)
	WHERE finished_at IS NULL;
CREATE INDEX runs_live_of_agent ON runs (agent, id)
	WHERE finished_at IS NULL;
CREATE INDEX runs_by_job ON runs (job, id);
-- Written when a run ends; holds all that a list of boards shows of it.
CREATE INDEX runs_of_board ON runs (board, id, state, job, outcome, finished_at)
	WHERE finished_at IS NOT NULL AND state <> 'released';
CREATE INDEX runs_with_result ON runs (board_type, id) WHERE result_id IS NOT NULL;
CREATE INDEX runs_not_passed ON runs (outcome, id)
	WHERE result_id IS NOT NULL AND outcome <> 'passed';
CREATE INDEX runs_by_kind ON runs (virtual, id) WHERE result_id IS NOT NULL;
CREATE INDEX runs_by_labels ON runs (label_set, id)
	WHERE result_id IS NOT NULL AND label_set IS NOT NULL;

-- Parts of the result document that are kept as they came, as JSON.
CREATE TABLE reports (
	run INTEGER PRIMARY KEY REFERENCES runs (id),
	stages TEXT,
	timer TEXT,
	device TEXT,
	model TEXT,
	clock TEXT,
	footprint TEXT,
	fault TEXT,
	provenance TEXT,
	phases TEXT
) STRICT;

-- boot -1: over all boots. samples: little-endian float64, n of them.
CREATE TABLE metrics (
	run INTEGER NOT NULL REFERENCES runs (id),
	phase TEXT NOT NULL,
	metric TEXT NOT NULL,
	boot INTEGER NOT NULL,
	unit TEXT NOT NULL,
	n INTEGER NOT NULL,
	value REAL,
	min REAL,
	p50 REAL,
	p50_lo REAL,
	p50_hi REAL,
	p95 REAL,
	p95_lo REAL,
	p95_hi REAL,
	p99 REAL,
	p99_lo REAL,
	p99_hi REAL,
	max REAL,
	mean REAL,
	sd REAL,
	different INTEGER,
	lag1 REAL,
	note TEXT NOT NULL DEFAULT '',
	samples BLOB,
	PRIMARY KEY (run, phase, metric, boot)
) STRICT;

CREATE TABLE artifacts (
	sha256 TEXT PRIMARY KEY,
	bytes INTEGER NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE uploads (
	id INTEGER PRIMARY KEY,
	sha256 TEXT NOT NULL UNIQUE,
	bytes INTEGER NOT NULL,
	position INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL
) STRICT;
