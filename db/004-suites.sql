-- Suites, their runs and schedules, version 4.

CREATE TABLE suites (
	name TEXT PRIMARY KEY,
	document TEXT NOT NULL,
	cells INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;

-- Counts of cells whose job has ended, and of those that passed: over once ended = cells. A suite may be
-- removed or replaced; its runs stay. variables: of the matrix, a JSON array.
CREATE TABLE suite_runs (
	id INTEGER PRIMARY KEY,
	suite TEXT NOT NULL,
	schedule INTEGER,
	variables TEXT NOT NULL,
	cells INTEGER NOT NULL,
	ended INTEGER NOT NULL,
	passed INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	finished_at INTEGER
) STRICT;
CREATE INDEX suite_runs_by_suite ON suite_runs (suite, id);

-- vals: a JSON object of the matrix's values. job: the latest of `tries`.
CREATE TABLE suite_cells (
	suite_run INTEGER NOT NULL REFERENCES suite_runs (id),
	cell INTEGER NOT NULL,
	title TEXT NOT NULL,
	vals TEXT NOT NULL,
	job INTEGER NOT NULL REFERENCES jobs (id),
	tries INTEGER NOT NULL,
	PRIMARY KEY (suite_run, cell)
) STRICT;
CREATE UNIQUE INDEX suite_cells_by_job ON suite_cells (job);

-- due_at: the next time, NULL while paused. last_*: what came of the latest time; last_run: the latest
-- suite run that it began.
CREATE TABLE schedules (
	id INTEGER PRIMARY KEY,
	suite TEXT NOT NULL REFERENCES suites (name),
	cron TEXT NOT NULL,
	zone TEXT NOT NULL,
	paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
	created_at INTEGER NOT NULL,
	due_at INTEGER,
	last_due_at INTEGER,
	last_at INTEGER,
	last_action TEXT NOT NULL DEFAULT ''
		CHECK (last_action = '' OR last_action = 'started' OR last_action = 'skipped'
			OR last_action = 'failed'),
	last_detail TEXT NOT NULL DEFAULT '',
	last_run INTEGER REFERENCES suite_runs (id)
) STRICT;
CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX schedules_by_suite ON schedules (suite);
