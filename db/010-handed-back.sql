-- Runs that were handed back are told apart, version 10.

-- The agent was stopped before the run was over: a start, but no attempt that the job is charged for. Before this
-- version the job was allowed one more instead; which of its runs it was for does not matter to the sum.
ALTER TABLE runs ADD COLUMN handed_back INTEGER NOT NULL DEFAULT 0 CHECK (handed_back = 0 OR handed_back = 1);
UPDATE runs SET handed_back = 1 WHERE id IN (
	SELECT id FROM (
		SELECT r.id, row_number() OVER (PARTITION BY r.job ORDER BY r.id) AS nth, j.attempts_allowed -
			coalesce(json_extract(iif(json_valid(j.document), j.document, '{}'), '$.attempts'), 3) AS more
		FROM runs r JOIN jobs j ON j.id = r.job WHERE r.state = 'done' AND r.outcome = 'infrastructure')
	WHERE nth <= more);
CREATE INDEX runs_handed_back ON runs (job) WHERE handed_back = 1;
UPDATE jobs SET attempts_allowed = attempts_allowed -
	(SELECT count(*) FROM runs r WHERE r.job = jobs.id AND r.handed_back = 1)
WHERE id IN (SELECT job FROM runs WHERE handed_back = 1);
