-- What retention removes, and which files are still referred to, version 9.

-- removed_at: retention has begun on it. Nobody sees it any more, and it goes piece by piece.
ALTER TABLE suite_runs ADD COLUMN removed_at INTEGER;
CREATE INDEX suite_runs_removed ON suite_runs (id) WHERE removed_at IS NOT NULL;

-- Files whose rows went: they go next, whatever happens in between.
CREATE TABLE leftovers (
	id INTEGER PRIMARY KEY,
	run INTEGER, -- its log and capture
	capture INTEGER, -- this run's capture alone
	sha256 TEXT, -- an artifact
	CHECK ((run IS NOT NULL) + (capture IS NOT NULL) + (sha256 IS NOT NULL) = 1)
) STRICT;
INSERT INTO leftovers (capture) SELECT id FROM runs WHERE capture_removed_at IS NOT NULL;

-- About when it was uploaded or named last; before this version nobody noted that.
ALTER TABLE artifacts ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
UPDATE artifacts SET used_at = unixepoch() * 1000;

-- Who needs an artifact: jobs by image (16 digits are enough to find few), files beside it, suites.
CREATE INDEX jobs_by_image ON jobs (substr(image, 1, 16));
CREATE TABLE job_files (
	job INTEGER NOT NULL REFERENCES jobs (id),
	sha256 TEXT NOT NULL,
	PRIMARY KEY (job, sha256)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO job_files (job, sha256)
SELECT j.id, substr(json_extract(f.value, '$.artifact'), 8)
FROM jobs j, json_each(iif(json_valid(j.document), j.document, '{}'), '$.files') f
WHERE json_extract(f.value, '$.artifact') LIKE 'sha256:%';
CREATE INDEX job_files_by_hash ON job_files (sha256);
CREATE TABLE suite_artifacts (
	suite TEXT NOT NULL REFERENCES suites (name),
	sha256 TEXT NOT NULL,
	PRIMARY KEY (suite, sha256)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO suite_artifacts (suite, sha256)
SELECT s.name, substr(v.value, 8) FROM suites s, json_tree(iif(json_valid(s.document), s.document, '{}')) v
WHERE v.type = 'text' AND v.value LIKE 'sha256:%' AND length(v.value) = 71;
CREATE INDEX suite_artifacts_by_hash ON suite_artifacts (sha256);

-- Ended jobs in the order of their ends.
CREATE INDEX jobs_ended ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

-- For the removal of a run: who refers to it.
CREATE INDEX durations_by_run ON durations (run);
CREATE INDEX schedules_by_last_run ON schedules (last_run) WHERE last_run IS NOT NULL;
